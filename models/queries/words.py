"""A query's words: what is tagged, and where each lies among the encoder's tokens."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from tokenizers import Tokenizer

MAX_TOKENS = 96
# Marks stand alone, so that "java/sql" and "l'Espagne" come apart; scripts without spaces come apart by letter.
_WORD = re.compile(r"[぀-ヿ㐀-鿿]|(?:(?![぀-ヿ㐀-鿿])\w)+|[^\w\s]")


@dataclass(frozen=True, slots=True)
class Words:
    """A tokenised query.

    Attributes:
        token_ids: for the encoder, its marks of start and end among them.
        spans: half-open character span of each word that the encoder sees.
        tokens: of each word its first token.
    """

    token_ids: list[int]
    spans: tuple[tuple[int, int], ...]
    tokens: tuple[int, ...]


def spans(text: str) -> list[tuple[int, int]]:
    """Half-open spans of words and marks."""
    return [match.span() for match in _WORD.finditer(text)]


def split(tokenizer: Tokenizer, text: str) -> Words:
    """Tokens and words of a text; what lies beyond :data:`MAX_TOKENS` is dropped. CPU bound."""
    encoding = tokenizer.encode(text)
    ids, offsets = encoding.ids, encoding.offsets
    if len(ids) > MAX_TOKENS:
        ids, offsets = [*ids[: MAX_TOKENS - 1], ids[-1]], offsets[: MAX_TOKENS - 1]
    else:
        offsets = offsets[:-1]
    kept, tokens = _aligned(spans(text), offsets)
    return Words(ids, kept, tokens)


def _aligned(
    words: Sequence[tuple[int, int]], offsets: Sequence[tuple[int, int]]
) -> tuple[tuple[tuple[int, int], ...], tuple[int, ...]]:
    kept, tokens = [], []
    token = 1
    for start, end in words:
        # A piece may hold the space before its word.
        while token < len(offsets) and offsets[token][1] <= start:
            token += 1
        if token == len(offsets):
            break
        kept.append((start, end))
        tokens.append(token)
    return tuple(kept), tuple(tokens)
