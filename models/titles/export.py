"""Writes the served model: ONNX with int8 weights, its assets, and Triton's configuration with their digests.

python -m models.titles.export --run RUN --labels labels.jsonl

Confidence is scaled on the calibration part (temperature: Guo et al. 2017); the scale goes into the heads' weights, so
that what Triton answers is calibrated already.
"""

import argparse
import json
import logging
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from scipy.optimize import minimize_scalar

from models import running
from models.assets import TOKENIZER, WEIGHTS, load_tokenizer
from models.exporting import Output, write_config, write_weights
from models.measuring import review_threshold
from models.repository import REPOSITORY
from models.titles import data, labels
from models.titles.data import Title
from models.titles.labels import HEADS
from models.titles.network import Network, Probabilities
from models.titles.student import REVIEW, Floats, TitleStudent, assets_digest, token_ids

log = logging.getLogger(__name__)
TRAINING = "training.json"
OUTPUTS = tuple(Output(labels.output(head), len(classes)) for head, classes in HEADS.items())


def export(run: Path, target: Path, labels_file: Path | None) -> Path:
    """Exports a training run to a model folder; with labels it is calibrated, else neutral.

    Raises:
        ValueError: none of the labels falls into the calibration part.
    """
    target.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(run / TOKENIZER, target / TOKENIZER)
    shutil.copyfile(run / "config.json", target / TRAINING)
    network = Network.load(run)
    write_weights(Probabilities(network), OUTPUTS, target)
    review = dict.fromkeys(HEADS, 0.0)
    if labels_file:
        review = _calibrate(network, target, data.split(data.read_labels(labels_file))["calibration"])
        write_weights(Probabilities(network), OUTPUTS, target)
    (target / REVIEW).write_text(json.dumps(review, indent=2) + "\n", "utf-8")
    write_config(target, TitleStudent.name, OUTPUTS, assets_digest(target), labels.digest())
    log.info("%s: %.1f MB", target / WEIGHTS, (target / WEIGHTS).stat().st_size / 1e6)
    return target


def _calibrate(network: Network, target: Path, titles: Sequence[Title]) -> dict[str, float]:
    """Scales the heads by what the int8 model answers; of each head the confidence below which a person should look."""
    if not titles:
        raise ValueError("too few labels: none falls into the calibration part")
    ids = token_ids(load_tokenizer(target / TOKENIZER), [title.text for title in titles])
    answers = running.run(running.session(target / WEIGHTS), ids)
    review = {}
    for head, classes in HEADS.items():
        known = [i for i, title in enumerate(titles) if head in title.classes]
        right = np.array([classes.index(titles[i].classes[head]) for i in known])
        logs = np.log(np.stack([answers[i][labels.output(head)] for i in known]) + 1e-12)
        scale = temperature(logs, right)
        log.info("%s: scale %.3f", head, scale)
        with torch.no_grad():
            network.heads[head].weight.mul_(scale)
            network.heads[head].bias.mul_(scale)
        probabilities = np.exp(logs * scale)
        probabilities /= probabilities.sum(1, keepdims=True)
        review[head] = review_threshold(probabilities.max(1), probabilities.argmax(1) == right)
    return review


def temperature(logs: Floats, right: np.typing.NDArray[np.int64]) -> float:
    """By what the logits `(cases, classes)` must be multiplied for the least log loss; `right` are class indices."""

    def log_loss(power: float) -> float:
        scaled = logs * np.exp(power)
        return float(np.mean(np.log(np.exp(scaled).sum(1)) - scaled[np.arange(len(right)), right]))

    return float(np.exp(minimize_scalar(log_loss, bounds=(-1.5, 1.5), method="bounded").x))


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True, help="folder that training wrote")
    parser.add_argument("--target", type=Path, default=REPOSITORY / TitleStudent.name)
    parser.add_argument("--labels", type=Path, help="those of the run")
    options = parser.parse_args(arguments)
    export(options.run, options.target, options.labels)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    main()
