"""The network: one encoder, one linear layer for each head on the mean of its states."""

import copy
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from transformers import AutoModel

from models.titles.labels import HEADS

_ENCODER, _HEADS = "encoder", "heads.pt"


class Network(nn.Module):
    """Encoder with heads; also holds what is needed to export it."""

    def __init__(self, base: str | Path) -> None:
        super().__init__()
        self.encoder = AutoModel.from_pretrained(base, attn_implementation="eager", add_pooling_layer=False)
        hidden = self.encoder.config.hidden_size
        self.dropout = nn.Dropout(0.1)
        self.heads = nn.ModuleDict({head: nn.Linear(hidden, len(classes)) for head, classes in HEADS.items()})

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> dict[str, Tensor]:
        """Logits of each head, `(batch, classes)`, of int64 inputs `(batch, tokens)`."""
        states = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        weights = attention_mask.unsqueeze(-1).to(states.dtype)
        # Three dimensions: exported as a MatMul, which is quantised; an fp32 Gemm sums one row otherwise than many.
        mean = ((states * weights).sum(1) / weights.sum(1)).unsqueeze(1)
        return {name: head(self.dropout(mean)).squeeze(1) for name, head in self.heads.items()}

    @classmethod
    def load(cls, run: Path) -> "Network":
        """As :meth:`save` left it."""
        network = cls(run / _ENCODER)
        network.heads.load_state_dict(torch.load(run / _HEADS, weights_only=True))
        network.eval()
        return network

    def save(self, run: Path) -> None:
        """Writes encoder and heads to a folder."""
        self.encoder.save_pretrained(run / _ENCODER)
        torch.save(self.heads.state_dict(), run / _HEADS)

    def with_layers(self, layers: Sequence[int]) -> "Network":
        """A copy that keeps these layers of the encoder alone."""
        network = copy.deepcopy(self)
        network.encoder.encoder.layer = nn.ModuleList(network.encoder.encoder.layer[i] for i in layers)
        network.encoder.config.num_hidden_layers = len(layers)
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
