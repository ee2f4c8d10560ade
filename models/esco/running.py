"""Runs the exported embedder in this process, for evaluation and export; serving goes through Triton."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.esco.embedder import DIMENSION, TextEmbedder
from models.running import run, session

OUTPUT = "embedding"

Embed = Callable[[Sequence[str]], NDArray[np.float32]]


def embedding(directory: Path, threads: int = 2) -> Embed:
    """A function from texts to embeddings `(texts, 384)`, of the model in that folder."""
    return of_weights(directory / "1" / "model.onnx", TextEmbedder.load(directory), threads)


def of_weights(weights: Path, embedder: TextEmbedder, threads: int = 2) -> Embed:
    """The same of any ONNX file."""
    model = session(weights, threads)

    def embed(texts: Sequence[str]) -> NDArray[np.float32]:
        answers = run(model, embedder.tokenize(texts))
        return np.array([answer[OUTPUT] for answer in answers], np.float32).reshape(len(texts), DIMENSION)

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
