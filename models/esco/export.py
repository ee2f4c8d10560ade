"""Writes the served text embedder: ONNX with int8 weights, its tokenizer, Triton's configuration with their digests.

python -m models.esco.export --run run
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

from models.esco import running
from models.esco.embedder import DIMENSION, TOKENIZER, TextEmbedder
from models.esco.linker import Linker
from models.esco.network import Embedder
from models.esco.taxonomy import Taxonomy
from models.quantise import quantise
from models.repository import REPOSITORY

log = logging.getLogger(__name__)
_WEIGHTS = Path("1") / "model.onnx"
_CONFIG = """\
# Written by models.esco.export; edit there.
name: "text_embedder"
backend: "onnxruntime"
max_batch_size: 64
input [
  {{ name: "input_ids" data_type: TYPE_INT64 dims: [ -1 ] }},
  {{ name: "attention_mask" data_type: TYPE_INT64 dims: [ -1 ] }}
]
output [
  {{ name: "embedding" data_type: TYPE_FP32 dims: [ {dimension} ] }}
]
# No dynamic batching: the worker's requests are batches of one shape already.
# KIND_AUTO: on a GPU where the server has one, else on the CPU.
instance_group [ {{ count: 1 kind: KIND_AUTO }} ]
parameters {{ key: "assets_digest" value: {{ string_value: "{assets_digest}" }} }}
parameters {{ key: "digest" value: {{ string_value: "{digest}" }} }}
"""


def export(run: Path, target: Path, keep_exact: Path | None = None) -> Path:
    """Exports a training run (or a Hugging Face encoder's folder) to a model folder."""
    (target / _WEIGHTS.parent).mkdir(parents=True, exist_ok=True)
    shutil.copyfile(run / TOKENIZER, target / TOKENIZER)
    if (run / "config.json").exists() and (run / "encoder").is_dir():
        shutil.copyfile(run / "config.json", target / "training.json")
    with tempfile.TemporaryDirectory() as folder:
        exact = Path(folder) / "model.onnx"
        write_onnx(Embedder(run / "encoder" if (run / "encoder").is_dir() else run), exact)
        quantise(exact, target / _WEIGHTS)
        if keep_exact:
            shutil.copyfile(exact, keep_exact)
    digest = write_config(target)
    for old in target.glob("esco-*.npz"):
        old.unlink()
    # The bundled taxonomy's labels: nobody waits for them at a first start.
    Linker.build(Taxonomy.load(), running.embedding(target), digest, [target])
    log.info("%s: %.1f MB", target / _WEIGHTS, (target / _WEIGHTS).stat().st_size / 1e6)
    return target


def write_onnx(network: Embedder, path: Path) -> None:
    """The exact (fp32) model with free batch size and length."""
    ids = torch.randint(5, 100, (3, 16))
    axes = {0: "batch", 1: "tokens"}
    with warnings.catch_warnings():
        # The exporter without further dependencies is the older one; it says so at length.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network.eval(),
            (ids, torch.ones_like(ids)),
            str(path),
            input_names=["input_ids", "attention_mask"],
            output_names=["embedding"],
            dynamic_axes={"input_ids": axes, "attention_mask": axes, "embedding": {0: "batch"}},
            opset_version=17,
            dynamo=False,
        )


def write_config(target: Path) -> str:
    """`config.pbtxt` with the digests that workers check; the model's own."""
    assets = TextEmbedder.load(target).assets_digest
    weights = hashlib.sha256((target / _WEIGHTS).read_bytes()).hexdigest()
    digest = hashlib.sha256((weights + assets).encode()).hexdigest()[:16]
    text = _CONFIG.format(dimension=DIMENSION, assets_digest=assets, digest=digest)
    (target / "config.pbtxt").write_text(text, "utf-8")
    return digest


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True, help="folder that training wrote, or an encoder's folder")
    parser.add_argument("--target", type=Path, default=REPOSITORY / TextEmbedder.name)
    parser.add_argument("--exact", type=Path, help="keep the fp32 model in this file, to compare")
    options = parser.parse_args(arguments)
    export(options.run, options.target, options.exact)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    main()
