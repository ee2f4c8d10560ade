"""Runs the exported model in this process, for calibration and evaluation; serving goes through Triton."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from models.postings.preparing import Prepared, Unit
from models.postings.tagging import Floats

# As the worker's client pads: the shape, and so the result, never depends on chance.
_LENGTH_STEP = 4
_MAX_TOKENS = 4_096

Answer = tuple[Floats, list[Floats]]
# From ids and mask, `(batch, tokens)` each, `(batch, S)` and `(batch, tokens, K)`.
Model = Callable[[NDArray[np.int64], NDArray[np.int64]], tuple[Floats, Floats]]


def session(path: Path, threads: int = 2) -> onnxruntime.InferenceSession:
    """An ONNX Runtime session on the CPU."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def run(model: onnxruntime.InferenceSession, prepared: Sequence[Prepared]) -> list[Answer]:
    """Of each posting `(units, S)` and each unit's `(tokens, K)`."""

    def served(ids: NDArray[np.int64], mask: NDArray[np.int64]) -> tuple[Floats, Floats]:
        sentence, token = model.run(["sentence_scores", "token_probs"], {"input_ids": ids, "attention_mask": mask})
        return sentence, token

    return answers(served, prepared)


def answers(model: Model, prepared: Sequence[Prepared]) -> list[Answer]:
    """The same of any model."""
    outputs = iter(padded_batches(model, [unit for posting in prepared for unit in posting.units]))
    result = []
    for posting in prepared:
        own = [next(outputs) for _ in posting.units]
        result.append((np.array([sentence for sentence, _ in own], np.float32), [token for _, token in own]))
    return result


def padded_batches(model: Model, units: Sequence[Unit]) -> list[tuple[Floats, Floats]]:
    """Of each unit `(S,)` and `(tokens, K)`."""
    outputs: dict[int, tuple[Floats, Floats]] = {}
    order = sorted(range(len(units)), key=lambda i: -len(units[i].token_ids))
    while order:
        width = -(-len(units[order[0]].token_ids) // _LENGTH_STEP) * _LENGTH_STEP
        rows = max(1, _MAX_TOKENS // width)
        batch, order = order[:rows], order[rows:]
        ids = np.zeros((len(batch), width), np.int64)
        for row, index in enumerate(batch):
            ids[row, : len(units[index].token_ids)] = units[index].token_ids
        lengths = np.array([len(units[index].token_ids) for index in batch])
        sentences, tokens = model(ids, (np.arange(width) < lengths[:, None]).astype(np.int64))
        for row, index in enumerate(batch):
            outputs[index] = sentences[row], tokens[row, : lengths[row]]
    return [outputs[index] for index in range(len(units))]
