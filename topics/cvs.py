"""CVs in (`cvs.v1`), CV features out (`cv-features.v1`)."""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from topics.esco import EscoConcept
from topics.fields import Department, Feature, Model, Seniority
from topics.postings import Id, Version

MAX_TEXT_CHARS = 200_000
MAX_HEADING_CHARS = 1_000
MAX_SECTIONS = 200

# They travel on `cv-groups.v1` alone, which no extraction worker reads.
PROTECTED = frozenset(
    {
        "gender", "sex", "sexual_orientation", "pronouns", "civility", "age", "birth_date", "birthdate", "birthday",
        "date_of_birth", "dob", "birth_place", "place_of_birth", "nationality", "citizenship", "ethnicity", "race",
        "religion", "marital_status", "family_status", "disability", "photo",
    }
)  # fmt: skip

CvEducationLevel = Literal["secondary", "vocational", "bachelor", "master", "doctorate", "other"]


class CvSection(BaseModel):
    """A part of a CV with its heading, as a form or a parser upstream delivers it."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    heading: Annotated[str, Field(max_length=MAX_HEADING_CHARS)] | None = None
    text: Annotated[str, Field(max_length=MAX_TEXT_CHARS)] = Field(description="Plain or HTML. May be empty.")


class Cv(BaseModel):
    """A CV as text or as sections, exactly one of both. Keys that we do not know are ignored, protected ones refused.

    It has no `content_hash`: results are shared by the anonymised text, so that no hash depends on a name.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        strict=True,
        json_schema_extra={
            "oneOf": [{"required": ["text"]}, {"required": ["sections"]}],
            "not": {"anyOf": [{"required": [name]} for name in sorted(PROTECTED)]},
        },
    )

    id: Id = Field(description="The CV's id, which must tell nothing of the person; the record's key must be the same.")
    version: Version = Field(default=0, description="Grows with each edit of the CV; copied to `source_version`.")
    text: Annotated[str, Field(max_length=MAX_TEXT_CHARS)] | None = Field(
        default=None, description="The whole CV, plain or HTML. May be empty."
    )
    sections: Annotated[tuple[CvSection, ...], Field(strict=False, max_length=MAX_SECTIONS)] | None = Field(
        default=None,
        description="The CV in parts, in reading order; their texts together no longer than `text` may be.",
    )
    language: Annotated[str, StringConstraints(pattern=r"^[a-z]{2}$")] | None = Field(
        default=None, description="ISO 639-1; detected where absent."
    )

    @model_validator(mode="before")
    @classmethod
    def _refuse_protected(cls, value: Any) -> Any:
        present = sorted(PROTECTED.intersection(value)) if isinstance(value, dict) else []
        if present:
            raise _errors(*(("protected", name, "protected attributes never travel here") for name in present))
        return value

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        if self.text is None and self.sections is None:
            raise _errors(("missing", "text", "either text or sections is required"))
        if self.text is not None and self.sections is not None:
            raise _errors(("both_forms", "sections", "text or sections, not both"))
        if sum(len(section.text) for section in self.sections or ()) > MAX_TEXT_CHARS:
            raise _errors(("too_long", "sections", f"at most {MAX_TEXT_CHARS} characters in all"))
        return self


def _errors(*errors: tuple[str, str, str]) -> ValidationError:
    """Kind, field, message of each; pydantic's own validators can't name a field from within a model validator."""
    return ValidationError.from_exception_data(
        Cv.__name__,
        [
            InitErrorDetails(type=PydanticCustomError(kind, message), loc=(field,), input=None)
            for kind, field, message in errors
        ],
    )


class CvLineage(Model):
    """What made a result; two results of one lineage and one `content_hash` are byte-identical."""

    models: dict[str, str] = Field(
        description="Of each Triton model its version and the digest of its weights, `VERSION-DIGEST`."
    )
    tokenizers: dict[str, str] = Field(description="Of each model that has one the digest of its tokenizer file.")
    pipeline: str = Field(description="Release of the code that masked and prepared the text and decoded the answers.")
    taxonomy: str | None = Field(default=None, description="Taxonomy and version.")
    schema_: str = Field(alias="schema", description="Schema of this event.")

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, serialize_by_alias=True)


class Education(Model):
    """One degree, diploma or course of study."""

    level: CvEducationLevel
    field: str | None = Field(description="What was studied, a short English name where we know one.")
    span: str = Field(description="Verbatim, white space folded.")


class Embedding(Model):
    """A vector of unit length."""

    fp16: str = Field(description="Base64 of little-endian IEEE 754 half-precision numbers.")
    dimension: Annotated[int, Field(gt=0)]


class CvExtraction(Model):
    """What a model read in one CV's text. Spans are verbatim, white space folded."""

    language: Feature[str] = Field(description="ISO 639-1 of the CV's text.")
    current_title: Feature[str | None] = Field(description="Title of the present or most recent job.")
    past_titles: tuple[Feature[str], ...] = Field(description="Titles of the earlier jobs, newest first, at most 8.")
    companies: tuple[Feature[str], ...] = Field(description="Employers, newest first, at most 8.")
    sectors: tuple[Feature[str], ...] = Field(description="Sectors worked in, most certain first, at most 3.")
    education: tuple[Feature[Education], ...] = Field(description="Highest level first.")
    skills: tuple[Feature[str], ...] = Field(description="Hard skills, tools, methods; most certain first, at most 20.")
    languages: tuple[Feature[str], ...] = Field(description="ISO 639-1 of each language named as a skill.")
    certificates: tuple[Feature[str], ...] = Field(description="Licences and certificates, in the text's order.")
    experience_years: Feature[float | None] = Field(description="Years of paid work, as stated or by the dates.")
    seniority: Feature[Seniority] = Field(description="Of the current job.")
    department: Feature[Department] = Field(description="Of the current job.")


class CvFeatures(CvExtraction):
    """One CV's features: an idempotent upsert by `id`; the newest record of a key is the whole truth."""

    id: Id
    source_version: Version
    content_hash: str = Field(description="SHA-256 (hex) of the anonymised text and the language it was read in.")
    lineage: CvLineage
    degraded: tuple[str, ...] = Field(
        default=(), description="Reasons why a stage was left out, e.g. `unsupported_language`; empty when whole."
    )
    esco_occupation: Feature[EscoConcept | None] = Field(description="Of the current title; null below the threshold.")
    esco_skills: tuple[Feature[EscoConcept], ...] = Field(description="Of the skills; each concept once.")
    embedding: Embedding | None = Field(
        description="Of the CV in standardised form; null where that stage was left out."
    )
    masked: dict[str, Annotated[int, Field(ge=1)]] = Field(description="What was masked, kind to count; never a value.")
    text: str | None = Field(
        description="The anonymised text that evidence points into; null where only its hash is published."
    )
    text_hash: str = Field(description="SHA-256 (hex) of the anonymised text.")
