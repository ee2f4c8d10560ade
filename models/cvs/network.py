"""The network: one encoder, one linear layer for the windows, one for the tokens."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from models.cvs.labels import TAGS, WINDOW_CLASSES, choice_slices, sector_slice
from models.encoder import Headed, mean


class Network(Headed):
    """What is trained.

    Args:
        base: folder of a Hugging Face encoder.
        layers: keeps these layers of it alone; None keeps all.
    """

    heads_named = ("window", "token")

    def __init__(self, base: str | Path, layers: Sequence[int] | None = None) -> None:
        super().__init__(base)
        if layers is not None:
            self.keep_layers(layers)
        self.window = nn.Linear(2 * self.hidden, WINDOW_CLASSES)
        self.token = nn.Linear(self.hidden, len(TAGS))

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> tuple[Tensor, Tensor]:
        """Logits `(batch, WINDOW_CLASSES)` and `(batch, tokens, TAGS)` of int64 inputs `(batch, tokens)`."""
        states = self.states(input_ids, attention_mask)
        whole = torch.cat([mean(states, attention_mask), states[:, 0]], -1)
        # Three dimensions: exported as a MatMul, which is quantised; an fp32 Gemm sums one row otherwise than many.
        window = self.window(self.dropout(whole).unsqueeze(1)).squeeze(1)
        return window, self.token(self.dropout(states))


class Probabilities(nn.Module):
    """What is served: softmax of each choice and of the tags, sigmoid of each sector."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> tuple[Tensor, Tensor]:
        """Probabilities `(batch, WINDOW_CLASSES)` and `(batch, tokens, TAGS)`."""
        window, token = self.network(input_ids, attention_mask)
        parts = [window[:, part].softmax(-1) for part in choice_slices().values()]
        return torch.cat([*parts, window[:, sector_slice()].sigmoid()], -1), token.softmax(-1)
