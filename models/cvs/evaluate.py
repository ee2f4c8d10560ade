"""Evaluates the shipped model on the test part, through the same preparation and decoding as serving.

    python -m models.cvs.evaluate --cvs cvs.jsonl.gz --labels labels.jsonl --reserved ids.txt --card

The test part is what training left out, by the same hash of ids; the composed CVs have a test part of their own.
"""

import argparse
import json
import logging
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from models import measuring
from models.cvs import baselines, card, data, running, scoring, written
from models.cvs.data import Example
from models.cvs.labels import CHOICES
from models.cvs.report import Report, lines
from models.cvs.scoring import LISTS, exact, f1, found, overlap, wanted
from models.cvs.student import CvStudent
from models.measuring import Figure, accuracy, bootstrap, mean
from models.repository import model_dir
from models.running import session
from topics.cvs import CvExtraction

_TOLERANCES = (0.0, 0.5, 1.0)


def evaluate(
    examples: Sequence[Example], student: CvStudent, weights: Path, train: Sequence[Example] = (), threads: int = 2
) -> Report:
    """Figures of the student on examples; with `train`, of simpler means fitted to it as well."""
    started = time.perf_counter()
    prepared = student.prepare_batch([item.text for item in examples], [None] * len(examples))
    answers = running.run(session(weights, threads), prepared)
    extractions = [student.decode(cv, *answer) for cv, answer in zip(prepared, answers, strict=True)]
    seconds = time.perf_counter() - started
    golds = [wanted(item.label) for item in examples]
    others = {name: baselines.SIMPLE[name](examples) for name in baselines.SIMPLE} if train else {}
    return Report(
        cvs=len(examples),
        lists={name: _list_figures(name, golds, [found(extraction) for extraction in extractions]) for name in LISTS},
        simple={
            name: {
                field: f1([exact(g[field], o[field]) for g, o in zip(golds, guesses, strict=True)])[2]
                for field in LISTS
            }
            for name, guesses in others.items()
        },
        years=_years(examples, extractions),
        choices={name: _choice(name, examples, extractions) for name in CHOICES},
        simple_choices={name: baselines.choices(name, train, examples) for name in (CHOICES if train else ())},
        cvs_per_second=round(len(examples) / seconds, 1),
        tokens_per_cv=round(float(np.mean([sum(len(u.token_ids) for u in cv.units) for cv in prepared]))),
    )


def _list_figures(
    name: str, golds: Sequence[dict[str, scoring.Items]], guesses: Sequence[dict[str, scoring.Items]]
) -> dict[str, Figure]:
    pairs = [(gold[name], guess[name]) for gold, guess in zip(golds, guesses, strict=True)]
    same = [exact(*pair) for pair in pairs]
    words = [overlap(*pair) for pair in pairs]
    return {
        "precision": bootstrap(same, same, lambda own, _: f1(own)[0]),
        "recall": bootstrap(same, same, lambda own, _: f1(own)[1]),
        "f1": bootstrap(same, same, lambda own, _: f1(own)[2]),
        "overlap_f1": bootstrap(words, words, lambda own, _: f1(own)[2]),
    }


def _years(examples: Sequence[Example], extractions: Sequence[CvExtraction]) -> dict[float, Figure]:
    pairs = [
        (item.label["experience_years"], extraction.experience_years.value)
        for item, extraction in zip(examples, extractions, strict=True)
        if item.label["experience_years"] is not None
    ]
    figures = {}
    for tolerance in _TOLERANCES:
        right = [guess is not None and abs(guess - gold) <= tolerance for gold, guess in pairs]
        figures[tolerance] = mean(right)
    return figures


def _choice(name: str, examples: Sequence[Example], extractions: Sequence[CvExtraction]) -> dict[str, Figure]:
    gold = [item.label[name] for item in examples]
    guess = [getattr(extraction, name).value for extraction in extractions]
    return {
        "accuracy": bootstrap(gold, guess, accuracy),
        "macro_f1": bootstrap(gold, guess, lambda a, b: measuring.f1(a, b, sorted(set(a)), "macro")),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cvs", type=Path, required=True)
    parser.add_argument("--labels", type=Path, nargs="+", required=True)
    parser.add_argument("--reserved", type=Path)
    parser.add_argument("--model", type=Path, default=None, help="model folder (default: the shipped one)")
    parser.add_argument("--card", action="store_true", help="write MODEL_CARD.md")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args(arguments)
    folder = options.model or model_dir(CvStudent.name)
    parts = data.split(data.load(options.cvs, options.labels, options.reserved))
    student, weights = CvStudent.load(folder), folder / "1" / "model.onnx"
    report = evaluate(parts["test"], student, weights, parts["train"], options.threads)
    composed = evaluate(written.examples("test"), student, weights, threads=options.threads)
    sys.stdout.write("\n".join([*lines(report), "", "## Composed CVs", "", *lines(composed)]) + "\n")
    if options.card:
        training = json.loads((folder / "training.json").read_text("utf-8"))
        sizes: dict[str, int] = {part: len(items) for part, items in parts.items()}
        card.write(folder / "MODEL_CARD.md", report, composed, training, sizes, weights.stat().st_size)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    main()
