"""Evaluates the shipped model on the test part, through the same preparing and decoding as serving.

python -m models.queries.evaluate --labels queries.jsonl

The test part is what training left out, by a hash of the text; the labels are repaired by the guide's conventions.
"""

import argparse
import json
import logging
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from models.assets import WEIGHTS
from models.measuring import calibration_error
from models.queries import baselines, card, data, running, scoring
from models.queries.closed import CLOSED
from models.queries.export import TRAINING
from models.queries.labels import TYPES
from models.queries.scoring import Counts, f1, figure, ratio
from models.queries.student import QueryStudent
from models.repository import model_dir
from topics.queries import Criterion, QueryReading

Row = Mapping[str, Any]
_RULES = CLOSED | {"salary", "experience_years", "date_posted"}
_DRAWS = ("self_reference", "mixed")
_SEARCHES = ("criteria", "self_reference", "mixed")


def _precision(counts: Counts) -> float:
    return ratio(counts[:, [0, 1]])


def _recall(counts: Counts) -> float:
    return ratio(counts[:, [0, 2]])


def report(train: Sequence[Row], test: Sequence[Row], readings: Sequence[QueryReading]) -> list[str]:
    """The tables of the card, in Markdown."""
    return [
        *_intents(train, test, readings),
        *_spans(train, test, readings),
        *_types(test, readings),
        *_rest(train, test, readings),
    ]


def _intents(train: Sequence[Row], test: Sequence[Row], readings: Sequence[QueryReading]) -> list[str]:
    rivals: dict[str, Sequence[str]] = {
        "commonest intent": baselines.commonest(train, test),
        "TF-IDF + LR": baselines.tfidf(train, test),
        "**this student**": [one.intent.value for one in readings],
    }
    lines = ["| intent by | accuracy | refused of what is out of scope | refused of searches |", "|---|---|---|---|"]
    for name, guesses in rivals.items():
        pairs = list(zip(test, guesses, strict=True))
        right = figure([(row["intent"] == guess, 1) for row, guess in pairs])
        out = [(guess == "out_of_scope", 1) for row, guess in pairs if row["intent"] == "out_of_scope"]
        searches = [(guess == "out_of_scope", 1) for row, guess in pairs if row["intent"] != "out_of_scope"]
        lines.append(f"| {name} | {right} | {figure(out)} | {figure(searches)} |")
    sure = [(one.intent.confidence, one.intent.value == row["intent"]) for row, one in zip(test, readings, strict=True)]
    return [*lines, "", f"Calibration error of the intent {calibration_error(sure):.3f}.", ""]


def _spans(train: Sequence[Row], test: Sequence[Row], readings: Sequence[QueryReading]) -> list[str]:
    rivals: dict[str, Sequence[Sequence[Criterion]]] = {
        "known names (labels, lists, ESCO, GeoNames)": baselines.gazetteer(train, test),
        "**this student**": [one.criteria for one in readings],
    }
    lines = [
        "| criteria by | precision | recall | F1, exact span | negation right | F1 of negated | value right |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, found in rivals.items():
        pairs = list(zip(test, found, strict=True))
        counts = [scoring.spans(row, own) for row, own in pairs]
        figures = [figure(counts, metric) for metric in (_precision, _recall, f1)]
        figures.append(figure([scoring.negation(row, own) for row, own in pairs]))
        figures.append(figure([scoring.excluded(row, own) for row, own in pairs], f1))
        figures.append(figure([scoring.values(row, own) for row, own in pairs]))
        lines.append(f"| {name} | " + " | ".join(map(str, figures)) + " |")
    return [
        *lines,
        "",
        "Negation and value are of the spans that are right; values are compared without case.",
        "",
    ]


def _types(test: Sequence[Row], readings: Sequence[QueryReading]) -> list[str]:
    lines = ["| type | labels | precision | recall | F1 | value right |", "|---|---|---|---|---|---|"]
    for name in TYPES:
        counts = [scoring.spans(row, own.criteria, name) for row, own in zip(test, readings, strict=True)]
        values = [scoring.values(row, own.criteria, frozenset({name})) for row, own in zip(test, readings, strict=True)]
        wanted = sum(own[2] for own in counts)
        figures = [str(figure(counts, metric)) for metric in (_precision, _recall, f1)]
        lines.append(f"| {name} | {wanted} | " + " | ".join(figures) + f" | {figure(values)} |")
    return [*lines, ""]


def _rest(train: Sequence[Row], test: Sequence[Row], readings: Sequence[QueryReading]) -> list[str]:
    pairs = list(zip(test, readings, strict=True))
    searches = [(row, own) for row, own in pairs if row["intent"] in _SEARCHES]
    drawing = [(row, own) for row, own in pairs if row["intent"] in _DRAWS]
    common = baselines.common_facets(train, test)
    offered = [[(one.type, one.value) for one in own.facets] for own in readings]
    names = frozenset(TYPES) - _RULES
    lines = [
        "| what | figure |",
        "|---|---|",
        "| value right, closed sets and amounts | "
        f"{figure([scoring.values(r, o.criteria, _RULES) for r, o in pairs])} |",
        f"| value right, names | {figure([scoring.values(r, o.criteria, names) for r, o in pairs])} |",
        f"| criteria that the rewrite keeps | {figure([scoring.keeps(r, o) for r, o in searches])} |",
        "| searches whose rewrite keeps all criteria and draws on the right fields | "
        f"{figure([_faithful(r, o) for r, o in searches])} |",
        f"| profile fields, drawn on or not, right | {figure([scoring.draws(r, o) for r, o in drawing])} |",
        f"| `missing` the same | {figure([(sorted(r['missing']) == sorted(o.missing), 1) for r, o in drawing])} |",
        f"| language right | {figure([(r['language'] == o.language.value, 1) for r, o in pairs])} |",
    ]
    means: tuple[tuple[str, Sequence[Sequence[tuple[str, str]]]], ...] = (
        ("the student", offered),
        ("the commonest that are open", common),
    )
    for title, whole in (("kinds of facets", False), ("facets with their value", True)):
        for by, found in means:
            counts = [scoring.facets(row, own, whole) for row, own in zip(test, found, strict=True)]
            lines.append(f"| {title}, precision, by {by} | {figure(counts, _precision)} |")
            lines.append(f"| {title}, recall, by {by} | {figure(counts, _recall)} |")
    return [*lines, ""]


def agreement(test: Sequence[Row], readings: Sequence[QueryReading], second: Sequence[Row]) -> list[str]:
    """How far a second annotator, who saw the texts alone, agrees with the labels; the student on the same queries."""
    others = {row["id"]: row for row in second}
    both = [(row, others[row["id"]], own) for row, own in zip(test, readings, strict=True) if row["id"] in others]
    answers = (
        ("a second annotator", [(row, other["intent"], _criteria(other)) for row, other, _ in both]),
        ("**this student**", [(row, own.intent.value, own.criteria) for row, _, own in both]),
    )
    lines = [f"| the {len(both)} of them labelled twice, by | intent | F1, exact span | negation right | value right |"]
    lines.append("|---|---|---|---|---|")
    for name, found in answers:
        figures = [
            figure([(row["intent"] == intent, 1) for row, intent, _ in found]),
            figure([scoring.spans(row, own) for row, _, own in found], f1),
            figure([scoring.negation(row, own) for row, _, own in found]),
            figure([scoring.values(row, own) for row, _, own in found]),
        ]
        lines.append(f"| {name} | " + " | ".join(map(str, figures)) + " |")
    return [*lines, ""]


def _criteria(row: Row) -> list[Criterion]:
    return [Criterion(**own, confidence=1.0) for own in row["criteria"]]


def _faithful(row: Row, reading: QueryReading) -> tuple[bool, int]:
    kept, wanted = scoring.keeps(row, reading)
    drawn, known = scoring.draws(row, reading)
    return kept == wanted and drawn == known, 1


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--labels", type=Path, nargs="+", required=True)
    parser.add_argument("--model", type=Path, default=None, help="model folder (default: the shipped one)")
    parser.add_argument("--part", choices=("calibration", "test"), default="test")
    parser.add_argument("--second", type=Path, help="another annotator's labels of some of the test queries")
    parser.add_argument("--card", action="store_true", help="write MODEL_CARD.md beside the model")
    parser.add_argument("--ablation", type=Path, help="Markdown table of layers and latency, for the card")
    options = parser.parse_args(arguments)
    directory = options.model or model_dir(QueryStudent.name)
    parts = data.split(data.read(options.labels))
    rows = parts[options.part]
    readings = running.read(rows, directory)
    lines = report(parts["train"], rows, readings)
    if options.second:
        lines += agreement(rows, readings, data.read([options.second]))
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
