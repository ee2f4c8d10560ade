"""What lies beside a served model's weights: its tokenizer, and the digest by which worker and weights are matched."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from tokenizers import Tokenizer

TOKENIZER = "tokenizer.json"
# Of a model's folder.
WEIGHTS = Path("1") / "model.onnx"


def load_tokenizer(path: Path) -> Tokenizer:
    """The tokenizer without padding and truncation, which preparing does itself."""
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def tokenizer_digest(directory: Path) -> str:
    """First 12 hex digits of the SHA-256 of a model folder's tokenizer."""
    return hashlib.sha256((directory / TOKENIZER).read_bytes()).hexdigest()[:12]


def digest(directory: Path, names: Iterable[str], labels: str) -> str:
    """First 16 hex digits of the SHA-256 over the digest of the label spaces and these files of a model folder."""
    found = hashlib.sha256(labels.encode())
    for name in names:
        found.update((directory / name).read_bytes())
    return found.hexdigest()[:16]
