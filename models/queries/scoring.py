"""What is right in a reading, query by query, so that figures can be resampled by query."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.measuring import SAMPLES, Figure
from models.queries import data
from models.queries.labels import FIELDS
from models.queries.text import key, plain
from topics.queries import Criterion, QueryReading

Row = Mapping[str, Any]
Counts = NDArray[np.float64]
_STEM = 5


def ratio(counts: Counts) -> float:
    """First column over the second, summed over the queries."""
    return float(counts[:, 0].sum() / max(1e-9, counts[:, 1].sum()))


def f1(counts: Counts) -> float:
    """Of right, said and wanted."""
    right, said, wanted = counts.sum(0)
    return float(2 * right / max(1e-9, said + wanted))


def figure(rows: Sequence[Sequence[float]], metric: Callable[[Counts], float] = ratio) -> Figure:
    """A metric of per-query counts with its 95 % interval over resampled queries; the same counts give the same one."""
    if not rows:
        return Figure(float("nan"), float("nan"), float("nan"))
    counts = np.asarray(rows, np.float64)
    generator = np.random.default_rng(0)
    values = [metric(counts[generator.integers(0, len(counts), len(counts))]) for _ in range(SAMPLES)]
    low, high = np.percentile(values, [2.5, 97.5])
    return Figure(metric(counts), float(low), float(high))


def matched(row: Row, criteria: Sequence[Criterion]) -> list[tuple[Row, Criterion]]:
    """Labelled criteria with those read of the same type and span."""
    read = {(one.type, one.start, one.end): one for one in criteria}
    pairs = ((own, read.get((own["type"], own["start"], own["end"]))) for own in row["criteria"])
    return [(own, one) for own, one in pairs if one is not None]


def spans(row: Row, criteria: Sequence[Criterion], name: str | None = None) -> tuple[int, int, int]:
    """Right, said and wanted spans, of one type or of all."""
    right = sum(name is None or own["type"] == name for own, _ in matched(row, criteria))
    said = sum(name is None or one.type == name for one in criteria)
    return right, said, sum(name is None or own["type"] == name for own in row["criteria"])


def negation(row: Row, criteria: Sequence[Criterion]) -> tuple[int, int]:
    """Of the spans that are right, those whose negation is."""
    pairs = matched(row, criteria)
    return sum(own["negated"] == one.negated for own, one in pairs), len(pairs)


def excluded(row: Row, criteria: Sequence[Criterion]) -> tuple[int, int, int]:
    """Right, said and wanted negations among the spans that are right."""
    pairs = matched(row, criteria)
    right = sum(own["negated"] and one.negated for own, one in pairs)
    return right, sum(one.negated for _, one in pairs), sum(own["negated"] for own, _ in pairs)


def values(row: Row, criteria: Sequence[Criterion], names: frozenset[str] | None = None) -> tuple[int, int]:
    """Of the spans that are right, those whose value is, case aside."""
    pairs = [(own, one) for own, one in matched(row, criteria) if names is None or one.type in names]
    return sum(own["value"].casefold() == one.value.casefold() for own, one in pairs), len(pairs)


def keeps(row: Row, reading: QueryReading) -> tuple[int, int]:
    """Of the labelled criteria, those that the rewrite keeps: by most of the words of value or span, or its numbers."""
    text = f" {key(reading.rewrite.value)} {_digits(reading.rewrite.value)} "
    return sum(_kept(own, text) for own in row["criteria"]), len(row["criteria"])


def _kept(own: Row, text: str) -> bool:
    forms = [own["value"].replace("_", " "), own["span"]]
    if own["type"] in ("salary", "experience_years", "date_posted"):
        numbers = re.findall(r"\d+", own["value"])
        return all(number in text for number in numbers)
    if own["type"] == "education" and own["value"] == "none":
        forms.append("no degree required")
    return any(_shared(form, text) for form in forms)


def _shared(form: str, text: str) -> bool:
    stems = [word[:_STEM] for word in key(form).split() if len(word) > 1] or key(form).split()
    return bool(stems) and sum(f" {stem}" in text for stem in stems) * 2 >= len(stems)


def _digits(text: str) -> str:
    return " ".join(re.findall(r"\d+", plain(text).replace(",", "")))


def draws(row: Row, reading: QueryReading) -> tuple[int, int]:
    """Of the profile's fields of which the label tells whether they are used, those that the reading has right."""
    known = [(name, own) for name, own in zip(FIELDS, data.needs(row), strict=True) if own is not None]
    return sum((name in reading.profile_fields) == own for name, own in known), len(known)


def facets(row: Row, offered: Sequence[tuple[str, str]], whole: bool) -> tuple[int, int, int]:
    """Right, said and wanted facets; types alone unless `whole`."""
    wanted = [(f["type"], f["value"].casefold()) for f in row["facets"]]
    said = [(name, value.casefold()) for name, value in offered]
    if not whole:
        return _overlap([name for name, _ in wanted], [name for name, _ in said])
    return _overlap(wanted, said)


def _overlap(wanted: Sequence[Any], said: Sequence[Any]) -> tuple[int, int, int]:
    left = list(wanted)
    right = 0
    for one in said:
        if one in left:
            left.remove(one)
            right += 1
    return right, len(said), len(wanted)
