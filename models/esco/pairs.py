"""Pairs of texts that mean the same, from the taxonomy and from postings: what the text embedder learns from."""

import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from models.esco.taxonomy import Concept, Taxonomy

# One label in so many is neither trained on nor indexed when the linker is tuned: it stands for titles not seen before.
HELD_OUT = 20
_SENTENCES = (
    "Experience with {}.", "Strong knowledge of {} is required.", "You will {}.", "Ability to {}",
    "The successful candidate can {} and works well with others.", "Responsibilities include {}.",
    "Proven skills in {}, communication and teamwork", "- {}", "{} is an advantage", "We expect you to {} every day.",
    "Vous savez {}.", "Expérience en {} souhaitée", "Connaissance de {}", "Vos missions : {}",
)  # fmt: skip
_CONTEXT_CHARS = 320
# Descriptions are long, and cost what six labels do.
_DESCRIBED = 0.3


@dataclass(frozen=True, slots=True)
class Pair:
    """Two texts of one meaning.

    Attributes:
        key: pairs of one key are never each other's negatives.
        near: pairs that sort together here are alike, and so each other's hard negatives.
    """

    left: str
    right: str
    key: str
    near: str


def held_out(uri: str, label: str) -> bool:
    """Whether a label (not a preferred one) is kept for tuning and test."""
    return int.from_bytes(blake2b(f"{uri}\n{label}".encode(), digest_size=4).digest()) % HELD_OUT == 0


def known_labels(concept: Concept) -> list[str]:
    """All labels but those held out, preferred ones first."""
    preferred = [labels[0] for _, labels in sorted(concept.labels.items())]
    others = [label for _, labels in sorted(concept.labels.items()) for label in labels[1:]]
    kept = [label for label in others if not held_out(concept.uri, label) or label in preferred]
    return list(dict.fromkeys([*preferred, *kept]))


def epoch(taxonomy: Taxonomy, groups: Mapping[str, str], near: Mapping[str, str], chance: random.Random) -> list[Pair]:
    """One epoch's pairs of the taxonomy; another draw each time.

    Args:
        groups: ISCO-08 unit group (four digits) to its title; may be empty.
        near: of a concept's URI the key that sorts it beside those alike.
    """
    siblings = defaultdict(list)
    for concept in taxonomy.occupations:
        siblings[concept.code[:4]].append(concept)
    pairs = []
    for concept in taxonomy.occupations:
        for left, right in _label_pairs(concept, chance, most=9):
            spoken = as_statistics_say(left, siblings[concept.code[:4]], chance) if chance.random() < 0.5 else left
            pairs.append(Pair(spoken, right, concept.uri, near[concept.uri]))
        pairs += _described(concept, near, chance)
        if group := groups.get(concept.code[:4]):
            # All of a group share the key: each is a right answer to the group's title.
            pairs.append(Pair(group, chance.choice(known_labels(concept)), concept.code[:4], near[concept.uri]))
    for concept in taxonomy.skills:
        for left, right in _label_pairs(concept, chance, most=3):
            pairs.append(Pair(left, right, concept.uri, near[concept.uri]))
        sentence = in_sentence(chance.choice(known_labels(concept)), chance)
        pairs.append(Pair(sentence, chance.choice(known_labels(concept)), concept.uri, near[concept.uri]))
        pairs += _described(concept, near, chance)
    return pairs


def in_sentence(label: str, chance: random.Random) -> str:
    """A skill's label in a sentence as postings have it."""
    return chance.choice(_SENTENCES).format(label)


def _label_pairs(concept: Concept, chance: random.Random, most: int) -> Iterator[tuple[str, str]]:
    labels = known_labels(concept)
    preferred = [own[0] for own in concept.labels.values()]
    for label in chance.sample(labels, min(most, len(labels))):
        others = [other for other in (preferred if chance.random() < 0.6 else labels) if other != label]
        if others:
            yield label, chance.choice(others)


def _described(concept: Concept, near: Mapping[str, str], chance: random.Random) -> list[Pair]:
    if not concept.descriptions or chance.random() > _DESCRIBED:
        return []
    description = chance.choice(sorted(concept.descriptions.values()))[:_CONTEXT_CHARS]
    return [Pair(chance.choice(known_labels(concept)), description, concept.uri, near[concept.uri])]


def as_statistics_say(title: str, siblings: Sequence[Concept], chance: random.Random) -> str:
    """A title as labour statistics write it: plural, turned round, joined with a neighbour, with exceptions."""
    words = plural(title).split()
    draw = chance.random()
    if draw < 0.2 and 1 < len(words) < 6:
        return f"{words[-1]}, {' '.join(words[:-1])}".title()
    text = " ".join(words)
    if draw < 0.3 and siblings:
        text += f" and {plural(chance.choice(siblings).label())}"
    elif draw < 0.4 and siblings:
        text += f", except {plural(chance.choice(siblings).label())}"
    elif draw < 0.45:
        text += ", all other"
    return text.title() if chance.random() < 0.8 else text


def plural(title: str) -> str:
    """The English plural of a title's last word."""
    if title.endswith("man"):
        return title[:-3] + "men"
    if title.endswith("y") and title[-2:-1] not in "aeiou":
        return title[:-1] + "ies"
    return title + ("es" if title.endswith(("s", "x", "ch", "sh")) else "s")


def of_postings(postings: Iterable[Mapping[str, str]], chance: random.Random) -> list[Pair]:
    """Titles of postings with a stretch of their texts.

    Args:
        postings: each with `id`, `title` and clean `text`.
    """
    pairs = []
    for posting in postings:
        text, title = posting["text"], posting["title"].strip()
        start = chance.randrange(max(1, len(text) - _CONTEXT_CHARS))
        # From the next word on, not from amid one.
        stretch = text[start:].partition(" ")[2][:_CONTEXT_CHARS] if start else text[:_CONTEXT_CHARS]
        if title and len(stretch) > _CONTEXT_CHARS // 4:
            pairs.append(Pair(title, stretch, title.casefold(), title.casefold()))
    return pairs
