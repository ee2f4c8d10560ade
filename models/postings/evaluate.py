"""Evaluates the shipped model on the test part, through the same preparation and decoding as serving.

    python -m models.postings.evaluate --postings postings.jsonl.gz --labels labels.jsonl --reserved ids.txt

The test part is what training left out: the same hash of ids and the same held-out sources.
"""

import argparse
import json
import logging
import re
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from models.measuring import Figure, Metric, accuracy, bootstrap, calibration_error, f1
from models.postings import baselines, card, data, running, traps
from models.postings.data import Example
from models.postings.export import TRAINING
from models.postings.labels import EVIDENCE, GROUPS, HEADS
from models.postings.preparing import Prepared
from models.postings.report import Report, lines
from models.postings.student import Student
from models.repository import model_dir
from models.running import session
from topics.fields import Feature
from topics.postings import PostingExtraction

_LEAST_CASES = 5
_WORD = re.compile(r"\w+")
EXACT = ("pay_min", "pay_max", "pay_currency", "experience_years_min", "experience_years_max")


def evaluate(
    examples: Sequence[Example],
    student: Student,
    weights: Path,
    held_out: Sequence[str] = (),
    threads: int = 2,
    train: Sequence[Example] = (),
) -> Report:
    """Figures of the student on examples; with `train`, of simpler means fitted to it as well."""
    started = time.perf_counter()
    prepared = student.prepare_batch([item.posting for item in examples])
    prepared_at = time.perf_counter()
    answers = running.run(session(weights, threads), prepared)
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
        {group: _group(heads, examples, results) for group, heads in GROUPS.items()},
        _baselines(train, examples) if train else {},
        _evidence(examples, prepared, results),
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


def _f1(average: str) -> Metric:
    def metric(truth: Sequence[Any], guess: Sequence[Any]) -> float:
        # Over the classes that the test has: an absent one would count as 0 or 1 by convention alone.
        return f1(truth, guess, set(truth), average)

    return metric


def _head(head: str, examples: Sequence[Example], results: Sequence[PostingExtraction]) -> dict[str, Figure]:
    truth = [item.label[head] for item in examples]
    features = [getattr(result, head) for result in results]
    guess = [feature.value for feature in features]
    sure = [(feature.confidence, a == b) for feature, a, b in zip(features, truth, guess, strict=True)]
    return {
        "accuracy": bootstrap(truth, guess, accuracy),
        "macro_f1": bootstrap(truth, guess, _f1("macro")),
        "weighted_f1": bootstrap(truth, guess, _f1("weighted")),
        "calibration_error": bootstrap(sure, sure, calibration_error),
    }


def _group(
    heads: Sequence[str], examples: Sequence[Example], results: Sequence[PostingExtraction]
) -> dict[str, Figure]:
    truth = [tuple(item.label[head] for head in heads) for item in examples]
    guess = [tuple(getattr(result, head).value for head in heads) for result in results]
    return {
        "macro_f1": bootstrap(truth, guess, group_f1("macro", truth)),
        "weighted_f1": bootstrap(truth, guess, group_f1("weighted", truth)),
    }


def group_f1(average: str, whole: Sequence[tuple[str, ...]]) -> Metric:
    """Mean of the variables' F1; macro: over the classes with at least five cases in the whole test."""
    counts = [Counter(column) for column in zip(*whole, strict=True)]
    least = _LEAST_CASES if average == "macro" else 1
    classes = [sorted(value for value, count in own.items() if count >= least) for own in counts]

    def metric(truth: Sequence[Any], guess: Sequence[Any]) -> float:
        columns = zip(zip(*truth, strict=True), zip(*guess, strict=True), classes, strict=True)
        return float(np.mean([f1(a, b, own, average) for a, b, own in columns]))

    return metric


def _baselines(train: Sequence[Example], test: Sequence[Example]) -> dict[str, dict[str, float]]:
    guesses = {
        "majority": baselines.majority(train, test),
        "cue words": baselines.cues(test),
        "TF-IDF + LR": baselines.tfidf(train, test),
    }
    result = {}
    for name, guess in guesses.items():
        result[name] = {h: _f1("macro")([item.label[h] for item in test], guess[h]) for h in HEADS}
        for group, heads in GROUPS.items():
            truth = [tuple(item.label[head] for head in heads) for item in test]
            said = list(zip(*(guess[head] for head in heads), strict=True))
            result[name][group] = group_f1("macro", truth)(truth, said)
    return result | {"published": baselines.PUBLISHED}


def _evidence(
    examples: Sequence[Example], prepared: Sequence[Prepared], results: Sequence[PostingExtraction]
) -> dict[str, Figure]:
    # Of each posting and variable sum and number of scores: the postings are what is resampled.
    sums: dict[str, list[tuple[float, int]]] = {name: [] for name in ("all", *EVIDENCE)}
    for item, document, result in zip(examples, prepared, results, strict=True):
        words = [match.span() for match in _WORD.finditer(document.text)]
        own = {
            head: _overlap(words, item.quotes[variable], getattr(result, head))
            for head, variable in EVIDENCE.items()
            if head in item.stated and variable in item.quotes
        }
        for name, values in {"all": list(own.values()), **{h: [own[h]] if h in own else [] for h in EVIDENCE}}.items():
            sums[name].append((sum(values), len(values)))
    return {name: bootstrap(pairs, pairs, _mean_of) for name, pairs in sums.items()}


def _mean_of(pairs: Sequence[tuple[float, int]], _: object) -> float:
    return sum(total for total, _ in pairs) / max(1, sum(count for _, count in pairs))


def _overlap(words: Sequence[tuple[int, int]], quote: tuple[int, int], feature: Feature[Any]) -> float:
    """F1 of the words shown."""
    wanted, found = _inside(words, [quote]), _inside(words, [(e.start, e.end) for e in feature.evidence])
    return 2 * len(wanted & found) / max(1, len(wanted) + len(found))


def _inside(words: Sequence[tuple[int, int]], spans: Sequence[tuple[int, int]]) -> set[int]:
    return {start for start, end in words if any(start < b and a < end for a, b in spans)}


def _exact(name: str, examples: Sequence[Example], results: Sequence[PostingExtraction]) -> dict[str, Figure]:
    truth = [item.label[name] for item in examples]
    guess = [getattr(result, name).value for result in results]
    stated = [(a, b) for a, b in zip(truth, guess, strict=True) if a is not None]
    return {
        "all": bootstrap(truth, guess, accuracy),
        "stated": bootstrap([a for a, _ in stated], [b for _, b in stated], accuracy),
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
    parser.add_argument("--labels", type=Path, nargs="+", required=True)
    parser.add_argument("--reserved", type=Path)
    parser.add_argument("--model", type=Path, default=model_dir(Student.name), help="folder of the exported student")
    parser.add_argument("--part", choices=("test", "calibration"), default="test")
    parser.add_argument("--exact", type=Path, help="the fp32 ONNX file (see export --exact), to compare")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--card", action="store_true", help="write MODEL_CARD.md beside the model")
    options = parser.parse_args(arguments)
    directory = options.model
    training = json.loads((directory / TRAINING).read_text("utf-8"))
    held_out = training["held_out"]
    parts = data.split(data.load(options.postings, options.labels, options.reserved), held_out)
    student = Student.load(directory)
    part, threads = parts[options.part], options.threads
    learned = [*parts["train"], *data.written()]
    shipped = evaluate(part, student, directory / "1" / "model.onnx", held_out, threads, learned)
    exact = evaluate(part, student, options.exact, held_out, threads) if options.exact else None
    for report in (shipped, exact):
        if report:
            sys.stdout.write("\n".join([*lines(report), "", json.dumps(report.speed), ""]))
    if options.card:
        card.write(directory / "MODEL_CARD.md", shipped, exact, traps.score(directory)[0], training)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    main()
