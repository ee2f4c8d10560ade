"""Variants of labelled CVs: employers named, contacts masked at the head, other separators and headings.

The real CVs at hand share one résumé builder's customs; those of other people do not.
"""

import re
from dataclasses import replace
from random import Random
from typing import NamedTuple

from models.cvs.data import Example, Mark
from models.cvs.employers import employer
from models.cvs.sections import lines

_MASKED_EMPLOYER = re.compile(r"\bCompany Name\b")
_MASKED_PLACE = re.compile(r"\bCity ?, ?State\b(?: ?, ?(?:USA|Country))?")
_DASH = re.compile(r"ï¼\S?|â€[“”\u200b]")
_DASHES = ("–", "-", "|", ",", "—", "•")
_PLACES = (
    "Portland, OR", "Leeds", "Galway, Ireland", "Austin, Texas", "Toronto, ON", "Lyon", "Denver, Colorado",
    "Bristol, UK",
    "Chicago", "Manchester", "Tulsa, OK", "Remote", "Boston, MA", "Cork", "Geneva", "Montréal, QC", "Phoenix, AZ",
)  # fmt: skip
HEADS = (
    "[NAME]", "[NAME]\n[EMAIL] | [PHONE]", "[NAME]\n[ADDRESS]\n[PHONE]\n[EMAIL]", "[NAME] - [EMAIL] - [LINK]",
    "[NAME]\n[ADDRESS] [PHONE] [EMAIL]\n[LINK]", "CURRICULUM VITAE\n[NAME]\n[BIRTH_DATE]\n[NATIONALITY]\n[EMAIL]",
    "[NAME], [AGE], [MARITAL_STATUS]\n[ADDRESS]", "Resume of [NAME]\n[PHONE] / [EMAIL]",
)  # fmt: skip
_HEADINGS = {
    "summary": ("PROFILE", "About me", "Career objective", "Personal Statement"),
    "experience": ("EMPLOYMENT HISTORY", "Work", "Career history", "Where I have worked", "Professional background:"),
    "education": ("EDUCATION", "Academic background", "Studies", "Degrees and courses"),
    "skills": ("KEY SKILLS", "What I am good at", "Technical skills:", "Tools"),
    "certificates": ("CERTIFICATIONS", "Licences", "Licenses & Certifications"),
}


class Edit(NamedTuple):
    """Replaces a span of the text; with an entity the new words are labelled."""

    start: int
    end: int
    new: str
    entity: str | None = None


def variant(item: Example, random: Random) -> Example:
    """One random variant; labels move with their words."""
    edits: list[Edit] = []
    if random.random() < 0.75:
        edits += [Edit(*m.span(), employer(random), "company") for m in _MASKED_EMPLOYER.finditer(item.text)]
    if random.random() < 0.6:
        edits += [Edit(*m.span(), random.choice(_PLACES)) for m in _MASKED_PLACE.finditer(item.text)]
    if random.random() < 0.6:
        dash = random.choice(_DASHES)
        edits += [Edit(*m.span(), dash) for m in _DASH.finditer(item.text)]
    for row in lines(item.text):
        if row.heading.start == row.heading.end and row.kind in _HEADINGS and random.random() < 0.3:
            edits.append(Edit(row.start, row.end, random.choice(_HEADINGS[row.kind])))
    if random.random() < 0.6:
        edits.append(Edit(0, 0, random.choice(HEADS) + "\n"))
    return apply(item, edits)


def apply(item: Example, edits: list[Edit]) -> Example:
    """The example after edits; those that would change a labelled word are left out."""
    text, marks, shift, position = [], list[Mark](), 0, 0
    left = sorted(item.marks)
    for edit in sorted(edits):
        if edit.start < position or any(m.start < edit.end and edit.start < m.end for m in item.marks):
            continue
        while left and left[0].end <= edit.start:
            mark = left.pop(0)
            marks.append(Mark(mark.start + shift, mark.end + shift, mark.entity))
        # Education holds its field: what starts before the edit and ends behind it was refused above.
        text += [item.text[position : edit.start], edit.new]
        if edit.entity:
            marks.append(Mark(edit.start + shift, edit.start + shift + len(edit.new), edit.entity))
        shift += len(edit.new) - (edit.end - edit.start)
        position = edit.end
    text.append(item.text[position:])
    marks += [Mark(m.start + shift, m.end + shift, m.entity) for m in left]
    return replace(item, text="".join(text), marks=tuple(sorted(marks)))
