"""Int8 weights in ONNX, so that a sequence's result does not depend on who else is in the batch.

The usual dynamic quantisation takes one activation scale for a whole tensor: a sentence's result then changes with its
batch mates. Here each row of activations (one token) has its own scale, in standard ONNX operators.
"""

from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import NodeProto, helper, numpy_helper

_TABLE = "word_embeddings"
# Seven bits: the sums of two products of eight would saturate in 16 bits on processors without VNNI, and a posting's
# features would hang on the machine that read it.
_WEIGHT_LIMIT, _TABLE_LIMIT = 63, 127


def quantise(source: Path, target: Path) -> None:
    """Writes the model with int8 weights: every `MatMul` by a constant, and the table of word embeddings."""
    model = onnx.load(str(source))
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    nodes: list[NodeProto] = []
    added: list[onnx.TensorProto] = []
    replaced: set[str] = set()
    rows: dict[str, tuple[str, str]] = {}
    for node in model.graph.node:
        if node.op_type == "MatMul" and node.input[1] in constants:
            weight = numpy_helper.to_array(constants[node.input[1]])
            nodes += _rowwise_matmul(node, weight, added, rows)
            replaced.add(node.input[1])
        elif node.op_type == "Gather" and node.input[0] in constants and _TABLE in node.input[0]:
            nodes += _gather(node, numpy_helper.to_array(constants[node.input[0]]), added)
            replaced.add(node.input[0])
        else:
            nodes.append(node)
    kept = [tensor for tensor in model.graph.initializer if tensor.name not in replaced]
    del model.graph.node[:], model.graph.initializer[:]
    model.graph.node.extend(nodes)
    model.graph.initializer.extend([*kept, *added])
    if all(opset.domain != "com.microsoft" for opset in model.opset_import):
        model.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    onnx.checker.check_model(model)
    onnx.save(model, str(target))


def restored(source: Path) -> dict[str, NDArray[np.float32]]:
    """Parameters of the module behind a model that :func:`quantise` wrote, by their PyTorch names.

    What was rounded stays rounded; training on from here mends that within its first steps.
    """
    arrays = {tensor.name: numpy_helper.to_array(tensor) for tensor in onnx.load(str(source)).graph.initializer}
    found = {name: array for name, array in arrays.items() if "." in name and not name.startswith("/")}
    for name, array in arrays.items():
        if name.endswith("_int8"):
            path, _, operator = name.strip("/").rpartition("/")
            values = array.astype(np.float32) * arrays[name.removesuffix("_int8") + "_scale"]
            # A layer's weight is the transpose of what its input is multiplied by.
            found[f"{path.replace('/', '.')}.weight"] = values.T if operator.startswith("MatMul") else values
    return found


def _symmetric(weight: NDArray[np.float32], axis: int, limit: int) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    scale = np.maximum(np.abs(weight).max(axis=axis, keepdims=True), 1e-12) / limit
    return np.round(weight / scale).astype(np.int8), scale.astype(np.float32)


def _rowwise_matmul(
    node: NodeProto, weight: NDArray[np.float32], added: list[onnx.TensorProto], rows: dict[str, tuple[str, str]]
) -> list[NodeProto]:
    quantised, scale = _symmetric(weight, axis=0, limit=_WEIGHT_LIMIT)
    name = node.output[0]
    added.append(numpy_helper.from_array(quantised, f"{name}_int8"))
    added.append(numpy_helper.from_array(scale.reshape(-1), f"{name}_scale"))
    nodes = []
    if node.input[0] not in rows:
        # Query, key and value read the same rows: quantised once.
        rows[node.input[0]] = (f"{name}_rows", f"{name}_row_scale")
        nodes += _quantise_rows(node.input[0], *rows[node.input[0]], added)
    source, row_scale = rows[node.input[0]]
    # One fused kernel of ONNX Runtime: uint8 rows (VNNI's fast case) by int8 columns, scaled by column.
    nodes += [
        helper.make_node(
            "MatMulIntegerToFloat",
            [source, f"{name}_int8", "rows_one", f"{name}_scale", "rows_zero"],
            [f"{name}_columns"],
            domain="com.microsoft",
        ),
        helper.make_node("Mul", [f"{name}_columns", row_scale], [name]),
    ]
    return nodes


def _quantise_rows(source: str, target: str, scale: str, added: list[onnx.TensorProto]) -> list[NodeProto]:
    known = {tensor.name for tensor in added}
    if "rows_one" not in known:
        added.append(numpy_helper.from_array(np.float32(127), "rows_127"))
        added.append(numpy_helper.from_array(np.float32(1e-12), "rows_floor"))
        added.append(numpy_helper.from_array(np.float32(1), "rows_one"))
        added.append(numpy_helper.from_array(np.uint8(128), "rows_zero"))
    return [
        helper.make_node("Abs", [source], [f"{target}_abs"]),
        helper.make_node("ReduceMax", [f"{target}_abs"], [f"{target}_max"], axes=[-1], keepdims=1),
        helper.make_node("Max", [f"{target}_max", "rows_floor"], [f"{target}_top"]),
        helper.make_node("Div", [f"{target}_top", "rows_127"], [scale]),
        helper.make_node("Div", [source, scale], [f"{target}_scaled"]),
        helper.make_node("QuantizeLinear", [f"{target}_scaled", "rows_one", "rows_zero"], [target]),
    ]


def _gather(node: NodeProto, table: NDArray[np.float32], added: list[onnx.TensorProto]) -> list[NodeProto]:
    quantised, scale = _symmetric(table, axis=1, limit=_TABLE_LIMIT)
    name = node.output[0]
    added.append(numpy_helper.from_array(quantised, f"{name}_int8"))
    added.append(numpy_helper.from_array(scale, f"{name}_scale"))
    return [
        helper.make_node("Gather", [f"{name}_int8", node.input[1]], [f"{name}_row"]),
        helper.make_node("Gather", [f"{name}_scale", node.input[1]], [f"{name}_row_scale"]),
        helper.make_node("Cast", [f"{name}_row"], [f"{name}_float"], to=onnx.TensorProto.FLOAT),
        helper.make_node("Mul", [f"{name}_float", f"{name}_row_scale"], [name]),
    ]
