"""ESCO concepts as they stand in features: `Feature[EscoConcept | None]`, null where nothing fits well enough.

This service uses the ESCO classification of the European Commission.
"""

from typing import Annotated

from pydantic import Field, StringConstraints

from topics.fields import Model


class EscoConcept(Model):
    """An occupation or a skill of the taxonomy that the lineage names."""

    uri: Annotated[str, StringConstraints(pattern=r"^http://data\.europa\.eu/esco/\S+$")]
    label: str = Field(
        description="Preferred label in the text's language where the taxonomy has one, else in English."
    )
    code: str = Field(default="", description="ISCO-08 unit group and ESCO's extension, `2654.1.7`; empty for skills.")
