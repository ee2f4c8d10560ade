"""Writes the served model: ONNX with int8 weights, its assets, and Triton's configuration with their digests.

python -m models.postings.export --run RUN --postings postings.jsonl.gz --labels labels.jsonl --reserved ids.txt
"""

import argparse
import dataclasses
import hashlib
import json
import logging
import shutil
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path

import torch

from models.postings import calibrate, data, filtering, labels, running
from models.postings.decoding import Thresholds
from models.postings.labels import SCORES, SHOWN, TAGS
from models.postings.network import Network, Probabilities
from models.postings.retrieval import Retriever
from models.postings.student import CALIBRATION, RETRIEVER, THRESHOLDS, TOKENIZER, Student, assets_digest
from models.postings.voting import Calibration
from models.quantise import quantise
from models.repository import REPOSITORY

log = logging.getLogger(__name__)
_DISTIL_POSTINGS = 1_200
# What serving reads: the threshold decides for almost all postings, the budget only stops the monsters.
_EVIDENCE_RECALL, _MAX_EVIDENCE, _MAX_SKILL = 0.985, 16, 3
_WEIGHTS = Path("1") / "model.onnx"
_CONFIG = """\
# Written by models.postings.export; edit there.
name: "postings_student"
backend: "onnxruntime"
max_batch_size: 64
input [
  {{ name: "input_ids" data_type: TYPE_INT64 dims: [ -1 ] }},
  {{ name: "attention_mask" data_type: TYPE_INT64 dims: [ -1 ] }}
]
output [
  {{ name: "sentence_scores" data_type: TYPE_FP32 dims: [ {scores} ] }},
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


def export(
    run: Path,
    target: Path,
    postings: Path | None,
    labels_of: Sequence[Path],
    reserved: Path | None,
    keep_exact: Path | None = None,
) -> Path:
    """Exports a training run to a model folder; with postings and labels it is calibrated, else neutral.

    Raises:
        ValueError: the labels are too few.
    """
    (target / _WEIGHTS.parent).mkdir(parents=True, exist_ok=True)
    for name in (TOKENIZER, RETRIEVER):
        shutil.copyfile(run / name, target / name)
    shutil.copyfile(run / "config.json", target / "training.json")
    Calibration.neutral().save(target / CALIBRATION)
    Thresholds.neutral().save(target / THRESHOLDS)
    with tempfile.TemporaryDirectory() as folder:
        exact = Path(folder) / "model.onnx"
        write_onnx(Network.load(run), exact)
        quantise(exact, target / _WEIGHTS)
        if keep_exact:
            shutil.copyfile(exact, keep_exact)
    if postings and labels_of:
        _tune(run, target, postings, labels_of, reserved)
    write_config(target)
    log.info("%s: %.1f MB", target / _WEIGHTS, (target / _WEIGHTS).stat().st_size / 1e6)
    return target


def _tune(run: Path, target: Path, postings: Path, labels_of: Sequence[Path], reserved: Path | None) -> None:
    """Distils the retriever by what is served, the int8 model; fits by it too how sure that may be."""
    config = json.loads((run / "config.json").read_text("utf-8"))
    examples = data.load(postings, labels_of, reserved)
    parts = data.split(examples, config["held_out"])
    model = running.session(target / _WEIGHTS)
    if not parts["calibration"]:
        raise ValueError("too few labels: none falls into the calibration part")
    evaluation = [*parts["calibration"], *parts["test"]]
    sample = data.unlabelled(
        postings, examples, evaluation, config["held_out"], reserved, _DISTIL_POSTINGS, config["seed"]
    )
    sentences, beliefs = filtering.believe(sample, Student.load(target), model)
    retriever = dataclasses.replace(
        Retriever.load(target / RETRIEVER), max_evidence=_MAX_EVIDENCE, max_skill=_MAX_SKILL
    )
    filtering.distilled(retriever, parts["train"], parts["calibration"], sentences, beliefs, _EVIDENCE_RECALL).save(
        target / RETRIEVER
    )
    prepared = Student.load(target).prepare_batch([item.posting for item in parts["calibration"]])
    answers = running.run(model, prepared)
    read = [i for i, document in enumerate(prepared) if document.units]
    prepared, answers = [prepared[i] for i in read], [answers[i] for i in read]
    examples = [parts["calibration"][i] for i in read]
    calibration = calibrate.fit(answers, examples)
    calibration.save(target / CALIBRATION)
    skill = calibrate.skill_threshold(examples, prepared, answers)
    Thresholds(calibrate.review(calibration, answers, examples), skill).save(target / THRESHOLDS)


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
            output_names=["sentence_scores", "token_probs"],
            dynamic_axes={
                "input_ids": axes, "attention_mask": axes, "sentence_scores": {0: "batch"}, "token_probs": axes,
            },
            opset_version=17,
            dynamo=False,
        )  # fmt: skip


def write_config(target: Path) -> None:
    """`config.pbtxt` with the digests that workers check."""
    assets = assets_digest(target)
    weights = hashlib.sha256((target / _WEIGHTS).read_bytes()).hexdigest()
    text = _CONFIG.format(
        scores=SCORES,
        tags=len(TAGS) + len(SHOWN),
        labels_digest=labels.digest(),
        assets_digest=assets,
        digest=hashlib.sha256((weights + assets).encode()).hexdigest()[:16],
    )
    (target / "config.pbtxt").write_text(text, "utf-8")


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True, help="folder that training wrote")
    parser.add_argument("--target", type=Path, default=REPOSITORY / Student.name)
    parser.add_argument("--postings", type=Path)
    parser.add_argument("--labels", type=Path, nargs="+", default=())
    parser.add_argument("--reserved", type=Path)
    parser.add_argument("--exact", type=Path, help="keep the fp32 model in this file, to compare")
    options = parser.parse_args(arguments)
    export(options.run, options.target, options.postings, options.labels, options.reserved, options.exact)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    main()
