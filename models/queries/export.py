"""Writes the served model: ONNX with int8 weights, its assets, and Triton's configuration with their digests.

python -m models.queries.export --run RUN --labels queries.jsonl

Names and facets are learned from the training part; confidence is scaled on the calibration part, by what the int8
model answers (temperature: Guo et al. 2017; of spans: Platt 1999).
"""

import argparse
import json
import logging
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import minimize
from tokenizers import Tokenizer

from models.assets import TOKENIZER, WEIGHTS, load_tokenizer
from models.exporting import Output, write_config, write_weights
from models.queries import data, decoding, facets, labels, running, vocabulary, written
from models.queries.hints import Hints, Known, save_known
from models.queries.labels import (
    FIELDS,
    INTENTS,
    LANGUAGES,
    TOKEN_CLASSES,
    TOKENS_OUTPUT,
    TYPES,
    WHOLE_CLASSES,
    WHOLE_OUTPUT,
    slices,
)
from models.queries.lexicon import Lexicon, learn
from models.queries.names import names
from models.queries.network import Network, Probabilities
from models.queries.places import Places
from models.queries.student import (
    CALIBRATION,
    FACETS,
    HINTS,
    NAMES,
    Calibration,
    Outputs,
    Prepared,
    QueryStudent,
    assets_digest,
)
from models.repository import REPOSITORY
from models.titles.export import temperature

log = logging.getLogger(__name__)
TRAINING = "training.json"
OUTPUTS = (Output(WHOLE_OUTPUT, WHOLE_CLASSES), Output(TOKENS_OUTPUT, TOKEN_CLASSES, per_token=True))
_NAMED = (
    "title", "skill", "company", "location", "industry", "schedule", "benefit", "work_arrangement", "employment_type",
    "seniority", "education",
)  # fmt: skip
_WEIGHTS = (0.5, 1.0, 1.5, 2.0, 3.0, 4.0)
_STEPS = (0.5, 0.45, 0.55, 0.4, 0.6, 0.35, 0.65, 0.3)

Row = Mapping[str, Any]


def export(run: Path, target: Path, labels_of: Sequence[Path]) -> Path:
    """Exports a training run to a model folder.

    Without labels it is not calibrated and knows no names but those of lists and written queries.

    Raises:
        ValueError: none of the labels falls into the calibration part.
    """
    target.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(run / "config.json", target / TRAINING)
    parts = data.split(data.read(labels_of))
    network = Network.load(run)
    _trimmed(network, run, parts["train"]).save(str(target / TOKENIZER))
    write_weights(Probabilities(network), OUTPUTS, target)
    learned = learn(one for one in [*_values(parts["train"]), *written.values()] if one[0] in _NAMED)
    (target / NAMES).write_text(json.dumps(learned, ensure_ascii=False, indent=0) + "\n", "utf-8")
    lexicon, places = Lexicon.load(target / NAMES), Places.load()
    save_known(target / HINTS, _spans(parts["train"]), lexicon, places)
    facets.count(_offered(parts["train"])).save(target / FACETS)
    _save(Calibration.neutral(), target)
    if labels_of:
        if not parts["calibration"]:
            raise ValueError("too few labels: none falls into the calibration part")
        held_out = [data.row(example, number) for number, example in enumerate(written.read(written.HELD_OUT))]
        _save(_calibrate(target, [*parts["calibration"], *held_out]), target)
    write_config(target, QueryStudent.name, OUTPUTS, assets_digest(target), labels.digest(), instances=2)
    log.info("%s: %.1f MB", target / WEIGHTS, (target / WEIGHTS).stat().st_size / 1e6)
    return target


def _trimmed(network: Network, run: Path, rows: Sequence[Row]) -> Tokenizer:
    examples = [*(data.example(row) for row in rows), *written.read()]
    return vocabulary.trim(
        network, load_tokenizer(run / TOKENIZER), vocabulary.texts(examples, names(examples, LANGUAGES))
    )


def _save(calibration: Calibration, target: Path) -> None:
    (target / CALIBRATION).write_text(json.dumps(asdict(calibration), indent=1) + "\n", "utf-8")


def _values(rows: Sequence[Row]) -> Iterator[tuple[str, str, str]]:
    for row in rows:
        for one in row["criteria"]:
            yield one["type"], one["span"], one["value"]


def _offered(rows: Sequence[Row]) -> Iterator[tuple[list[str], list[tuple[str, str]]]]:
    """Of each query what it is about, and what was offered with it or asked for in it."""
    for row in rows:
        names = [
            c["value"] for c in row["criteria"] if c["type"] in ("title", "skill", "industry") and not c["negated"]
        ]
        offered = [(f["type"], f["value"]) for f in row["facets"]]
        if names and offered:
            yield names, offered


def _spans(rows: Sequence[Row]) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Labelled and written queries with their (type, words)."""
    for example in [*(data.example(row) for row in rows), *written.read()]:
        if example.tagged:
            yield example.text, [(mark.type, example.text[mark.start : mark.end]) for mark in example.marks]


def _hints(
    rows: Sequence[Row], prepared: Sequence[Prepared], answers: Sequence[Outputs], known: Known
) -> dict[str, float]:
    """Of each type the weight that finds the most spans right, one type after the other, twice round."""
    gold = [{(c["type"], c["start"], c["end"]) for c in row["criteria"]} for row in rows]
    wanted = sum(map(len, gold))

    def f1(weights: dict[str, float]) -> float:
        hints, right, said = Hints(known, weights), 0, 0
        for one, own, labels_of in zip(prepared, answers, gold, strict=True):
            found = decoding.spans(one.words, own[TOKENS_OUTPUT], one.query.text, hints)
            said += len(found)
            right += sum((span.type, span.start, span.end) in labels_of for span in found)
        return 2 * right / max(1, said + wanted)

    weights: dict[str, float] = dict.fromkeys(map(str, TYPES), 0.0)
    best = f1(weights)
    log.info("spans without hints: F1 %.4f", best)
    for _ in range(2):
        for name in TYPES:
            for step in _WEIGHTS:
                score = f1({**weights, name: step})
                if score > best:
                    best, weights = score, {**weights, name: step}
    log.info("spans with hints: F1 %.4f", best)
    return weights


def _calibrate(target: Path, rows: Sequence[Row]) -> Calibration:
    student = QueryStudent.load(target)
    prepared = [student.prepare(running.query(row)) for row in rows]
    answers = running.outputs(student, prepared, target)
    within = slices()
    scales = {}
    for name, key, classes in (("intent", "intent", INTENTS), ("language", "language", LANGUAGES)):
        known = [i for i, row in enumerate(rows) if row[key] in classes]
        logs = np.log(np.stack([answers[i][WHOLE_OUTPUT][within[name]] for i in known]) + 1e-9)
        scales[name] = round(temperature(logs, np.array([classes.index(rows[i][key]) for i in known])), 4)
    weights = _hints(rows, prepared, answers, student.hints.known)
    hints = Hints(student.hints.known, weights)
    sure, right = [], []
    for row, one, own in zip(rows, prepared, answers, strict=True):
        gold = {(c["type"], c["start"], c["end"]) for c in row["criteria"]}
        for span in decoding.spans(one.words, own[TOKENS_OUTPUT], one.query.text, hints):
            sure.append(span.sure)
            right.append((span.type, span.start, span.end) in gold)
    return Calibration(
        intent=scales["intent"],
        language=scales["language"],
        criterion=_platt(np.array(sure), np.array(right, float)),
        needs=_thresholds(rows, answers),
        hints=weights,
    )


def _platt(sure: np.typing.NDArray[np.float64], right: np.typing.NDArray[np.float64]) -> tuple[float, float]:
    """Slope and intercept from log odds to log odds of the least log loss."""
    if not len(sure) or right.min() == right.max():
        return 1.0, 0.0
    odds = np.log(np.clip(sure, 1e-6, 1 - 1e-6) / (1 - np.clip(sure, 1e-6, 1 - 1e-6)))

    def log_loss(weights: np.typing.NDArray[np.float64]) -> float:
        logits = weights[0] * odds + weights[1]
        return float(np.mean(np.logaddexp(0, logits) - right * logits))

    slope, intercept = minimize(log_loss, np.array([1.0, 0.0]), method="Nelder-Mead").x
    return round(float(slope), 4), round(float(intercept), 4)


def _thresholds(rows: Sequence[Row], answers: Sequence[Outputs]) -> dict[str, float]:
    """Of each field the threshold that is right most often, a half where several are."""
    part = slices()["needs"]
    cases: dict[str, list[tuple[float, bool]]] = {name: [] for name in FIELDS}
    for row, own in zip(rows, answers, strict=True):
        if row["intent"] in ("self_reference", "mixed"):
            for name, known, sure in zip(FIELDS, data.needs(row), own[WHOLE_OUTPUT][part], strict=True):
                if known is not None:
                    cases[name].append((float(sure), known))
    return {
        name: max(_STEPS, key=lambda step: sum((sure >= step) == known for sure, known in own))
        for name, own in cases.items()
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True, help="folder that training wrote")
    parser.add_argument("--target", type=Path, default=REPOSITORY / QueryStudent.name)
    parser.add_argument("--labels", type=Path, nargs="+", default=(), help="those of the run")
    options = parser.parse_args(arguments)
    export(options.run, options.target, options.labels)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    main()
