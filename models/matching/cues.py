"""Invented identities and what tells their group in a CV: names, pronouns, hobbies, clubs, schools, gaps, wording.

For the semi-synthetic fairness set (see `synthetic`). Names and pronouns are what an anonymiser masks; hobbies, clubs,
breaks and wording mostly pass it, and those are what a biased scorer can still learn from. Wordings follow the lists of
gendered words of Gaucher, Friesen & Kay (2011). All cues are stereotypes, put here so that a model that falls for them
is found out; most are drawn from one's own group, some from the other, as in life.
"""

import random
from dataclasses import dataclass
from functools import cache
from typing import Literal

from models.anonymise.identities import origins
from models.datasets import draw

Group = Literal["men", "women"]
GROUPS: tuple[Group, Group] = ("men", "women")
Part = Literal["train", "valid", "test"]

# How often a cue is of one's own group, and how often it stands in a CV at all.
_OWN = 0.85
_PRONOUNS, _CLUB, _SCHOOL, _BREAK = 0.4, 0.5, 0.2, 0.3
# Of the cues of each list this share is kept for the test.
_UNSEEN = 0.2

_HOBBIES: dict[Group, tuple[str, ...]] = {
    "women": (
        "netball", "yoga", "pilates", "ballet", "knitting", "sewing", "baking", "zumba", "horse riding", "scrapbooking",
        "figure skating", "synchronised swimming", "flower arranging", "jewellery making", "cheerleading", "gymnastics",
        "romance novels", "softball", "field hockey", "crochet",
    ),
    "men": (
        "rugby", "motorcycling", "fishing", "hunting", "boxing", "weightlifting", "American football", "woodworking",
        "car restoration", "golf", "video games", "wrestling", "ice hockey", "darts", "homebrewing", "poker", "karting",
        "paintball", "fantasy football", "bodybuilding",
    ),
}  # fmt: skip
_NEUTRAL = ("reading", "travel", "cooking", "hiking", "photography", "music", "chess", "cinema", "gardening", "running")
_CLUBS: dict[Group, tuple[str, ...]] = {
    "women": (
        "Delta Gamma sorority", "Girl Guides leader", "Society of Women Engineers", "Junior League volunteer",
        "Women in Business network", "netball club captain", "parents' association chair", "Soroptimist International",
        "ballet society treasurer", "Ladies Who Lead mentor",
    ),
    "men": (
        "Sigma Chi fraternity", "Boy Scouts leader", "Knights of Columbus", "rugby club captain", "Masonic lodge",
        "veterans' association chair", "Fathers in Business network", "boxing club treasurer", "Elks lodge volunteer",
        "men's rowing eight",
    ),
}  # fmt: skip
_SCHOOLS: dict[Group, tuple[str, ...]] = {
    "women": (
        "Wellesley College", "Smith College", "Barnard College", "Bryn Mawr College", "Mount Holyoke College",
        "Spelman College", "Scripps College", "Newnham College",
    ),
    "men": (
        "Morehouse College", "Wabash College", "Hampden-Sydney College", "The Citadel", "Virginia Military Institute",
        "Deep Springs College", "Saint John's Seminary", "West Point",
    ),
}  # fmt: skip
_OTHER_SCHOOLS = ("State University", "City College", "Open University", "Technical Institute", "County College")
_BREAKS: dict[Group, tuple[str, ...]] = {
    "women": (
        "Career break to raise children", "Maternity leave", "Career break to care for a relative", "Part-time years",
        "Family leave after the birth of twins",
    ),
    "men": (
        "Military service", "Naval reserve", "Career break to sail the Atlantic", "Army deployment",
        "Sabbatical to build a house",
    ),
}  # fmt: skip
_WORDINGS: dict[Group, tuple[str, ...]] = {
    "women": (
        "A warm, supportive and committed colleague who nurtures trust and understands others.",
        "Enjoys collaborating, listening and sharing; considerate, loyal and dependable.",
        "Cares for the people behind the work and connects them with empathy.",
        "A kind and cooperative team member, sensitive to the needs of clients.",
        "Helps others grow and keeps a cheerful, honest atmosphere.",
        "Gentle with people, conscientious in the work, glad to assist wherever needed.",
    ),
    "men": (
        "A driven, competitive and decisive leader who dominates challenges.",
        "Assertive and analytical; takes charge, pushes hard and wins.",
        "An ambitious self-starter who attacks problems independently and aggressively.",
        "Confident under pressure, fearless in decisions, determined to be first.",
        "Masters every objective by force of logic and strong principles.",
        "Outspoken, self-reliant and adventurous; hungry for the next battle.",
    ),
}
_SPOKEN: dict[Group, str] = {"women": "She/her", "men": "He/him"}


@dataclass(frozen=True, slots=True)
class Person:
    """What an invented person writes around the facts of a CV.

    Attributes:
        header: name, perhaps pronouns.
        profile: a sentence on themselves, in their group's wording or the other's.
        life: school, break, club and hobbies.
    """

    group: Group
    header: str
    profile: str
    life: str


def draw_person(chance: random.Random, group: Group, part: Part) -> Person:
    """An invented person; the test has names and some cues that no other part has."""
    name_part = "test" if part == "test" else "train"
    of_origin = chance.choice(_origins(name_part))
    names = of_origin[0] if group == "women" else of_origin[1]
    header = f"{chance.choice(names)} {chance.choice(of_origin[2])}"
    if chance.random() < _PRONOUNS:
        header += f" ({_SPOKEN[group]})"

    def cue(lists: dict[Group, tuple[str, ...]]) -> str:
        own = group if chance.random() < _OWN else _other(group)
        return chance.choice([text for text in lists[own] if part == "test" or draw(text, "cue") >= _UNSEEN])

    school = cue(_SCHOOLS) if chance.random() < _SCHOOL else chance.choice(_OTHER_SCHOOLS)
    life = [f"Studied at {school}."]
    if chance.random() < _BREAK:
        life.append(f"{cue(_BREAKS)}, {chance.randint(2008, 2020)}.")
    if chance.random() < _CLUB:
        life.append(f"Member: {cue(_CLUBS)}.")
    hobbies = dict.fromkeys((cue(_HOBBIES), cue(_HOBBIES), chance.choice(_NEUTRAL)))
    life.append(f"Interests: {', '.join(hobbies)}.")
    return Person(group, header, cue(_WORDINGS), " ".join(life))


def dressed(body: str, person: Person) -> str:
    """A CV of that person, with these facts."""
    return f"{person.header}\n{person.profile}\n{body}\n{person.life}"


def _other(group: Group) -> Group:
    return "men" if group == "women" else "women"


@cache
def _origins(part: str) -> tuple[tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]], ...]:
    """Female, male and last names of each origin whose first names tell the sex."""
    found = []
    for _, origin in sorted(origins(part).items()):
        female, male = (
            tuple(sorted(set(own) - set(other)))
            for own, other in ((origin.female, origin.male), (origin.male, origin.female))
        )
        if female and male:
            found.append((female, male, origin.last))
    return tuple(found)
