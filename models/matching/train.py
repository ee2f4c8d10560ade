"""Trains the adapter on graded pairs, the encoder frozen, with one or more of the losses in `losses.py`.

    python -m models.matching.train --grades grades.jsonl --postings posting-features.jsonl --cvs cv-features.jsonl

Features as `talentstream extract` and `talentstream structure` write them, with their texts. Test postings are left
out, and reserved CVs. Beside the adapter it writes of each pair the cosine by an adapter that has not seen its posting
(five-fold), which the scorer is fitted to: the cosines of pairs that were trained on are too good to be true.
"""

import argparse
import dataclasses
import json
import logging
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import normalize

from models.esco.embedder import DIMENSION
from models.matching import losses
from models.matching.adapter import PARTS, WEIGHTS, Adapter
from models.matching.data import Grade, Pairs, part, read_grades, read_outcomes
from models.matching.embedded import PartVectors, part_vectors
from models.matching.metrics import RELEVANT
from models.training import descend

log = logging.getLogger(__name__)

FOLDS = 5
# Of the cosine, where a loss is one of scores.
_SCALE = 20.0
# Loss of a posting's vector `(dimension,)`, its CVs' `(cvs, dimension)` and their grades `(cvs,)`.
Loss = Callable[[Tensor, Tensor, Tensor], Tensor]
LOSSES: Mapping[str, Callable[[], Loss]] = {
    "classifier": lambda: losses.Classifier(DIMENSION),
    "contrastive": lambda: losses.contrastive,
    "triplet": lambda: losses.triplet,
    "multiple_negatives": lambda: losses.multiple_negatives,
    "lambda": lambda: lambda posting, cvs, grades: losses.lambda_loss(_SCALE * (cvs @ posting), grades),
}


@dataclass(frozen=True, slots=True)
class Config:
    """Everything that a run depends on besides its data.

    Attributes:
        losses: weight of each.
        batch: postings in a step.
    """

    losses: Mapping[str, float]
    rank: int = 32
    rate: float = 5e-4
    decay: float = 0.01
    epochs: int = 8
    batch: int = 8
    seed: int = 0


class Network(nn.Module):
    """`Adapter` as it learns."""

    def __init__(self, rank: int) -> None:
        super().__init__()
        self.down = nn.Parameter(torch.randn(len(PARTS), DIMENSION, rank) * 0.02)
        self.up = nn.Parameter(torch.zeros(len(PARTS), rank, DIMENSION))
        self.weights = nn.Parameter(torch.ones(len(PARTS)))

    def forward(self, vectors: Tensor) -> Tensor:
        """`(documents, dimension)` of `(documents, parts, dimension)`, absent parts being zero."""
        mapped = vectors + torch.einsum("npd,pdr,pre->npe", vectors, self.down, self.up)
        return normalize((mapped * self.weights[:, None]).sum(1), dim=-1)

    def adapter(self) -> Adapter:
        """What was learned."""
        down, up, weights = (own.detach().double().numpy() for own in (self.down, self.up, self.weights))
        return Adapter(down, up, weights, digest="")


def fit(grades: Sequence[Grade], vectors: PartVectors, config: Config) -> Network:
    """Trains on these pairs."""
    torch.manual_seed(config.seed)
    chance = random.Random(config.seed)
    network = Network(config.rank)
    weighed = [(LOSSES[name](), weight) for name, weight in config.losses.items()]
    learning = nn.ModuleList([network, *(loss for loss, _ in weighed if isinstance(loss, nn.Module))])
    optimizer = torch.optim.AdamW(learning.parameters(), config.rate, weight_decay=config.decay)
    by_posting = _by_posting(grades)
    for _ in range(config.epochs):
        order = sorted(by_posting)
        chance.shuffle(order)
        for start in range(0, len(order), config.batch):
            batch = order[start : start + config.batch]
            values = []
            for posting_id in batch:
                posting, cvs = _embedded(network, posting_id, by_posting[posting_id], vectors)
                labels = torch.tensor([own.grade for own in by_posting[posting_id]])
                values += [weight * loss(posting, cvs, labels) for loss, weight in weighed]
            descend(torch.stack(values).sum() / len(batch), learning, optimizer)
    return network


def out_of_fold(grades: Sequence[Grade], vectors: PartVectors, config: Config) -> NDArray[np.float64]:
    """Of each pair the cosine by an adapter trained on the postings of the other folds."""
    cosines = dict.fromkeys(range(len(grades)), 0.0)
    numbers = {(own.posting_id, own.cv_id): row for row, own in enumerate(grades)}
    for fold in range(FOLDS):
        network = fit([own for own in grades if part(own.posting_id, FOLDS) != fold], vectors, config)
        inside = [own for own in grades if part(own.posting_id, FOLDS) == fold]
        for posting_id, own in _by_posting(inside).items():
            with torch.no_grad():
                posting, cvs = _embedded(network, posting_id, own, vectors)
            for grade, cosine in zip(own, (cvs @ posting).tolist(), strict=True):
                cosines[numbers[grade.posting_id, grade.cv_id]] = cosine
    return np.array(list(cosines.values()))


def _by_posting(grades: Sequence[Grade]) -> dict[str, list[Grade]]:
    result: dict[str, list[Grade]] = {}
    for own in grades:
        result.setdefault(own.posting_id, []).append(own)
    return result


def _embedded(network: Network, posting_id: str, own: Sequence[Grade], vectors: PartVectors) -> tuple[Tensor, Tensor]:
    rows = [vectors.postings[posting_id], *(vectors.cvs[grade.cv_id] for grade in own)]
    found = network(torch.tensor(np.stack(rows)))
    return found[0], found[1:]


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--grades", type=Path, nargs="*", default=[])
    parser.add_argument("--outcomes", type=Path, nargs="*", default=[], help="recruiters' decisions, as on outcomes.v1")
    parser.add_argument("--talent-pool", action="store_true", help="three classes: those kept in mind count as well")
    parser.add_argument("--postings", type=Path, required=True, help="posting features")
    parser.add_argument("--cvs", type=Path, required=True, help="CV features")
    parser.add_argument("--reserved-cvs", type=Path, help="ids of CVs that must not be trained on")
    parser.add_argument("--vectors", type=Path, help="file that keeps the texts' vectors from one run to the next")
    parser.add_argument(
        "--losses", nargs="+", default=["classifier=1", "multiple_negatives=0.3"], metavar="NAME=WEIGHT"
    )
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    parser.add_argument("--cosines", type=Path, required=True, help="file for the out-of-fold cosines")
    options = parser.parse_args(arguments)
    weights = {name: float(weight) for name, _, weight in (own.partition("=") for own in options.losses)}
    config = Config(weights)
    reserved = set(options.reserved_cvs.read_text("utf-8").split()) if options.reserved_cvs else set()
    grades = [*read_grades(options.grades), *read_outcomes(options.outcomes, options.talent_pool)]
    pairs = Pairs.read(grades, options.postings, options.cvs).part_of(test=False, without=reserved)
    vectors = part_vectors(pairs, options.vectors)
    cosines = out_of_fold(pairs.grades, vectors, config)
    fit(pairs.grades, vectors, config).adapter().save(options.out)
    found = [[own.posting_id, own.cv_id, float(cosine)] for own, cosine in zip(pairs.grades, cosines, strict=True)]
    told = dataclasses.asdict(config) | {"pairs": len(found), "relevant": int((pairs.labels >= RELEVANT).sum())}
    options.cosines.write_text(json.dumps({"training": told, "cosines": found}), "utf-8")
    log.info("%s", told)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    main()
