"""Writes the served model: ONNX with int8 weights, its assets, and Triton's configuration with their digests.

python -m models.titles.export --run RUN --labels labels.jsonl

Confidence is scaled on the calibration part (temperature: Guo et al. 2017); the scale goes into the heads' weights, so
that what Triton answers is calibrated already.
"""

import argparse
import hashlib
import json
import logging
import shutil
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from scipy.optimize import minimize_scalar

from models.postings.calibrate import review_threshold
from models.quantise import quantise
from models.repository import REPOSITORY
from models.titles import data, labels, running
from models.titles.data import Title
from models.titles.labels import HEADS
from models.titles.network import Network, Probabilities
from models.titles.student import REVIEW, TOKENIZER, Floats, TitleStudent, assets_digest, load_tokenizer, token_ids

log = logging.getLogger(__name__)
WEIGHTS = Path("1") / "model.onnx"
TRAINING = "training.json"
_CONFIG = """\
# Written by models.titles.export; edit there.
name: "title_student"
backend: "onnxruntime"
max_batch_size: 64
input [
  {{ name: "input_ids" data_type: TYPE_INT64 dims: [ -1 ] }},
  {{ name: "attention_mask" data_type: TYPE_INT64 dims: [ -1 ] }}
]
output [
{outputs}
]
# No dynamic batching: the worker's requests are batches of one shape already.
# KIND_AUTO: on a GPU where the server has one, else on the CPU.
instance_group [ {{ count: 1 kind: KIND_AUTO }} ]
parameters {{ key: "labels_digest" value: {{ string_value: "{labels_digest}" }} }}
parameters {{ key: "assets_digest" value: {{ string_value: "{assets_digest}" }} }}
parameters {{ key: "digest" value: {{ string_value: "{digest}" }} }}
"""


def export(run: Path, target: Path, labels_file: Path | None) -> Path:
    """Exports a training run to a model folder; with labels it is calibrated, else neutral.

    Raises:
        ValueError: none of the labels falls into the calibration part.
    """
    (target / WEIGHTS.parent).mkdir(parents=True, exist_ok=True)
    shutil.copyfile(run / TOKENIZER, target / TOKENIZER)
    shutil.copyfile(run / "config.json", target / TRAINING)
    network = Network.load(run)
    _write(network, target / WEIGHTS)
    review = dict.fromkeys(HEADS, 0.0)
    if labels_file:
        review = _calibrate(network, target, data.split(data.read_labels(labels_file))["calibration"])
        _write(network, target / WEIGHTS)
    (target / REVIEW).write_text(json.dumps(review, indent=2) + "\n", "utf-8")
    write_config(target)
    log.info("%s: %.1f MB", target / WEIGHTS, (target / WEIGHTS).stat().st_size / 1e6)
    return target


def _calibrate(network: Network, target: Path, titles: Sequence[Title]) -> dict[str, float]:
    """Scales the heads by what the int8 model answers; of each head the confidence below which a person should look."""
    if not titles:
        raise ValueError("too few labels: none falls into the calibration part")
    ids = token_ids(load_tokenizer(target / TOKENIZER), [title.text for title in titles])
    answers = running.run(target / WEIGHTS, ids)
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


def _write(network: Network, weights: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        exact = Path(folder) / "model.onnx"
        write_onnx(network, exact)
        quantise(exact, weights)


def write_onnx(network: Network, path: Path) -> None:
    """The exact (fp32) model with free batch size and length."""
    ids = torch.randint(4, 20, (3, 16))
    axes = {0: "batch", 1: "tokens"}
    outputs = [labels.output(head) for head in HEADS]
    with warnings.catch_warnings():
        # The exporter without further dependencies is the older one; it says so at length.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            Probabilities(network).eval(),
            (ids, torch.ones_like(ids)),
            str(path),
            input_names=["input_ids", "attention_mask"],
            output_names=outputs,
            dynamic_axes={"input_ids": axes, "attention_mask": axes} | {name: {0: "batch"} for name in outputs},
            opset_version=17,
            dynamo=False,
        )


def write_config(target: Path) -> None:
    """`config.pbtxt` with the digests that workers check."""
    assets = assets_digest(target)
    weights = hashlib.sha256((target / WEIGHTS).read_bytes()).hexdigest()
    outputs = ",\n".join(
        f'  {{ name: "{labels.output(head)}" data_type: TYPE_FP32 dims: [ {len(classes)} ] }}'
        for head, classes in HEADS.items()
    )
    text = _CONFIG.format(
        outputs=outputs,
        labels_digest=labels.digest(),
        assets_digest=assets,
        digest=hashlib.sha256((weights + assets).encode()).hexdigest()[:16],
    )
    (target / "config.pbtxt").write_text(text, "utf-8")


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
