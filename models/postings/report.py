"""Figures of an evaluation and their Markdown."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """A metric with its 95 % bootstrap interval over postings."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


@dataclass(frozen=True, slots=True)
class Report:
    """All figures of one evaluation.

    Attributes:
        heads: of each head `accuracy`, `macro_f1`, `weighted_f1`, `calibration_error`.
        held_out: accuracy of each head on the held-out sources alone.
        exact: of each number field: exact matches among all, and among postings that state one.
    """

    postings: int
    sources: dict[str, int]
    heads: dict[str, dict[str, Figure]]
    exact: dict[str, dict[str, Figure]]
    skills: dict[str, Figure]
    retrieval: dict[str, float]
    speed: dict[str, float]
    held_out: dict[str, float]


def lines(report: Report) -> list[str]:
    """The report as Markdown tables."""
    text = ["| variable | accuracy | macro-F1 | weighted F1 | calibration error |", "|---|---|---|---|---|"]
    names = ("accuracy", "macro_f1", "weighted_f1")
    for head, figures in report.heads.items():
        cells = " | ".join(str(figures[name]) for name in names)
        text.append(f"| `{head}` | {cells} | {figures['calibration_error'].value:.3f} |")
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
