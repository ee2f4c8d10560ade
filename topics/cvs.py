"""CVs in (`cvs.v1`), CV features out (`cv-features.v1`)."""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from topics.features import Features
from topics.fields import DEFAULT_MARKET, Arrangement, Department, Feature, Id, Market, Model, Seniority, Version

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
    market: Market = Field(
        default=DEFAULT_MARKET, description="The labour market it is for; it is matched with postings of the same one."
    )
    work_arrangements: Annotated[tuple[Arrangement, ...], Field(strict=False, max_length=3)] = Field(
        default=(), description="Those that the person accepts; empty for any."
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


class Education(Model):
    """One degree, diploma or course of study."""

    level: CvEducationLevel
    field: str | None = Field(description="What was studied, a short English name where we know one.")
    span: str = Field(description="Verbatim, white space folded.")


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


class CvFeatures(CvExtraction, Features):
    """One CV's features."""

    work_arrangements: tuple[Arrangement, ...] = Field(default=(), description="The input's; empty for any.")
    masked: dict[str, Annotated[int, Field(ge=1)]] = Field(description="What was masked, kind to count; never a value.")
