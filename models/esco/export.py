"""Writes the served text embedder: ONNX with int8 weights, its tokenizer, Triton's configuration with their digests.

python -m models.esco.export --run run
"""

import argparse
import logging
import shutil
from collections.abc import Sequence
from pathlib import Path

from models.assets import TOKENIZER, WEIGHTS
from models.esco import running
from models.esco.embedder import DIMENSION, TextEmbedder
from models.esco.linker import Linker
from models.esco.network import Embedder
from models.esco.taxonomy import Taxonomy
from models.exporting import Output, write_config, write_weights
from models.repository import REPOSITORY

log = logging.getLogger(__name__)
OUTPUTS = (Output(running.OUTPUT, DIMENSION),)


def export(run: Path, target: Path, keep_exact: Path | None = None) -> Path:
    """Exports a training run (or a Hugging Face encoder's folder) to a model folder."""
    encoder = run / "encoder"
    write_weights(Embedder(encoder if encoder.is_dir() else run), OUTPUTS, target, keep_exact)
    shutil.copyfile(run / TOKENIZER, target / TOKENIZER)
    if encoder.is_dir():
        shutil.copyfile(run / "config.json", target / "training.json")
    digest = write_config(target, TextEmbedder.name, OUTPUTS, TextEmbedder.load(target).assets_digest)
    for old in target.glob("esco-*.npz"):
        old.unlink()
    # The bundled taxonomy's labels: nobody waits for them at a first start.
    Linker.build(Taxonomy.load(), running.embedding(target), digest, [target])
    log.info("%s: %.1f MB", target / WEIGHTS, (target / WEIGHTS).stat().st_size / 1e6)
    return target


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
