"""The network: one encoder, one linear layer for what a sentence says and how it votes, one for its tokens.

Votes are pooled over a posting's sentences by learned attention (Yang et al. 2016, Hierarchical Attention Networks).
"""

from pathlib import Path

import torch
from torch import Tensor, nn

from models.encoder import Headed, mean
from models.postings.labels import CLASSES, SCORES, SHOWN, TAGS, head_slices


class Network(Headed):
    """What is trained."""

    heads_named = ("sentence", "token")

    def __init__(self, base: str | Path) -> None:
        super().__init__(base)
        self.sentence = nn.Linear(2 * self.hidden, SCORES)
        self.token = nn.Linear(self.hidden, len(TAGS) + len(SHOWN))

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> tuple[Tensor, Tensor]:
        """Scores `(batch, S)` and `(batch, tokens, K)`, all of them logits, of int64 inputs `(batch, tokens)`."""
        states = self.states(input_ids, attention_mask)
        whole = torch.cat([mean(states, attention_mask), states[:, 0]], -1)
        # Three dimensions: exported as a MatMul, which is quantised; an fp32 Gemm sums one row otherwise than many.
        sentence = self.sentence(self.dropout(whole).unsqueeze(1)).squeeze(1)
        return sentence, self.token(self.dropout(states))


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
