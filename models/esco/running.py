"""Runs the exported embedder in this process, for evaluation and export; serving goes through Triton."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from models.esco.embedder import DIMENSION, TextEmbedder

# As the worker's client pads: only to the next step, so that a text's width, and its vector, is its own.
_LENGTH_STEP = 4
_MAX_TOKENS = 2_048

Embed = Callable[[Sequence[str]], NDArray[np.float32]]


def embedding(directory: Path, threads: int = 2) -> Embed:
    """A function from texts to embeddings `(texts, 384)`, of the model in that folder."""
    return of_weights(directory / "1" / "model.onnx", TextEmbedder.load(directory), threads)


def of_weights(weights: Path, embedder: TextEmbedder, threads: int = 2) -> Embed:
    """The same of any ONNX file."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(str(weights), options, providers=["CPUExecutionProvider"])

    def embed(texts: Sequence[str]) -> NDArray[np.float32]:
        tokens = embedder.tokenize(texts)
        result = np.zeros((len(texts), DIMENSION), np.float32)
        widths: dict[int, list[int]] = {}
        for index, own in enumerate(tokens):
            widths.setdefault(-(-len(own) // _LENGTH_STEP) * _LENGTH_STEP, []).append(index)
        for width, members in widths.items():
            rows = max(1, _MAX_TOKENS // width)
            for batch in (members[start : start + rows] for start in range(0, len(members), rows)):
                ids = np.zeros((len(batch), width), np.int64)
                for row, index in enumerate(batch):
                    ids[row, : len(tokens[index])] = tokens[index]
                lengths = np.array([len(tokens[index]) for index in batch])
                mask = (np.arange(width) < lengths[:, None]).astype(np.int64)
                result[batch] = session.run(["embedding"], {"input_ids": ids, "attention_mask": mask})[0]
        return result

    return embed


def remembering(embed: Embed) -> Embed:
    """The same function, asking no text twice."""
    known: dict[str, NDArray[np.float32]] = {}

    def remembered(texts: Sequence[str]) -> NDArray[np.float32]:
        missing = [text for text in dict.fromkeys(texts) if text not in known]
        if missing:
            known.update(zip(missing, embed(missing), strict=True))
        return np.array([known[text] for text in texts], np.float32).reshape(len(texts), DIMENSION)

    return remembered
