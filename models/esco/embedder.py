"""The text embedder as the workers use it: texts to token ids; the encoder itself runs elsewhere (`text_embedder`)."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tokenizers import Tokenizer

from models.assets import TOKENIZER

# What the base encoder was trained to read; a longer text is cut. With twice as many, more than twice the time, matches
# ranked no better.
MAX_TOKENS = 128
DIMENSION = 384


@dataclass(frozen=True, slots=True)
class TextEmbedder:
    """Everything around the encoder.

    Attributes:
        assets_digest: of the tokenizer, as in `config.pbtxt`: weights and tokenizer must agree.
    """

    tokenizer: Tokenizer
    assets_digest: str

    name = "text_embedder"

    @classmethod
    def load(cls, directory: Path) -> "TextEmbedder":
        """Reads the tokenizer from the model's folder.

        Raises:
            OSError: it is missing.
            ValueError: it is damaged.
        """
        content = (directory / TOKENIZER).read_bytes()
        try:
            tokenizer = Tokenizer.from_buffer(content)
        except Exception as error:  # The Rust library raises nothing more precise.
            raise ValueError(f"{directory / TOKENIZER} is no tokenizer: {error}") from error
        tokenizer.no_padding()
        tokenizer.enable_truncation(MAX_TOKENS)
        return cls(tokenizer, hashlib.sha256(content).hexdigest()[:16])

    def tokenize(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each text with `[CLS]` and `[SEP]`, at most `MAX_TOKENS`; any string is a text."""
        return [encoding.ids for encoding in self.tokenizer.encode_batch(list(texts))]
