"""Writes what Triton serves of a network: ONNX with int8 weights, and a configuration with the digests of all of it."""

import hashlib
import shutil
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from torch import nn

from models.assets import WEIGHTS
from models.quantise import quantise

_CONFIG = """\
# Written by models.exporting; edit there.
name: "{name}"
backend: "onnxruntime"
max_batch_size: 64
input [
  {{ name: "input_ids" data_type: TYPE_INT64 dims: [ -1 ] }},
  {{ name: "attention_mask" data_type: TYPE_INT64 dims: [ -1 ] }}
]
output [
{outputs}
]
# No dynamic batching: the worker's requests are batches of one shape already, and Triton's batcher burns a tenth of the
# CPU time while requests of several shapes wait.
# KIND_AUTO: on a GPU where the server has one, else on the CPU.
instance_group [ {{ count: {instances} kind: KIND_AUTO }} ]
{parameters}
"""


class Output(NamedTuple):
    """An output tensor: so many numbers for each sequence, or for each of its tokens."""

    name: str
    size: int
    per_token: bool = False


def write_weights(network: nn.Module, outputs: Sequence[Output], target: Path, keep_exact: Path | None = None) -> None:
    """The int8 model in its place below the model folder `target`.

    Args:
        network: gives the outputs, in order, of int64 ids and mask `(batch, tokens)`.
        keep_exact: file for the fp32 model.
    """
    (target / WEIGHTS.parent).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        exact = Path(folder) / "model.onnx"
        _write_onnx(network, outputs, exact)
        quantise(exact, target / WEIGHTS)
        if keep_exact:
            shutil.copyfile(exact, keep_exact)


def _write_onnx(network: nn.Module, outputs: Sequence[Output], path: Path) -> None:
    """The fp32 model with free batch size and length."""
    ids = torch.randint(4, 20, (3, 16))
    axes = {0: "batch", 1: "tokens"}
    free = {"input_ids": axes, "attention_mask": axes}
    free |= {output.name: axes if output.per_token else {0: "batch"} for output in outputs}
    with warnings.catch_warnings():
        # The exporter without further dependencies is the older one; it says so at length.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network.eval(),
            (ids, torch.ones_like(ids)),
            str(path),
            input_names=["input_ids", "attention_mask"],
            output_names=[output.name for output in outputs],
            dynamic_axes=free,
            opset_version=17,
            dynamo=False,
        )


def write_config(
    target: Path,
    name: str,
    outputs: Sequence[Output],
    assets_digest: str,
    labels_digest: str | None = None,
    *,
    instances: int | None = None,
) -> str:
    """`config.pbtxt` with the digests that workers check; returns the model's own, over weights and assets.

    Args:
        instances: of one thread each, for small requests that come side by side, in which threads would wait for each
            other longer than they work: with two of them a query took 5 ms in place of 7, eight took 13 in place of 34.
            By default one with all threads.
    """
    weights = hashlib.sha256((target / WEIGHTS).read_bytes()).hexdigest()
    digest = hashlib.sha256((weights + assets_digest).encode()).hexdigest()[:16]
    threads = "1" if instances is not None else None
    parameters = {
        "labels_digest": labels_digest,
        "assets_digest": assets_digest,
        "digest": digest,
        "intra_op_thread_count": threads,
    }
    text = _CONFIG.format(
        name=name,
        instances=instances or 1,
        outputs=",\n".join(
            f'  {{ name: "{o.name}" data_type: TYPE_FP32 dims: [ {"-1, " if o.per_token else ""}{o.size} ] }}'
            for o in outputs
        ),
        parameters="\n".join(
            f'parameters {{ key: "{key}" value: {{ string_value: "{value}" }} }}'
            for key, value in parameters.items()
            if value is not None
        ),
    )
    (target / "config.pbtxt").write_text(text, "utf-8")
    return digest
