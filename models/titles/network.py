"""The network: one encoder, one linear layer for each head on the mean of its states."""

import copy
from collections.abc import Sequence
from pathlib import Path

from torch import Tensor, nn

from models.encoder import Headed, mean
from models.titles.labels import HEADS


class Network(Headed):
    """What is trained."""

    heads_named = ("heads",)

    def __init__(self, base: str | Path) -> None:
        super().__init__(base)
        self.heads = nn.ModuleDict({head: nn.Linear(self.hidden, len(classes)) for head, classes in HEADS.items()})

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> dict[str, Tensor]:
        """Logits of each head, `(batch, classes)`, of int64 inputs `(batch, tokens)`."""
        # Three dimensions: exported as a MatMul, which is quantised; an fp32 Gemm sums one row otherwise than many.
        whole = mean(self.states(input_ids, attention_mask), attention_mask).unsqueeze(1)
        return {name: head(self.dropout(whole)).squeeze(1) for name, head in self.heads.items()}

    def with_layers(self, layers: Sequence[int]) -> "Network":
        """A copy that keeps these layers of the encoder alone."""
        network = copy.deepcopy(self)
        network.keep_layers(layers)
        return network


class Probabilities(nn.Module):
    """What is served: softmax of each head, in the heads' order."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> tuple[Tensor, ...]:
        """Probabilities `(batch, classes)` of each head."""
        logits = self.network(input_ids, attention_mask)
        return tuple(logits[head].softmax(-1) for head in HEADS)
