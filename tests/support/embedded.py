"""A tiny model, and what embedded servers may not leave behind."""

import asyncio
import time
from pathlib import Path

from onnx import TensorProto, helper, save

CONFIG = """
backend: "onnxruntime"
max_batch_size: 8
input [ { name: "x" data_type: TYPE_FP32 dims: [ -1 ] } ]
output [ { name: "y" data_type: TYPE_FP32 dims: [ -1 ] }, { name: "total" data_type: TYPE_FP32 dims: [ 1 ] } ]
dynamic_batching { max_queue_delay_microseconds: 50000 }
parameters [ { key: "intra_op_thread_count" value: { string_value: "1" } } ]
instance_group [ { kind: KIND_GPU } ]
version_policy: { latest { num_versions: 1 } }
"""


def write_model(repository: Path, name: str = "double", config: str = CONFIG) -> Path:
    """y = 2x, total = sum of y."""
    vector = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node("Mul", ["x", "two"], ["y"]), helper.make_node("ReduceSum", ["y", "axis"], ["total"])],
        "double",
        [vector("x", TensorProto.FLOAT, ["batch", "length"])],
        [vector("y", TensorProto.FLOAT, ["batch", "length"]), vector("total", TensorProto.FLOAT, ["batch", 1])],
        [
            helper.make_tensor("two", TensorProto.FLOAT, [1], [2.0]),
            helper.make_tensor("axis", TensorProto.INT64, [1], [1]),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    (repository / name / "1").mkdir(parents=True)
    save(model, repository / name / "1" / "model.onnx")
    (repository / name / "config.pbtxt").write_text(config)
    (repository / name / "labels.txt").write_text("kept beside\n")
    return repository


def processes_of(folder: Path) -> list[str]:
    """Live ones that work in the folder; a zombie has no folder any more."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").resolve(strict=True).is_relative_to(folder):
                found.append((process / "cmdline").read_text().replace("\0", " ")[:200])
        except OSError:
            continue
    return found


def shared_memory() -> set[str]:
    return {path.name for path in Path("/dev/shm").glob("talentstream_*")}  # noqa: S108 - the system's


async def gone(folder: Path, before: set[str], timeout_s: float = 15.0) -> None:
    """Waits until no process works in the folder and no shared memory is there that was not `before`.

    A killed process is seen for a moment longer than its parent waits for it.
    """
    deadline = time.monotonic() + timeout_s
    while (left := [*processes_of(folder), *(shared_memory() - before)]) and time.monotonic() < deadline:  # noqa: ASYNC110
        await asyncio.sleep(0.1)
    assert not left


# Kafka ----------------------------------------------------------------------------------------------------------
