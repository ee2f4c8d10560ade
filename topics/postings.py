"""Postings in (`postings.v1`), posting features out (`posting-features.v1`)."""

import hashlib
import json
from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from topics.fields import (
    Certification,
    Department,
    EducationLevel,
    EducationRequirement,
    EmploymentType,
    ExperienceLevel,
    ExperienceRequirement,
    Feature,
    Model,
    PayPeriod,
    Seniority,
    WorkArrangement,
    YesNo,
)

MAX_BODY_CHARS = 200_000
# Real boards list hundreds of places for one posting.
MAX_LOCATION_CHARS = 20_000

Id = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^\S+$")]
Version = Annotated[int, Field(ge=0, le=2**53 - 1)]


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
    posted_at: Annotated[datetime, Field(strict=False)] | None = None

    @property
    def content_hash(self) -> str:
        """SHA-256 (hex) of all that the features depend on: a repost under another id or version shares it."""
        parts = [self.title, self.location, self.body, self.language]
        return hashlib.sha256(json.dumps(parts, ensure_ascii=False).encode("utf-8", "surrogatepass")).hexdigest()


class Lineage(Model):
    """What made a result; two results of one lineage and one `content_hash` are byte-identical."""

    model: str = Field(description="Triton model name.")
    model_version: str = Field(description="Triton version and the digest of its weights, `VERSION-DIGEST`.")
    tokenizer: str = Field(description="Digest of the tokenizer file.")
    pipeline: str = Field(description="Release of the code that prepared the text and decoded the answers.")
    taxonomy: str | None = Field(default=None, description="Taxonomy and version; none used yet for postings.")
    schema_: str = Field(alias="schema", description="Schema of this event.")

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, serialize_by_alias=True)


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


class PostingFeatures(PostingExtraction):
    """One posting's features: an idempotent upsert by `id`; the newest record of a key is the whole truth."""

    id: Id
    source_version: Version
    content_hash: str
    lineage: Lineage
    degraded: tuple[str, ...] = Field(
        default=(), description="Reasons why a stage was left out, e.g. `unsupported_language`; empty when whole."
    )
    text: str | None = Field(
        description="The cleaned text that evidence points into; null where only its hash is published."
    )
    text_hash: str = Field(description="SHA-256 (hex) of the cleaned text.")
