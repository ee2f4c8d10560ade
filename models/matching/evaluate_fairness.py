"""Prints how useful and how fair the heads of each β are on the test part of the semi-synthetic set, with intervals.

python -m models.matching.evaluate_fairness [--postings … --cvs … --grades … --reserved …] [--served FOLDER] [--card]

Nothing of the test was trained or tuned on: neither its postings, its CVs, its people's names nor a fifth of their
cues. The β to use was chosen on the validation part, by `fair_train`.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from models.esco.running import embedding, remembering
from models.matching import fair_data, fair_head, fair_served, fairness_card
from models.matching.fair_data import Encoded
from models.matching.fair_head import FairHead
from models.matching.fair_judging import PUBLISHED, TRUTHS, UTILITIES, Judged, flips, guessed, judged, placed, points
from models.matching.fairness import held
from models.matching.synthetic import FIT, Bias, dress
from models.measuring import mean
from models.repository import model_dir

FOLDER = Path(__file__).parent
HEADS = FOLDER / "fair_heads.npz"
# Of the test's people and labels: a draw that was made after all choices.
_SEED = 1
_TRUTH_NAMES = {"fit": "merit", "label": "the recruiter's labels"}


def curves(heads: Mapping[float, FairHead], data: Encoded) -> dict[str, dict[float, Judged]]:
    """Of each truth and β how it is judged."""
    logits = {beta: data.logits(head) for beta, head in heads.items()}
    return {
        truth: {beta: judged(data.examples, own, truth, logits[0.0]) for beta, own in logits.items()}
        for truth in TRUTHS
    }


def curve_table(curve: Mapping[float, Judged], chosen: float) -> list[str]:
    """Markdown lines, a row for each β."""
    names = ("parity", "opportunity", "odds", "odds_sum")
    lines = [
        "| β | chosen | DP | EOpp | EOdds | TPR + FPR gap | " + " | ".join(UTILITIES) + " | bounds |",
        "|" + "---|" * (len(names) + len(UTILITIES) + 3),
    ]
    for beta, own in curve.items():
        cells = [f"**{beta:g}**" if beta == chosen else f"{beta:g}", f"{own.chosen.value:.1f}"]
        cells += [points(getattr(own.gaps, name)) for name in names] + [points(own.utility[name]) for name in UTILITIES]
        lines.append("| " + " | ".join([*cells, "held" if held(own.gaps, PUBLISHED) else "missed"]) + " |")
    return lines


def report(heads: Mapping[float, FairHead], chosen: float, sets: Mapping[str, Encoded], raw: Encoded) -> list[str]:
    """All tables of the evaluation.

    Args:
        sets: the test parts, anonymised: all together first, then by source.
        raw: the invented test part as it is without an anonymiser.
    """
    lines: list[str] = []
    for name, data in sets.items():
        texts, postings = len(data.cvs), len({e.posting_id for e in data.examples})
        lines += ["", f"## Test, {name}: {postings} postings, {texts} CVs, {len(data.examples)} pairs"]
        for truth, curve in curves(heads, data).items():
            lines += ["", f"Against {_TRUTH_NAMES[truth]}:", "", *curve_table(curve, chosen)]
            cost = ", ".join(f"{metric} {points(own)}" for metric, own in curve[chosen].cost.items())
            lines += ["", f"Cost of β = {chosen:g} against β = 0 in points, negative is a gain: {cost}."]
        lines += ["", _of_merit(data)]
    data = next(iter(sets.values()))
    lines += ["", "## The same facts as a man and as a woman, all cues changed", ""]
    lines += ["| β | decisions that differ, % | difference of P(fit), points |", "|---|---|---|"]
    for beta in (0.0, chosen):
        differ, distance = flips(data.examples, data.logits(heads[beta]))
        lines.append(f"| {beta:g} | {points(differ)} | {points(distance)} |")
    lines += [
        "",
        "## How well the group can be told, AUC in percent (chance is 50)",
        "",
        "| vectors | AUC |",
        "|---|---|",
    ]
    for name, vectors, own in (
        ("embedding, CV as it came", raw.cvs, raw),
        ("embedding, CV anonymised", data.cvs, data),
        ("projection, β = 0", heads[0.0].projected(data.cvs), data),
        (f"projection, β = {chosen:g}", heads[chosen].projected(data.cvs), data),
    ):
        lines.append(f"| {name} | {points(guessed(vectors, own.examples))} |")
    return [*lines, *_standing_lines(heads, chosen, data)]


def _of_merit(data: Encoded) -> str:
    """How merit itself, which sees no group, fares against the biased labels."""
    merit = np.array([example.merit - FIT for example in data.examples], np.float32)
    own = judged(data.examples, merit, "label", merit)
    gaps = ", ".join(f"{name} {points(getattr(own.gaps, name))}" for name in PUBLISHED)
    utility = ", ".join(f"{name} {points(own.utility[name])}" for name in UTILITIES)
    return f"Merit itself against the recruiter's labels: {gaps}; {utility}."


def _standing_lines(heads: Mapping[float, FairHead], chosen: float, data: Encoded) -> list[str]:
    lines = ["", "## Women among the first ten (half of each pool), and what re-ranking by group costs", ""]
    lines += [
        "| scores | representation, % | exposure, % | nDCG@10 by merit | against β = 0 |",
        "|---|---|---|---|---|",
    ]
    plain = placed(data.examples, data.logits(heads[0.0]), quota=False)[1]
    for beta in (0.0, chosen):
        for quota in (False, True):
            standing, utility = placed(data.examples, data.logits(heads[beta]), quota)
            name = f"β = {beta:g}" + (", re-ranked" if quota else "")
            gain = mean([100 * (ours - theirs) for ours, theirs in zip(utility, plain, strict=True)])
            own = standing["women"]
            cells = (own.representation, own.exposure, mean([100 * value for value in utility]), gain)
            lines.append(f"| {name} | " + " | ".join(map(points, cells)) + " |")
    return lines


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    fair_data.add_arguments(parser)
    parser.add_argument("--heads", type=Path, default=HEADS)
    parser.add_argument("--served", type=Path, help="folder of `fair_served`: judges the shipped scorer as well")
    parser.add_argument("--card", action="store_true", help="rewrite FAIRNESS.md and its plot")
    options = parser.parse_args(arguments)
    heads, chosen = fair_head.load(options.heads)
    embed = remembering(embedding(model_dir("text_embedder")))
    found = fair_data.facts(fair_data.sources(options))
    dressed = {name: dress(own, "test", Bias(), _SEED) for name, own in found.items()}
    sets = {name: fair_data.encode(own, dressed[name], embed) for name, own in found.items()}
    if len(sets) > 1:
        sets = {"all together": fair_data.joined(list(sets.values())), **sets}
    raw = fair_data.encode(found["invented"], dressed["invented"], embed, fair_data.raw)
    lines = report(heads, chosen, sets, raw)
    if options.served:
        lines += fair_served.report(options.served, fair_data.sources(options))
    sys.stdout.write("\n".join(lines) + "\n")
    if options.card:
        fairness_card.write(FOLDER, chosen, curves(heads, next(iter(sets.values()))), lines)


if __name__ == "__main__":
    main()
