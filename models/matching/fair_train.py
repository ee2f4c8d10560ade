"""Trains the fairness heads: utility + β · fairness on biased labels, one head for each β, all from the same start.

python -m models.matching.fair_train --out models/matching/fair_heads.npz [--postings … --cvs … --grades … --reserved …]

The utility term is the cross-entropy with the recruiter's labels; the fairness term is `fair_loss`. Groups are known in
training alone. The constant of each head is then set so that it chooses as many of the validation part as the recruiter
does: a head that is fair because it chooses nobody would be no use.
"""

import argparse
import dataclasses
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, normalize

from models.esco.running import Embed, embedding, remembering
from models.matching import fair_data, fair_head
from models.matching.cues import GROUPS, Part
from models.matching.fair_data import Encoded
from models.matching.fair_head import FairHead
from models.matching.fair_judging import chosen
from models.matching.fair_loss import soft_gaps
from models.matching.synthetic import Bias, dress
from models.repository import model_dir
from models.training import descend

log = logging.getLogger(__name__)

PARTS: tuple[Part, ...] = ("train", "valid")
BETAS = (0.0, 0.1, 0.3, 0.6, 1.0, 1.5, 2.0, 3.0, 5.0)


@dataclass(frozen=True, slots=True)
class Config:
    """What a training depends on besides its data.

    Attributes:
        project, hidden: sizes of the head.
        cosine: weight of the cosine at the start.
    """

    betas: tuple[float, ...] = BETAS
    project: int = 128
    hidden: int = 32
    cosine: float = 5.0
    epochs: int = 40
    batch: int = 512
    rate: float = 3e-3
    decay: float = 0.01
    dropout: float = 0.1
    seed: int = 0


class Network(nn.Module):
    """`FairHead` as it learns."""

    def __init__(self, width: int, config: Config) -> None:
        super().__init__()
        self.project = nn.Linear(width, config.project, bias=False)
        self.dropout = nn.Dropout(config.dropout)
        self.hidden = nn.Linear(3 * config.project, config.hidden)
        self.out = nn.Linear(config.hidden + 1, 1)
        with torch.no_grad():
            self.out.weight[0, -1] = config.cosine

    def forward(self, postings: Tensor, cvs: Tensor) -> Tensor:
        """Logits `(pairs,)` of embeddings `(pairs, E)`."""
        u, v = (normalize(self.project(vectors), dim=-1) for vectors in (postings, cvs))
        hidden = torch.relu(self.hidden(self.dropout(torch.cat([u, v, (u - v).abs()], -1))))
        cosine = (u * v).sum(-1, keepdim=True)
        logits: Tensor = self.out(torch.cat([hidden, cosine], -1)).squeeze(-1)
        return logits

    def head(self, constant: float = 0.0) -> FairHead:
        """The weights, with something added to the constant."""
        with torch.no_grad():
            out = torch.cat([self.out.weight[0], self.out.bias + constant])
            weights = (self.project.weight.T, self.hidden.weight.T, self.hidden.bias, out)
            return FairHead(*(w.detach().numpy().astype(np.float32).copy() for w in weights))


def fit(data: Encoded, beta: float, config: Config) -> Network:
    """Trains one head on the labels of the data."""
    torch.manual_seed(config.seed)
    network = Network(data.postings.shape[1], config)
    postings, cvs = torch.tensor(data.postings), torch.tensor(data.cvs)
    text_of = torch.tensor([example.text for example in data.examples])
    labels = torch.tensor(data.column("label"))
    groups = torch.tensor([GROUPS.index(example.group) for example in data.examples])
    optimizer = torch.optim.AdamW(network.parameters(), config.rate, weight_decay=config.decay)
    # Groups are compared within a batch: one too small to compare in is left out.
    full = max(1, len(labels) // config.batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, config.rate, total_steps=config.epochs * full + 1)
    network.train()
    for _ in range(config.epochs):
        for rows in torch.randperm(len(labels)).tensor_split(full):
            logits = network(postings[rows], cvs[text_of[rows]])
            value = binary_cross_entropy_with_logits(logits, labels[rows].float())
            if beta:
                value = value + beta * soft_gaps(logits, labels[rows], groups[rows]).loss()
            descend(value, network, optimizer)
            schedule.step()
    network.eval()
    return network


def calibrated(network: Network, valid: Encoded) -> FairHead:
    """The head that chooses as large a share of the validation part as is labelled fit there."""
    logits = valid.logits(network.head())
    return network.head(-float(np.quantile(logits, 1 - valid.column("label").mean())))


def curve(train: Encoded, valid: Encoded, config: Config) -> dict[float, FairHead]:
    """A head for each β."""
    heads = {}
    for beta in config.betas:
        started = time.monotonic()
        heads[beta] = calibrated(fit(train, beta, config), valid)
        log.info("beta %g: %.0f s", beta, time.monotonic() - started)
    return heads


def embedder() -> Embed:
    """The text embedder that is shipped."""
    return remembering(embedding(model_dir("text_embedder")))


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    fair_data.add_arguments(parser)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    embed, found = embedder(), fair_data.facts(fair_data.sources(options))
    parts = {
        part: fair_data.joined([fair_data.encode(own, dress(own, part, Bias()), embed) for own in found.values()])
        for part in PARTS
    }
    heads = curve(parts["train"], parts["valid"], dataclasses.replace(Config(), seed=options.seed))
    fair_head.save(heads, chosen(heads, parts["valid"]), options.out)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    main()
