"""Standardising: what is embedded, and what of it is published."""

from collections.abc import Sequence

import numpy as np
import pytest

from models.esco.embedder import DIMENSION, TextEmbedder
from models.esco.linker import Link, Linker
from models.esco.taxonomy import Concept
from topics.fields import Evidence, Feature
from workers import esco
from workers.errors import FatalError
from workers.esco import Standardiser, Wanted
from workers.inference import Inference, ServedModel

BAKER = Concept("http://data.europa.eu/esco/occupation/b", "7512.1", {"en": ("baker",), "fr": ("boulanger",)})
DOUGH = Concept("http://data.europa.eu/esco/skill/d", "", {"en": ("make dough",)})


class Embedder(TextEmbedder):
    """Remembers what it was asked."""

    asked: list[str] = []  # noqa: RUF012

    def __init__(self) -> None:
        pass

    def tokenize(self, texts: Sequence[str]) -> list[list[int]]:
        self.asked[:] = texts
        return [[1, 2] for _ in texts]


class Infer:
    def __init__(self, version: str = "1") -> None:
        self.model = ServedModel("text_embedder", version, 64, ("embedding",), frozenset(), {"digest": "d"})

    async def __call__(self, sequences: Sequence[Sequence[int]]) -> Inference:
        return Inference(self.model, [{"embedding": np.ones(DIMENSION, np.float32)} for _ in sequences])


class Known(Linker):
    """Knows one occupation and one skill."""

    def __init__(self) -> None:
        pass

    def occupations(self, titles: Sequence[str], embeddings: object, k: int = 1) -> list[list[Link]]:
        return [[Link(BAKER, 0.8)] for _ in titles]

    def skills(self, phrases: Sequence[str], embeddings: object, k: int = 1) -> list[list[Link]]:
        return [[Link(DOUGH, 0.7 if "dough" in phrase else 0.9)] if phrase != "?" else [] for phrase in phrases]


def standardiser(served: str = "1") -> Standardiser:
    return Standardiser(Infer(served), Embedder(), Known(), Infer().model)


async def test_titles_and_phrases_are_embedded_as_the_linking_was_tuned() -> None:
    await standardiser()([Wanted("en", "Bakers, Bread", ["Ovens, Deck", "?"]), Wanted("en", "Bakers, Bread", ["?"])])
    assert Embedder.asked == ["Bread Bakers", "Deck Ovens", "?"]


async def test_a_concept_is_published_once_with_all_that_shows_it_in_the_texts_language() -> None:
    (found,) = await standardiser()([Wanted("fr", "Boulanger", ["dough", "?", "pastry"])])
    title = Feature[str | None](value="Boulanger", confidence=0.9, evidence=(Evidence(start=0, end=9),))
    occupation = esco.occupation(title, found)
    assert occupation.value is not None
    assert (occupation.value.label, occupation.confidence, occupation.evidence) == ("boulanger", 0.8, title.evidence)
    named = [
        Feature[str](value=name, confidence=0.5, evidence=(Evidence(start=at, end=at + 1),))
        for at, name in enumerate(("dough", "?", "pastry"))
    ]
    (skill,) = esco.skills(named, found)
    assert (skill.value.label, skill.confidence) == ("make dough", 0.9)
    assert [evidence.start for evidence in skill.evidence] == [0, 2]


async def test_without_a_title_there_is_no_occupation() -> None:
    (found,) = await standardiser()([Wanted("en", None, [])])
    assert esco.occupation(Feature[str | None](value=None, confidence=0.9), found).value is None


async def test_vectors_of_another_embedder_are_refused() -> None:
    with pytest.raises(FatalError, match="restart"):
        await standardiser("2")([Wanted("en", "Baker", [])])
