"""The text embedder's network: an encoder, the mean of its token states, scaled to length 1."""

from pathlib import Path

import torch
from torch import Tensor, nn
from transformers import AutoModel


class Embedder(nn.Module):
    """Encoder with mean pooling (Reimers & Gurevych 2019, Sentence-BERT)."""

    def __init__(self, base: str | Path) -> None:
        super().__init__()
        self.encoder = AutoModel.from_pretrained(base, attn_implementation="eager", add_pooling_layer=False)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Embeddings `(batch, 384)` of length 1, of int64 inputs `(batch, tokens)`."""
        states = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        weights = attention_mask.unsqueeze(-1).to(states.dtype)
        mean = (states * weights).sum(1) / weights.sum(1)
        return torch.nn.functional.normalize(mean.float(), dim=-1)
