"""Evaluates the shipped model on the test part, through the same cleaning, tokenising and decoding as serving.

python -m models.titles.evaluate --labels labels.jsonl --departments department.csv --seniorities seniority.csv

The test part is what training left out: real titles by the same hash.
"""

import argparse
import json
import logging
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from models.assets import WEIGHTS
from models.measuring import Figure, accuracy, bootstrap, calibration_error, f1
from models.repository import model_dir
from models.running import run, session
from models.titles import baselines, card, data
from models.titles.data import Title
from models.titles.export import TRAINING
from models.titles.labels import HEADS
from models.titles.student import TitleStudent
from topics.titles import TitleFeatures

METRICS = ("accuracy", "macro-F1", "weighted F1")


def answers(titles: Sequence[Title], directory: Path) -> list[TitleFeatures]:
    """What a model folder says of each title."""
    student = TitleStudent.load(directory)
    return student.decode(run(session(directory / WEIGHTS), student.tokenize([title.text for title in titles])))


def figures(head: str, titles: Sequence[Title], guesses: Sequence[str]) -> dict[str, Figure]:
    """Accuracy, macro-F1 and weighted F1 with 95 % bootstrap intervals over the titles of which the head is known."""
    pairs = [(t.classes[head], guess) for t, guess in zip(titles, guesses, strict=True) if head in t.classes]
    truth, guess = [a for a, _ in pairs], [b for _, b in pairs]
    return {
        "accuracy": bootstrap(truth, guess, accuracy),
        "macro-F1": bootstrap(truth, guess, lambda a, b: f1(a, b, set(a), "macro")),
        "weighted F1": bootstrap(truth, guess, lambda a, b: f1(a, b, set(a), "weighted")),
    }


def calibration(head: str, titles: Sequence[Title], features: Sequence[TitleFeatures]) -> Figure:
    """Expected calibration error in ten bins."""
    pairs = [
        (getattr(own, head), t.classes[head]) for t, own in zip(titles, features, strict=True) if head in t.classes
    ]
    sure = [(own.confidence, own.value == truth) for own, truth in pairs]
    return bootstrap(sure, sure, calibration_error)


def report(train: Sequence[Title], lists: Sequence[Title], test: Sequence[Title], directory: Path) -> list[str]:
    """The tables of the card, in Markdown."""
    features = answers(test, directory)
    rivals = {
        "commonest class": baselines.majority(train, test),
        "words of rank and function": baselines.words(test),
        "TF-IDF + LR, lists alone": baselines.tfidf(lists, test),
        "TF-IDF + LR, teacher's labels": baselines.tfidf(train, test),
        "TF-IDF + LR, both": baselines.tfidf([*train, *lists], test),
    }
    lines = []
    for head in HEADS:
        count = sum(head in title.classes for title in test)
        lines += [
            f"**{head}** ({count} titles)",
            "",
            "| means | accuracy | macro-F1 | weighted F1 |",
            "|---|---|---|---|",
        ]
        rows = rivals | {"**this student**": {head: [getattr(own, head).value for own in features]}}
        for name, guesses in rows.items():
            own = figures(head, test, guesses[head])
            lines.append(f"| {name} | " + " | ".join(str(own[metric]) for metric in METRICS) + " |")
        lines += [
            "",
            f"Calibration error {calibration(head, test, features)}.",
            "",
            *_by_class(head, test, features),
            "",
        ]
    return lines


def _by_class(head: str, titles: Sequence[Title], features: Sequence[TitleFeatures]) -> list[str]:
    pairs = [
        (title.classes[head], getattr(own, head).value)
        for title, own in zip(titles, features, strict=True)
        if head in title.classes
    ]
    truth, guess = Counter(a for a, _ in pairs), Counter(b for _, b in pairs)
    right = Counter(a for a, b in pairs if a == b)
    lines = ["| class | titles | precision | recall |", "|---|---|---|---|"]
    for name in HEADS[head]:
        precision, recall = right[name] / max(1, guess[name]), right[name] / max(1, truth[name])
        lines.append(f"| {name} | {truth[name]} | {precision:.2f} | {recall:.2f} |")
    return lines


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--labels", type=Path, required=True)
    parser.add_argument("--departments", type=Path, required=True, help="CSV list, for the baselines")
    parser.add_argument("--seniorities", type=Path, required=True, help="CSV list, for the baselines")
    parser.add_argument("--model", type=Path, default=None, help="model folder (default: the shipped one)")
    parser.add_argument("--card", action="store_true", help="write MODEL_CARD.md beside the model")
    parser.add_argument("--ablation", type=Path, help="Markdown table of the stages, for the card")
    options = parser.parse_args(arguments)
    directory = options.model or model_dir(TitleStudent.name)
    parts = data.split(data.read_labels(options.labels))
    lists = data.unlike(
        [*data.read_list(options.departments, "department"), *data.read_list(options.seniorities, "seniority")],
        [*parts["calibration"], *parts["test"]],
    )
    lines = report(parts["train"], lists, parts["test"], directory)
    sys.stdout.write("\n".join(lines) + "\n")
    if options.card:
        training = json.loads((directory / TRAINING).read_text("utf-8"))
        size = (directory / WEIGHTS).stat().st_size / 1e6
        counts = {str(part): len(own) for part, own in parts.items()}
        ablation = options.ablation.read_text("utf-8").splitlines() if options.ablation else []
        card.write(directory / "MODEL_CARD.md", lines, ablation, training, counts, size)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    main()
