"""Linking with vectors that need no model."""

import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from models.esco import linker
from models.esco.lexical import LexicalIndex
from models.esco.linker import ConceptIndex, Linker, Weights, preferred_labels
from models.esco.taxonomy import Concept, Taxonomy
from models.esco.text import surface
from tests.models.esco.conftest import URI, embed

WEIGHTS = Weights(dense=1.0, offset=-4.0, score=5.0, lead=2.0, lexical=0.0, threshold=0.5)


@pytest.fixture
def esco(taxonomy: Taxonomy, monkeypatch: pytest.MonkeyPatch) -> Linker:
    monkeypatch.setattr(linker, "load_weights", lambda _: {"occupations": WEIGHTS, "skills": WEIGHTS})
    return Linker.build(taxonomy, embed, "test")


def first(links: Sequence[Sequence[linker.Link]]) -> list[str | None]:
    return [own[0].concept.uri.removeprefix(URI) if own else None for own in links]


def occupations(esco: Linker, titles: Sequence[str], k: int = 1) -> list[list[linker.Link]]:
    return esco.occupations(titles, embed([surface(title) for title in titles]), k)


def test_titles_in_both_languages_and_as_statistics_write_them(esco: Linker) -> None:
    titles = ["Chief Executives", "Ward Nurses", "Infirmière H/F", "Developers, Web", "PDG", "Développeur web"]
    wanted = ["lead", "nurse", "nurse", "web", "lead", "web"]
    assert first(occupations(esco, titles)) == [f"occupation/{name}" for name in wanted]


def test_nothing_fits(esco: Linker) -> None:
    assert (
        first(occupations(esco, ["competitive salary", "", "\x00 \ud800".encode("utf-8", "replace").decode()]))
        == [None] * 3
    )


def test_skills(esco: Linker) -> None:
    phrases = ["wound care", "python", "diriger une équipe"]
    assert first(esco.skills(phrases, embed(phrases))) == ["skill/wounds", "skill/python", "skill/lead"]


def test_best_first_and_no_later_one_surer(esco: Linker) -> None:
    (links,) = occupations(esco, ["web software developer"], k=4)
    assert len(links) == 4
    sure = [link.confidence for link in links]
    assert all(a >= b for a, b in itertools.pairwise(sure))
    assert all(0 <= value <= 1 for value in sure)
    assert [links[0]] == occupations(esco, ["web software developer"], k=1)[0]


def test_a_link_does_not_hang_on_batch_mates(esco: Linker) -> None:
    titles = [f"{rank} {trade}" for rank in ("Senior", "Junior", "Lead", "") for trade in ("nurse", "clerk", "coder")]
    titles = titles * 3
    alone = [occupations(esco, [title], k=3)[0] for title in titles]
    assert occupations(esco, titles, k=3) == alone


def test_ties_go_to_the_first_uri() -> None:
    same = [Concept(URI + name, "", {"en": ("clerk",)}) for name in ("a", "b", "c")]
    index = ConceptIndex(same, embed(preferred_labels(same)), WEIGHTS)
    (links,) = index.search(["clerk"], embed(["clerk"]), 2)
    assert [link.concept.uri for link in links] == [URI + "a", URI + "b"]


def test_vectors_are_kept_and_made_anew_where_damaged(
    taxonomy: Taxonomy, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(linker, "load_weights", lambda _: {"occupations": WEIGHTS, "skills": WEIGHTS})
    asked: list[int] = []

    def counted(texts: Sequence[str]) -> NDArray[np.float32]:
        asked.append(len(texts))
        return embed(texts)

    built = Linker.build(taxonomy, counted, "a", [tmp_path])
    again = Linker.build(taxonomy, counted, "a", [tmp_path])
    assert asked == [18]
    assert occupations(built, ["web coder"], 3) == occupations(again, ["web coder"], 3)
    Linker.build(taxonomy, counted, "b", [tmp_path])
    assert asked == [18, 18]
    for path in tmp_path.glob("esco-*.npz"):
        path.write_bytes(b"broken")
    Linker.build(taxonomy, counted, "a", [tmp_path])
    assert asked == [18, 18, 18]


def test_lexical_scores_are_cosines() -> None:
    index = LexicalIndex(["ward nurse", "web developer", "nurse"])
    scores = index.scores("Nurses")
    assert scores[2] == pytest.approx(1)
    assert scores[1] == 0
    assert 0 < scores[0] < 1
    # What the label does not say counts against it.
    assert index.scores("zeppelin nurse")[2] < scores[2]
