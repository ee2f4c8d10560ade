"""Predictions on training postings by a network that has not seen them, for fitting the aggregation."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer

from models.postings import aggregation, data
from models.postings.data import Example
from models.postings.network import Network, Probabilities
from models.postings.preparing import prepare
from models.postings.retrieval import Retriever
from models.postings.running import Model, answers
from models.postings.tagging import Floats

# What was chosen for being hard, or written, is no sample of postings: it counts less, so that confidence fits these.
_CHOSEN, _WRITTEN = 0.7, 0.3


def held_back(
    examples: Sequence[Example],
    share: float,
    retriever: Retriever,
    tokenizer: Tokenizer,
    train: Callable[[Sequence[Example]], Network],
) -> Floats:
    """Features of this share of the examples, in order, `(examples, FEATURES)`, zero for the rest.

    The network is trained on the rest; near-duplicates stay together.

    Args:
        train: a network from examples.
    """
    groups = data.near_duplicates([item.doc.text[item.doc.body_start :] for item in examples])
    unseen = [i for i, group in enumerate(groups) if data.draw(examples[group].posting.id, "fold") < share]
    apart = set(unseen)
    network = train([item for i, item in enumerate(examples) if i not in apart])
    prepared = prepare([examples[i].posting for i in unseen], tokenizer, retriever)
    known = np.zeros((len(examples), aggregation.FEATURES), np.float32)
    for index, document, answer in zip(unseen, prepared, answers(served(network), prepared), strict=True):
        if document.units:
            known[index] = aggregation.features(document, *answer)
    return known


def served(network: Network) -> Model:
    """What the exported model would answer."""
    probabilities = Probabilities(network).eval()

    def model(ids: NDArray[np.int64], mask: NDArray[np.int64]) -> tuple[Floats, Floats]:
        with torch.inference_mode():
            sentence, token = probabilities(torch.from_numpy(ids), torch.from_numpy(mask))
        return sentence.numpy(), token.numpy()

    return model


def save(path: Path, known: Floats, examples: Sequence[Example]) -> None:
    """Keeps the features of the postings that have any, with their ids."""
    read = known.any(1)
    ids = np.array([item.posting.id for item in examples])
    np.savez_compressed(path, known=known[read], ids=ids[read])


def load(path: Path, examples: Sequence[Example]) -> tuple[Floats, list[data.Label], NDArray[np.float64]]:
    """What :func:`save` kept: features, labels, and how much each posting counts.

    Raises:
        ValueError: the examples are not those of the run.
    """
    kept = np.load(path)
    by_id = {item.posting.id: item for item in examples}
    if unknown := set(kept["ids"].tolist()) - by_id.keys():
        raise ValueError(f"these are not the run's labels: {len(unknown)} of its postings are not in the training part")
    own = [by_id[posting_id] for posting_id in kept["ids"].tolist()]
    weights = [_WRITTEN if item.source == data.WRITTEN_SOURCE else 1.0 if item.sampled else _CHOSEN for item in own]
    return kept["known"], [item.label for item in own], np.array(weights)
