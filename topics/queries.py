"""Queries in (`queries.v1`), what they mean (`query-understanding.v1`) and what to do (`query-tool-calls.v1`) out."""

import hashlib
import json
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from topics.fields import Confidence, Feature, Id, Model, Version

MAX_QUERY_CHARS = 2_000
MAX_PROFILE_CHARS = 1_000
MAX_PROFILE_SKILLS = 200

Intent = Literal["criteria", "self_reference", "mixed", "navigational", "out_of_scope"]
CriterionType = Literal[
    "title",
    "skill",
    "company",
    "location",
    "industry",
    "work_arrangement",
    "employment_type",
    "seniority",
    "salary",
    "experience_years",
    "education",
    "date_posted",
    "schedule",
    "benefit",
]
ProfileField = Literal["title", "skills", "location", "seniority"]
RefusalReason = Literal["out_of_scope"]
QueryEngine = Literal["student", "llm"]

ProfileText = Annotated[str, Field(max_length=MAX_PROFILE_CHARS)]


class Profile(BaseModel):
    """What is stored of the searcher. Keys that we do not know are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    title: ProfileText | None = None
    skills: Annotated[tuple[ProfileText, ...], Field(strict=False, max_length=MAX_PROFILE_SKILLS)] = ()
    location: ProfileText | None = None
    seniority: ProfileText | None = None
    updated_at: Annotated[date, Field(strict=False)] = Field(description="When the searcher last touched it.")


class Query(BaseModel):
    """What a person typed into the job search box. Keys that we do not know are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    id: Id = Field(description="The query's id; the record's key must be the same.")
    version: Version = Field(default=0, description="Copied to `source_version`; most queries have but one.")
    text: Annotated[str, StringConstraints(min_length=1, max_length=MAX_QUERY_CHARS, pattern=r"\S")] = Field(
        description="As typed; spans are offsets into it, in Unicode code points."
    )
    locale: Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*$")] | None = Field(
        default=None, description="BCP 47 or ISO 639-1, of the site that was used; the query's own words win over it."
    )
    profile: Profile | None = Field(default=None, description="Null for a visitor we know nothing of.")
    asked_on: Annotated[date, Field(strict=False)] | None = Field(
        default=None, description="The day (UTC) that a profile's age is counted to; the record's day where absent."
    )

    @property
    def content_hash(self) -> str:
        """SHA-256 (hex) of all that the reading depends on: the same words of the same searcher share it."""
        parts: list[Any] = [self.text, self.locale]
        if self.profile is not None:
            parts += [self.profile.model_dump(mode="json"), str(self.asked_on)]
        text = json.dumps(parts, ensure_ascii=False)
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


class Criterion(Model):
    """One thing that the searcher asks for, or excludes. Criteria stand in the text's order and never overlap."""

    type: CriterionType
    span: str = Field(description="Verbatim, `text[start:end]`.")
    start: Annotated[int, Field(ge=0)]
    end: Annotated[int, Field(ge=0)]
    value: str = Field(description="Normalised: a closed vocabulary, a range such as `>=60000 EUR/year`, or a name.")
    negated: bool = Field(description="The searcher does not want it, or need not meet it.")
    confidence: Confidence


class Facet(Model):
    """A refinement to offer next, of a type that the query leaves open."""

    type: CriterionType
    value: str
    confidence: Confidence


class SearchArguments(Model):
    """What to search for."""

    rewrite: str
    criteria: tuple[Criterion, ...]


class LoadProfileArguments(Model):
    """What the search draws on."""

    fields: Annotated[tuple[ProfileField, ...], Field(min_length=1)]


class OpenCompanyArguments(Model):
    """Whose page is wanted."""

    company: str | None = Field(description="Null where a page is wanted and no company is named.")
    page: str = Field(description="What is wanted, in clean words.")


class RefuseArguments(Model):
    """Why nothing is searched for."""

    reason: RefusalReason


class _Call(Model):
    id: str = Field(description="`QUERY_ID:VERSION:N`, N from 0: the same in both output topics, and at a replay.")


class SearchJobs(_Call):
    """Search the postings."""

    tool: Literal["search_jobs"] = "search_jobs"
    arguments: SearchArguments


class LoadProfile(_Call):
    """Load fields of the searcher's stored profile, or ask for them where the profile lacks them."""

    tool: Literal["load_profile"] = "load_profile"
    arguments: LoadProfileArguments


class OpenCompany(_Call):
    """Open one company's or one known posting's page."""

    tool: Literal["open_company"] = "open_company"
    arguments: OpenCompanyArguments


class Refuse(_Call):
    """Not a job search."""

    tool: Literal["refuse"] = "refuse"
    arguments: RefuseArguments


ToolCall = Annotated[SearchJobs | LoadProfile | OpenCompany | Refuse, Field(discriminator="tool")]


def call_id(query_id: str, version: int, number: int) -> str:
    """Id of a query's tool call `number`, from 0."""
    return f"{query_id}:{version}:{number}"


class QueryReading(Model):
    """What an engine reads in one query."""

    language: Feature[str] = Field(description="ISO 639-1.")
    intent: Feature[Intent] = Field(description="The plan: search, draw on the profile, both, open a page, refuse.")
    criteria: tuple[Criterion, ...]
    rewrite: Feature[str] = Field(
        description="One clean English search phrase, the profile filled in; empty if refused."
    )
    profile_fields: tuple[ProfileField, ...] = Field(
        default=(), description="Profile fields that the query draws on, whether the profile has them or not."
    )
    missing: tuple[ProfileField, ...] = Field(description="Of `profile_fields` those that the profile lacks.")
    facets: Annotated[tuple[Facet, ...], Field(max_length=4)] = Field(description="Most useful first.")
    stale_profile: bool = Field(description="The profile is older than two years; what is taken from it is less sure.")


class QueryLineage(Model):
    """What made a result; two results of the student of one lineage and one `content_hash` are byte-identical."""

    model: str = Field(description="Triton model name, or the name that the LLM endpoint serves.")
    model_version: str = Field(description="Triton version and the digest of its weights, `VERSION-DIGEST`.")
    tokenizer: str | None = Field(description="Digest of the tokenizer file; null for an LLM.")
    pipeline: str = Field(description="Release of the code that prepared the text and decoded the answers.")
    taxonomy: str | None = Field(default=None, description="Taxonomy and version.")
    schema_: str = Field(alias="schema", description="Schema of this event.")

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, serialize_by_alias=True)


class QueryUnderstanding(QueryReading):
    """One query, read: the newest record of a key is the whole truth."""

    id: Id
    source_version: Version
    content_hash: str
    tool_calls: tuple[ToolCall, ...] = Field(description="In the order in which they were published.")
    engine: QueryEngine
    lineage: QueryLineage
    degraded: tuple[str, ...] = Field(
        default=(), description="Reasons why a stage was left out, e.g. `llm_timeout`; empty when whole."
    )


class QueryToolCall(Model):
    """One tool call, published as soon as it is known; the query's understanding follows and repeats it."""

    query_id: Id
    source_version: Version
    engine: QueryEngine
    call: ToolCall
