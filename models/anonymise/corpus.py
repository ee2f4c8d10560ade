"""CVs of invented people with the places of their personal data, drawn by a seed."""

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass

from models.anonymise import bodies, held_out, layouts, mentions
from models.anonymise.identities import TEST
from models.anonymise.kinds import Found, Kind
from models.anonymise.people import Person, draw

_SLOT = re.compile(r"\{(\w+)\}")
_REAL_SHARE = 0.7
_MENTION_SHARE = 0.6
_MOST_MENTIONS = 6
_BODY_CHARS = (1_500, 4_500)
_FLAT_SHARE = 0.05
# Snippets: a few lines, with or without a head.
_SHORT_SHARE = 0.2


@dataclass(frozen=True, slots=True)
class Document:
    """A CV and what is to be masked in it.

    Attributes:
        real: whether the body is a real one.
    """

    text: str
    spans: tuple[Found, ...]
    language: str
    real: bool


def document(
    seed: str, part: str, language: str, real: Sequence[str], person_seed: str = "", people_part: str = ""
) -> Document:
    """One CV; the same seed gives the same one.

    Args:
        real: texts that may serve as bodies; without any, bodies are invented.
        person_seed: seeds the people alone: same `seed`, other people.
        people_part: the part that the people's names are of, where it is another one.
    """
    rng = random.Random(seed)
    own = random.Random(person_seed or f"{seed} people")
    french = language == "fr"
    person, boss, boss2 = (draw(own, people_part or part, french) for _ in range(3))
    layout = rng.choice(held_out.TEST_LAYOUTS[language]) if part == TEST else layouts.compose(rng, language)
    use_real = bool(real) and rng.random() < _REAL_SHARE
    lines = (
        bodies.from_real(rng, part, language, rng.choice(real)) if use_real else bodies.invented(rng, part, language)
    )
    lines = _cut(rng, lines)
    if part != TEST and rng.random() < _SHORT_SHARE:
        first = rng.randrange(len(lines))
        lines = lines[first : first + rng.randint(2, 9)]
        layout = rng.choice((layout, layout, "{body}"))
    if rng.random() < _MENTION_SHARE:
        for _ in range(rng.randint(1, 3 if part == TEST else _MOST_MENTIONS)):
            line = rng.choice(held_out.TEST_MENTIONS[language]) if part == TEST else mentions.mention(rng, language)
            lines.insert(rng.randint(1, len(lines)), line)
    flat = part != TEST and rng.random() < _FLAT_SHARE
    # A body's own braces are gone (see `from_real`); what is left are slots.
    text = layout.replace("{body}", "\n".join(lines)).replace("{role}", rng.choice(layouts.ROLES[language]))
    return render(text.replace("\n", " ") if flat else text, person, (boss, boss2), language, use_real)


def _cut(rng: random.Random, lines: list[str]) -> list[str]:
    limit = rng.randint(*_BODY_CHARS)
    length = 0
    for number, line in enumerate(lines):
        length += len(line)
        if length > limit:
            return lines[: max(3, number)]
    return lines


def render(layout: str, person: Person, bosses: tuple[Person, Person], language: str, real: bool) -> Document:
    """Fills the slots of a layout."""
    slots = dict(person.slots)
    slots |= {
        f"{prefix}{key}".replace("bossname", "boss").replace("boss2name", "boss2"): slot
        for prefix, boss in zip(("boss", "boss2"), bosses, strict=True)
        for key, slot in boss.slots.items()
    }
    slots["father"] = bosses[1].slots["name"]
    pieces: list[str] = []
    spans: list[Found] = []
    length = position = 0
    for match in _SLOT.finditer(layout):
        before = layout[position : match.start()]
        value, kind = slots[match[1]]
        length += len(before)
        spans.append(Found(length, length + len(value), kind))
        length += len(value)
        pieces += [before, value]
        position = match.end()
    return Document("".join([*pieces, layout[position:]]), tuple(spans), language, real)


def values(doc: Document, kind: Kind) -> list[str]:
    """What stands in the document's spans of a kind."""
    return [doc.text[start:end] for start, end, own in doc.spans if own == kind]
