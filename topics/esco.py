"""ESCO concepts in features. This service uses the ESCO classification of the European Commission."""

from pydantic import Field

from topics.fields import Model


class EscoConcept(Model):
    """An occupation or a skill of ESCO."""

    uri: str = Field(description="The concept's URI.")
    label: str = Field(description="Its preferred label.")
