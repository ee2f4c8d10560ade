"""What a worker has answered, by key: its memory of versions (`*-ledger.v1`), written in the outputs' transaction.

A new owner of a partition reads it back (Kafka Streams calls such a topic a changelog), so an input that is older than
the one answered last, or the same one again, changes nothing, whoever owned the partition then. A null value forgets
the key.
"""

from typing import Annotated

from pydantic import Field

from topics.fields import Model


class LedgerEntry(Model):
    """The input that a key's live outputs were made of, and what made them."""

    version: int = Field(description="Of the input; 0 where the producer gives none.")
    position: Annotated[int, Field(ge=0)] = Field(
        description="Offset of the input in the source topic; of the original one, where it was replayed."
    )
    digest: str = Field(description="Of the input's bytes; empty once deleted.")
    made_by: str = Field(description="Names the model and release that made the outputs; empty once deleted.")
    degraded: tuple[str, ...] = Field(default=(), description="Stages that the outputs were made without.")
    deleted: bool = Field(default=False, description="The outputs are tombstones.")
