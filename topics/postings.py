"""Postings in (`postings.v1`), posting features out (`posting-features.v1`)."""

import hashlib
import json
from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from topics.features import Features
from topics.fields import (
    DEFAULT_MARKET,
    Certification,
    Department,
    EducationLevel,
    EducationRequirement,
    EmploymentType,
    ExperienceLevel,
    ExperienceRequirement,
    Feature,
    Id,
    Market,
    Model,
    PayPeriod,
    Seniority,
    Version,
    WorkArrangement,
    YesNo,
)

MAX_BODY_CHARS = 200_000
# Real boards list hundreds of places for one posting.
MAX_LOCATION_CHARS = 20_000


class Posting(BaseModel):
    """A job posting as a board publishes it. Keys that we do not know are ignored, so boards may send more."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    id: Id = Field(description="The posting's id; the record's key must be the same.")
    version: Version = Field(default=0, description="Grows with each edit of the posting; copied to `source_version`.")
    title: Annotated[str, Field(max_length=1_000)] = ""
    company: Annotated[str, Field(max_length=1_000)] | None = None
    location: Annotated[str, Field(max_length=MAX_LOCATION_CHARS)] | None = None
    body: Annotated[str, Field(max_length=MAX_BODY_CHARS)] = Field(
        description="The posting's text, plain or HTML. May be empty."
    )
    language: Annotated[str, StringConstraints(pattern=r"^[a-z]{2}$")] | None = Field(
        default=None, description="ISO 639-1; detected where absent."
    )
    market: Market = Field(
        default=DEFAULT_MARKET, description="The labour market it is for; it is matched with CVs of the same one."
    )
    posted_at: Annotated[datetime, Field(strict=False)] | None = None

    @property
    def content_hash(self) -> str:
        """SHA-256 (hex) of all that the features depend on: a repost under another id or version shares it."""
        parts = [self.title, self.location, self.body, self.language]
        return hashlib.sha256(json.dumps(parts, ensure_ascii=False).encode("utf-8", "surrogatepass")).hexdigest()


class PostingExtraction(Model):
    """The features themselves: what a model read in one posting's text."""

    language: Feature[str] = Field(description="ISO 639-1.")
    work_arrangement: Feature[WorkArrangement]
    pay_period: Feature[PayPeriod]
    pay_min: Feature[float | None] = Field(description="Whole currency units per `pay_period`.")
    pay_max: Feature[float | None] = Field(description="Whole currency units per `pay_period`.")
    pay_currency: Feature[str | None] = Field(description="ISO 4217.")
    commission: Feature[YesNo]
    bonus: Feature[YesNo]
    experience_requirement: Feature[ExperienceRequirement]
    experience_years_min: Feature[float | None]
    experience_years_max: Feature[float | None]
    experience_level: Feature[ExperienceLevel]
    education_requirement: Feature[EducationRequirement]
    education_level: Feature[EducationLevel]
    certification: Feature[Certification]
    employment_type: Feature[EmploymentType]
    seniority: Feature[Seniority]
    department: Feature[Department]
    skills: tuple[Feature[str], ...] = Field(description="Verbatim spans, most certain first.")


class PostingFeatures(PostingExtraction, Features):
    """One posting's features."""
