"""What every model-filled field looks like, and the closed vocabularies of posting features.

The vocabularies are the annotation guide's: a student, its teacher and an indexer speak of the same values.
"""

from typing import Annotated, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

T = TypeVar("T")

Id = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^\S+$")]
Version = Annotated[int, Field(ge=0, le=2**53 - 1)]
Confidence = Annotated[float, Field(ge=0.0, le=1.0)]
# A labour market, such as a country or a region: matches are made within one.
Market = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]
DEFAULT_MARKET = "default"

Arrangement = Literal["onsite", "hybrid", "remote"]
WorkArrangement = Literal["onsite", "hybrid", "remote", "not_stated"]
PayPeriod = Literal["hour", "day", "week", "month", "year", "other", "not_stated"]
YesNo = Literal["yes", "no"]
ExperienceRequirement = Literal["required", "preferred", "not_required", "not_stated"]
ExperienceLevel = Literal["entry", "intermediate", "senior", "executive", "not_stated"]
EducationRequirement = Literal["required", "preferred", "not_required", "not_stated"]
EducationLevel = Literal["secondary", "vocational", "bachelor", "master", "doctorate", "not_stated"]
Certification = Literal["required", "preferred", "not_stated"]
EmploymentType = Literal["full_time", "part_time", "contract", "temporary", "internship", "volunteer", "not_stated"]
Seniority = Literal["intern", "entry", "mid", "senior", "lead", "manager", "executive"]
Department = Literal[
    "Administrative",
    "Business Development",
    "Consulting",
    "Customer Support",
    "Education",
    "Engineering",
    "Finance & Accounting",
    "Healthcare",
    "Hospitality & Retail",
    "Human Resources",
    "Information Technology",
    "Legal",
    "Logistics & Operations",
    "Management",
    "Manufacturing & Trades",
    "Marketing & Communication",
    "Product & Design",
    "Project Management",
    "Purchasing",
    "Research & Science",
    "Sales",
    "Security & Public Safety",
    "Other",
]


class Model(BaseModel):
    """Base of everything published: immutable, no undeclared keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Evidence(Model):
    """A half-open span ``[start, end)`` of the cleaned text, in Unicode code points."""

    start: Annotated[int, Field(ge=0)]
    end: Annotated[int, Field(ge=0)]


class Feature(Model, Generic[T]):
    """One value with the calibrated probability that it is right and the text that shows it."""

    value: T
    confidence: Confidence
    evidence: tuple[Evidence, ...] = ()
    review: bool = Field(default=False, description="Too unsure to be used unseen: a person should look.")


class Embedding(Model):
    """A vector of unit length."""

    fp16: str = Field(description="Base64 of little-endian IEEE 754 half-precision numbers.")
    dimension: Annotated[int, Field(gt=0)]
