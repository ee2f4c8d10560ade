"""What the students' networks share: a Hugging Face encoder, the mean of its states, heads kept beside it."""

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Self

import torch
from torch import Tensor, nn
from transformers import AutoModel

from models.assets import WEIGHTS
from models.quantise import restored

_ENCODER, _HEADS = "encoder", "heads.pt"


def load_encoder(base: str | Path) -> nn.Module:
    """The encoder of a folder, so that it can be exported."""
    encoder: nn.Module = AutoModel.from_pretrained(base, attn_implementation="eager", add_pooling_layer=False)
    return encoder


def mean(states: Tensor, attention_mask: Tensor) -> Tensor:
    """Mean state of the tokens that count, `(batch, hidden)`."""
    weights = attention_mask.unsqueeze(-1).to(states.dtype)
    return (states * weights).sum(1) / weights.sum(1)


class Headed(nn.Module):
    """An encoder with heads that a subclass names and makes.

    Attributes:
        heads_named: attributes that hold the heads.
    """

    heads_named: tuple[str, ...]

    def __init__(self, base: str | Path) -> None:
        super().__init__()
        self.encoder = load_encoder(base)
        self.hidden: int = self.encoder.config.hidden_size
        self.dropout = nn.Dropout(0.1)

    def states(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """States `(batch, tokens, hidden)` of int64 inputs `(batch, tokens)`."""
        found: Tensor = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        return found

    def keep_layers(self, layers: Iterable[int]) -> None:
        """Drops all other layers of the encoder."""
        kept = [self.encoder.encoder.layer[i] for i in layers]
        self.encoder.encoder.layer = nn.ModuleList(kept)
        self.encoder.config.num_hidden_layers = len(kept)

    def take(self, earlier: Path, left: Collection[str] = ()) -> None:
        """Takes the parameters of an earlier run, or those of an exported model, which eight bits have rounded.

        Args:
            left: names of parameters that stay as they are.
        """
        if (earlier / WEIGHTS).exists():
            served = restored(earlier / WEIGHTS).items()
            state = {name.removeprefix("network."): torch.tensor(own) for name, own in served}
        else:
            state = self.load(earlier).state_dict()
        self.load_state_dict(state | {name: self.state_dict()[name] for name in left})

    @classmethod
    def load(cls, run: Path) -> Self:
        """As :meth:`save` left it."""
        network = cls(run / _ENCODER)
        for name, state in torch.load(run / _HEADS, weights_only=True).items():
            getattr(network, name).load_state_dict(state)
        network.eval()
        return network

    def save(self, run: Path) -> None:
        """Writes encoder and heads to a folder."""
        self.encoder.save_pretrained(run / _ENCODER)
        torch.save({name: getattr(self, name).state_dict() for name in self.heads_named}, run / _HEADS)
