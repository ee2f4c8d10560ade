"""The shipped embedder: its tokenizer, its digests, its vectors."""

from pathlib import Path

import numpy as np
import pytest

from models.assets import TOKENIZER
from models.esco.embedder import DIMENSION, MAX_TOKENS, TextEmbedder
from models.repository import model_dir

DIRECTORY = model_dir(TextEmbedder.name)


@pytest.fixture(scope="module")
def embedder() -> TextEmbedder:
    return TextEmbedder.load(DIRECTORY)


def test_texts_become_ids_and_long_ones_are_cut(embedder: TextEmbedder) -> None:
    short, empty, long = embedder.tokenize(["Nurse", "", "word " * 5_000])
    assert (len(short), len(empty), len(long)) == (3, 2, MAX_TOKENS)
    assert short[0] == long[0] == empty[0]
    assert short[-1] == long[-1] == empty[-1]
    assert embedder.tokenize(["Nurse"]) == [short]


def test_configuration_knows_the_tokenizer(embedder: TextEmbedder) -> None:
    assert f'"{embedder.assets_digest}"' in (DIRECTORY / "config.pbtxt").read_text("utf-8")


def test_a_damaged_tokenizer_is_named(tmp_path: Path) -> None:
    (tmp_path / TOKENIZER).write_text("{}", "utf-8")
    with pytest.raises(ValueError, match=TOKENIZER):
        TextEmbedder.load(tmp_path)
    with pytest.raises(OSError, match=TOKENIZER):
        TextEmbedder.load(tmp_path / "nowhere")


def test_vectors_do_not_hang_on_batch_mates_and_know_likeness() -> None:
    pytest.importorskip("onnxruntime")
    from models.esco import running

    embed = running.embedding(DIRECTORY, threads=1)
    texts = ["registered nurse", "nurse", "excavator driver", "a much longer text about wells and their depth " * 3]
    vectors = embed(texts)
    assert vectors.shape == (4, DIMENSION)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    for row, text in enumerate(texts):
        assert np.array_equal(embed([text])[0], vectors[row])
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2] + 0.2
