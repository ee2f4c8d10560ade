"""Figures of an evaluation and their Markdown."""

from dataclasses import dataclass

from models.measuring import Figure


@dataclass(frozen=True, slots=True)
class Report:
    """All figures of one evaluation.

    Attributes:
        lists: of each list field `precision`, `recall`, `f1` (exact, case and white space folded) and `overlap_f1` (by
            words).
        simple: of each simpler means the exact F1 of each list field.
        years: share of CVs whose years lie within each tolerance.
        choices: `accuracy` and `macro_f1` of each choice.
        simple_choices: of each choice the accuracy of each simpler means.
    """

    cvs: int
    lists: dict[str, dict[str, Figure]]
    simple: dict[str, dict[str, float]]
    years: dict[float, Figure]
    choices: dict[str, dict[str, Figure]]
    simple_choices: dict[str, dict[str, float]]
    cvs_per_second: float
    tokens_per_cv: int


def lines(report: Report) -> list[str]:
    """The report as Markdown tables."""
    others = "".join(f" {name}, F1 |" for name in report.simple)
    text = [
        f"| field ({report.cvs} CVs) | precision | recall | F1 | F1 by words |{others}",
        "|---|---|---|---|---|" + "---|" * len(report.simple),
    ]
    for name, figures in report.lists.items():
        cells = "".join(f" {values[name]:.3f} |" for values in report.simple.values())
        text.append(
            f"| `{name}` | {figures['precision'].value:.3f} | {figures['recall'].value:.3f} | {figures['f1']} "
            f"| {figures['overlap_f1']} |{cells}"
        )
    text += ["", "| choice | accuracy | macro-F1 | simpler means, accuracy |", "|---|---|---|---|"]
    for name, figures in report.choices.items():
        simpler = ", ".join(f"{k} {v:.3f}" for k, v in report.simple_choices.get(name, {}).items())
        text.append(f"| `{name}` | {figures['accuracy']} | {figures['macro_f1']} | {simpler} |")
    text += ["", "| `experience_years`, within | share of the CVs that have them |", "|---|---|"]
    text += [f"| {tolerance:g} | {figure} |" for tolerance, figure in report.years.items()]
    return text
