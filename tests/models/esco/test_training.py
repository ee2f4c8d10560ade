"""Pairs to learn from, and the whole way on a tiny taxonomy: train a few steps, export, tune, evaluate."""

import random
from pathlib import Path

import numpy as np
import pytest

from models.esco import pairs
from models.esco.report import table_lines
from models.esco.taxonomy import Concept, Taxonomy
from models.measuring import mean
from tests.models.esco.conftest import URI, embed

MANY = Concept(URI + "occupation/many", "1111.1", {"en": tuple(f"title number {i}" for i in range(400))})


def test_kept_out_labels_are_never_learned() -> None:
    kept_out = {label for label in MANY.labels["en"][1:] if pairs.held_out(MANY.uri, label)}
    assert 8 < len(kept_out) < 40
    taxonomy = Taxonomy("v", (MANY,), (), {}, {})
    chance = random.Random(0)
    seen = [pairs.epoch(taxonomy, {}, {MANY.uri: "o"}, chance) for _ in range(200)]
    # Only labels as they are: the changed ones ("Number 7s, Title") are made of those.
    texts = {text for own in seen for pair in own for text in (pair.right,)}
    assert len(texts) > 100
    assert not texts & kept_out


def test_titles_as_statistics_say() -> None:
    chance = random.Random(0)
    said = {pairs.as_statistics_say("web developer", [MANY], chance) for _ in range(200)}
    assert {"Web Developers", "Developers, Web", "Web Developers, All Other"} <= said
    assert [pairs.plural(t) for t in ("fireman", "secretary", "boss")] == ["firemen", "secretaries", "bosses"]


@pytest.mark.train
def test_ranks_and_recall() -> None:
    from models.esco.evaluate import recall_at_5  # of the `train` extra
    from models.esco.tune import Query, reciprocal_ranks

    concepts = [Concept(name, "", {"en": (name,)}) for name in "abcdefg"]
    scores = np.array([[7, 6, 5, 4, 3, 2, 1], [1, 1, 0, 0, 0, 0, 0]], np.float32)
    queries = [Query("", frozenset("bg")), Query("", frozenset("a"))]
    assert list(reciprocal_ranks(scores, concepts, queries)) == [0.5, 1 / 1.5]
    assert list(recall_at_5(scores, concepts, queries)) == [0.5, 1.0]


def test_a_mean_with_its_interval() -> None:
    figure = mean([0.0, 1.0] * 50)
    assert figure.value == 0.5
    assert 0.38 < figure.low < 0.45 < 0.55 < figure.high < 0.62


@pytest.mark.train
def test_the_loss_falls_where_pairs_are_alike_and_spares_equals() -> None:
    import torch

    from models.esco.train import loss

    one = torch.eye(3)
    assert loss(one, one, ["a", "b", "c"]) < 0.01 < loss(one, one.flip(0), ["a", "b", "c"])
    same = torch.ones(2, 3) / 3**0.5
    assert loss(same, same, ["a", "a"]) < 1e-3


@pytest.mark.train
def test_trains_and_exports(folder: Path, tmp_path: Path) -> None:
    from models.esco import running
    from models.esco.embedder import TextEmbedder
    from models.esco.export import export
    from models.esco.train import Config, train

    run = train(Config((folder,), tmp_path / "run", steps=2, batch=8, cluster=2))
    target = export(run, tmp_path / "text_embedder", tmp_path / "exact.onnx")
    texts = ["nurse", "infirmière", "web developer"]
    vectors = running.embedding(target)(texts)
    exact = running.of_weights(tmp_path / "exact.onnx", TextEmbedder.load(target))(texts)
    # Seven-bit weights: near the exact vectors, never the same.
    assert (vectors * exact).sum(1).min() > 0.97


@pytest.mark.train
def test_tunes_and_evaluates(taxonomy: Taxonomy, monkeypatch: pytest.MonkeyPatch) -> None:
    from models.esco import evaluate, tune

    monkeypatch.setattr(pairs, "held_out", lambda _, label: label in ("ward nurse", "programmer", "maintain files"))
    monkeypatch.setattr(
        evaluate, "titles", lambda _: [tune.Query("Chief Executives", frozenset([URI + "occupation/lead"]))]
    )
    weights = tune.tune(taxonomy, embed, most=10)
    tables, rates = evaluate.evaluate(taxonomy, embed, weights, None, (taxonomy, embed))
    lines = "\n".join(line for table in tables for line in table_lines(table))
    assert "| occupations, titles as O*NET has them (1) | MRR | RP@5 | first right |" in lines
    assert "| linker | 1.000 [1.000, 1.000] | 1.000 [1.000, 1.000] | 1.000 [1.000, 1.000] |" in lines
    assert rates["skills"] > 0
