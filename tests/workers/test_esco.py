"""Standardising: what is embedded, and what of it is published."""

from collections.abc import Sequence

import numpy as np
import pytest

from models import embedding
from models.esco.embedder import DIMENSION, TextEmbedder
from models.esco.linker import Link, Linker
from models.esco.taxonomy import Concept
from models.matching.adapter import Adapter
from topics.fields import Evidence, Feature
from workers.errors import FatalError
from workers.esco import Reading, Standardiser
from workers.inference import Inference, ServedModel

BAKER = Concept("http://data.europa.eu/esco/occupation/b", "7512.1", {"en": ("baker",), "fr": ("boulanger",)})
DOUGH = Concept("http://data.europa.eu/esco/skill/d", "", {"en": ("make dough",)})


class Embedder(TextEmbedder):
    """Remembers what it was asked."""

    asked: list[list[str]] = []  # noqa: RUF012

    def __init__(self) -> None:
        pass

    def tokenize(self, texts: Sequence[str]) -> list[list[int]]:
        self.asked.append(list(texts))
        return [[1, 2] for _ in texts]


class Infer:
    def __init__(self, version: str = "1") -> None:
        self.model = ServedModel("text_embedder", version, 64, ("embedding",), frozenset(), {"digest": "d"})

    async def __call__(self, sequences: Sequence[Sequence[int]]) -> Inference:
        return Inference(self.model, [{"embedding": np.eye(1, DIMENSION, dtype=np.float32)[0]} for _ in sequences])


class Known(Linker):
    """Knows one occupation and one skill."""

    def __init__(self) -> None:
        pass

    def occupations(self, titles: Sequence[str], embeddings: object, k: int = 1) -> list[list[Link]]:
        return [[Link(BAKER, 0.8)] for _ in titles]

    def skills(self, phrases: Sequence[str], embeddings: object, k: int = 1) -> list[list[Link]]:
        return [[Link(DOUGH, 0.7 if "dough" in phrase else 0.9)] if phrase != "?" else [] for phrase in phrases]


def standardiser(served: str = "1") -> Standardiser:
    return Standardiser(Infer(served), Embedder(), Known(), Infer().model, Adapter.plain(DIMENSION))


def reading(language: str, title: str | None, *skills: str, supported: bool = True) -> Reading:
    """Title and skills, each shown by its first character; the text says one thing."""
    named = [
        Feature[str](value=name, confidence=0.5, evidence=(Evidence(start=at, end=at + 1),))
        for at, name in enumerate(skills)
    ]
    shown = Feature[str | None](value=title, confidence=0.9, evidence=(Evidence(start=0, end=9),))
    return Reading(language, shown, ["Cook"], named, " We bake. ", supported)


async def test_titles_and_phrases_are_embedded_once_as_the_linking_was_tuned() -> None:
    standardise = standardiser()
    Embedder.asked.clear()
    both = [reading("en", "Bakers, Bread", "Ovens, Deck", "?"), reading("en", "Bakers, Bread", "?")]
    first = await standardise(both)
    assert Embedder.asked == [
        ["Bread Bakers", "Deck Ovens", "?"],
        ["We bake.", "Bakers, Bread, Cook", "Ovens, Deck, ?", "?"],
    ]
    assert await standardise(both) == first
    assert Embedder.asked[2] == []


async def test_the_oldest_links_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workers.esco._REMEMBERED", 2)
    standardise = standardiser()
    await standardise([reading("en", "Baker", "a", "b", "c")])
    assert [text for _, text in standardise.known] == ["b", "c"]


async def test_a_concept_is_published_once_with_all_that_shows_it_in_the_texts_language() -> None:
    own = reading("fr", "Boulanger", "dough", "?", "pastry")
    (fields,) = await standardiser()([own])
    occupation = fields["esco_occupation"]
    assert (occupation.value.label, occupation.confidence) == ("boulanger", 0.8)
    assert occupation.evidence == own.title.evidence
    (skill,) = fields["esco_skills"]
    assert (skill.value.label, skill.confidence) == ("make dough", 0.9)
    assert [evidence.start for evidence in skill.evidence] == [0, 2]
    assert embedding.decode(fields["embedding"]).tolist() == np.eye(1, DIMENSION)[0].tolist()


async def test_without_a_title_there_is_no_occupation_and_without_reading_no_embedding() -> None:
    (fields,) = await standardiser()([reading("xx", None, supported=False)])
    assert fields["esco_occupation"].value is None
    assert [fields[name] for name in ("embedding", "titles_embedding", "skills_embedding")] == [None] * 3


async def test_what_a_text_does_not_name_has_no_vector_of_its_own() -> None:
    own = reading("en", None)._replace(past_titles=())
    (fields,) = await standardiser()([own])
    assert (fields["titles_embedding"], fields["skills_embedding"]) == (None, None)
    assert fields["embedding"] is not None


async def test_vectors_of_another_embedder_are_refused() -> None:
    with pytest.raises(FatalError, match="restart"):
        await standardiser("2")([reading("en", "Baker")])
