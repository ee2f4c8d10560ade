"""Refinements to offer next, the most useful first.

What kind of refinement helps is the student's to say; which skill, field of work or benefit, is told by how often each
was offered or asked for together with the words of the query's titles, skills and fields (counts alone are kept).
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from models.queries.decoding import Floats
from models.queries.labels import FACETS, TYPES, slices
from models.queries.text import key
from topics.queries import Criterion, Facet

MOST = 4
_ASKING = ("title", "skill", "industry")
# The prior weighs as much as so many sightings of a word.
_PRIOR = 1.0
_STEM = 5
_WITHIN = slices()
_CLOSED = {name for name, _ in FACETS}

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Cooccurrence:
    """How often facets came with the words of queries.

    Attributes:
        by_word: of each word's stem and each type its values with their counts.
        overall: of each type its values with their counts, the commonest first.
    """

    by_word: Mapping[str, Mapping[str, Mapping[str, int]]]
    overall: Mapping[str, Mapping[str, int]]

    @classmethod
    def load(cls, path: Path) -> "Cooccurrence":
        """Reads what :meth:`save` wrote.

        Raises:
            OSError, ValueError, TypeError: no such file.
        """
        return cls(**json.loads(path.read_text("utf-8")))

    def save(self, path: Path) -> None:
        """Writes the counts as JSON."""
        data = {"by_word": self.by_word, "overall": self.overall}
        path.write_text(json.dumps(data, ensure_ascii=False, separators=(",", ":")) + "\n", "utf-8")

    def best(self, words: Iterable[str], name: str) -> tuple[float, str] | None:
        """The value of this type that came most often among such words, with its share; None where none is known."""
        overall = self.overall.get(name)
        if not overall:
            return None
        total = sum(overall.values())
        seen: Counter[str] = Counter()
        for word in words:
            seen.update(self.by_word.get(word, {}).get(name, {}))
        weight = _PRIOR + seen.total()
        candidates = {*seen, next(iter(overall))}
        shares = ((_PRIOR * overall[value] / total + seen[value], value) for value in candidates)
        share, value = max(shares, key=lambda item: (item[0], item[1]))
        return share / weight, value


def count(rows: Iterable[tuple[Iterable[str], Iterable[Pair]]]) -> Cooccurrence:
    """Counts from (names of titles, skills and fields; facets) of queries."""
    overall: dict[str, Counter[str]] = {}
    by_word: dict[str, dict[str, Counter[str]]] = {}
    for names, pairs in rows:
        words = sorted(stems(names))
        for name, value in pairs:
            overall.setdefault(name, Counter())[value] += 1
            for word in words:
                by_word.setdefault(word, {}).setdefault(name, Counter())[value] += 1
    ranked = {name: dict(sorted(own.items(), key=lambda item: (-item[1], item[0]))) for name, own in overall.items()}
    return Cooccurrence(by_word, ranked)


def stems(names: Iterable[str]) -> set[str]:
    """The words that tell what a query is about, without their endings."""
    return {word[:_STEM] for name in names for word in key(name).split() if len(word) > 2}


def rank(query_probs: Floats, criteria: Sequence[Criterion], known: Cooccurrence) -> tuple[Facet, ...]:
    """At most :data:`MOST` facets, of types that the query leaves open; none where it names no field of work.

    Args:
        query_probs: `(WHOLE_CLASSES,)`.
    """
    asking = [one.value for one in criteria if one.type in _ASKING and not one.negated]
    if not asking:
        return ()
    fixed = {one.type for one in criteria if not one.negated}
    excluded = {(one.type, one.value) for one in criteria}
    types = query_probs[_WITHIN["facet_types"]].tolist()
    sure = query_probs[_WITHIN["facets"]].tolist()
    found: list[tuple[float, Pair]] = [
        (own, pair) for own, pair in zip(sure, FACETS, strict=True) if pair[0] not in fixed and pair not in excluded
    ]
    words = stems(asking)
    for own, name in zip(types, TYPES, strict=True):
        if name not in fixed and name not in _CLOSED and (likeliest := known.best(words, name)):
            share, value = likeliest
            if (name, value) not in excluded:
                found.append((own * share, (name, value)))
    best: dict[str, tuple[float, Pair]] = {}
    for own, pair in sorted(found, key=lambda item: (-item[0], item[1])):
        best.setdefault(pair[0], (own, pair))
        if len(best) == MOST:
            break
    return tuple(Facet(type=n, value=v, confidence=round(min(1.0, own), 4)) for own, (n, v) in best.values())
