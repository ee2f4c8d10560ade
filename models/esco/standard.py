"""CVs and postings in one standard form: the same sentences for the same facts, whoever wrote them and however.

Labels in, so that the two forms meet: a person's occupation and skills in the words of the taxonomy, not in their own.
One of the variants of the texts that matching is measured on; what is served reads more (`models/matching/CARD.md`).
"""

from collections.abc import Sequence

_LEVELS = {
    "secondary": "secondary school",
    "vocational": "vocational training",
    "bachelor": "a bachelor's degree",
    "master": "a master's degree",
    "doctorate": "a doctorate",
}


def standard_cv(
    occupations: Sequence[str], skills: Sequence[str], education_level: str | None = None, years: float | None = None
) -> str:
    """A CV as sentences.

    Args:
        occupations: preferred labels, the current one first.
        skills: preferred labels, in any order.
        education_level: a value of `topics.fields.EducationLevel`.
        years: of experience.
    """
    sentences = []
    if occupations:
        sentences.append(f"Works as {occupations[0]}.")
    if len(occupations) > 1:
        sentences.append(f"Worked as {_listed(occupations[1:])}.")
    if years is not None:
        sentences.append(f"Has {years:g} years of experience.")
    if education_level in _LEVELS:
        sentences.append(f"Has {_LEVELS[education_level]}.")
    if skills:
        sentences.append(f"Skills: {_listed(sorted(skills))}.")
    return " ".join(sentences)


def standard_posting(
    occupation: str | None, skills: Sequence[str], education_level: str | None = None, years: float | None = None
) -> str:
    """A posting as sentences; arguments as for a CV, `years` being the least that is asked for."""
    sentences = []
    if occupation:
        sentences.append(f"Seeks {occupation}.")
    if years is not None:
        sentences.append(f"Asks for {years:g} years of experience.")
    if education_level in _LEVELS:
        sentences.append(f"Asks for {_LEVELS[education_level]}.")
    if skills:
        sentences.append(f"Skills: {_listed(sorted(skills))}.")
    return " ".join(sentences)


def _listed(items: Sequence[str]) -> str:
    return ", ".join(dict.fromkeys(items))
