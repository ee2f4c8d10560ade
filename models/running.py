"""Runs an exported model in this process, for calibration and evaluation; serving goes through Triton."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import onnxruntime
from numpy.typing import NDArray

# As the worker's client pads: the shape, and so the result, never depends on chance.
_LENGTH_STEP = 4
_MAX_TOKENS = 4_096

Floats = NDArray[np.float32]
# Of a document `(units, S)`, and of each of its units `(tokens, K)`.
Answer = tuple[Floats, list[Floats]]


class _Unit(Protocol):
    @property
    def token_ids(self) -> list[int]: ...


class _Document(Protocol):
    @property
    def units(self) -> Sequence[_Unit]: ...


def session(path: Path, threads: int = 2) -> onnxruntime.InferenceSession:
    """An ONNX Runtime session on the CPU."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def run(model: onnxruntime.InferenceSession, sequences: Sequence[Sequence[int]]) -> list[dict[str, Floats]]:
    """The model's outputs by name, of every sequence of token ids; those per token cut to its own length."""
    names = [output.name for output in model.get_outputs()]
    widths: dict[int, list[int]] = {}
    for index, sequence in enumerate(sequences):
        widths.setdefault(-(-len(sequence) // _LENGTH_STEP) * _LENGTH_STEP, []).append(index)
    found: list[dict[str, Floats]] = [{} for _ in sequences]
    for width, members in widths.items():
        rows = max(1, _MAX_TOKENS // width)
        for batch in (members[start : start + rows] for start in range(0, len(members), rows)):
            ids = np.zeros((len(batch), width), np.int64)
            for row, index in enumerate(batch):
                ids[row, : len(sequences[index])] = sequences[index]
            lengths = np.array([len(sequences[index]) for index in batch])
            mask = (np.arange(width) < lengths[:, None]).astype(np.int64)
            arrays = dict(zip(names, model.run(names, {"input_ids": ids, "attention_mask": mask}), strict=True))
            for row, index in enumerate(batch):
                found[index] = {
                    name: array[row, : lengths[row]] if array.ndim == 3 else array[row]
                    for name, array in arrays.items()
                }
    return found


def run_documents(
    model: onnxruntime.InferenceSession, documents: Sequence[_Document], whole: str, per_token: str
) -> list[Answer]:
    """Of each document what two outputs say of its units."""
    outputs = iter(run(model, [unit.token_ids for document in documents for unit in document.units]))
    answers = []
    for document in documents:
        own = [next(outputs) for _ in document.units]
        answers.append((np.array([output[whole] for output in own], np.float32), [o[per_token] for o in own]))
    return answers
