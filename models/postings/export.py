"""Writes the served model: ONNX with int8 weights, its assets, and Triton's configuration with their digests.

python -m models.postings.export --run RUN --postings postings.jsonl.gz --labels labels.jsonl --reserved ids.txt
"""

import argparse
import dataclasses
import json
import logging
import shutil
from collections.abc import Sequence
from pathlib import Path

from models.assets import TOKENIZER, WEIGHTS
from models.exporting import Output, write_config, write_weights
from models.postings import calibrate, data, filtering, labels, running
from models.postings.decoding import Thresholds
from models.postings.labels import SCORES, SHOWN, TAGS
from models.postings.network import Network, Probabilities
from models.postings.retrieval import Retriever
from models.postings.student import CALIBRATION, RETRIEVER, THRESHOLDS, Student, assets_digest
from models.postings.voting import Calibration
from models.repository import REPOSITORY
from models.running import session

log = logging.getLogger(__name__)
OUTPUTS = (
    Output(running.SCORES_OUTPUT, SCORES),
    Output(running.TOKENS_OUTPUT, len(TAGS) + len(SHOWN), per_token=True),
)
TRAINING = "training.json"
_DISTIL_POSTINGS = 1_200
# What serving reads: the threshold decides for almost all postings, the budget only stops the monsters.
_EVIDENCE_RECALL, _MAX_EVIDENCE, _MAX_SKILL = 0.985, 16, 3


def export(
    run: Path,
    target: Path,
    postings: Path | None,
    labels_of: Sequence[Path],
    reserved: Path | None,
    keep_exact: Path | None = None,
    calibrated_on: Sequence[Path] = (),
) -> Path:
    """Exports a training run to a model folder; with postings and labels it is calibrated, else neutral.

    Args:
        calibrated_on: labels of further postings, drawn at random, that nobody trained on.

    Raises:
        ValueError: the labels are too few, or a posting is labelled twice.
    """
    write_weights(Probabilities(Network.load(run)), OUTPUTS, target, keep_exact)
    for name in (TOKENIZER, RETRIEVER):
        shutil.copyfile(run / name, target / name)
    shutil.copyfile(run / "config.json", target / TRAINING)
    Calibration.neutral().save(target / CALIBRATION)
    Thresholds.neutral().save(target / THRESHOLDS)
    if postings and labels_of:
        _tune(run, target, postings, labels_of, reserved, calibrated_on)
    write_config(target, Student.name, OUTPUTS, assets_digest(target), labels.digest())
    log.info("%s: %.1f MB", target / WEIGHTS, (target / WEIGHTS).stat().st_size / 1e6)
    return target


def _tune(
    run: Path,
    target: Path,
    postings: Path,
    labels_of: Sequence[Path],
    reserved: Path | None,
    calibrated_on: Sequence[Path],
) -> None:
    """Distils the retriever by what is served, the int8 model; fits by it too how sure that may be."""
    config = json.loads((run / "config.json").read_text("utf-8"))
    examples = data.load(postings, labels_of, reserved)
    parts = data.split(examples, config["held_out"])
    further = data.load(postings, calibrated_on, reserved)
    if twice := {item.posting.id for item in further} & {item.posting.id for item in examples}:
        raise ValueError(f"labelled twice: {', '.join(sorted(twice))}")
    parts["calibration"] += further
    config["calibration_postings"] = len(parts["calibration"])
    (target / TRAINING).write_text(json.dumps(config, indent=2) + "\n", "utf-8")
    model = session(target / WEIGHTS)
    if not parts["calibration"]:
        raise ValueError("too few labels: none falls into the calibration part")
    evaluation = [*parts["calibration"], *parts["test"]]
    sample = data.unlabelled(
        postings, [*examples, *further], evaluation, config["held_out"], reserved, _DISTIL_POSTINGS, config["seed"]
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


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True, help="folder that training wrote")
    parser.add_argument("--target", type=Path, default=REPOSITORY / Student.name)
    parser.add_argument("--postings", type=Path)
    parser.add_argument("--labels", type=Path, nargs="+", default=())
    parser.add_argument("--reserved", type=Path)
    parser.add_argument(
        "--calibration", type=Path, nargs="+", default=(), help="labels of further postings to calibrate on alone"
    )
    parser.add_argument("--exact", type=Path, help="keep the fp32 model in this file, to compare")
    options = parser.parse_args(arguments)
    export(
        options.run,
        options.target,
        options.postings,
        options.labels,
        options.reserved,
        options.exact,
        options.calibration,
    )


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    main()
