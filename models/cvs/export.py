"""Writes the served model: ONNX with int8 weights, its assets, and Triton's configuration with their digests.

python -m models.cvs.export --run RUN --cvs cvs.jsonl.gz --labels labels.jsonl --reserved ids.txt
"""

import argparse
import hashlib
import logging
import shutil
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path

import torch

from models.cvs import calibrate, data, labels, running
from models.cvs.decoding import Thresholds
from models.cvs.labels import TAGS, WINDOW_CLASSES
from models.cvs.network import Network, Probabilities
from models.cvs.student import THRESHOLDS, TOKENIZER, CvStudent, assets_digest
from models.quantise import quantise
from models.repository import REPOSITORY

log = logging.getLogger(__name__)
WEIGHTS = Path("1") / "model.onnx"
_CONFIG = """\
# Written by models.cvs.export; edit there.
name: "cv_student"
backend: "onnxruntime"
max_batch_size: 64
input [
  {{ name: "input_ids" data_type: TYPE_INT64 dims: [ -1 ] }},
  {{ name: "attention_mask" data_type: TYPE_INT64 dims: [ -1 ] }}
]
output [
  {{ name: "window_probs" data_type: TYPE_FP32 dims: [ {classes} ] }},
  {{ name: "token_probs" data_type: TYPE_FP32 dims: [ -1, {tags} ] }}
]
# No dynamic batching: the worker's requests are batches of one shape already, and Triton's batcher burns a tenth of the
# CPU time while requests of several shapes wait.
# KIND_AUTO: on a GPU where the server has one, else on the CPU.
instance_group [ {{ count: 1 kind: KIND_AUTO }} ]
parameters {{ key: "labels_digest" value: {{ string_value: "{labels_digest}" }} }}
parameters {{ key: "assets_digest" value: {{ string_value: "{assets_digest}" }} }}
parameters {{ key: "digest" value: {{ string_value: "{digest}" }} }}
"""


def export(run: Path, target: Path, cvs: Path | None, labels_of: Sequence[Path], reserved: Path | None) -> Path:
    """Exports a training run to a model folder; with CVs and labels its thresholds are fitted, else they are neutral.

    Raises:
        ValueError: the labels are too few, or not the run's.
    """
    (target / WEIGHTS.parent).mkdir(parents=True, exist_ok=True)
    shutil.copyfile(run / TOKENIZER, target / TOKENIZER)
    shutil.copyfile(run / "config.json", target / "training.json")
    Thresholds.neutral().save(target / THRESHOLDS)
    with tempfile.TemporaryDirectory() as folder:
        exact = Path(folder) / "model.onnx"
        write_onnx(Network.load(run), exact)
        quantise(exact, target / WEIGHTS)
    if cvs and labels_of:
        examples = data.split(data.load(cvs, labels_of, reserved))["calibration"]
        if not examples:
            raise ValueError("too few labels: none falls into the calibration part")
        student = CvStudent.load(target)
        prepared = student.prepare_batch([item.text for item in examples], [None] * len(examples))
        answers = running.run(running.session(target / WEIGHTS), prepared)
        calibrate.fit(student, examples, prepared, answers).save(target / THRESHOLDS)
    write_config(target)
    log.info("%s: %.1f MB", target / WEIGHTS, (target / WEIGHTS).stat().st_size / 1e6)
    return target


def write_onnx(network: Network, path: Path) -> None:
    """The exact (fp32) model with free batch size and length."""
    ids = torch.randint(5, 100, (3, 16))
    axes = {0: "batch", 1: "tokens"}
    with warnings.catch_warnings():
        # The exporter without further dependencies is the older one; it says so at length.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            Probabilities(network).eval(),
            (ids, torch.ones_like(ids)),
            str(path),
            input_names=["input_ids", "attention_mask"],
            output_names=["window_probs", "token_probs"],
            dynamic_axes={
                "input_ids": axes, "attention_mask": axes, "window_probs": {0: "batch"}, "token_probs": axes,
            },
            opset_version=17,
            dynamo=False,
        )  # fmt: skip


def write_config(target: Path) -> None:
    """`config.pbtxt` with the digests that workers check."""
    assets = assets_digest(target)
    weights = hashlib.sha256((target / WEIGHTS).read_bytes()).hexdigest()
    text = _CONFIG.format(
        classes=WINDOW_CLASSES,
        tags=len(TAGS),
        labels_digest=labels.digest(),
        assets_digest=assets,
        digest=hashlib.sha256((weights + assets).encode()).hexdigest()[:16],
    )
    (target / "config.pbtxt").write_text(text, "utf-8")


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True, help="folder that training wrote")
    parser.add_argument("--target", type=Path, default=REPOSITORY / CvStudent.name)
    parser.add_argument("--cvs", type=Path)
    parser.add_argument("--labels", type=Path, nargs="+", default=())
    parser.add_argument("--reserved", type=Path)
    options = parser.parse_args(arguments)
    export(options.run, options.target, options.cvs, options.labels, options.reserved)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    main()
