"""Adapter, scorer, reranker and evaluation, on small invented pairs."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from models.matching.data import Grade, Pairs, is_test
from models.matching.facets import ALL, BY_FACET
from tests.models.matching.documents import WIDE, cv, posting

torch = pytest.importorskip("torch")
pytest.importorskip("sklearn")
from models.matching import ablate, baselines, evaluate, fit, sample, train, train_reranker  # noqa: E402
from models.matching.embedded import PartVectors, keeping  # noqa: E402
from models.matching.scorer import Scorer  # noqa: E402

pytestmark = pytest.mark.train
POSTINGS, CVS = 16, 8


def grades() -> list[Grade]:
    """Of each posting's CVs the first ones fit best."""
    return [
        Grade(f"p{i}", f"c{i}-{j}", 3 - j * 4 // CVS, dict.fromkeys(BY_FACET, 3 - j * 4 // CVS))
        for i in range(POSTINGS)
        for j in range(CVS)
    ]


def told() -> list[Grade]:
    """In the files' order."""
    return sorted(grades(), key=lambda own: (own.posting_id, own.cv_id))


def pairs() -> Pairs:
    """Vectors that are the farther the worse the grade; texts alike."""
    own = told()
    words = {3: "bakes bread and pastry", 2: "bakes bread", 1: "sells bread", 0: "drives trucks"}
    postings = {
        name: posting(name).model_copy(update={"text": "Baker\nbakes bread and pastry"})
        for name in {grade.posting_id for grade in own}
    }
    cvs = {
        grade.cv_id: cv(grade.cv_id, 30.0 * (3 - grade.grade)).model_copy(update={"text": words[grade.grade]})
        for grade in own
    }
    return Pairs(own, postings, cvs)


def write(folder: Path) -> list[str]:
    """Files, and the arguments that name them."""
    own = pairs()
    rows = [
        {"posting_id": g.posting_id, "cv_id": g.cv_id, "grade": g.grade, "facets": dict(g.facets)} for g in own.grades
    ]
    lines = {
        "grades": [json.dumps(row) for row in rows],
        "postings": [features.model_dump_json() for features in own.postings.values()],
        "cvs": [features.model_dump_json() for features in own.cvs.values()],
    }
    for name, content in lines.items():
        (folder / f"{name}.jsonl").write_text("\n".join(content))
    return [word for name in lines for word in (f"--{name}", str(folder / f"{name}.jsonl"))]


def noisy() -> PartVectors:
    """One number tells the fits, eight that tell nothing outweigh it."""
    chance = np.random.default_rng(0)
    labels = {own.cv_id: own.grade for own in grades()}

    def vector(fit: float) -> NDArray[np.float32]:
        row = np.zeros((3, WIDE), np.float32)
        row[:, 0], row[:, 1:9] = fit, chance.standard_normal(8)
        return np.asarray(row / np.linalg.norm(row, axis=1, keepdims=True), np.float32)

    ids = dict.fromkeys(own.posting_id for own in grades())
    return PartVectors({own: vector(1.0) for own in ids}, {own: vector(grade / 2) for own, grade in labels.items()})


def order(found: Sequence[float] | NDArray[np.float64], own: list[Grade]) -> float:
    """Correlation of scores with grades."""
    return float(np.corrcoef(np.asarray(found), [grade.grade for grade in own])[0, 1])


@pytest.mark.parametrize("loss", list(train.LOSSES))
def test_each_loss_teaches_the_adapter_what_tells_fits_apart(loss: str) -> None:
    vectors, own = noisy(), grades()
    config = train.Config({loss: 1.0}, rank=8, rate=1e-2, epochs=15)
    before = order(train.out_of_fold(own, vectors, train.Config({loss: 1.0}, epochs=0)), own)
    # Of postings that it has not seen.
    assert order(train.out_of_fold(own, vectors, config), own) > before + 0.1


def test_the_network_and_what_serves_it_agree() -> None:
    vectors, own = noisy(), grades()
    network = train.fit(own, vectors, train.Config({"classifier": 1.0}, rank=4, rate=1e-2, epochs=2))
    rows = vectors.cvs[own[0].cv_id]
    served = network.adapter().combined(list(rows))
    assert served is not None
    expected = network(torch.tensor(rows[None]))[0].detach().numpy()
    np.testing.assert_allclose(served, expected, atol=1e-5)


def test_the_scorer_is_calibrated_to_what_it_was_fitted_to(tmp_path: Path) -> None:
    arguments = write(tmp_path)
    own = [grade for grade in told() if not is_test(grade.posting_id)]
    cosine = pairs().part_of(test=False).numbers[:, ALL.index("cosine")]
    rows = [[grade.posting_id, grade.cv_id, float(value)] for grade, value in zip(own, cosine, strict=True)]
    (tmp_path / "cosines.json").write_text(json.dumps({"cosines": rows}))
    fit.main([*arguments, "--cosines", str(tmp_path / "cosines.json"), "--out", str(tmp_path / "scorer.json")])
    scorer = Scorer.load(tmp_path / "scorer.json")
    test = pairs().part_of(test=True)
    found, facets = scorer.probabilities(test.numbers)
    assert order(found, list(test.grades)) > 0.8
    assert abs(found.mean() - 0.5) < 0.1
    assert all(order(own, list(test.grades)) > 0.8 for own in facets.values())
    assert json.loads((tmp_path / "scorer.json").read_text())["training"]["pairs"] == len(own)


def test_rerankers_read_both_sides(tmp_path: Path) -> None:
    arguments = write(tmp_path)
    train_reranker.main([*arguments, "--losses", "lambda", "--scores", str(tmp_path / "scores.json")])
    rows = json.loads((tmp_path / "scores.json").read_text())["lambda"]
    scores = {(posting_id, cv_id): score for posting_id, cv_id, score in rows}
    test = [own for own in told() if is_test(own.posting_id)]
    assert order([scores[own.posting_id, own.cv_id] for own in test], test) > 0.5


def test_words_rank_by_what_both_sides_say() -> None:
    own = pairs()
    for means in (baselines.bm25, baselines.tfidf):
        found = means(own)
        best = [score for score, grade in zip(found, own.grades, strict=True) if grade.grade == 3]
        worst = [score for score, grade in zip(found, own.grades, strict=True) if grade.grade == 0]
        assert min(best) > max(worst)


def test_the_variants_say_what_their_names_promise() -> None:
    has = cv(skills=["bread"], experience_years=3.0)
    assert baselines.raw(has) == has.text
    assert baselines.structured(has) == "cook. ."
    assert baselines.standardised(has) == "Works as cook. Has 3 years of experience. Skills: bread."
    assert baselines.standardised(posting(skills=["bread"])) == "Seeks Cook wanted in a kitchen. Skills: bread."


def test_no_text_is_embedded_twice(tmp_path: Path) -> None:
    asked: list[list[str]] = []

    def embed(texts: Sequence[str]) -> NDArray[np.float32]:
        asked.append(list(texts))
        return np.array([[len(text)] for text in texts], np.float32)

    assert keeping(embed, tmp_path / "v.npz")(["a", "bb"]).tolist() == [[1], [2]]
    assert keeping(embed, tmp_path / "v.npz")(["bb", "ccc"]).tolist() == [[2], [3]]
    assert asked == [["a", "bb"], ["ccc"]]


def test_evaluation_prints_each_means_and_the_steps_between(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = write(tmp_path)
    rows = [[own.posting_id, own.cv_id, float(own.grade)] for own in told()]
    (tmp_path / "rerankers.json").write_text(json.dumps({"perfect": rows}))
    kept = ["--vectors", str(tmp_path / "v.npz")]
    ablate.main([*arguments, *kept, "--scores", str(tmp_path / "ablation.json")])
    evaluate.main(
        [
            *arguments, *kept, "--no-e5", "--scores", str(tmp_path / "ablation.json"),
            "--rerankers", str(tmp_path / "rerankers.json"),
        ]
    )  # fmt: skip
    printed = capsys.readouterr().out
    (perfect,) = (line for line in printed.splitlines() if line.startswith("| cross-encoder, perfect, alone |"))
    assert perfect.count("100.0 [100.0, 100.0]") == 5  # all but ERR, which no ranking brings to 1
    for name in ("BM25", "TF-IDF", "MiniLM, raw", "+ facets", "adapter, triplet loss", "published"):
        assert name in printed
    assert "P ≥ .5 for" in printed


def test_those_documents_are_written_that_are_graded(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "pool.jsonl").write_text("\n".join(json.dumps({"id": own}) for own in ("p0", "p1", "other")))
    (tmp_path / "people.jsonl").write_text(json.dumps({"cv_id": "c0-0"}) + "\n" + json.dumps({"cv_id": "x"}))
    sample.main(
        ["--grades", str(tmp_path / "grades.jsonl"), "--postings", str(tmp_path / "pool.jsonl"),
         "--cvs", str(tmp_path / "people.jsonl"), "--out", str(tmp_path / "out")]
    )  # fmt: skip
    assert (tmp_path / "out" / "postings.jsonl").read_text().count("\n") == 2
    assert json.loads((tmp_path / "out" / "cvs.jsonl").read_text()) == {"cv_id": "c0-0"}
