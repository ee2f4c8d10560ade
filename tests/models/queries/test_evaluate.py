"""Two annotators and the student on the same queries."""

from typing import Any

import pytest

from tests.models.queries.test_data import criterion, row
from topics.fields import Feature
from topics.queries import Criterion, QueryReading

pytestmark = pytest.mark.train

QUERY = "nurse in Leeds, no nights"


def labelled(*names: str, negated: bool = True) -> dict[str, Any]:
    own = {
        "title": criterion(QUERY, "title", "nurse", "nurse"),
        "location": criterion(QUERY, "location", "Leeds", "Leeds"),
        "schedule": criterion(QUERY, "schedule", "nights", "nights", negated),
    }
    return row(QUERY, id="q-1", criteria=[own[name] for name in names])


def test_agreement_counts_only_what_both_annotated() -> None:
    from models.queries.evaluate import agreement  # of the `train` extra

    sure = Feature[str](value="", confidence=1.0)
    found = tuple(Criterion(**own, confidence=0.9) for own in labelled("title")["criteria"])
    reading = QueryReading(
        language=sure,
        intent=Feature(value="criteria", confidence=1.0),
        criteria=found,
        rewrite=sure,
        missing=(),
        facets=(),
        stale_profile=False,
    )
    test = [labelled("title", "location", "schedule"), row("welder", id="q-2")]
    lines = agreement(test, [reading, reading], [labelled("title", "schedule", negated=False)])
    assert lines[0].startswith("| the 1 of them labelled twice")
    cells = {line.split("|")[1].strip(): [c.split()[0] for c in line.split("|")[2:-1]] for line in lines[2:4]}
    # Two of three spans found, one of the two negations right; the student found one.
    assert cells["a second annotator"] == ["1.000", "0.800", "0.500", "1.000"]
    assert cells["**this student**"] == ["1.000", "0.500", "1.000", "1.000"]
