"""Writes the served model: ONNX with int8 weights, its assets, and Triton's configuration with their digests.

python -m models.cvs.export --run RUN --cvs cvs.jsonl.gz --labels labels.jsonl --reserved ids.txt
"""

import argparse
import logging
import shutil
from collections.abc import Sequence
from pathlib import Path

from models.assets import TOKENIZER, WEIGHTS
from models.cvs import calibrate, data, labels, running
from models.cvs.decoding import Thresholds
from models.cvs.labels import TAGS, WINDOW_CLASSES
from models.cvs.network import Network, Probabilities
from models.cvs.student import THRESHOLDS, CvStudent, assets_digest
from models.exporting import Output, write_config, write_weights
from models.repository import REPOSITORY
from models.running import session

log = logging.getLogger(__name__)
OUTPUTS = (
    Output(running.WINDOW_OUTPUT, WINDOW_CLASSES),
    Output(running.TOKENS_OUTPUT, len(TAGS), per_token=True),
)


def export(run: Path, target: Path, cvs: Path | None, labels_of: Sequence[Path], reserved: Path | None) -> Path:
    """Exports a training run to a model folder; with CVs and labels its thresholds are fitted, else they are neutral.

    Raises:
        ValueError: the labels are too few, or not the run's.
    """
    write_weights(Probabilities(Network.load(run)), OUTPUTS, target)
    shutil.copyfile(run / TOKENIZER, target / TOKENIZER)
    shutil.copyfile(run / "config.json", target / "training.json")
    Thresholds.neutral().save(target / THRESHOLDS)
    if cvs and labels_of:
        examples = data.split(data.load(cvs, labels_of, reserved))["calibration"]
        if not examples:
            raise ValueError("too few labels: none falls into the calibration part")
        student = CvStudent.load(target)
        prepared = student.prepare_batch([item.text for item in examples], [None] * len(examples))
        answers = running.run(session(target / WEIGHTS), prepared)
        calibrate.fit(student, examples, prepared, answers).save(target / THRESHOLDS)
    write_config(target, CvStudent.name, OUTPUTS, assets_digest(target), labels.digest())
    log.info("%s: %.1f MB", target / WEIGHTS, (target / WEIGHTS).stat().st_size / 1e6)
    return target


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
