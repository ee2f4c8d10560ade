"""What posting and CV features have in common: whose they are, what made them, and their place in ESCO."""

from pydantic import ConfigDict, Field

from topics.esco import EscoConcept
from topics.fields import DEFAULT_MARKET, Embedding, Feature, Id, Market, Model, Version


class Lineage(Model):
    """What made a result; two results of one lineage and one `content_hash` are byte-identical."""

    models: dict[str, str] = Field(
        description="Of each Triton model its version and the digest of its weights, `VERSION-DIGEST`."
    )
    tokenizers: dict[str, str] = Field(description="Of each model that has one the digest of its tokenizer file.")
    pipeline: str = Field(description="Release of the code that prepared the text and decoded the answers.")
    taxonomy: str | None = Field(default=None, description="Taxonomy and version.")
    schema_: str = Field(alias="schema", description="Schema of this event.")

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, serialize_by_alias=True)


class Features(Model):
    """An idempotent upsert by `id`: the newest record of a key is the whole truth."""

    id: Id
    source_version: Version
    market: Market = Field(default=DEFAULT_MARKET, description="The input's.")
    content_hash: str = Field(
        description="SHA-256 (hex) of all that the features depend on; of a CV that is its anonymised text."
    )
    lineage: Lineage
    degraded: tuple[str, ...] = Field(
        default=(), description="Reasons why a stage was left out, e.g. `unsupported_language`; empty when whole."
    )
    text: str | None = Field(
        description="The cleaned text that evidence points into, of a CV anonymised; null where only its hash is "
        "published."
    )
    text_hash: str = Field(description="SHA-256 (hex) of that text.")
    esco_occupation: Feature[EscoConcept | None] = Field(
        description="Of the posting's title, or of the CV's current one; null below the threshold."
    )
    esco_skills: tuple[Feature[EscoConcept], ...] = Field(description="Of the skills; each concept once.")
    embedding: Embedding | None = Field(
        description="Of text, titles and skills together: what is matched; null where the text was not read."
    )
    titles_embedding: Embedding | None = Field(
        default=None, description="Of the posting's title, or of all titles of the CV; null where there is none."
    )
    skills_embedding: Embedding | None = Field(default=None, description="Of the skills; null where there are none.")
