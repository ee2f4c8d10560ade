"""From the student's probabilities to the fields of a CV."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.cvs.dates import Range
from models.cvs.labels import CHOICES, ENTITIES, OUTSIDE, choice_slices, first, sector_slice
from models.cvs.preparing import NO_SPAN, Prepared, Unit
from models.cvs.ranks import rank
from models.cvs.sections import Line
from models.cvs.sectors import SECTORS

Floats = NDArray[np.float32]
MAX_TITLES, MAX_COMPANIES, MAX_SKILLS, MAX_SECTORS = 8, 8, 20, 3
_MAX_WORDS = {"title": 12, "company": 10, "skill": 5, "language": 8, "certificate": 15, "education": 15}
# Say the same of windows that show the current job, or open the CV; the others count this much.
_ELSEWHERE = 0.2
# What the words of the current title are worth beside the windows, in logarithms of odds.
_RANK_WORTH = 2.0
_WEAK_TITLE = 0.25
# A line of distance to a date weighs as much as so many characters.
_LINE_CHARS = 60
_MAX_DISTANCE = 240
# A token of a run may be this much less sure than its surest must be.
_GOES_ON = 0.6
_SURE = 0.5
# Names of these may follow each other with nothing between.
_LISTED = ("skill", "language")
_EDGES = " ,.;:/-–—•*|\n\t\"'"


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Fitted on CVs that were not trained on.

    Attributes:
        entities: of each entity the probability from which a token belongs to one.
        sector: the probability from which a sector is named.
        temperature: of each choice what its logarithms are divided by.
        review: of each choice: below this confidence a person should look.
    """

    entities: dict[str, float]
    sector: float
    temperature: dict[str, float]
    review: dict[str, float]

    @classmethod
    def neutral(cls) -> "Thresholds":
        """A half everywhere; marks nothing."""
        return cls(dict.fromkeys(ENTITIES, 0.5), 0.5, dict.fromkeys(CHOICES, 1.0), dict.fromkeys(CHOICES, 0.0))

    @classmethod
    def load(cls, path: Path) -> "Thresholds":
        """Reads `thresholds.json`.

        Raises:
            OSError, ValueError, TypeError: no such file, or not what :meth:`save` writes.
        """
        read = cls(**json.loads(path.read_text("utf-8")))
        if read.entities.keys() != set(ENTITIES) or read.temperature.keys() != CHOICES.keys():
            raise ValueError(f"{path}: not of this release's label spaces")
        return read

    def save(self, path: Path) -> None:
        """Writes `thresholds.json`."""
        path.write_text(json.dumps(asdict(self), indent=1) + "\n", "utf-8")


@dataclass(frozen=True, slots=True)
class Found:
    """A half-open span of the text with its mean probability."""

    start: int
    end: int
    sure: float

    def text(self, prepared: Prepared) -> str:
        """Verbatim, white space folded."""
        return " ".join(prepared.text[self.start : self.end].split())


def spans(prepared: Prepared, token_probs: Sequence[Floats], entity: str, threshold: float) -> list[Found]:
    """Runs of tokens that belong to an entity, in the text's order; lines end them, and so does a surer first token."""
    found: list[Found] = []
    for unit, probabilities in zip(prepared.units, token_probs, strict=True):
        found += _runs(prepared, unit, probabilities, entity, threshold)
    limit = _MAX_WORDS.get(entity)
    trimmed = (_trimmed(prepared.text, run) for run in found)
    return [
        run for run in trimmed
        if run.start < run.end and (limit is None or len(prepared.text[run.start : run.end].split()) <= limit)
    ]  # fmt: skip


def _runs(prepared: Prepared, unit: Unit, probabilities: Floats, entity: str, threshold: float) -> list[Found]:
    opening = probabilities[:, first(entity)]
    following = probabilities[:, first(entity) + 1]
    inside = opening + following
    if entity == "education":
        # The words for the field are part of it.
        inside = inside + probabilities[:, first("field")] + probabilities[:, first("field") + 1]
    runs: list[tuple[int, int, list[float]]] = []
    previous = -2
    for index in np.flatnonzero(inside >= _GOES_ON * threshold).tolist():
        start, end = unit.token_spans[index]
        if start == end:
            continue
        # A wrapped line: only its break stands between, and the student takes the next word for a further one.
        wrapped = index == previous + 2 and unit.token_spans[index - 1] == NO_SPAN
        joins = index == previous + 1 or (wrapped and following[index] > max(_SURE, opening[index]))
        listed = entity in _LISTED and opening[index] > max(_SURE, following[index])
        glued = bool(runs) and start == runs[-1][1] and prepared.text[start].isalnum()
        if runs and joins and (glued or not listed):
            runs[-1] = (runs[-1][0], end, [*runs[-1][2], float(inside[index])])
        else:
            runs.append((start, end, [float(inside[index])]))
        previous = index
    return [
        Found(start, end, round(sum(values) / len(values), 4))
        for start, end, values in runs
        if max(values) >= threshold
    ]


def _trimmed(text: str, run: Found) -> Found:
    start, end = run.start, run.end
    # A word is tagged by its pieces; "C" of "C++" needs its own edge.
    while start > 0 and text[start - 1].isalnum() and text[start].isalnum():
        start -= 1
    while end < len(text) and ((text[end].isalnum() and text[end - 1].isalnum()) or text[end] in "+#"):
        end += 1
    while start < end and text[start] in _EDGES:
        start += 1
    while end > start and text[end - 1] in _EDGES:
        end -= 1
    inner = text[start:end]
    if inner.count("(") > inner.count(")"):
        end = end + 1 if text[end : end + 1] == ")" else start + inner.rindex("(")
    elif inner.endswith(")") and "(" not in inner:
        end -= 1
    inner = text[start:end].rstrip(_EDGES)
    return Found(start, start + len(inner), run.sure)


def unique(prepared: Prepared, found: Sequence[Found]) -> list[Found]:
    """The surest of each name, case and white space folded, in the order of their first occurrences."""
    best: dict[str, Found] = {}
    for one in found:
        name = one.text(prepared).casefold()
        if name not in best or one.sure > best[name].sure:
            best[name] = one
    return list(best.values())


def skills(prepared: Prepared, token_probs: Sequence[Floats], threshold: float) -> list[Found]:
    """Skills, surest first."""
    found = unique(prepared, spans(prepared, token_probs, "skill", threshold))
    return sorted(found, key=lambda one: (-one.sure, one.start))[:MAX_SKILLS]


@dataclass(frozen=True, slots=True)
class Job:
    """A title that heads a job, and the job's dates where they were found."""

    title: Found
    dates: Range | None


def jobs(prepared: Prepared, token_probs: Sequence[Floats], thresholds: Thresholds) -> list[Job]:
    """The jobs, present and most recent first, in the text's order where dates do not tell.

    The first line of a CV is often a title: it is a job's only where no other title is found.
    """
    limit = thresholds.entities["title"]
    dates = job_dates(prepared, token_probs, thresholds)
    weak = spans(prepared, token_probs, "title", min(limit, _WEAK_TITLE))
    entries = [title.start for title in weak if not _stands_in(title, prepared.lines, "head")]
    # A CV puts its jobs' dates either behind their titles or before them.
    follow = bool(entries and dates and min(entries) < dates[0].start)

    def at(title: Found) -> Range | None:
        return _nearest(title, dates, prepared.lines, follow)

    paired = [Job(title, at(title)) for title in spans(prepared, token_probs, "title", limit)]
    paired += _weaker([(title, at(title)) for title in weak], paired)
    head_end = prepared.lines[0].end if prepared.lines else 0
    headline = [job for job in paired if job.title.start < head_end or _stands_in(job.title, prepared.lines, "head")]
    kept = [job for job in paired if job not in headline or job.dates is not None] or headline[:1]
    return sorted(kept, key=_recency)


def _weaker(weak: Sequence[tuple[Found, Range | None]], paired: Sequence[Job]) -> list[Job]:
    """Every job has a title: for the dates that found none, the surest of the less sure titles near them."""
    best: dict[Range, Found] = {}
    for title, stretch in weak:
        if any(job.title.start < title.end and title.start < job.title.end for job in paired):
            continue
        if stretch is None or stretch.single or any(job.dates == stretch for job in paired):
            continue
        if stretch not in best or title.sure > best[stretch].sure:
            best[stretch] = title
    return [Job(title, stretch) for stretch, title in best.items()]


def _recency(job: Job) -> tuple[int, int]:
    if job.dates is None:
        return (0, 0)
    ends = -(10**6) if job.dates.last is None else -job.dates.last
    return (ends, -job.dates.first)


def _stands_in(found: Found, rows: Sequence[Line], kind: str) -> bool:
    return any(row.kind == kind and row.start <= found.start < row.end for row in rows)


def _nearest(title: Found, dates: Sequence[Range], rows: Sequence[Line], follow: bool) -> Range | None:
    def distance(stretch: Range) -> int:
        behind = stretch.start >= title.end
        gap = stretch.start - title.end if behind else title.start - stretch.end
        apart = abs(_row(rows, stretch.start) - _row(rows, title.start))
        return gap + _LINE_CHARS * (apart + (apart > 0 and behind != follow))

    best = min(dates, key=distance, default=None)
    return best if best is not None and distance(best) <= _MAX_DISTANCE else None


def _row(rows: Sequence[Line], position: int) -> int:
    return sum(row.start <= position for row in rows)


def job_dates(prepared: Prepared, token_probs: Sequence[Floats], thresholds: Thresholds) -> list[Range]:
    """The ranges of dates that the student takes for those of jobs."""
    tagged = spans(prepared, token_probs, "dates", thresholds.entities["dates"])
    return [
        stretch for stretch in prepared.dates
        if any(run.start < stretch.end and stretch.start < run.end for run in tagged)
    ]  # fmt: skip


def choice(
    prepared: Prepared, window_probs: Floats, name: str, title: Found | None, temperature: float
) -> tuple[str, float]:
    """Value and confidence of a choice: a weighted mean of what the windows say, in logarithms."""
    weights = np.full(len(prepared.units), _ELSEWHERE)
    weights[0] = 1.0
    if title is not None:
        weights[[unit.start <= title.start < unit.end for unit in prepared.units]] = 1.0
    logs = np.log(np.maximum(window_probs[:, choice_slices()[name]].astype(np.float64), 1e-6))
    mean = (weights[:, None] * logs).sum(0) / weights.sum()
    if name == "seniority" and title is not None:
        mean[CHOICES[name].index(rank(title.text(prepared)))] += _RANK_WORTH
    mean /= temperature
    probabilities = np.exp(mean - mean.max())
    probabilities /= probabilities.sum()
    best = int(probabilities.argmax())
    return CHOICES[name][best], round(float(probabilities[best]), 4)


def sectors(window_probs: Floats, threshold: float) -> list[tuple[str, float]]:
    """Sectors with their probabilities, surest first; always the surest one."""
    own = window_probs[:, sector_slice()].astype(np.float64)
    # A sector is worked in when some part of the CV shows it; the whole is less noisy than a part.
    sure = 0.5 * own.mean(0) + 0.5 * own.max(0)
    order = sorted(range(len(SECTORS)), key=lambda index: (-sure[index], index))[:MAX_SECTORS]
    return [(SECTORS[i], round(float(sure[i]), 4)) for i in order if sure[i] >= threshold or i == order[0]]


def outside(token_probs: Sequence[Floats]) -> float:
    """How sure it is that a CV holds nothing of some kind: that of its least sure tokens."""
    values = np.concatenate([probabilities[:, OUTSIDE] for probabilities in token_probs])
    return round(float(np.quantile(values, 0.05)), 4)
