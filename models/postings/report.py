"""Figures of an evaluation and their Markdown."""

from dataclasses import dataclass

from models.measuring import Figure


@dataclass(frozen=True, slots=True)
class Report:
    """All figures of one evaluation.

    Attributes:
        heads: of each head `accuracy`, `macro_f1`, `weighted_f1`, `calibration_error`.
        groups: of each group of variables the mean of its `macro_f1` (over classes with five cases or more) and of its
            `weighted_f1`.
        baselines: of each simpler means, macro-F1 of each head and group by name.
        evidence: by `all` and by variable, F1 of the words shown against those of the teacher's quotes.
        held_out: accuracy of each head on the held-out sources alone.
        exact: of each number field: exact matches among all, and among postings that state one.
    """

    postings: int
    sources: dict[str, int]
    heads: dict[str, dict[str, Figure]]
    groups: dict[str, dict[str, Figure]]
    baselines: dict[str, dict[str, float]]
    evidence: dict[str, Figure]
    exact: dict[str, dict[str, Figure]]
    skills: dict[str, Figure]
    retrieval: dict[str, float]
    speed: dict[str, float]
    held_out: dict[str, float]


def _cells(report: Report, name: str) -> str:
    return "".join(f" {values[name]:.3f} |" if name in values else " |" for values in report.baselines.values())


def lines(report: Report) -> list[str]:
    """The report as Markdown tables."""
    others = "".join(f" {name} |" for name in report.baselines)
    text = [
        f"| variable | accuracy | macro-F1 | weighted F1 | calibration error |{others}",
        "|---|---|---|---|---|" + "---|" * len(report.baselines),
    ]
    names = ("accuracy", "macro_f1", "weighted_f1", "calibration_error")
    for head, figures in report.heads.items():
        cells = " | ".join(str(figures[name]) for name in names)
        text.append(f"| `{head}` | {cells} |{_cells(report, head)}")
    for group, figures in report.groups.items():
        text.append(f"| **{group}** | | {figures['macro_f1']} | {figures['weighted_f1']} | |{_cells(report, group)}")
    shown = ", ".join(f"`{name}` {figure.value:.3f}" for name, figure in report.evidence.items() if name != "all")
    text += [
        "",
        "Macro-F1 of a group: mean of its variables', over classes with at least five test cases. The last columns "
        "are macro-F1 of simpler means; the published pipeline's figures are of its own test.",
        "",
        f"Evidence, F1 of the words shown against the teacher's quote: {report.evidence['all']} ({shown}).",
    ]
    text += ["", "| number | exact, all postings | exact, where stated |", "|---|---|---|"]
    text += [f"| `{name}` | {figures['all']} | {figures['stated']} |" for name, figures in report.exact.items()]
    skills = report.skills
    text += [
        "",
        f"Skills (first 12, same spelling, case ignored): precision {skills['precision']}, recall {skills['recall']}, "
        f"F1 {skills['f1']}; with partial credit by common words F1 {skills['partial_f1'].value:.3f}.",
        "",
        f"Retrieval: of {report.retrieval['sentences_per_posting']:.1f} sentences a posting "
        f"{report.speed['units_per_posting']:.1f} units are read ({report.speed['tokens_per_posting']:.0f} tokens); "
        f"recall of evidence {report.retrieval['evidence_recall']:.3f}, of skills "
        f"{report.retrieval['skill_recall']:.3f}.",
    ]
    return text
