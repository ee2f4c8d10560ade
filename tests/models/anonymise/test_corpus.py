"""The invented CVs, the evaluation's arithmetic, the hand-written cases."""

import random

import pytest

from models.anonymise import cases
from models.anonymise.corpus import document
from models.anonymise.evaluate import covered, find
from models.anonymise.identities import TEST, TRAIN, draw_name, part_of
from models.anonymise.kinds import Found
from models.anonymise.report import ratio


@pytest.mark.parametrize("language", ["en", "fr"])
def test_spans_lie_where_their_values_are(language: str) -> None:
    doc = document("a seed", TRAIN, language, [])
    assert doc == document("a seed", TRAIN, language, [])
    assert doc.spans == tuple(sorted(doc.spans))
    assert all(doc.text[start:end].strip() for start, end, _ in doc.spans)
    other = document("a seed", TRAIN, language, [], "another person")
    assert [span.kind for span in other.spans] == [span.kind for span in doc.spans]


def test_names_of_the_test_are_not_those_of_training() -> None:
    rng = random.Random(0)
    for part in (TRAIN, TEST):
        name = draw_name(rng, part, True)
        assert part_of(name.first.replace(".", "").split()[0].split("-")[0]) == part


def test_a_value_counts_as_found_when_all_of_it_is_masked() -> None:
    gold = Found(0, 10, "name")
    assert covered("John Smith", gold, [Found(0, 4, "name"), Found(5, 10, "address")])
    assert not covered("John Smith", gold, [Found(0, 9, "name")])


def test_a_share_comes_with_interval_and_counts() -> None:
    assert ratio([(1, 2), (1, 1)]).startswith("0.6667 [0.5000, 1.0000] (2/3)")
    assert ratio([(0, 0)]) == "none"


def test_hand_written_cases() -> None:
    scores = cases.score(find)
    for kinds in scores.values():
        gold = sum(score.gold for score in kinds.values())
        assert sum(score.found for score in kinds.values()) >= 0.9 * gold
        assert kinds["stay"].kept >= 0.9 * kinds["stay"].stay
