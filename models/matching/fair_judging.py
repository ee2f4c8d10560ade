"""How useful and how fair scores are on the semi-synthetic set, against merit and against the biased recruiter."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold, cross_val_predict

from models.matching import metrics
from models.matching.cues import GROUPS
from models.matching.fair_data import Encoded
from models.matching.fair_head import FairHead, Floats
from models.matching.fairness import Gaps, Standing, gaps, standings
from models.matching.quota import reranked
from models.matching.synthetic import Example, grade
from models.measuring import Figure, mean

# The published best of three different variants, in points.
PUBLISHED = {"parity": 1.45, "opportunity": 4.98, "odds": 14.07}
TRUTHS = ("fit", "label")
UTILITIES = ("nDCG@5", "MRR@5", "MAP@5", "accuracy")
_K = 10


@dataclass(frozen=True, slots=True)
class Judged:
    """One way to score, on one set, against one truth.

    Attributes:
        chosen: share of all that is chosen, in percent.
        utility: of each metric its percentage.
        cost: of each metric what is lost against β = 0, in points, paired by posting; negative where it is a gain.
    """

    gaps: Gaps
    chosen: Figure
    utility: dict[str, Figure]
    cost: dict[str, Figure]


def judged(examples: Sequence[Example], logits: Floats, truth: str, plain: Floats) -> Judged:
    """Judges scores against `fit` (merit) or `label` (the biased recruiter), beside those of β = 0."""
    right = np.array([getattr(example, truth) for example in examples], bool)
    groups, queries = [e.group for e in examples], [e.posting_id for e in examples]
    ours, theirs = (_utility(examples, scores, truth, right) for scores in (logits, plain))
    by_query = [float((logits[rows] >= 0).mean()) for rows in rows_by_query(examples).values()]
    return Judged(
        gaps(logits >= 0, right, groups, queries),
        _percent(by_query),
        {name: _percent(values) for name, values in ours.items()},
        {name: _percent(np.subtract(theirs[name], values)) for name, values in ours.items()},
    )


def _utility(
    examples: Sequence[Example], logits: Floats, truth: str, right: NDArray[np.bool_]
) -> dict[str, list[float]]:
    grades = [grade(e.merit) if truth == "fit" else metrics.RELEVANT * e.label for e in examples]
    queries = rows_by_query(examples).values()
    rankings = [metrics.ranked(logits[rows].tolist(), [grades[row] for row in rows]) for rows in queries]
    found = {name: values for name, values in metrics.by_query(rankings).items() if name in UTILITIES}
    return found | {"accuracy": [float(((logits[rows] >= 0) == right[rows]).mean()) for rows in queries]}


def rows_by_query(examples: Sequence[Example]) -> dict[str, list[int]]:
    """Of each posting the rows of its examples."""
    found: dict[str, list[int]] = {}
    for row, example in enumerate(examples):
        found.setdefault(example.posting_id, []).append(row)
    return found


def _percent(values: Sequence[float] | NDArray[np.float64]) -> Figure:
    return mean(100 * np.asarray(values, np.float64))


def points(figure: Figure) -> str:
    """A figure in percent or points, one decimal."""
    return f"{figure.value:.1f} [{figure.low:.1f}, {figure.high:.1f}]"


def flips(examples: Sequence[Example], logits: Floats) -> tuple[Figure, Figure]:
    """Counterfactual invariance to all cues at once: the same facts as a man and as a woman.

    Returns:
        Share of the decisions that differ, in percent, and the mean difference of P(fit), in points.
    """
    of_group = {group: [i for i, e in enumerate(examples) if e.group == group] for group in GROUPS}
    men, women = (sorted(rows, key=lambda i: (examples[i].posting_id, examples[i].cv_id)) for rows in of_group.values())
    chances = 1 / (1 + np.exp(-logits.astype(np.float64)))
    differ = (logits[men] >= 0) != (logits[women] >= 0)
    return _percent(differ), _percent(np.abs(chances[men] - chances[women]))


def chosen(heads: Mapping[float, FairHead], valid: Encoded) -> float:
    """The β to use: of those that hold all bounds on the validation part the cheapest, else the one that nearly does.

    Gaps count against merit and against the labels, the cost (the mean of the utilities') against merit: what a ranking
    loses against biased labels by treating twins alike is the bias itself.
    """
    plain = valid.logits(heads[0.0])
    worst, cost = {}, {}
    for beta, head in heads.items():
        ours = [judged(valid.examples, valid.logits(head), truth, plain) for truth in TRUTHS]
        worst[beta] = max(getattr(own.gaps, name).value / bound for own in ours for name, bound in PUBLISHED.items())
        cost[beta] = float(np.mean([own.value for own in ours[0].cost.values()]))
    within = [beta for beta in heads if worst[beta] <= 1]
    return min(within, key=lambda beta: cost[beta]) if within else min(worst, key=lambda beta: worst[beta])


def placed(examples: Sequence[Example], logits: Floats, quota: bool) -> tuple[dict[str, Standing], list[float]]:
    """Where the groups stand among the first, and nDCG@10 by merit of each posting, with or without re-ranking."""
    rankings, utility = [], []
    for rows in rows_by_query(examples).values():
        groups = [examples[row].group for row in rows]
        shares = {str(group): groups.count(group) / len(groups) for group in GROUPS} if quota else {}
        order = reranked(logits[rows].tolist(), groups, shares, _K)
        rankings.append([groups[i] for i in order])
        utility.append(metrics.ndcg([grade(examples[rows[i]].merit) for i in order], _K))
    return dict(standings(rankings, _K)), utility


def guessed(vectors: Floats, examples: Sequence[Example]) -> Figure:
    """How well a logistic regression tells the groups apart from the CVs' vectors: AUC in percent, 50 is chance.

    Cross-validated within the set, all texts of one CV in one fold; the interval is the spread of the folds.
    """
    owner = {example.text: example for example in examples}
    rows = sorted(owner)
    women = np.array([owner[row].group == "women" for row in rows])
    cvs = [owner[row].cv_id for row in rows]
    folds = GroupKFold(5)
    model = LogisticRegression(C=10.0, max_iter=1_000)
    sure = cross_val_predict(model, vectors[rows], women, groups=cvs, cv=folds, method="decision_function")
    by_fold = [100 * roc_auc_score(women[test], sure[test]) for _, test in folds.split(rows, groups=cvs)]
    return Figure(100 * float(roc_auc_score(women, sure)), min(by_fold), max(by_fold))
