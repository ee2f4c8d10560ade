"""What is compared of a pair, and what the scorer makes of it."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.matching.facets import ALL, BY_FACET, CvSide, PostingSide, compared, stated
from models.matching.scorer import WEIGHTS, Scorer, shipped
from tests.models.matching.documents import cv, named, posting
from tests.support.features import feature
from topics.cvs import CvFeatures
from topics.postings import PostingFeatures


def numbers(one: PostingFeatures, other: CvFeatures) -> dict[str, float]:
    return dict(zip(ALL, compared(PostingSide(one), CvSide(other)).tolist(), strict=True))


def degree(level: str) -> dict[str, Any]:
    return feature({"level": level, "field": None, "span": "x"})


def test_vectors_are_compared_part_by_part() -> None:
    found = numbers(posting(degrees=0), cv(degrees=60))
    assert [round(found[name], 2) for name in ("cosine", "titles", "skills")] == [0.5, 0.5, 0.5]


def test_years_and_degrees_asked_for_and_had() -> None:
    asks = posting(experience_years_min=5.0, education_level="master")
    found = numbers(asks, cv(experience_years=2.0, education=[degree("secondary"), degree("bachelor")]))
    assert (found["years_short"], found["years_over"]) == (0.5, 0.0)
    assert (found["degree_short"], found["degree_had"]) == (1.0, 2.0)
    assert numbers(asks, cv(experience_years=23.0, education=[degree("doctorate")]))["years_over"] == 1.0


def test_a_level_of_experience_stands_for_years_where_none_are_stated() -> None:
    assert PostingSide(posting(experience_level="senior")).years == 5.0
    assert PostingSide(posting(experience_level="senior", experience_years_min=3.0)).years == 3.0
    assert PostingSide(posting()).years is None


def test_skills_by_concept_and_by_spelling() -> None:
    asks = posting(skills=["a", "b"]).model_copy(update={"skills": posting().skills})
    asks = PostingFeatures.model_validate(asks.model_dump() | {"skills": named("Python 3", "Welding")})
    has = CvFeatures.model_validate(cv(skills=["b", "c"]).model_dump() | {"skills": named("python 3", "Baking")})
    found = numbers(asks, has)
    assert (found["shared_skills"], found["spelled_skills"]) == (0.5, 0.5)


def test_ranks_over_and_under() -> None:
    assert numbers(posting(seniority="senior"), cv(seniority="entry"))["rank_under"] == 2.0
    assert numbers(posting(seniority="entry"), cv(seniority="manager"))["rank_over"] == 3.0


@pytest.mark.parametrize(
    ("left", "right", "share"), [("2654.1.7", "2654.3", 1.0), ("2654", "2611", 0.5), ("2", "7", 0)]
)
def test_occupations_by_the_digits_of_their_group(left: str, right: str, share: float) -> None:
    def occupation(code: str) -> dict[str, Any]:
        return {"uri": "http://data.europa.eu/esco/occupation/x", "label": "x", "code": code}

    found = numbers(posting(esco_occupation=occupation(left)), cv(esco_occupation=occupation(right)))
    assert (found["isco"], found["both_isco"]) == (share, 1.0)


def test_a_facet_of_which_a_side_says_nothing_has_no_score() -> None:
    bare = posting().model_copy(update={"titles_embedding": None})
    assert stated(PostingSide(bare), CvSide(cv())) == {
        "title": False, "skills": True, "experience": False, "education": False, "domain": True,
    }  # fmt: skip
    (scored,) = shipped().score(bare, [cv()])
    assert scored.facets["title"] is None
    assert scored.facets["skills"] is not None


def test_nothing_known_is_scored_and_unlikely() -> None:
    bare = cv().model_copy(update={"embedding": None, "titles_embedding": None, "skills_embedding": None})
    (scored,) = shipped().score(posting(), [bare])
    assert 0.0 < scored.score < 0.5


def test_the_nearer_the_likelier_in_all_facets() -> None:
    asks = posting(experience_years_min=2.0, education_level="bachelor")
    near, far = shipped().score(asks, [cv(degrees=20), cv(degrees=80)])
    assert near.score > far.score
    assert all(near.facets[name] > far.facets[name] for name in BY_FACET)  # type: ignore[operator]


def test_too_few_years_cost_something() -> None:
    asks = posting(experience_years_min=10.0)
    enough, few = shipped().score(asks, [cv(degrees=45, experience_years=11.0), cv(degrees=45, experience_years=1.0)])
    assert enough.score > few.score
    assert enough.facets["experience"] > few.facets["experience"]  # type: ignore[operator]


def test_a_pairs_score_hangs_on_the_pair_alone() -> None:
    cvs = [cv(f"c{i}", degrees=7.0 * i, experience_years=float(i)) for i in range(12)]
    together = shipped().score(posting(), cvs)
    assert [shipped().score(posting(), [own])[0] for own in cvs] == together
    assert shipped().score(posting(), []) == []


def test_weights_that_are_none_are_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.json").write_text("{}")
    with pytest.raises(ValueError, match="no file of a scorer's weights"):
        Scorer.load(tmp_path / "empty.json")
    content = json.loads(WEIGHTS.read_text())
    content["whole"]["weights"]["shoe size"] = 1.0
    (tmp_path / "other.json").write_text(json.dumps(content))
    with pytest.raises(ValueError, match="shoe size"):
        Scorer.load(tmp_path / "other.json")


def test_probabilities_of_extreme_numbers_are_finite() -> None:
    whole, facets = shipped().probabilities(np.full((1, len(ALL)), 1e6))
    assert np.isfinite(whole).all()
    assert all(np.isfinite(own).all() for own in facets.values())
