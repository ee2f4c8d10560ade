"""The network: one encoder, one linear layer for what a sentence says and how it votes, one for its tokens.

Votes are pooled over a posting's sentences by learned attention (Yang et al. 2016, Hierarchical Attention Networks).
"""

from pathlib import Path

import torch
from torch import Tensor, nn
from transformers import AutoModel

from models.postings.labels import CLASSES, SCORES, SHOWN, TAGS, head_slices

_ENCODER, _HEADS = "encoder", "heads.pt"


class Network(nn.Module):
    """Encoder with heads; also holds what is needed to export it."""

    def __init__(self, base: str | Path) -> None:
        super().__init__()
        self.encoder = AutoModel.from_pretrained(base, attn_implementation="eager", add_pooling_layer=False)
        hidden = self.encoder.config.hidden_size
        self.dropout = nn.Dropout(0.1)
        self.sentence = nn.Linear(2 * hidden, SCORES)
        self.token = nn.Linear(hidden, len(TAGS) + len(SHOWN))

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> tuple[Tensor, Tensor]:
        """Scores `(batch, S)` and `(batch, tokens, K)`, all of them logits, of int64 inputs `(batch, tokens)`."""
        states = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        weights = attention_mask.unsqueeze(-1).to(states.dtype)
        mean = (states * weights).sum(1) / weights.sum(1)
        pooled = torch.cat([mean, states[:, 0]], -1)
        # Three dimensions: exported as a MatMul, which is quantised; an fp32 Gemm sums one row otherwise than many.
        sentence = self.sentence(self.dropout(pooled).unsqueeze(1)).squeeze(1)
        return sentence, self.token(self.dropout(states))

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
        torch.save({name: getattr(self, name).state_dict() for name in ("sentence", "token")}, run / _HEADS)


def pooled(scores: Tensor, owner: Tensor, postings: int) -> Tensor:
    """Logits of the postings' classes, `(postings, CLASSES)`.

    Args:
        scores: of sentences, `(sentences, S)`.
        owner: index of each one's posting, `(sentences,)`.
    """
    votes, attention = scores[:, CLASSES : 2 * CLASSES], scores[:, 2 * CLASSES :]
    parts = []
    for head, part in enumerate(head_slices().values()):
        share = (attention[:, head] - attention[:, head].max()).exp()
        share = share / torch.zeros(postings).index_add(0, owner, share)[owner]
        own = share.unsqueeze(1) * votes[:, part]
        parts.append(torch.zeros(postings, own.shape[1]).index_add(0, owner, own))
    return torch.cat(parts, -1)


class Probabilities(nn.Module):
    """What is served: softmax of each head and of the tags, what each token shows; votes as they are."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> tuple[Tensor, Tensor]:
        """Scores `(batch, S)`, probabilities first, and probabilities `(batch, tokens, K)`."""
        sentence, token = self.network(input_ids, attention_mask)
        heads = [sentence[:, part].softmax(-1) for part in head_slices().values()]
        return torch.cat([*heads, sentence[:, CLASSES:]], -1), torch.cat(
            [token[..., : len(TAGS)].softmax(-1), token[..., len(TAGS) :].sigmoid()], -1
        )
