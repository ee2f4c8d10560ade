"""Titles to ESCO occupations and phrases to ESCO skills: words and meaning together, with confidence.

Of each concept two scores: the best TF-IDF cosine among all its labels in all languages, and the best cosine of the
query's embedding with those of its preferred labels. Their weighted sum ranks; a logistic function of the best score,
its two parts and its lead over the next concept says how likely the best one is right.
"""

import hashlib
import json
import logging
import os
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.esco.lexical import LexicalIndex
from models.esco.taxonomy import Concept, Taxonomy
from models.esco.text import surface

log = logging.getLogger(__name__)

Floats = NDArray[np.float32]
Embed = Callable[[Sequence[str]], Floats]
# Of each row eight bits a number, and what one step is worth.
Packed = tuple[NDArray[np.int8], Floats]
WEIGHTS = Path(__file__).with_name("linking.json")
# Queries whose scores are held at once, and of one product its rows and columns: a part of the index stays in the
# processor's cache while the queries pass (measured: half the time); products of one shape always sum alike.
_HELD, _ROWS, _COLUMNS = 64, 16, 512


@dataclass(frozen=True, slots=True)
class Weights:
    """Fitted by `models.esco.tune`.

    Attributes:
        dense: of the embeddings' cosine in the ranking score; the lexical cosine counts 1.
        offset, score, lead, lexical: of the logistic function.
        threshold: confidence below which there is no link.
    """

    dense: float
    offset: float
    score: float
    lead: float
    lexical: float
    threshold: float

    def confidence(self, score: Floats, lead: Floats, lexical: Floats) -> Floats:
        """Probability that the best concept is right, of each query."""
        logit = self.offset + self.score * score + self.lead * lead + self.lexical * lexical
        return np.asarray(1 / (1 + np.exp(-logit)), np.float32)


@dataclass(frozen=True, slots=True)
class Link:
    """A concept that a text may mean.

    Attributes:
        confidence: of the first candidate the calibrated probability that it is right; a later one never has more.
    """

    concept: Concept
    confidence: float


class ConceptIndex:
    """All occupations or all skills, searchable.

    Args:
        vectors: `(labels, 384)`, of length 1, in the order of `preferred_labels(concepts)`.
    """

    def __init__(self, concepts: Sequence[Concept], vectors: Floats, weights: Weights) -> None:
        if len(vectors) != len(preferred_labels(concepts)):
            raise ValueError(f"{len(vectors)} vectors for {len(preferred_labels(concepts))} preferred labels")
        self.concepts, self.weights = tuple(concepts), weights
        self._lexical = LexicalIndex([label for c in concepts for _, own in sorted(c.labels.items()) for label in own])
        self._concept_of = np.repeat(np.arange(len(concepts)), [sum(map(len, c.labels.values())) for c in concepts])
        # One matrix a language; a concept without a label there stands in with one that it has.
        counts = np.array([len(c.labels) for c in concepts])
        firsts = np.concatenate([[0], np.cumsum(counts)[:-1]]).astype(np.int64)
        languages = [vectors[firsts + np.minimum(own, counts - 1)] for own in range(counts.max(initial=0))]
        self._columns = [
            [np.ascontiguousarray(own[start : start + _COLUMNS].T, np.float32) for own in languages]
            for start in range(0, len(concepts), _COLUMNS)
        ]

    def parts(self, texts: Sequence[str], embeddings: Floats) -> tuple[Floats, Floats]:
        """Lexical and dense scores, `(texts, concepts)` each."""
        lexical = np.zeros((len(texts), len(self.concepts)), np.float32)
        for row, text in enumerate(texts):
            scores = self._lexical.scores(surface(text))
            # Few labels share a word with the text: only those are looked at.
            labels = np.flatnonzero(scores > 0)
            own = self._concept_of[labels]
            firsts = np.flatnonzero(np.diff(own, prepend=-1) > 0)
            if len(firsts):
                lexical[row, own[firsts]] = np.maximum.reduceat(scores[labels], firsts)
        return lexical, self._dense(embeddings)

    def _dense(self, embeddings: Floats) -> Floats:
        rows = np.zeros((-(-len(embeddings) // _ROWS) * _ROWS, embeddings.shape[1]), np.float32)
        rows[: len(embeddings)] = embeddings
        cosines = np.zeros((len(rows), len(self.concepts)), np.float32)
        for number, languages in enumerate(self._columns):
            for start in range(0, len(rows), _ROWS):
                block = rows[start : start + _ROWS]
                best = np.maximum.reduce([block @ own for own in languages])
                cosines[start : start + _ROWS, number * _COLUMNS : number * _COLUMNS + best.shape[1]] = best
        return cosines[: len(embeddings)]

    def fused(self, lexical: Floats, dense: Floats) -> Floats:
        """What ranks. Rounded: a difference in the last bits between two machines is no reason to prefer one."""
        return np.round(lexical + self.weights.dense * dense, 5).astype(np.float32)

    def search(self, texts: Sequence[str], embeddings: Floats, k: int) -> list[list[Link]]:
        """The k best concepts of each text, best first; ties by URI."""
        result: list[list[Link]] = []
        for start in range(0, len(texts), _HELD):
            lexical, dense = self.parts(texts[start : start + _HELD], embeddings[start : start + _HELD])
            result += [self._best(*own, k) for own in zip(lexical, dense, strict=True)]
        return result

    def _best(self, lexical: Floats, dense: Floats, k: int) -> list[Link]:
        score = self.fused(lexical, dense)
        count = min(max(k, 2), len(score))
        least = np.partition(score, len(score) - count)[len(score) - count]
        # Concepts lie in order of their URIs, and the sort is stable.
        candidates = np.flatnonzero(score >= least)
        order = candidates[np.argsort(-score[candidates], kind="stable")][:count]
        best = score[order]
        # Of the first its lead, of the others how far they lie behind.
        lead = best - best[0]
        lead[0] = best[0] - best[1] if len(best) > 1 else best[0]
        sure = self.weights.confidence(best, lead, lexical[order])
        confidence = np.round(np.minimum(sure, sure[0]).astype(np.float64), 4).tolist()
        return [Link(self.concepts[i], own) for i, own in zip(order[:k], confidence, strict=False)]


class Linker:
    """Occupations and skills of one taxonomy.

    Embeddings of queries are those of `surface(text)`, of titles and phrases alike, by the model that made the index.
    """

    def __init__(self, taxonomy: Taxonomy, occupation_vectors: Floats, skill_vectors: Floats) -> None:
        weights = load_weights(WEIGHTS)
        self.taxonomy = taxonomy
        self._occupations = ConceptIndex(taxonomy.occupations, occupation_vectors, weights["occupations"])
        self._skills = ConceptIndex(taxonomy.skills, skill_vectors, weights["skills"])

    @classmethod
    def build(cls, taxonomy: Taxonomy, embed: Embed, model: str, folders: Sequence[Path] = ()) -> "Linker":
        """Embeds the preferred labels of all concepts, or takes their vectors from a folder.

        Args:
            embed: texts to vectors of length 1, `(texts, 384)`.
            model: digest of the model behind `embed`.
            folders: where the vectors may lie, one file for each taxonomy and model; made ones go to the last.
        """
        texts = [*preferred_labels(taxonomy.occupations), *preferred_labels(taxonomy.skills)]
        key = hashlib.sha256(f"{taxonomy.version}\n{model}\n{len(texts)}".encode()).hexdigest()[:16]
        paths = [folder / f"esco-{key}.npz" for folder in folders]
        packed = next((own for own in (_read(path, len(texts)) for path in paths) if own), None)
        if packed is None:
            packed = _packed(embed(texts))
            if paths:
                _write(paths[-1], packed)
        # Through eight bits either way: the first start and the next give the same links.
        rows, scale = packed
        vectors = rows.astype(np.float32) * scale[:, None]
        count = len(preferred_labels(taxonomy.occupations))
        return cls(taxonomy, vectors[:count], vectors[count:])

    def occupations(self, titles: Sequence[str], embeddings: Floats, k: int = 1) -> list[list[Link]]:
        """The k most likely occupations of each title, best first; none where the best is too unsure.

        Args:
            embeddings: `(titles, 384)`, of length 1.
        """
        return _sure_enough(self._occupations, titles, embeddings, k)

    def skills(self, phrases: Sequence[str], embeddings: Floats, k: int = 1) -> list[list[Link]]:
        """The k most likely skills of each phrase or sentence, likewise."""
        return _sure_enough(self._skills, phrases, embeddings, k)


def preferred_labels(concepts: Sequence[Concept]) -> list[str]:
    """What is embedded: of each concept, in order, its preferred label in each language."""
    return [own[0] for concept in concepts for _, own in sorted(concept.labels.items())]


def _sure_enough(index: ConceptIndex, texts: Sequence[str], embeddings: Floats, k: int) -> list[list[Link]]:
    found = index.search(texts, embeddings, k)
    return [links if links and links[0].confidence >= index.weights.threshold else [] for links in found]


def _packed(vectors: Floats) -> Packed:
    scale = np.maximum(np.abs(vectors).max(1), 1e-9) / 127
    return np.round(vectors / scale[:, None]).astype(np.int8), scale.astype(np.float32)


def _read(path: Path, rows: int) -> Packed | None:
    if not path.exists():
        return None
    try:
        with np.load(path) as file:
            packed: Packed = file["rows"], file["scale"]
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        log.warning("damaged index of ESCO labels: made anew")
        return None
    return packed if len(packed[0]) == len(packed[1]) == rows else None


def _write(path: Path, packed: Packed) -> None:
    """Whole or not at all: two workers may start at once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".npz", delete=False) as file:
        np.savez_compressed(file, rows=packed[0], scale=packed[1])
    os.replace(file.name, path)


def load_weights(path: Path) -> dict[str, Weights]:
    """Weights of `occupations` and `skills`."""
    return {kind: Weights(**own) for kind, own in json.loads(path.read_text("utf-8")).items()}


def save_weights(weights: dict[str, Weights]) -> None:
    """Writes what `tune` fitted."""
    WEIGHTS.write_text(json.dumps({kind: asdict(own) for kind, own in weights.items()}, indent=2) + "\n", "utf-8")
