"""The embedded Triton: a real tritonserver on a tiny model."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
from tritonclient.grpc import InferInput, InferRequestedOutput
from tritonclient.grpc.aio import InferenceServerClient
from tritonclient.utils import InferenceServerException

from tests.support.embedded import CONFIG, gone, shared_memory, write_model
from workers.embedded import EmbeddedError, EmbeddedTriton
from workers.embedded.overlay import build_overlay


@pytest.fixture(scope="module")
async def triton(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EmbeddedTriton]:
    folder = tmp_path_factory.mktemp("triton")
    before = shared_memory()
    async with EmbeddedTriton(folder / "data", write_model(folder / "repository")) as server:
        yield server
    await gone(folder, before, timeout_s=0)


async def infer(client: InferenceServerClient, array: np.ndarray, *outputs: str) -> dict[str, np.ndarray]:  # type: ignore[type-arg]
    tensor = InferInput("x", list(array.shape), "FP32")
    tensor.set_data_from_numpy(array.astype(np.float32))
    requested = [InferRequestedOutput(output) for output in outputs] or None
    result = await client.infer("double", [tensor], outputs=requested, client_timeout=10)
    return {output.name: result.as_numpy(output.name) for output in result.get_response().outputs}


async def test_triton_batches_equal_shapes_and_keeps_others_apart(triton: EmbeddedTriton) -> None:
    async with InferenceServerClient(triton.url) as client:
        inputs = [np.full((1 + index % 3, 4 + index % 2), index) for index in range(12)]
        results = await asyncio.gather(*(infer(client, array) for array in inputs))
        for array, result in zip(inputs, results, strict=True):
            np.testing.assert_array_equal(result["y"], 2.0 * array)
            np.testing.assert_array_equal(result["total"], 2.0 * array.sum(axis=1, keepdims=True))
        statistics = (await client.get_inference_statistics("double")).model_stats[0]
        assert statistics.execution_count < statistics.inference_count


async def test_triton_sends_the_requested_outputs_and_nan_as_it_is(triton: EmbeddedTriton) -> None:
    async with InferenceServerClient(triton.url) as client:
        result = await infer(client, np.array([[np.nan, 1.0]]), "y")
        assert set(result) == {"y"}
        np.testing.assert_array_equal(result["y"], [[np.nan, 2.0]])


async def test_triton_refuses_a_wrong_input(triton: EmbeddedTriton) -> None:
    async with InferenceServerClient(triton.url) as client:
        with pytest.raises(InferenceServerException, match="unexpected inference input 'z'"):
            await client.infer("double", [InferInput("z", [1, 1], "FP32").set_data_from_numpy(np.zeros((1, 1), "f"))])


async def test_triton_comes_back_after_kill_and_leaves_no_shared_memory(triton: EmbeddedTriton) -> None:
    url = triton.url
    triton.kill()
    await gone(triton.folder, shared_memory())
    assert not {name for name in shared_memory() if name.startswith(triton.shared_prefix)}
    await triton.start()
    assert triton.url == url
    async with InferenceServerClient(url) as client:
        assert (await infer(client, np.ones((1, 2))))["y"].tolist() == [[2.0, 2.0]]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('name: "y"', 'name: "why"', "why is not in the model"),
        ('"y" data_type: TYPE_FP32', '"y" data_type: TYPE_INT64', "y is TYPE_INT64 in config.pbtxt, TYPE_FP32"),
        ('"x" data_type: TYPE_FP32 dims: [ -1 ]', '"x" data_type: TYPE_FP32 dims: [ -1, 2 ]', "x has 3 dimensions"),
    ],
)
async def test_a_configuration_that_the_real_backend_would_refuse(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    repository = write_model(tmp_path / "repository", config=CONFIG.replace(old, new))
    with pytest.raises(EmbeddedError, match=message):
        await EmbeddedTriton(tmp_path / "data", repository).start()
    await gone(tmp_path, shared_memory())


def test_overlay_keeps_all_but_the_backend(tmp_path: Path) -> None:
    config = CONFIG + 'default_model_filename: "model.onnx"\nmodel_warmup [ { name: "w" batch_size: 1 } ]'
    build_overlay(write_model(tmp_path / "repository", config=config), tmp_path / "overlay")
    written = (tmp_path / "overlay" / "double" / "config.pbtxt").read_text()
    for kept in ("max_batch_size: 8", "50000", "intra_op_thread_count", "latest", 'backend: "python"', "model_warmup"):
        assert kept in written
    for dropped in ("onnxruntime", "KIND_GPU", "default_model_filename"):
        assert dropped not in written
    assert (tmp_path / "overlay" / "double" / "labels.txt").read_text() == "kept beside\n"
    assert (tmp_path / "overlay" / "double" / "1" / "model.onnx").is_symlink()


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ('backend: "tensorrt"', "uses the backend 'tensorrt'|uses the backend tensorrt"),
        ("backend: {", "is no model configuration"),
        (CONFIG + 'default_model_filename: "other.onnx"', r"other\.onnx is missing"),
    ],
)
def test_overlay_names_what_it_cant_serve(tmp_path: Path, config: str, message: str) -> None:
    with pytest.raises(EmbeddedError, match=message):
        build_overlay(write_model(tmp_path / "repository", config=config), tmp_path / "overlay")


def test_overlay_needs_a_repository(tmp_path: Path) -> None:
    with pytest.raises(EmbeddedError, match="no model repository"):
        build_overlay(tmp_path / "none", tmp_path / "overlay")


# Redis ----------------------------------------------------------------------------------------------------------
