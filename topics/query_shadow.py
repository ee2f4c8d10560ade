"""Reports of an LLM that reads in the query student's shadow (`query-shadow.v1`)."""

from typing import Annotated

from pydantic import Field

from topics.fields import Id, Model, Version
from topics.queries import QueryReading

Count = Annotated[int, Field(ge=0)]
Seconds = Annotated[float, Field(ge=0)]


class Overlap(Model):
    """How many items each found, and how many of them are the same."""

    student: Count
    llm: Count
    both: Count


class Agreement(Model):
    """Where two readings of one query say the same."""

    intent: bool
    language: bool
    rewrite: bool = Field(description="The same words in the same order; case, accents and marks aside.")
    profile_fields: bool
    criteria: Overlap = Field(description="The same type and span.")
    value: Count = Field(description="Of the criteria that both found, those of the same value.")
    negated: Count = Field(description="Of the criteria that both found, those that are negated in both or in none.")
    facets: Overlap = Field(description="The same type and value.")


class QueryShadow(Model):
    """One query, read by both; only the student's reading was published and is to be used."""

    id: Id
    source_version: Version
    student: QueryReading
    student_s: Seconds = Field(description="The batch's, with which the query was read.")
    llm: QueryReading | None = Field(description="Null where the LLM's answer could not have been used.")
    llm_model: str
    llm_prompt: str = Field(description="Digest of the prompt.")
    llm_s: Seconds = Field(description="Until the answer was whole, or given up.")
    first_call_s: Seconds | None = Field(description="Until the LLM's first tool call; null where there was none.")
    failure: str | None = Field(
        description="Why the LLM's answer, or its end, is missing: a reason as in an understanding's `degraded`."
    )
    agreement: Agreement | None = Field(description="Null where the LLM's answer could not have been used.")
