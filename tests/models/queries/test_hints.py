"""Known names and forms nudge the tagger; what misleads is left out."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from models.queries import hints, words
from models.queries.hints import Hints
from models.queries.labels import TAGS, TYPES, first
from models.queries.lexicon import Lexicon
from models.queries.places import Places

KNOWN = {
    "leeds": ("location",),
    "greenville": ("location",),
    "data analyst": ("title",),
    "analyst": ("title",),
    "night": ("schedule",),
}
WEIGHTS: dict[str, float] = dict.fromkeys(map(str, TYPES), 2.0)


def nudged(text: str, weights: dict[str, float] = WEIGHTS) -> NDArray[np.float64]:
    spans = words.spans(text)
    logs = np.zeros((len(spans), len(TAGS)))
    Hints(KNOWN, weights).nudge(text, spans, logs)
    return logs


def told(text: str) -> list[tuple[str, str]]:
    """Spans that only the hints make."""
    logs = nudged(text)
    logs[:, 0] += 1.0
    parts = words.spans(text)
    found = []
    for index, tag in enumerate(logs.argmax(1).tolist()):
        if tag % 2:
            last = index
            while last + 1 < len(parts) and logs[last + 1].argmax() == tag + 1:
                last += 1
            found.append((TYPES[(tag - 1) // 2], text[parts[index][0] : parts[last][1]]))
    return found


@pytest.mark.parametrize(
    ("text", "spans"),
    [
        ("Data-Analyst in Leeds", [("title", "Data-Analyst"), ("location", "Leeds")]),
        ("leeds greenville", [("location", "leeds"), ("location", "greenville")]),
        ("greenville sc", [("location", "greenville sc")]),
        ("analyst, £15 an hour or more", [("title", "analyst"), ("salary", "£15 an hour or more")]),
        ("35k to 42k", [("salary", "35k to 42k")]),
        ("au moins 1900 net", [("salary", "au moins 1900 net")]),
        ("3+ years experience", [("experience_years", "3+ years experience")]),
        ("2 à 4 ans d'expérience", [("experience_years", "2 à 4 ans d'expérience")]),
        ("sans diplôme", [("education", "sans diplôme")]),
        ("last 3 days", [("date_posted", "last 3 days")]),
        ("100% remote, 12 hours", []),
        ("", []),
    ],
)
def test_names_and_forms(text: str, spans: list[tuple[str, str]]) -> None:
    assert told(text) == spans


def test_a_name_within_a_longer_one_says_nothing() -> None:
    logs = nudged("data analyst")
    assert logs[1, first("title")] == 0
    assert logs[0, first("title")] == logs[1, first("title") + 1] == 2.0


def test_without_weight_nothing_changes() -> None:
    assert not nudged("data analyst leeds 40k", dict.fromkeys(WEIGHTS, 0.0)).any()


def test_what_labels_contradict_is_left_out(tmp_path: Path) -> None:
    lexicon, places = Lexicon.load(None), Places.load()
    assert "reading" in places.names
    queries = [
        ("reading aloud to kids", [("skill", "reading aloud")]),
        ("reading books zorbing", [("skill", "zorbing")]),
        ("cook in Leeds", [("title", "cook"), ("location", "Leeds")]),
    ]
    hints.save_known(tmp_path / "hints.json", queries, lexicon, places)
    known = hints.load_known(tmp_path / "hints.json", lexicon, places)
    assert "location" not in known.get("reading", ())
    assert known["zorbing"] == ("skill",)
    assert known["leeds"] == ("location",)
