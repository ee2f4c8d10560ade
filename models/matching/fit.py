"""Fits the scorer to graded pairs: five facets, and of their logits and the vectors' cosine the whole.

    python -m models.matching.fit --grades grades.jsonl --postings posting-features.jsonl --cvs cv-features.jsonl \
        --cosines cosines.json

Features as `talentstream extract` and `talentstream structure` write them, cosines as `models.matching.train` does.
Logistic regression; its regularisation is the one with the least log loss in ten-fold cross-validation by posting. Test
postings are left out, and reserved CVs.
"""

import argparse
import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from models.matching.data import Pairs, part, read_grades
from models.matching.facets import ALL, BY_FACET
from models.matching.metrics import RELEVANT
from models.matching.scorer import WEIGHTS, Logistic, Scorer
from topics.matches import Facet

log = logging.getLogger(__name__)

_STRENGTHS = (0.01, 0.03, 0.1, 0.3, 1.0)
_PARTS = 10
_COSINE = "cosine"
_DECIMALS = 6

Floats = NDArray[np.float64]


def fit(pairs: Pairs, numbers: Floats, strength: float) -> Scorer:
    """A scorer of these pairs.

    Args:
        numbers: of each pair what is compared, `(pairs, len(facets.ALL))`.
        strength: inverse of the regularisation's, as scikit-learn has it.
    """
    columns = dict(zip(ALL, numbers.T, strict=True))
    facets: dict[Facet, Logistic] = {
        name: _logistic({own: columns[own] for own in names}, pairs.facet_labels(name) >= RELEVANT, strength)
        for name, names in BY_FACET.items()
    }
    inputs = {_COSINE: columns[_COSINE]} | {str(name): own.logits(columns) for name, own in facets.items()}
    return Scorer(facets, _logistic(inputs, pairs.labels >= RELEVANT, strength), "")


def out_of_fold(pairs: Pairs, numbers: Floats, strength: float) -> Floats:
    """Of each pair the score by a scorer fitted to the other parts' postings."""
    parts = np.array([part(own.posting_id, _PARTS) for own in pairs.grades])
    scores = np.zeros(len(parts))
    for number in set(parts.tolist()):
        inside = parts == number
        others = [own for own, out in zip(pairs.grades, ~inside, strict=True) if out]
        scorer = fit(Pairs(others, pairs.postings, pairs.cvs), numbers[~inside], strength)
        scores[inside] = scorer.probabilities(numbers[inside])[0]
    return scores


def _logistic(numbers: dict[str, Floats], labels: NDArray[np.bool_], strength: float) -> Logistic:
    """On numbers scaled to unit variance, told in the numbers' own units."""
    rows = np.stack(list(numbers.values()), axis=1)
    middle, spread = rows.mean(axis=0), np.maximum(rows.std(axis=0), 1e-6)
    model = LogisticRegression(C=strength, max_iter=2_000).fit((rows - middle) / spread, labels)
    weights = model.coef_[0] / spread
    offset = float(model.intercept_[0] - weights @ middle)
    return Logistic(tuple(numbers), tuple(round(float(own), _DECIMALS) for own in weights), round(offset, _DECIMALS))


def save(scorer: Scorer, training: dict[str, Any], path: Path) -> None:
    """Writes weights and what they were fitted to."""
    found = {
        "facets": {name: _told(own) for name, own in scorer.facets.items()},
        "whole": _told(scorer.whole),
        "training": training,
    }
    path.write_text(json.dumps(found, indent=2) + "\n", "utf-8")


def _told(logistic: Logistic) -> dict[str, Any]:
    return {"weights": dict(zip(logistic.names, logistic.weights, strict=True)), "offset": logistic.offset}


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--grades", type=Path, nargs="+", required=True)
    parser.add_argument("--postings", type=Path, required=True, help="posting features")
    parser.add_argument("--cvs", type=Path, required=True, help="CV features")
    parser.add_argument("--cosines", type=Path, required=True, help="by adapters that have not seen the posting")
    parser.add_argument("--reserved-cvs", type=Path, help="ids of CVs that must not be trained on")
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    options = parser.parse_args(arguments)
    reserved = set(options.reserved_cvs.read_text("utf-8").split()) if options.reserved_cvs else set()
    pairs = Pairs.read(read_grades(options.grades), options.postings, options.cvs).part_of(test=False, without=reserved)
    cosines = {(posting, cv): cosine for posting, cv, cosine in json.loads(options.cosines.read_text())["cosines"]}
    numbers = pairs.numbers.copy()
    numbers[:, ALL.index(_COSINE)] = [cosines[own.posting_id, own.cv_id] for own in pairs.grades]
    losses = {
        strength: log_loss(pairs.labels >= RELEVANT, out_of_fold(pairs, numbers, strength), labels=[False, True])
        for strength in _STRENGTHS
    }
    strength = min(losses, key=losses.__getitem__)
    training = {
        "pairs": len(pairs.grades),
        "postings": len({own.posting_id for own in pairs.grades}),
        "cvs": len({own.cv_id for own in pairs.grades}),
        "grades": np.bincount(pairs.labels, minlength=4).tolist(),
        "strength": strength,
        "log_loss": round(losses[strength], 4),
    }
    save(fit(pairs, numbers, strength), training, options.out)
    log.info("%s", training)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    main()
