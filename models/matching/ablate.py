"""Trains an adapter with each loss, and one on each variant of the texts, and scores all pairs with each.

    python -m models.matching.ablate --grades grades.jsonl --postings posting-features.jsonl --cvs cv-features.jsonl \\
        --scores scores.json

For the tables of `models.matching.evaluate --scores`; the shipped adapter is that of `models.matching.train`.
"""

import argparse
import json
import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from models.esco.running import embedding
from models.matching import baselines
from models.matching.data import Pairs, read_grades
from models.matching.embedded import PartVectors, keeping, part_vectors
from models.matching.train import LOSSES, Config, fit
from models.repository import model_dir

log = logging.getLogger(__name__)

# Losses of the shipped adapter, for the variants.
_SHIPPED = {"classifier": 1.0, "multiple_negatives": 0.3}


def only(vectors: PartVectors, parts: Sequence[int]) -> PartVectors:
    """The vectors of these parts, the others zero."""
    kept = np.zeros((3, 1), np.float32)
    kept[list(parts)] = 1
    sides = ({name: own * kept for name, own in side.items()} for side in (vectors.postings, vectors.cvs))
    return PartVectors(*sides)


def standardised(pairs: Pairs, vectors: PartVectors, kept: Path) -> PartVectors:
    """The vector of the ESCO-standardised form in the place of the text's."""
    embed = keeping(embedding(model_dir("text_embedder")), kept)
    sides = []
    for ids, features in ((vectors.postings, pairs.postings), (vectors.cvs, pairs.cvs)):
        found = embed([baselines.standardised(features[own]) for own in ids])
        zero = np.zeros_like(found[0])
        sides.append({own: np.stack([row, zero, zero]) for own, row in zip(ids, found, strict=True)})
    return PartVectors(*sides)


def scores(pairs: Pairs, train: Pairs, vectors: PartVectors, losses: dict[str, float]) -> list[float]:
    """Cosines of all pairs by an adapter fitted to those of `train`."""
    network = fit(train.grades, vectors, Config(losses))
    with torch.no_grad():
        left, right = (
            dict(zip(side, network(torch.tensor(np.stack(list(side.values())))), strict=True))
            for side in (vectors.postings, vectors.cvs)
        )
    return [float(left[own.posting_id] @ right[own.cv_id]) for own in pairs.grades]


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--grades", type=Path, nargs="+", required=True)
    parser.add_argument("--postings", type=Path, required=True, help="posting features")
    parser.add_argument("--cvs", type=Path, required=True, help="CV features")
    parser.add_argument("--reserved-cvs", type=Path, help="ids of CVs that must not be trained on")
    parser.add_argument("--vectors", type=Path, required=True, help="file that keeps vectors from one run to the next")
    parser.add_argument("--scores", type=Path, required=True, help="file for the scores")
    options = parser.parse_args(arguments)
    reserved = set(options.reserved_cvs.read_text("utf-8").split()) if options.reserved_cvs else set()
    pairs = Pairs.read(read_grades(options.grades), options.postings, options.cvs)
    train = pairs.part_of(test=False, without=reserved)
    vectors = part_vectors(pairs, options.vectors)
    runs: dict[str, tuple[PartVectors, dict[str, float]]] = {
        f"adapter, {name} loss": (vectors, {name: 1.0}) for name in LOSSES
    }
    runs |= {
        "adapter, raw text alone": (only(vectors, [0]), _SHIPPED),
        "adapter, structured (titles, skills) alone": (only(vectors, [1, 2]), _SHIPPED),
        "adapter, ESCO-standardised alone": (standardised(pairs, vectors, options.vectors), _SHIPPED),
    }
    found = {}
    for name, (own, losses) in runs.items():
        values = scores(pairs, train, own, losses)
        found[name] = [[g.posting_id, g.cv_id, value] for g, value in zip(pairs.grades, values, strict=True)]
        log.info("%s", name)
    options.scores.write_text(json.dumps(found), "utf-8")


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    main()
