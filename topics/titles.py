"""What a job title alone says: the rank of who holds it and the department."""

from typing import Literal

from pydantic import Field

from topics.fields import Feature, Model

TitleSeniority = Literal["Junior", "Professional", "Senior", "Lead", "Director", "Management"]
TitleDepartment = Literal[
    "Administrative",
    "Business Development",
    "Consulting",
    "Customer Support",
    "Human Resources",
    "Information Technology",
    "Marketing",
    "Other",
    "Project Management",
    "Purchasing",
    "Sales",
]


class TitleFeatures(Model):
    """What a model read in one job title."""

    seniority: Feature[TitleSeniority] = Field(
        description="`Professional`: a skilled worker without a word of rank; `Management`: who runs or owns a company."
    )
    department: Feature[TitleDepartment] = Field(description="`Other`: none of the ten others.")
