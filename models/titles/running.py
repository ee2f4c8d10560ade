"""Runs the exported model in this process, for calibration and evaluation; serving goes through Triton."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from models.postings.running import session
from models.titles import labels
from models.titles.labels import HEADS
from models.titles.student import Floats

# As the worker's client pads: the shape, and so the result, never depends on chance.
_LENGTH_STEP = 4
_BATCH = 64


def run(weights: Path, sequences: Sequence[Sequence[int]], threads: int = 2) -> list[dict[str, Floats]]:
    """The model's outputs by name, `(classes,)` each, of every sequence of token ids."""
    model = session(weights, threads)
    names = [labels.output(head) for head in HEADS]
    answers: dict[int, dict[str, Floats]] = {}
    order = sorted(range(len(sequences)), key=lambda i: len(sequences[i]))
    for start in range(0, len(order), _BATCH):
        chosen = order[start : start + _BATCH]
        width = -(-max(len(sequences[i]) for i in chosen) // _LENGTH_STEP) * _LENGTH_STEP
        ids = np.zeros((len(chosen), width), np.int64)
        mask = np.zeros_like(ids)
        for row, index in enumerate(chosen):
            ids[row, : len(sequences[index])] = sequences[index]
            mask[row, : len(sequences[index])] = 1
        arrays = model.run(names, {"input_ids": ids, "attention_mask": mask})
        for row, index in enumerate(chosen):
            answers[index] = {name: array[row] for name, array in zip(names, arrays, strict=True)}
    return [answers[index] for index in range(len(sequences))]
