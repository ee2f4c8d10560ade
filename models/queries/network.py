"""The network: one encoder, one linear layer for the whole query, one for its tokens."""

from pathlib import Path

import torch
from torch import Tensor, nn

from models.encoder import Headed, mean
from models.queries.labels import CHOICES, TAGS, TOKEN_CLASSES, WHOLE_CLASSES, slices
from models.queries.words import MAX_TOKENS


class Network(Headed):
    """What is trained."""

    heads_named = ("whole", "token")

    def __init__(self, base: str | Path) -> None:
        super().__init__(base)
        self._keep_positions()
        self.whole = nn.Linear(2 * self.hidden, WHOLE_CLASSES)
        self.token = nn.Linear(self.hidden, TOKEN_CLASSES)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> tuple[Tensor, Tensor]:
        """Logits `(batch, WHOLE_CLASSES)` and `(batch, tokens, TOKEN_CLASSES)` of int64 inputs `(batch, tokens)`."""
        states = self.states(input_ids, attention_mask)
        pooled = torch.cat([mean(states, attention_mask), states[:, 0]], -1)
        # Three dimensions: exported as a MatMul, which is quantised; an fp32 Gemm sums one row otherwise than many.
        whole = self.whole(self.dropout(pooled).unsqueeze(1)).squeeze(1)
        return whole, self.token(self.dropout(states))

    def _keep_positions(self) -> None:
        """Drops the positions that no query reaches: half a megabyte of the served model."""
        embeddings = self.encoder.embeddings
        if embeddings.position_embeddings.num_embeddings > MAX_TOKENS:
            kept = embeddings.position_embeddings.weight.detach()[:MAX_TOKENS].clone()
            embeddings.position_embeddings = nn.Embedding.from_pretrained(kept, freeze=False)
            embeddings.position_ids = embeddings.position_ids[:, :MAX_TOKENS]
            embeddings.token_type_ids = embeddings.token_type_ids[:, :MAX_TOKENS]
            self.encoder.config.max_position_embeddings = MAX_TOKENS


class Probabilities(nn.Module):
    """What is served: softmax of intent, language and tags, sigmoid of all else."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> tuple[Tensor, Tensor]:
        """Probabilities `(batch, WHOLE_CLASSES)` and `(batch, tokens, TOKEN_CLASSES)`."""
        whole, token = self.network(input_ids, attention_mask)
        parts = [
            whole[:, part].softmax(-1) if name in CHOICES else whole[:, part].sigmoid()
            for name, part in slices().items()
        ]
        tags = len(TAGS)
        return torch.cat(parts, -1), torch.cat([token[..., :tags].softmax(-1), token[..., tags:].sigmoid()], -1)
