"""The label spaces of the CV student; their order is the tensors' order."""

import hashlib
import json
from typing import get_args

from models.cvs.sectors import SECTORS
from topics import fields

# What is tagged word by word. `field` is the part of an education span that names what was studied; `dates` are those
# of a job.
ENTITIES = ("title", "company", "dates", "education", "field", "skill", "language", "certificate")
# Tag 0 is "none of these", then of each entity its first token and its further ones (BIO).
OUTSIDE = 0
TAGS = ("O", *(f"{part}-{entity}" for entity in ENTITIES for part in "BI"))

# Of the whole CV: each window votes.
CHOICES: dict[str, tuple[str, ...]] = {
    "seniority": get_args(fields.Seniority),
    "department": get_args(fields.Department),
}
SECTOR_COUNT = len(SECTORS)
WINDOW_CLASSES = sum(map(len, CHOICES.values())) + SECTOR_COUNT


def first(entity: str) -> int:
    """Tag of an entity's first token; that of its further tokens is the next."""
    return 1 + 2 * ENTITIES.index(entity)


def choice_slices() -> dict[str, slice]:
    """Where each choice's classes lie in `window_probs`; the sectors follow them."""
    slices = {}
    start = 0
    for name, classes in CHOICES.items():
        slices[name] = slice(start, start + len(classes))
        start += len(classes)
    return slices


def sector_slice() -> slice:
    """Where the sectors lie in `window_probs`."""
    return slice(WINDOW_CLASSES - SECTOR_COUNT, WINDOW_CLASSES)


def digest() -> str:
    """First 16 hex digits of the SHA-256 over all names in order: weights and decoding must agree on it."""
    return hashlib.sha256(json.dumps([TAGS, CHOICES, SECTORS]).encode()).hexdigest()[:16]
