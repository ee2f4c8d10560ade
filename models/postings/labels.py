"""The label spaces of the posting student, from the contract's vocabularies; their order is the tensors' order."""

import hashlib
import json
from typing import Literal, get_args

from topics import fields

NONE = "none"

# Said by a sentence, or not: class 0 is `none`, and the value that stands for "the text does not say" has no class.
DEFAULTS = {
    "work_arrangement": "not_stated",
    "pay_period": "not_stated",
    "commission": "no",
    "bonus": "no",
    "experience_requirement": "not_stated",
    "experience_level": "not_stated",
    "education_requirement": "not_stated",
    "education_level": "not_stated",
    "certification": "not_stated",
    "employment_type": "not_stated",
}
_VALUES = {
    "work_arrangement": fields.WorkArrangement,
    "pay_period": fields.PayPeriod,
    "commission": fields.YesNo,
    "bonus": fields.YesNo,
    "experience_requirement": fields.ExperienceRequirement,
    "experience_level": fields.ExperienceLevel,
    "education_requirement": fields.EducationRequirement,
    "education_level": fields.EducationLevel,
    "certification": fields.Certification,
    "employment_type": fields.EmploymentType,
}
SENTENCE_HEADS: dict[str, tuple[str, ...]] = {
    name: (NONE, *(value for value in get_args(values) if value != DEFAULTS[name])) for name, values in _VALUES.items()
}
# Of the whole posting: each unit votes.
POSTING_HEADS: dict[str, tuple[str, ...]] = {
    "seniority": get_args(fields.Seniority),
    "department": get_args(fields.Department),
}
HEADS = SENTENCE_HEADS | POSTING_HEADS
# The published work speaks of nine sub-variables in four groups.
GROUPS: dict[str, tuple[str, ...]] = {
    "remote": ("work_arrangement",),
    "remuneration": ("pay_period", "commission", "bonus"),
    "experience": ("experience_requirement", "experience_level"),
    "education": ("education_requirement", "education_level", "certification"),
}

Tag = Literal["O", "skill", "amount", "years"]
TAGS: tuple[str, ...] = get_args(Tag)

# Which evidence quote of the teacher shows which heads.
EVIDENCE = {
    "work_arrangement": "work_arrangement",
    "pay_period": "pay",
    "commission": "commission",
    "bonus": "bonus",
    "experience_requirement": "experience",
    "experience_level": "experience",
    "education_requirement": "education",
    "education_level": "education",
    "certification": "certification",
}
# Of each token one of the tags, then for each of these whether it is among the words that show it.
SHOWN: tuple[str, ...] = tuple(dict.fromkeys(EVIDENCE.values()))


# Of a sentence: its heads' probabilities, its votes on the posting's classes, and of each head how much that counts.
CLASSES = sum(map(len, HEADS.values()))
SCORES = 2 * CLASSES + len(HEADS)


def head_slices() -> dict[str, slice]:
    """Where each head's classes lie among the probabilities and, `CLASSES` further, among the votes."""
    slices = {}
    start = 0
    for name, classes in HEADS.items():
        slices[name] = slice(start, start + len(classes))
        start += len(classes)
    return slices


def target_class(head: str, value: str) -> int:
    """Index of a posting's value among its head's classes."""
    return HEADS[head].index(NONE if value == DEFAULTS.get(head) else value)


def digest() -> str:
    """First 16 hex digits of the SHA-256 over all names in order: weights and decoding must agree on it."""
    return hashlib.sha256(json.dumps([HEADS, TAGS, SHOWN]).encode()).hexdigest()[:16]
