"""Postings and teacher labels to training examples.

Formats (JSON lines, plain or gzip): postings have `id`, `title`, `location`, `text` (raw, HTML or plain) and, if known,
`source`; labels have the annotation guide's keys. Ids in the reserved file are refused: tests are drawn from them.
"""

import random
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from models.datasets import IGNORE, draw, near_duplicates, read_lines
from models.postings import numbers
from models.postings.labels import DEFAULTS, EVIDENCE, POSTING_HEADS, SENTENCE_HEADS, SHOWN, TAGS
from models.postings.preparing import Document, Unit, document
from models.text.cleaning import clean
from models.text.sentences import Span
from topics.postings import Posting

Label = dict[str, Any]
Part = Literal["train", "calibration", "test"]
WRITTEN = Path(__file__).with_name("written.jsonl")
WRITTEN_SOURCE = "written"
# What a written label leaves out.
_UNSAID: Label = dict(DEFAULTS) | {
    "pay_min": None, "pay_max": None, "pay_currency": None, "experience_years_min": None, "experience_years_max": None,
    "skills": [], "evidence": {},
}  # fmt: skip
_TEST_SHARE = 0.105
_CALIBRATION_SHARE = 0.08

EMPLOYMENT_CUES = {
    "full_time": r"full[- ]?time|temps plein|temps complet|\b3[5-9] ?h(?:eures)?\b|40 hours|\bFT\b",
    "part_time": r"part[- ]?time|temps partiel|\bPT\b|mi-temps",
    "contract": r"\bcontract(?!s)|freelanc|\bCDD\b|months? assignment|\bterm\b|independ[ae]nt|mission",
    "temporary": r"temporary|\btemp\b|seasonal|int[ée]rim|saisonni|not to exceed|\bNTE\b|casual|temporaire",
    "internship": r"intern(?:s|ships?)?\b|stage\b|stagiaire|alternan|apprenti|trainee|pathways|student",
    "volunteer": r"volunteer|b[ée]n[ée]vol|unpaid",
}
_CUES = {name: re.compile(pattern, re.IGNORECASE) for name, pattern in EMPLOYMENT_CUES.items()}


@dataclass(frozen=True, slots=True)
class Example:
    """One labelled posting, cleaned and cut.

    Attributes:
        sampled: drawn at random, so that it may stand for others; those chosen for being hard only train.
        sentence_labels: for the header and each body sentence, head to class index or `IGNORE`.
        quotes: of each of `SHOWN` that has one, where the teacher's quote stands.
        stated: heads that the posting states; a sentence's silence on them counts less.
    """

    posting: Posting
    source: str
    sampled: bool
    label: Label
    doc: Document
    sentence_labels: tuple[dict[str, int], ...]
    stated: frozenset[str]
    quotes: dict[str, Span]

    @property
    def spans(self) -> tuple[Span, ...]:
        """Header, then body sentences."""
        return (self.doc.header, *self.doc.spans)


def load(postings: Path, labels: Sequence[Path], reserved: Path | None) -> list[Example]:
    """Examples of all labelled postings, by id.

    Args:
        labels: the first file's postings are a random sample, those of the others were chosen to learn from.

    Raises:
        ValueError: a label is of a reserved posting or of one that the postings file lacks, or a posting has two.
    """
    by_id = {str(row["id"]): row for row in read_lines(postings)}
    refused = set(reserved.read_text("utf-8").split()) if reserved else set()
    examples: dict[str, Example] = {}
    for number, file in enumerate(labels):
        for label in read_lines(file):
            own = str(label["id"])
            if own in refused:
                raise ValueError(f"{own} is reserved for tests and must not be trained on")
            if own not in by_id:
                raise ValueError(f"{own} is labelled but not among the postings")
            if own in examples:
                raise ValueError(f"{own} is labelled twice")
            examples[own] = example(by_id[own], label, sampled=number == 0)
    return [examples[own] for own in sorted(examples)]


def written() -> list[Example]:
    """Short postings invented for this project, for what real labels lack: negation, false friends, rare classes."""
    return [example(row, _UNSAID | row["label"], sampled=False) for row in read_lines(WRITTEN)]


def as_posting(row: dict[str, Any]) -> Posting:
    """A row of the postings file as the contract's event."""
    return Posting(
        id=str(row["id"]), title=row.get("title") or "", location=row.get("location") or None, body=row["text"]
    )


def example(row: dict[str, Any], label: Label, *, sampled: bool) -> Example:
    """Aligns a posting's labels with its sentences."""
    posting = as_posting(row)
    doc = document(posting)
    spans = (doc.header, *doc.spans)
    marks: list[dict[str, int]] = [dict.fromkeys(SENTENCE_HEADS, 0) for _ in spans]
    stated = {head for head in DEFAULTS if label[head] != DEFAULTS[head]}
    found = {name: find(doc.text, quote) for name, quote in label["evidence"].items() if name in SHOWN}
    quotes = {name: quote for name, quote in found.items() if quote is not None}
    for head in stated & EVIDENCE.keys():
        value = SENTENCE_HEADS[head].index(label[head])
        quote = quotes.get(EVIDENCE[head])
        hits = [i for i, span in enumerate(spans) if quote and _shares(span, quote)]
        # A level without a quote is read from the title.
        for i in hits or ([0] if head == "experience_level" else []):
            marks[i][head] = value
    if "employment_type" in stated:
        _mark_employment(doc.text, spans, label["employment_type"], marks)
    return Example(posting, row.get("source") or "", sampled, label, doc, tuple(marks), frozenset(stated), quotes)


def _mark_employment(text: str, spans: Sequence[Span], value: str, marks: list[dict[str, int]]) -> None:
    index = SENTENCE_HEADS["employment_type"].index(value)
    for i, (start, end) in enumerate(spans):
        sentence = text[start:end]
        if _CUES[value].search(sentence):
            marks[i]["employment_type"] = index
        elif any(cue.search(sentence) for cue in _CUES.values()):
            marks[i]["employment_type"] = IGNORE


def find(text: str, quote: str) -> Span | None:
    """Where a quote stands in the text; line breaks and bullets between its words may differ."""
    words = re.findall(r"[\w$€£%+#]+|[^\w\s]", quote)
    words = [word for word in words if word not in "-•*·–"]
    for part in (words, words[:6], words[-6:]):
        if len(part) >= min(3, len(words)) and part:
            pattern = r"[\s\-•*·–]*".join(re.escape(word) for word in part)
            if match := re.search(pattern, text):
                return Span(*match.span())
    return None


def _shares(span: Span, quote: Span) -> bool:
    common = min(span.end, quote.end) - max(span.start, quote.start)
    return common > 0 and (common >= 0.4 * (quote.end - quote.start) or common >= 0.9 * (span.end - span.start) > 10)


def token_tags(unit: Unit, item: Example, sentence: dict[str, int]) -> list[int]:
    """Tag index of each token of a unit, `IGNORE` for special and context tokens."""
    text = item.doc.text[unit.start : unit.end]
    spans: list[tuple[int, int, int]] = []
    for skill in item.label["skills"]:
        pattern = rf"(?<!\w){re.escape(' '.join(skill.split()))}(?!\w)"
        spans += [(*m.span(), TAGS.index("skill")) for m in re.finditer(pattern, text)]
    if sentence["pay_period"] > 0:
        wanted = {item.label["pay_min"], item.label["pay_max"]}
        period = item.label["pay_period"]
        for amount in numbers.amounts(text):
            read = {numbers.scaled(amount.low, period), numbers.scaled(amount.high, period)}
            if read & (wanted - {None}):
                spans.append((amount.start, amount.end, TAGS.index("amount")))
    if sentence["experience_requirement"] > 0:
        for stretch in numbers.years(text):
            if stretch.low is not None and stretch.low == item.label["experience_years_min"]:
                spans.append((stretch.start, stretch.end, TAGS.index("years")))
    tags = []
    for start, end in unit.token_spans:
        if start == end:
            tags.append(IGNORE)
            continue
        hit = [tag for a, b, tag in spans if a + unit.start < end and start < b + unit.start]
        tags.append(max(hit, default=0))
    return tags


def token_shows(unit: Unit, item: Example) -> list[list[int]]:
    """Of each token of a unit, and each of `SHOWN`, whether the teacher's quote holds it; `IGNORE` outside the text."""
    shows = []
    for start, end in unit.token_spans:
        inside = {name for name, (a, b) in item.quotes.items() if a < end and start < b}
        shows.append([IGNORE if start == end else int(name in inside) for name in SHOWN])
    return shows


def posting_classes(label: Label) -> dict[str, int]:
    """Class index of each head that speaks of the whole posting."""
    return {head: classes.index(label[head]) for head, classes in POSTING_HEADS.items()}


def split(examples: Sequence[Example], held_out: Iterable[str]) -> dict[Part, list[Example]]:
    """Splits by a hash of the id; near-duplicates stay together, sources in `held_out` go to the test as a whole.

    One member of the sample that is drawn takes its whole group along, so a part of the labels never finds in its test
    what all of them had for training.
    """
    groups = near_duplicates([item.doc.text[item.doc.body_start :] for item in examples])
    outside = set(held_out)
    members = defaultdict(list)
    for item, group in zip(examples, groups, strict=True):
        members[group].append(item)
    parts: dict[Part, list[Example]] = {"train": [], "calibration": [], "test": []}
    for alike in members.values():
        lowest = min((draw(item.posting.id) for item in alike if item.sampled), default=1.0)
        if lowest < _TEST_SHARE or any(item.source in outside for item in alike):
            parts["test"] += [item for item in alike if item.sampled]
        elif lowest < _TEST_SHARE + _CALIBRATION_SHARE:
            parts["calibration"] += [item for item in alike if item.sampled]
        else:
            parts["train"] += alike
    return parts


def unlabelled(
    postings: Path,
    examples: Sequence[Example],
    evaluation: Sequence[Example],
    held_out: Iterable[str],
    reserved: Path | None,
    count: int,
    seed: int,
) -> list[Posting]:
    """A sample of the postings that are neither labelled nor reserved, of a held-out source or like one of those.

    Args:
        examples: all labelled ones.
        evaluation: of these what is calibrated and tested on: nothing that resembles it is taken either.
    """
    refused = set(reserved.read_text("utf-8").split()) if reserved else set()
    refused |= {item.posting.id for item in examples}
    outside = set(held_out)
    rows = [r for r in read_lines(postings) if str(r["id"]) not in refused and r.get("source") not in outside]
    # Some of them fall away below.
    rows = random.Random(seed).sample(rows, min(2 * count, len(rows)))
    sample = [as_posting(row) for row in rows]
    known = [item.doc.text[item.doc.body_start :] for item in evaluation]
    groups = near_duplicates([*known, *(clean(posting.body).text for posting in sample)])
    tested = set(groups[: len(known)])
    return [one for one, group in zip(sample, groups[len(known) :], strict=True) if group not in tested][:count]
