"""Runs a model's `model.onnx` inside Triton's Python backend, as the ONNX Runtime backend would (see `overlay.py`).

Triton imports this file in a process of its own; it uses nothing of ours.
"""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import triton_python_backend_utils as pb_utils

_ONNX_TYPES = {
    "tensor(float)": "TYPE_FP32",
    "tensor(double)": "TYPE_FP64",
    "tensor(float16)": "TYPE_FP16",
    "tensor(string)": "TYPE_STRING",
}
Arrays = dict[str, np.ndarray[Any, Any]]


class TritonPythonModel:
    """The name and the three methods are Triton's."""

    def initialize(self, args: dict[str, str]) -> None:
        """Loads the model; an error here makes it unavailable, as a wrong configuration does on the real backend."""
        config = json.loads(args["model_config"])
        parameters = {key: value["string_value"] for key, value in config.get("parameters", {}).items()}
        options = ort.SessionOptions()
        cores = len(os.sched_getaffinity(0))
        # Waiting threads would burn cores that the worker and the broker beside us need.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.intra_op_num_threads = int(parameters.get("intra_op_thread_count", 0)) or cores
        options.inter_op_num_threads = int(parameters.get("inter_op_thread_count", 0)) or 1
        if parameters.get("execution_mode") == "1":
            options.execution_mode = ort.ExecutionMode.ORT_PARALLEL
        path = Path(args["model_repository"]) / args["model_version"] / "model.onnx"
        self._session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self._batched = config["max_batch_size"] > 0
        self._inputs = [item["name"] for item in config["input"]]
        self._outputs = [item["name"] for item in config["output"]]
        self._check(config["input"], self._session.get_inputs())
        self._check(config["output"], self._session.get_outputs())

    def _check(self, configured: list[dict[str, Any]], actual: list[Any]) -> None:
        tensors = {tensor.name: tensor for tensor in actual}
        for item in configured:
            tensor = tensors.get(item["name"])
            if tensor is None:
                raise pb_utils.TritonModelException(f"{item['name']} is not in the model, which has {sorted(tensors)}")
            onnx_type = _ONNX_TYPES.get(tensor.type, "TYPE_" + tensor.type.removeprefix("tensor(").rstrip(")").upper())
            if onnx_type != item["data_type"]:
                raise pb_utils.TritonModelException(
                    f"{item['name']} is {item['data_type']} in config.pbtxt, {onnx_type} in the model"
                )
            rank = len(item["dims"]) + self._batched
            if tensor.shape and len(tensor.shape) != rank:
                raise pb_utils.TritonModelException(
                    f"{item['name']} has {rank} dimensions in config.pbtxt (with batch), {len(tensor.shape)} in ONNX"
                )

    def execute(self, requests: list[Any]) -> list[Any]:
        """Answers in the order of the requests."""
        feeds = [self._feed(request) for request in requests]
        groups: dict[Any, list[int]] = {}
        for index, feed in enumerate(feeds):
            shape = tuple((name, array.shape[1:]) for name, array in feed.items()) if self._batched else index
            groups.setdefault(shape, []).append(index)
        responses: list[Any] = [None] * len(requests)
        for indexes in groups.values():
            wanted = {name for index in indexes for name in requests[index].requested_output_names()}
            try:
                results = self._run([feeds[index] for index in indexes], [n for n in self._outputs if n in wanted])
            except Exception as error:
                failure = pb_utils.TritonError(f"onnxruntime: {error}")
                for index in indexes:
                    responses[index] = pb_utils.InferenceResponse(output_tensors=[], error=failure)
                continue
            for index, result in zip(indexes, results, strict=True):
                tensors = [
                    pb_utils.Tensor(name, result[name])
                    for name in self._outputs
                    if name in requests[index].requested_output_names()
                ]
                responses[index] = pb_utils.InferenceResponse(output_tensors=tensors)
        return responses

    def _feed(self, request: Any) -> Arrays:
        tensors = {name: pb_utils.get_input_tensor_by_name(request, name) for name in self._inputs}
        return {name: tensor.as_numpy() for name, tensor in tensors.items() if tensor is not None}

    def _run(self, feeds: list[Arrays], outputs: list[str]) -> list[Arrays]:
        """Feeds of one shape in one run."""
        if len(feeds) == 1:
            return [dict(zip(outputs, self._session.run(outputs, feeds[0]), strict=True))]
        ends = np.cumsum([len(next(iter(feed.values()))) for feed in feeds])
        joined = {name: np.concatenate([feed[name] for feed in feeds]) for name in feeds[0]}
        results: list[Arrays] = [{} for _ in feeds]
        for name, array in zip(outputs, self._session.run(outputs, joined), strict=True):
            if array.shape[:1] != (ends[-1],):
                raise ValueError(f"output {name} has shape {array.shape} for a batch of {ends[-1]}")
            for result, part in zip(results, np.split(array, ends[:-1]), strict=True):
                result[name] = part
        return results
