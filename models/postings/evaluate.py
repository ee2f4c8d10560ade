"""Evaluates the shipped model on the test part, through the same preparation and decoding as serving.

    python -m models.postings.evaluate --postings postings.jsonl.gz --labels labels.jsonl --reserved ids.txt

The test part is what training left out: the same hash of ids and the same held-out sources.
"""

import argparse
import json
import logging
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import f1_score

from models.postings import card, data, running
from models.postings.data import Example
from models.postings.labels import HEADS
from models.postings.preparing import Prepared
from models.postings.report import Figure, Report, lines
from models.postings.student import Student
from models.repository import model_dir
from topics.postings import PostingExtraction

TRAINING = "training.json"
_SAMPLES = 1_000
_BINS = 10
EXACT = ("pay_min", "pay_max", "pay_currency", "experience_years_min", "experience_years_max")

Metric = Callable[[Sequence[Any], Sequence[Any]], float]


def evaluate(
    examples: Sequence[Example], student: Student, weights: Path, held_out: Sequence[str] = (), threads: int = 2
) -> Report:
    """Figures of the student on examples."""
    started = time.perf_counter()
    prepared = student.prepare_batch([item.posting for item in examples])
    prepared_at = time.perf_counter()
    answers = running.run(running.session(weights, threads), prepared)
    answered_at = time.perf_counter()
    results = [student.decode(p, sentence, token) for p, (sentence, token) in zip(prepared, answers, strict=True)]
    decoded_at = time.perf_counter()
    tokens = [sum(len(unit.token_ids) for unit in p.units) for p in prepared]
    speed = {
        "prepare_ms": 1e3 * (prepared_at - started) / len(examples),
        "model_postings_per_second": len(examples) / (answered_at - prepared_at),
        "decode_ms": 1e3 * (decoded_at - answered_at) / len(examples),
        "tokens_per_posting": float(np.mean(tokens)),
        "units_per_posting": float(np.mean([len(p.units) for p in prepared])),
    }
    sources = {source: sum(item.source == source for item in examples) for source in {i.source for i in examples}}
    return Report(
        len(examples),
        dict(sorted(sources.items())),
        {head: _head(head, examples, results) for head in HEADS},
        {name: _exact(name, examples, results) for name in EXACT},
        _skills(examples, results),
        _retrieval(examples, prepared),
        speed,
        _outside([(item, result) for item, result in zip(examples, results, strict=True) if item.source in held_out]),
    )


def _outside(pairs: Sequence[tuple[Example, PostingExtraction]]) -> dict[str, float]:
    if not pairs:
        return {}
    return {h: float(np.mean([item.label[h] == getattr(r, h).value for item, r in pairs])) for h in HEADS}


def bootstrap(truth: Sequence[Any], guess: Sequence[Any], metric: Metric) -> Figure:
    """A metric and its percentile interval over resampled postings; the same data gives the same interval."""
    generator = np.random.default_rng(0)
    pairs = list(zip(truth, guess, strict=True))
    values = []
    for _ in range(_SAMPLES):
        drawn = [pairs[i] for i in generator.integers(0, len(pairs), len(pairs))]
        values.append(metric([a for a, _ in drawn], [b for _, b in drawn]))
    low, high = np.percentile(values, [2.5, 97.5])
    return Figure(metric(truth, guess), float(low), float(high))


def _accuracy(truth: Sequence[Any], guess: Sequence[Any]) -> float:
    return float(np.mean([a == b for a, b in zip(truth, guess, strict=True)]))


def _f1(average: str) -> Metric:
    def metric(truth: Sequence[Any], guess: Sequence[Any]) -> float:
        # Over the classes that the test has: an absent one would count as 0 or 1 by convention alone.
        return float(f1_score(truth, guess, average=average, labels=sorted(set(truth)), zero_division=0.0))

    return metric


def _head(head: str, examples: Sequence[Example], results: Sequence[PostingExtraction]) -> dict[str, Figure]:
    truth = [item.label[head] for item in examples]
    features = [getattr(result, head) for result in results]
    guess = [feature.value for feature in features]
    sure = [(feature.confidence, a == b) for feature, a, b in zip(features, truth, guess, strict=True)]
    return {
        "accuracy": bootstrap(truth, guess, _accuracy),
        "macro_f1": bootstrap(truth, guess, _f1("macro")),
        "weighted_f1": bootstrap(truth, guess, _f1("weighted")),
        "calibration_error": bootstrap(sure, sure, calibration_error),
    }


def calibration_error(sure: Sequence[tuple[float, bool]], _: object = None) -> float:
    """Expected calibration error of (confidence, right) pairs over ten bins of equal width."""
    confidence = np.array([c for c, _ in sure])
    right = np.array([r for _, r in sure], dtype=float)
    bins = np.minimum((confidence * _BINS).astype(int), _BINS - 1)
    gaps = [abs(confidence[bins == b].sum() - right[bins == b].sum()) for b in range(_BINS)]
    return float(sum(gaps) / len(sure))


def _exact(name: str, examples: Sequence[Example], results: Sequence[PostingExtraction]) -> dict[str, Figure]:
    truth = [item.label[name] for item in examples]
    guess = [getattr(result, name).value for result in results]
    stated = [(a, b) for a, b in zip(truth, guess, strict=True) if a is not None]
    return {
        "all": bootstrap(truth, guess, _accuracy),
        "stated": bootstrap([a for a, _ in stated], [b for _, b in stated], _accuracy),
    }


def _skills(examples: Sequence[Example], results: Sequence[PostingExtraction]) -> dict[str, Figure]:
    truth = [{name.casefold() for name in item.label["skills"]} for item in examples]
    guess = [{skill.value.casefold() for skill in result.skills} for result in results]

    def share(of: int, partial: bool) -> Metric:
        def metric(wanted: Sequence[Any], found: Sequence[Any]) -> float:
            pairs = list(zip(wanted, found, strict=True)) if of else list(zip(found, wanted, strict=True))
            total = sum(len(a) for a, _ in pairs)
            return sum(_credit(x, b) if partial else x in b for a, b in pairs for x in a) / max(1, total)

        return metric

    def f1(partial: bool) -> Metric:
        def metric(wanted: Sequence[Any], found: Sequence[Any]) -> float:
            p, r = share(0, partial)(wanted, found), share(1, partial)(wanted, found)
            return 2 * p * r / (p + r) if p + r else 0.0

        return metric

    return {
        "precision": bootstrap(truth, guess, share(0, False)),
        "recall": bootstrap(truth, guess, share(1, False)),
        "f1": bootstrap(truth, guess, f1(False)),
        "partial_f1": Figure(f1(True)(truth, guess), np.nan, np.nan),
    }


def _credit(name: str, others: set[str]) -> float:
    """Partial credit: the best share of common words (Dice) with any of the others."""
    words = set(name.split())
    return max((2 * len(words & set(o.split())) / (len(words) + len(set(o.split()))) for o in others), default=0.0)


def _retrieval(examples: Sequence[Example], prepared: Sequence[Prepared]) -> dict[str, float]:
    hits = wanted = skills = skills_wanted = 0
    for item, document in zip(examples, prepared, strict=True):
        read = {(unit.start, unit.end) for unit in document.units[1:]}
        for head in item.stated - {"employment_type"}:
            showing = [i for i, marks in enumerate(item.sentence_labels) if marks[head] > 0]
            wanted += bool(showing)
            hits += any(i == 0 or tuple(item.spans[i]) in read for i in showing)
        texts = [document.text[unit.start : unit.end] for unit in document.units]
        skills_wanted += len(item.label["skills"])
        skills += sum(any(name in text for text in texts) for name in item.label["skills"])
    return {
        "evidence_recall": hits / max(1, wanted),
        "skill_recall": skills / max(1, skills_wanted),
        "sentences_per_posting": float(np.mean([len(item.doc.spans) for item in examples])),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--postings", type=Path, required=True)
    parser.add_argument("--labels", type=Path, required=True)
    parser.add_argument("--reserved", type=Path)
    parser.add_argument("--part", choices=("test", "calibration"), default="test")
    parser.add_argument("--exact", type=Path, help="the fp32 ONNX file (see export --exact), to compare")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--card", action="store_true", help="write MODEL_CARD.md beside the model")
    options = parser.parse_args(arguments)
    directory = model_dir(Student.name)
    training = json.loads((directory / TRAINING).read_text("utf-8"))
    held_out = training["held_out"]
    parts = data.split(data.load(options.postings, options.labels, options.reserved), held_out)
    student = Student.load(directory)
    reports = [
        evaluate(parts[options.part], student, weights, held_out, options.threads) if weights else None
        for weights in (directory / "1" / "model.onnx", options.exact)
    ]
    for report in reports:
        if report:
            sys.stdout.write("\n".join([*lines(report), "", json.dumps(report.speed), ""]))
    if options.card and reports[0]:
        sizes = {str(part): len(items) for part, items in parts.items()}
        card.write(directory / "MODEL_CARD.md", reports[0], reports[1], training, sizes)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    main()
