"""Writes the served model: ONNX with int8 weights, its assets, and Triton's configuration with their digests.

python -m models.postings.export --run RUN --postings postings.jsonl.gz --labels labels.jsonl --reserved ids.txt
"""

import argparse
import dataclasses
import hashlib
import json
import logging
import random
import shutil
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path

import torch

from models.postings import calibrate, data, filtering, labels, running
from models.postings.decoding import Calibration
from models.postings.labels import HEADS, TAGS
from models.postings.network import Network, Probabilities
from models.postings.quantise import quantise
from models.postings.retrieval import Retriever
from models.postings.student import CALIBRATION, RETRIEVER, TOKENIZER, Student, assets_digest
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
  {{ name: "sentence_probs" data_type: TYPE_FP32 dims: [ {classes} ] }},
  {{ name: "token_probs" data_type: TYPE_FP32 dims: [ -1, {tags} ] }}
]
# A result never depends on its batch mates (activations are scaled row by row), so requests may be merged freely.
dynamic_batching {{ max_queue_delay_microseconds: 500 }}
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
    label_file: Path | None,
    reserved: Path | None,
    keep_exact: Path | None = None,
) -> Path:
    """Exports a training run to a model folder; with postings and labels it is calibrated, else neutral."""
    (target / _WEIGHTS.parent).mkdir(parents=True, exist_ok=True)
    for name in (TOKENIZER, RETRIEVER):
        shutil.copyfile(run / name, target / name)
    shutil.copyfile(run / "config.json", target / "training.json")
    Calibration.neutral().save(target / CALIBRATION)
    with tempfile.TemporaryDirectory() as folder:
        exact = Path(folder) / "model.onnx"
        write_onnx(load_network(run), exact)
        quantise(exact, target / _WEIGHTS)
        if keep_exact:
            shutil.copyfile(exact, keep_exact)
    if postings and label_file:
        _tune(run, target, postings, label_file, reserved)
    write_config(target)
    log.info("%s: %.1f MB", target / _WEIGHTS, (target / _WEIGHTS).stat().st_size / 1e6)
    return target


def _tune(run: Path, target: Path, postings: Path, label_file: Path, reserved: Path | None) -> None:
    """Distils the retriever and calibrates, both by what is served: the int8 model."""
    config = json.loads((run / "config.json").read_text("utf-8"))
    parts = data.split(data.load(postings, label_file, reserved), config["held_out"])
    model = running.session(target / _WEIGHTS)
    pool = data.unlabelled(postings, parts["calibration"] + parts["test"], config["held_out"], reserved)
    sample = random.Random(config["seed"]).sample(pool, min(_DISTIL_POSTINGS, len(pool)))  # noqa: S311
    sentences, beliefs = filtering.believe(sample, Student.load(target), model)
    retriever = dataclasses.replace(
        Retriever.load(target / RETRIEVER), max_evidence=_MAX_EVIDENCE, max_skill=_MAX_SKILL
    )
    filtering.distilled(retriever, parts["train"], parts["calibration"], sentences, beliefs, _EVIDENCE_RECALL).save(
        target / RETRIEVER
    )
    prepared = Student.load(target).prepare_batch([item.posting for item in parts["calibration"]])
    calibrate.fit(parts["calibration"], prepared, running.run(model, prepared)).save(target / CALIBRATION)


def load_network(run: Path) -> Network:
    """The network as :mod:`models.postings.train` left it."""
    network = Network(run / "encoder")
    heads = torch.load(run / "heads.pt", weights_only=True)
    network.sentence.load_state_dict(heads["sentence"])
    network.token.load_state_dict(heads["token"])
    network.eval()
    return network


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
            output_names=["sentence_probs", "token_probs"],
            dynamic_axes={
                "input_ids": axes, "attention_mask": axes, "sentence_probs": {0: "batch"}, "token_probs": axes,
            },
            opset_version=17,
            dynamo=False,
        )  # fmt: skip


def write_config(target: Path) -> None:
    """`config.pbtxt` with the digests that workers check."""
    assets = assets_digest(target)
    weights = hashlib.sha256((target / _WEIGHTS).read_bytes()).hexdigest()
    text = _CONFIG.format(
        classes=sum(map(len, HEADS.values())),
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
    parser.add_argument("--target", type=Path, default=REPOSITORY / Student.name)
    parser.add_argument("--postings", type=Path)
    parser.add_argument("--labels", type=Path)
    parser.add_argument("--reserved", type=Path)
    parser.add_argument("--exact", type=Path, help="keep the fp32 model in this file, to compare")
    options = parser.parse_args(arguments)
    export(options.run, options.target, options.postings, options.labels, options.reserved, options.exact)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    main()
