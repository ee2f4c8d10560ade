"""Group-aware re-ranking: the best candidates first, yet every head of the list holds each group's share.

It needs to know the candidates' groups, which the matcher does not: it is for those who may know them and must act, an
auditor or a second step with its own legal ground. Its cost is measured beside the training-time loss, which needs no
group once it is trained.
"""

import math
from collections.abc import Mapping, Sequence


def reranked(scores: Sequence[float], groups: Sequence[str], shares: Mapping[str, float], k: int) -> list[int]:
    """Indexes of all candidates, best first, the first k re-ranked (DetGreedy of Geyik et al. 2019).

    At each rank r up to k every group gets at least `floor(share * r)` places, as long as it has candidates left, and
    no more than `ceil(share * r)` while another has.

    Args:
        shares: of each group the share that it is owed, at most 1 in sum.

    Raises:
        ValueError: the shares sum up to more than 1.
    """
    if sum(shares.values()) > 1 + 1e-9:
        raise ValueError("the shares sum up to more than 1")
    order = sorted(range(len(scores)), key=lambda i: (-scores[i], i))
    waiting = {group: [i for i in order if groups[i] == group] for group in dict.fromkeys(groups)}
    placed: list[int] = []
    counts = dict.fromkeys(waiting, 0)
    for rank in range(1, min(k, len(order)) + 1):
        open_groups = [group for group, own in waiting.items() if own]
        owed = [g for g in open_groups if counts[g] < math.floor(shares.get(g, 0.0) * rank)]
        below = [g for g in open_groups if counts[g] < math.ceil(shares.get(g, 0.0) * rank)]
        group = min(owed or below or open_groups, key=lambda g: order.index(waiting[g][0]))
        placed.append(waiting[group].pop(0))
        counts[group] += 1
    taken = set(placed)
    return placed + [i for i in order if i not in taken]
