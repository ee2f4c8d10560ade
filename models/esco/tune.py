"""Fits how the linker weighs words against meaning, and how sure it is, to labels kept out of its index.

    python -m models.esco.tune

Titles and phrases not seen before are stood for by every twentieth alternative label, by the first half of the
hand-written titles, and for skills by sentences around a label; texts that name nothing teach it to say so. Writes
`linking.json`.
"""

import argparse
import dataclasses
import json
import logging
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from models.esco import pairs, running
from models.esco.embedder import TextEmbedder
from models.esco.linker import ConceptIndex, Embed, Floats, Weights, preferred_labels, save_weights
from models.esco.taxonomy import Concept, Taxonomy
from models.esco.text import surface
from models.repository import model_dir

log = logging.getLogger(__name__)

TITLES = Path(__file__).with_name("onet_like.jsonl")
NEUTRAL = Weights(dense=1.0, offset=0.0, score=0.0, lead=0.0, lexical=0.0, threshold=0.0)
_THRESHOLD = 0.5
_DENSE = (0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0)
_NOTHING = (
    "competitive salary and benefits", "join our friendly team", "apply now", "london", "monday to friday", "about us",
    "equal opportunity employer", "rejoignez notre équipe", "salaire selon profil", "cdi temps plein", "lyon",
    "ref 2291", "references available on request", "born in 1984", "page 2 of 3", "n/a", "various", "permanent role",
    "tickets restaurant et mutuelle", "we were founded in 1998", "a fast growing company", "urgent vacancy",
    "curriculum vitae", "summary", "hobbies: reading and travel", "current position", "stage de 6 mois", "full time",
    "free parking on site", "nous recherchons pour notre client", "immediate start", "contact us by e-mail",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Query:
    """A text and the URIs that are right for it; none where nothing is."""

    text: str
    right: frozenset[str]


def titles(part: int) -> list[Query]:
    """The hand-written titles in the manner of O*NET: of part 0 for tuning, of part 1 for the test."""
    rows = [json.loads(line) for line in TITLES.read_text("utf-8").splitlines()]
    chosen = rows[part::2]
    return [Query(row["title"], frozenset(o["uri"] for o in row["occupations"])) for row in chosen]


def kept_out(concepts: Iterable[Concept], language: str | None = None) -> list[Query]:
    """Labels that neither training nor the tuning index has; a label of several concepts has several right ones."""
    right: dict[str, set[str]] = {}
    for concept in concepts:
        for own, labels in concept.labels.items():
            for label in labels[1:]:
                if pairs.held_out(concept.uri, label) and own == (language or own):
                    right.setdefault(label, set()).add(concept.uri)
    return [Query(label, frozenset(uris)) for label, uris in sorted(right.items())]


def without_kept_out(concept: Concept) -> Concept:
    """The concept with the labels that are known."""
    known = set(pairs.known_labels(concept))
    labels = {language: tuple(label for label in own if label in known) for language, own in concept.labels.items()}
    return dataclasses.replace(concept, labels=labels)


def reciprocal_ranks(scores: Floats, concepts: Sequence[Concept], queries: Sequence[Query]) -> NDArray[np.float64]:
    """Of each query 1 / rank of its best right concept, ties counted half against it.

    Args:
        scores: `(queries, concepts)`.
    """
    place = {concept.uri: i for i, concept in enumerate(concepts)}
    result = []
    for row, query in zip(scores, queries, strict=True):
        best = max(row[place[uri]] for uri in query.right)
        result.append(1 / (1 + (row > best).sum() + (int((row == best).sum()) - 1) / 2))
    return np.array(result)


def fit(index: ConceptIndex, queries: Sequence[Query], nothing: Sequence[str], embed: Embed) -> Weights:
    """The weight of meaning with the best mean reciprocal rank, then the logistic function over the first's scores."""
    texts = [query.text for query in queries]
    lexical, dense = index.parts(texts, embed([surface(text) for text in texts]))
    ranks = {w: reciprocal_ranks(lexical + w * dense, index.concepts, queries).mean() for w in _DENSE}
    weight = max(ranks, key=lambda w: ranks[w])
    log.info("mean reciprocal rank by weight of meaning: %s", {w: round(float(v), 3) for w, v in ranks.items()})
    none_lexical, none_dense = index.parts(nothing, embed([surface(text) for text in nothing]))
    scores = np.concatenate([lexical + weight * dense, none_lexical + weight * none_dense])
    lexical = np.concatenate([lexical, none_lexical])
    order = np.argsort(-scores, axis=1, kind="stable")[:, :2]
    rows = np.arange(len(scores))
    first, second = scores[rows, order[:, 0]], scores[rows, order[:, 1]]
    known = np.stack([first, first - second, lexical[rows, order[:, 0]]], 1)
    right = [
        index.concepts[best].uri in uris
        for best, uris in zip(order[:, 0], [*(q.right for q in queries), *[frozenset()] * len(nothing)], strict=True)
    ]
    model = LogisticRegression(C=10.0).fit(known, right)
    score, lead, share = (round(float(w), 3) for w in model.coef_[0])
    return Weights(weight, round(float(model.intercept_[0]), 3), score, lead, share, _THRESHOLD)


def tune(taxonomy: Taxonomy, embed: Embed, most: int, seed: int = 0) -> dict[str, Weights]:
    """Weights for occupations and skills, from at most so many kept-out labels of each."""
    chance = random.Random(seed)
    result = {}
    for kind, concepts in (("occupations", taxonomy.occupations), ("skills", taxonomy.skills)):
        known = [without_kept_out(concept) for concept in concepts]
        index = ConceptIndex(known, embed(preferred_labels(known)), NEUTRAL)
        queries = kept_out(concepts)
        queries = chance.sample(queries, min(most, len(queries)))
        others = taxonomy.skills if kind == "occupations" else taxonomy.occupations
        nothing = [*_NOTHING, *(c.label() for c in chance.sample(others, min(len(queries) // 5, len(others))))]
        if kind == "skills":
            half = len(queries) // 2
            queries[:half] = [Query(pairs.in_sentence(q.text, chance), q.right) for q in queries[:half]]
        else:
            queries += [query for query in titles(0) if query.right <= {c.uri for c in concepts}]
        result[kind] = fit(index, queries, nothing, embed)
        log.info("%s: %d queries, %d texts of nothing: %s", kind, len(queries), len(nothing), result[kind])
    return result


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--taxonomy", type=Path, nargs="*", default=(), help="default: the copy in this package")
    parser.add_argument("--model", type=Path, default=None, help="folder of the exported embedder")
    parser.add_argument("--most", type=int, default=1_000, help="kept-out labels of each kind to learn from")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args(arguments)
    embed = running.remembering(running.embedding(options.model or model_dir(TextEmbedder.name), options.threads))
    save_weights(tune(Taxonomy.load(*options.taxonomy), embed, options.most))


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    main()
