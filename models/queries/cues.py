"""Words that say which of the profile's fields a query draws on."""

import re

from models.queries.text import plain
from topics.queries import ProfileField

# On text without case and accents; English, French, German, Spanish, Dutch, Italian, Portuguese, Polish.
_CUES: dict[ProfileField, "re.Pattern[str]"] = {
    "title": re.compile(
        r"\b(?:my|current|same|like) (?:own )?(?:current |usual |old |last |present |exact )?"
        r"(?:job|role|title|position|profession|occupation|line of work|field|trade|career|one)\b|jobs? like mine"
        r"|what i do(?: now)?\b|similar (?:jobs?|roles?|positions?)|\bmon (?:metier|poste|emploi|job|boulot|domaine)\b"
        r"|meme (?:metier|poste|boulot|travail)|comme le mien|meine(?:n|m|r)? (?:beruf|stelle|job)|mi (?:puesto"
        r"|trabajo actual)"
        r"|mijn (?:functie|baan|vak)|il mio lavoro|zawodzie"
    ),
    "skills": re.compile(
        r"\bskills?(?: ?set)?\b|what i (?:know|can do|am good at|'m good at)|\bcompetences?\b|savoir[- ]faire"
        r"|fahigkeit|kenntnisse"
        r"|\bhabilidades\b|vaardigheden|competenze|competencias|umiejetnosci|my (?:certs?|certificates|certifications"
        r"|languages)"
    ),
    "location": re.compile(
        r"\bnear(?:by| me| (?:my |where i )?(?:home|house|place|live|stay)|er)|close(?:r)? (?:to|by)|around (?:here|me"
        r"|my)"
        r"|\bin my (?:area|city|town|region|county|district|neighbou?rhood|borough|country)|my (?:area|city|town"
        r"|neighbou?rhood)"
        r"|local to me|\blocal\b|where i live|commut|walking distance|from (?:home|me|mine)\b(?<!work from home)"
        r"|miles? of me"
        r"|chez moi|pas loin|a cote|autour de moi|dans ma (?:ville|region|commune)|mon (?:quartier|departement|secteur"
        r"|coin)"
        r"|meiner nahe|in der nahe|cerca de (?:mi|casa)|in de buurt|dicht bij huis|vicino a|perto de|blisko|niedaleko"
    ),
    "seniority": re.compile(
        r"\bmy (?:current )?(?:level|seniority|grade|rank|experience level|level of experience)|at my level|same level"
        r"|step up"
        r"|next (?:level|step)|mon niveau|meinem niveau|mi nivel|il mio livello|promotion"
    ),
}  # fmt: skip


def cued(text: str) -> set[ProfileField]:
    """Fields that a query names in so many words."""
    words = plain(text)
    return {name for name, pattern in _CUES.items() if pattern.search(words)}
