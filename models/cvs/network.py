"""The network: one encoder, one linear layer for the windows, one for the tokens."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from transformers import AutoModel

from models.cvs.labels import TAGS, WINDOW_CLASSES, choice_slices, sector_slice

_ENCODER, _HEADS = "encoder", "heads.pt"


class Network(nn.Module):
    """Encoder with heads.

    Args:
        base: folder of a Hugging Face encoder.
        layers: keeps these layers of it alone; None keeps all.
    """

    def __init__(self, base: str | Path, layers: Sequence[int] | None = None) -> None:
        super().__init__()
        self.encoder = AutoModel.from_pretrained(base, attn_implementation="eager", add_pooling_layer=False)
        if layers is not None:
            self.encoder.encoder.layer = nn.ModuleList(self.encoder.encoder.layer[i] for i in layers)
            self.encoder.config.num_hidden_layers = len(layers)
        hidden = self.encoder.config.hidden_size
        self.dropout = nn.Dropout(0.1)
        self.window = nn.Linear(2 * hidden, WINDOW_CLASSES)
        self.token = nn.Linear(hidden, len(TAGS))

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> tuple[Tensor, Tensor]:
        """Logits `(batch, WINDOW_CLASSES)` and `(batch, tokens, TAGS)` of int64 inputs `(batch, tokens)`."""
        states = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        weights = attention_mask.unsqueeze(-1).to(states.dtype)
        mean = (states * weights).sum(1) / weights.sum(1)
        pooled = torch.cat([mean, states[:, 0]], -1)
        # Three dimensions: exported as a MatMul, which is quantised; an fp32 Gemm sums one row otherwise than many.
        window = self.window(self.dropout(pooled).unsqueeze(1)).squeeze(1)
        return window, self.token(self.dropout(states))

    @classmethod
    def load(cls, run: Path) -> "Network":
        """As :meth:`save` left it."""
        network = cls(run / _ENCODER)
        for name, state in torch.load(run / _HEADS, weights_only=True).items():
            getattr(network, name).load_state_dict(state)
        network.eval()
        return network

    def save(self, run: Path) -> None:
        """Writes encoder and heads to a folder."""
        self.encoder.save_pretrained(run / _ENCODER)
        torch.save({name: getattr(self, name).state_dict() for name in ("window", "token")}, run / _HEADS)


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
