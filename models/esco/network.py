"""The text embedder's network: an encoder, the mean of its token states, scaled to length 1."""

from pathlib import Path

import torch
from torch import Tensor, nn

from models.encoder import load_encoder, mean


class Embedder(nn.Module):
    """Encoder with mean pooling (Reimers & Gurevych 2019, Sentence-BERT)."""

    def __init__(self, base: str | Path) -> None:
        super().__init__()
        self.encoder = load_encoder(base)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Embeddings `(batch, 384)` of length 1, of int64 inputs `(batch, tokens)`."""
        states = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        return torch.nn.functional.normalize(mean(states, attention_mask).float(), dim=-1)
