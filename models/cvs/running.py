"""Runs the exported model in this process, for calibration and evaluation; serving goes through Triton."""

from collections.abc import Sequence

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from models.cvs.decoding import Floats
from models.cvs.preparing import Prepared
from models.postings.running import padded_batches, session

__all__ = ["Answer", "run", "session"]

Answer = tuple[Floats, list[Floats]]


def run(model: onnxruntime.InferenceSession, prepared: Sequence[Prepared]) -> list[Answer]:
    """Of each CV `(units, W)` and each unit's `(tokens, K)`."""

    def served(ids: NDArray[np.int64], mask: NDArray[np.int64]) -> tuple[Floats, Floats]:
        window, token = model.run(["window_probs", "token_probs"], {"input_ids": ids, "attention_mask": mask})
        return window, token

    outputs = iter(padded_batches(served, [unit for cv in prepared for unit in cv.units]))
    result = []
    for cv in prepared:
        own = [next(outputs) for _ in cv.units]
        result.append((np.array([window for window, _ in own], np.float32), [token for _, token in own]))
    return result
