from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from tests.support.features import cv, item, posting, vector
from topics.cvs import CvFeatures
from topics.matches import Facet
from topics.postings import PostingFeatures
from workers.matching import ranking
from workers.matching.items import Item, Side, Unpacked, read, subject
from workers.matching.ranking import Ranker

SCORES = {"a": 0.9, "a-twin": 0.9, "b": 0.8, "c": 0.35}


@dataclass(frozen=True)
class Scored:
    score: float
    facets: dict[Facet, float | None] = field(default_factory=lambda: {"title": 1.0000001, "skills": None})


class GivenScores:
    digest = "given"

    def score(self, posting: PostingFeatures, cvs: Sequence[CvFeatures]) -> list[Scored]:
        return [Scored(SCORES[cv.id] + 1e-9) for cv in cvs]


def people() -> list[Item]:
    seeds = {"a": 1, "a-twin": 1, "b": 2, "c": 3}
    return [item(Side.cv, cv(own, vector(seed), source_version=seed), seed) for own, seed in seeds.items()]


def ranker(diversity: float, top: int = 10) -> Ranker:
    return Ranker(GivenScores(), top, 0.5, diversity, Unpacked())


def picked(diversity: float, top: int = 10) -> list[str]:
    return [pick.id for pick in ranker(diversity, top).pick(people(), SCORES)]


def test_without_diversity_the_score_ranks_and_the_threshold_cuts() -> None:
    assert picked(0.0) == ["a", "a-twin", "b"]
    assert picked(0.0, top=1) == ["a"]


def test_with_diversity_a_twin_makes_room() -> None:
    assert picked(0.3) == ["a", "b", "a-twin"]
    assert picked(0.3, top=2) == ["a", "b"]


def test_the_order_of_the_candidates_does_not_matter() -> None:
    one = ranker(0.3)
    assert one.pick(people()[::-1], SCORES) == one.pick(people(), SCORES)


def test_a_list_says_what_it_is_made_of() -> None:
    own = item(Side.posting, posting("p", vector(1), market="fr", source_version=7))
    found = ranker(0.0).list_of(own, people()[:2])
    assert (found.subject, found.market, found.source_version) == ("posting:p", "fr", 7)
    assert [(match.id, match.score) for match in found.matches] == [("a", 0.9), ("a-twin", 0.9)]
    assert [match.source_version for match in found.matches] == [1, 1]
    assert (found.matches[0].facets.title, found.matches[0].facets.skills) == (1.0, None)
    assert found.lineage.models == {"match_scorer": "given"}
    of_cv = ranker(0.0).list_of(people()[2], [own])
    assert (of_cv.subject, of_cv.matches[0].id, of_cv.matches[0].score) == ("cv:b", "p", 0.8)


def test_a_pair_that_cannot_be_explained_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    explained = ranking.explained

    def broken(posting: PostingFeatures, cv: CvFeatures, scored: Any, of: Any) -> Any:
        if cv.id == "a":
            raise ValueError("of our own making")
        return explained(posting, cv, scored, of)

    monkeypatch.setattr(ranking, "explained", broken)
    found = ranker(0.0).list_of(item(Side.posting, posting("p", vector(1))), people()[:3])
    assert [match.id for match in found.matches] == ["a-twin", "b"]


def test_who_has_no_vector_has_an_empty_list_that_says_so() -> None:
    own = item(Side.cv, cv("c", None, degraded=["unsupported_language"]))
    found = ranker(0.0).list_of(own, [])
    assert (found.matches, found.degraded) == ((), ("unsupported_language", "no_embedding"))


def test_an_item_gives_its_features_back() -> None:
    value = cv("c", vector(5), ["weld"], market="fr", experience_years=4.0)
    own = item(Side.cv, value, 3)
    assert subject(own.key) == "cv:c"
    features, before = Unpacked().cv(own), CvFeatures.model_validate_json(value)
    assert features == before.model_copy(update={"text": None})
    assert own.numbers().dtype == np.float16


def test_filters_that_are_off_compare_nothing() -> None:
    from tests.support.features import record

    english = posting("p", vector(1), language="en", work_arrangement="remote")
    french = cv("c", vector(1), language="fr", work_arrangements=["onsite"])
    for filters, fits in ((("language",), False), (("work_arrangement",), False), ((), True)):
        one = read(Side.posting, record(Side.posting, english), filters)  # type: ignore[arg-type]
        other = read(Side.cv, record(Side.cv, french), filters)  # type: ignore[arg-type]
        assert one.matches(other) is fits


@pytest.mark.parametrize("broken", [b"{}", b"not json", posting("another", vector(1))])
def test_what_is_no_features_event_is_refused(broken: bytes) -> None:
    from workers.delivery import Record

    with pytest.raises(ValueError, match=r"validation error|not the record's key"):
        read(Side.posting, Record(Side.posting.source.name, 0, 0, b"p", broken, (), 0), ())
