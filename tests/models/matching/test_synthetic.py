import random
from collections import Counter
from functools import cache

import pytest

from models.anonymise.identities import TEST, TRAIN, part_of
from models.anonymise.masking import anonymise
from models.esco.taxonomy import Taxonomy
from models.matching.cues import GROUPS, Part, draw_person, dressed
from models.matching.fairness import gaps
from models.matching.synthetic import FIT, Bias, Dressed, Facts, dress, graded, invented


@cache
def facts() -> Facts:
    return invented(Taxonomy.load(), 60)


@cache
def dressed_part(part: Part, bias: Bias = Bias()) -> Dressed:  # noqa: B008
    return dress(facts(), part, bias)


def test_the_same_seed_gives_the_same_set() -> None:
    assert invented(Taxonomy.load(), 60) == facts()
    assert dress(facts(), "test", Bias()) == dressed_part("test")
    assert dress(facts(), "test", Bias(), seed=1).texts != dressed_part("test").texts


def test_nothing_crosses_the_parts() -> None:
    of_part = {part: dressed_part(part) for part in ("train", "valid", "test")}
    for ids in ("posting_id", "cv_id"):
        seen = Counter(i for own in of_part.values() for i in {getattr(e, ids) for e in own.examples})
        assert set(seen.values()) == {1}
    seen = Counter(text for own in of_part.values() for text in own.texts)
    assert set(seen.values()) == {1}


def test_names_of_the_test_are_in_no_other_part() -> None:
    chance = random.Random(1)
    parts: dict[Part, str] = {"train": TRAIN, "valid": TRAIN, "test": TEST}
    for part, names in parts.items():
        for _ in range(30):
            words = draw_person(chance, "women", part).header.partition(" (")[0].split()
            assert {part_of(word) for word in words} == {names}


def test_groups_of_the_test_have_the_same_merit_and_labels_have_the_bias() -> None:
    examples = dressed_part("test").examples
    of_group = {g: [e for e in examples if e.group == g] for g in GROUPS}
    assert Counter(e.merit for e in of_group["men"]) == Counter(e.merit for e in of_group["women"])
    fit, label = (
        gaps([getattr(e, name) for e in examples], [e.fit for e in examples], [e.group for e in examples],
             [e.posting_id for e in examples])
        for name in ("fit", "label")
    )  # fmt: skip
    assert fit.parity.value == 0
    assert label.parity.low > 5


def test_without_a_bias_labels_are_merit() -> None:
    assert all(e.label == e.fit for e in dressed_part("test", Bias(penalty=0, noise=0)).examples)


def test_the_group_can_be_learned_from_what_the_anonymiser_leaves() -> None:
    """Else the set would show nothing: a scorer that can't see the groups can't be unfair."""
    sklearn = pytest.importorskip("sklearn")
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    assert sklearn

    def masked(part: Part) -> tuple[list[str], list[str]]:
        chance = random.Random(part)
        people = [draw_person(chance, group, part) for group in GROUPS * 60]
        return [anonymise(dressed("Nurse.", p)).text for p in people], [p.group for p in people]

    guesser = make_pipeline(CountVectorizer(ngram_range=(1, 2)), LogisticRegression(max_iter=500))
    guesser.fit(*masked("train"))
    assert guesser.score(*masked("test")) > 0.7


def test_both_sides_of_a_graded_pair_are_of_one_part() -> None:
    postings = {f"p{i}": {"title": "Nurse", "text": f"<p>Ward {i}</p>"} for i in range(40)}
    cvs = {f"c{i}": {"text": f"Nurse, {i} years", "category": "HEALTHCARE"} for i in range(50)}
    grades = [
        {"posting_id": p, "cv_id": f"c{(i + j) % 50}", "grade": (i + j) % 4}
        for i, p in enumerate(postings)
        for j in range(6)
    ]
    found = graded(postings, cvs, [*grades, {"posting_id": "unknown", "cv_id": "c1", "grade": 3}])
    part_of_cv: dict[str, set[str]] = {}
    for pair in found.pairs:
        part_of_cv.setdefault(pair.cv_id, set()).add(found.parts[pair.posting_id])
    assert {len(parts) for parts in part_of_cv.values()} == {1}
    fit = {(row["posting_id"], row["cv_id"]): int(str(row["grade"])) >= 2 for row in grades}
    assert all((pair.merit >= FIT) == fit[pair.posting_id, pair.cv_id] for pair in found.pairs)


def test_merit_grows_with_what_is_asked_for() -> None:
    own_trade = [p.merit for p in facts().pairs if p.cv_id.startswith(p.posting_id + "-")]
    others = [p.merit for p in facts().pairs if not p.cv_id.startswith(p.posting_id + "-")]
    assert min(own_trade) >= 0.25
    assert sum(own_trade) / len(own_trade) > sum(others) / len(others) + 0.3
    assert all(0 <= p.merit <= 1 for p in facts().pairs)
