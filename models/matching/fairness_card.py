"""The fairness card: `FAIRNESS.md` and the β curve, drawn as plain SVG, from the figures of an evaluation."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from models.matching.fair_judging import PUBLISHED, Judged
from models.measuring import Figure

PLOT = "fairness.svg"
_WIDTH, _HEIGHT, _LEFT, _TOP, _GAP = 360, 240, 50, 40, 70
_COLOURS = ("#0b6e99", "#c0392b", "#7d5ba6", "#2e7d32")
# Panel, its series: attribute or metric, what it is called, its bound.
_GAPS = (("parity", "DP"), ("opportunity", "EOpp"), ("odds", "EOdds"))
_UTILITIES = ("nDCG@5", "MRR@5", "accuracy")

_HEAD = """\
# Fairness of matching

What a training-time fairness term does to a matching model that learns from biased decisions, on a set built for it.
Written by `python -m models.matching.evaluate_fairness --card`; trained by `python -m models.matching.fair_train`.

## The set (`models/matching/synthetic.py`)

**There are no protected attributes in the data**, and nobody's group is guessed from a name here. The set is
semi-synthetic. *Invented*: postings and CVs made of ESCO's occupations and skills, whose merit is a known function of
the skills asked for, the trade, years and education. *Graded*: real postings and CVs with a teacher's grade. Either is
dressed with invented people, women or men, by names, pronouns, schools, breaks, clubs, hobbies and wording; 85 % of the
cues are of one's own group. A biased recruiter labels: merit with noise (standard deviation 0.1), and 0.15 taken off a
woman's. In training each CV has one identity and the share of women hangs on the trade; in the test each CV comes once
as either, so that the groups' merit is the same. Models see the anonymised text: names, pronouns and "women" are
masked, wording, hobbies, clubs and breaks are not, and that suffices to learn the bias (see below).

**Measured** against merit, which no model saw, and against the recruiter's labels, which are all that one has in life.
A decision is P(fit) ≥ .5. DP, EOpp, EOdds: largest less smallest rate of the two groups in points, as Fairlearn; EOdds
is the worse of both its gaps. 95 % bootstrap intervals by posting; no difference is negative, so they lean upwards.

**Model:** the published bi-encoder's classifier over [u; v; u − v], here with |u − v| (it learned better in a trial),
as a light head on the frozen embeddings of `text_embedder` (`fair_head.py`); loss: cross-entropy + β · (DP + 0.3 EOpp +
0.3 EOdds), softened, by batch (`fair_loss.py`). It learns from the biased labels alone. β = {chosen:g} is the cheapest
that was within all bounds on a validation part. The encoder itself was not fine-tuned: the head holds the bounds, and a
curve of encoders would take two cores many hours.

**Test:** postings, CVs, names and a fifth of the cues that no model was trained or chosen on. An earlier draw of people
and labels on the same test postings was looked at while the head was put together; the one below was drawn afterwards.

![Gaps and utility by β]({plot})

Bars: 95 % intervals. Dashed: the published best of three different variants ({bounds}).
"""
_TAIL = """
## Limits

- Two groups, stereotyped cues, English. Real recruiters' bias, other groups and cues that nobody listed are not in it:
  it shows that the term works against such a bias, not that a deployment is fair. The monitor is for that.
- The groups' merit is the same by construction. Where it is not, equal shares and equal opportunity can't both hold.
- Against biased labels a scorer that sees no group at all has a gap in EOdds: women labelled fit had to be better.
- The heads are not what the matcher serves: its scorer learned from a teacher's grades, which know no group, and is
  judged here as it is. The term is for those who train on recruiters' decisions of their own.
- The bounds are held by the estimates; the interval of DP reaches beyond its bound.
- The group can still be told from the projected vector (see the AUC): the classifier has learned to leave it aside,
  the vector has not lost it. What ranks by that vector alone is not made fair by this head.
- Single people still gain or lose by their cues, in both directions: the differences even out by group, not for each.
- Whether the terms are weighed well for labels with less or more bias was not tried.
- Re-ranking by group needs the groups when it ranks; no worker has them. The term needs them in training alone.
"""


def write(folder: Path, chosen: float, curves: Mapping[str, Mapping[float, Judged]], lines: Sequence[str]) -> None:
    """Writes the card and its plot.

    Args:
        curves: of the whole test, by truth and β.
        lines: the evaluation's tables.
    """
    bounds = ", ".join(f"{label} {PUBLISHED[name]:g}" for name, label in _GAPS)
    head = _HEAD.format(chosen=chosen, plot=PLOT, bounds=bounds)
    (folder / "FAIRNESS.md").write_text(head + "\n".join(lines) + "\n" + _TAIL, "utf-8")
    (folder / PLOT).write_text(plot(curves), "utf-8")


def plot(curves: Mapping[str, Mapping[float, Judged]]) -> str:
    """SVG of four panels: gaps and utility by β, against merit and against labels."""
    panels = []
    for column, (truth, title) in enumerate((("fit", "merit"), ("label", "the recruiter's labels"))):
        curve = curves[truth]
        gaps = {label: {beta: getattr(own.gaps, name) for beta, own in curve.items()} for name, label in _GAPS}
        utility = {name: {beta: own.utility[name] for beta, own in curve.items()} for name in _UTILITIES}
        bounds = {label: PUBLISHED[name] for name, label in _GAPS}
        panels += [
            _panel(column, 0, f"Gaps against {title}, points", gaps, bounds, (0.0, 20.0)),
            _panel(column, 1, f"Utility against {title}, %", utility, {}, (50.0, 100.0)),
        ]
    width, height = 2 * (_WIDTH + _GAP) + _LEFT, 2 * (_HEIGHT + _GAP) + _TOP
    body = "\n".join(panels)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="sans-serif" '
        f'font-size="12">\n<rect width="100%" height="100%" fill="white"/>\n{body}\n</svg>\n'
    )


def _panel(
    column: int,
    row: int,
    title: str,
    series: Mapping[str, Mapping[float, Figure]],
    bounds: Mapping[str, float],
    span: tuple[float, float],
) -> str:
    left, top = _LEFT + column * (_WIDTH + _GAP), _TOP + row * (_HEIGHT + _GAP)
    betas = list(next(iter(series.values())))
    step = _WIDTH / len(betas)

    def y(value: float) -> float:
        inside = min(max(value, span[0]), span[1])
        return top + _HEIGHT * (span[1] - inside) / (span[1] - span[0])

    drawn = [f'<text x="{left}" y="{top - 10}" font-weight="bold">{title}</text>']
    drawn.append(f'<rect x="{left}" y="{top}" width="{_WIDTH}" height="{_HEIGHT}" fill="none" stroke="#999"/>')
    for tick in range(5):
        value = span[0] + (span[1] - span[0]) * tick / 4
        drawn.append(f'<text x="{left - 6}" y="{y(value) + 4:.1f}" text-anchor="end">{value:g}</text>')
    for i, beta in enumerate(betas):
        middle = left + step * (i + 0.5)
        drawn.append(f'<text x="{middle:.1f}" y="{top + _HEIGHT + 16}" text-anchor="middle">{beta:g}</text>')
    drawn.append(f'<text x="{left + _WIDTH / 2}" y="{top + _HEIGHT + 32}" text-anchor="middle">β</text>')
    for number, (name, figures) in enumerate(series.items()):
        colour, shift = _COLOURS[number], 5 * (number - 1)
        points = [(left + step * (i + 0.5) + shift, figures[beta]) for i, beta in enumerate(betas)]
        line = " ".join(f"{x:.1f},{y(own.value):.1f}" for x, own in points)
        drawn.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
        drawn += [
            f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{y(own.low):.1f}" y2="{y(own.high):.1f}" stroke="{colour}"/>'
            for x, own in points
        ]
        if name in bounds:
            at = y(bounds[name])
            drawn.append(
                f'<line x1="{left}" x2="{left + _WIDTH}" y1="{at:.1f}" y2="{at:.1f}" stroke="{colour}" '
                'stroke-dasharray="5 4"/>'
            )
        drawn.append(f'<text x="{left + _WIDTH - 80}" y="{top + 16 + 15 * number}" fill="{colour}">{name}</text>')
    return "\n".join(drawn)
