"""A model for Triton's Python backend that fails as a control file says: ok, hang, slow, nan, shape or error.

Triton imports this file in a process of its own; it uses nothing of ours.
"""

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import triton_python_backend_utils as pb_utils

SLOW_S = 10.0


class TritonPythonModel:
    """The name and the methods are Triton's. `total` is the sum of the ids, `version` the model's own."""

    def initialize(self, args: dict[str, str]) -> None:
        self._version = float(args["model_version"])
        self._control = Path(json.loads(args["model_config"])["parameters"]["control"]["string_value"])

    def execute(self, requests: list[Any]) -> list[Any]:
        return [self._answer(request) for request in requests]

    def _answer(self, request: Any) -> Any:
        started = time.monotonic()
        while (mode := self._control.read_text()) == "hang" or (mode == "slow" and time.monotonic() < started + SLOW_S):
            time.sleep(0.05)
        ids = pb_utils.get_input_tensor_by_name(request, "input_ids").as_numpy()
        total = ids.sum(axis=1, keepdims=True).astype(np.float32)
        version = np.full_like(total, self._version)
        if mode == "error":
            return pb_utils.InferenceResponse(output_tensors=[], error=pb_utils.TritonError("as told"))
        if mode == "nan":
            total[:] = np.nan
        if mode == "shape":
            total = np.repeat(total, 2, axis=0)
        return pb_utils.InferenceResponse([pb_utils.Tensor("total", total), pb_utils.Tensor("version", version)])
