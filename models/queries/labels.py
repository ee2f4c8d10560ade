"""The label spaces of the query student; their order is the tensors' order."""

import hashlib
import json
from typing import get_args

from topics.queries import CriterionType, Intent, ProfileField

INTENTS: tuple[Intent, ...] = get_args(Intent)
TYPES: tuple[CriterionType, ...] = get_args(CriterionType)
FIELDS: tuple[ProfileField, ...] = get_args(ProfileField)
# Of the languages beyond these the encoder knows something, but no label says so.
LANGUAGES = ("en", "fr", "de", "es", "nl", "it", "pt", "pl")

# Tag 0 is "none of these", then of each type its first word and its further ones (BIO).
OUTSIDE = 0
TAGS = ("O", *(f"{part}-{name}" for name in TYPES for part in "BI"))
# Refinements that the teacher offers often: the student ranks these.
FACETS: tuple[tuple[str, str], ...] = (
    ("employment_type", "full_time"),
    ("employment_type", "part_time"),
    ("employment_type", "contract"),
    ("employment_type", "temporary"),
    ("employment_type", "apprenticeship"),
    ("employment_type", "internship"),
    ("work_arrangement", "hybrid"),
    ("work_arrangement", "remote"),
    ("work_arrangement", "onsite"),
    ("seniority", "entry"),
    ("seniority", "mid"),
    ("seniority", "senior"),
    ("seniority", "lead"),
    ("seniority", "executive"),
    ("experience_years", "0"),
    ("experience_years", ">=1"),
    ("experience_years", ">=2"),
    ("experience_years", ">=3"),
    ("experience_years", ">=5"),
    ("education", "secondary"),
    ("education", "vocational"),
    ("education", "bachelor"),
    ("education", "master"),
    ("education", "doctorate"),
)

# Heads on the whole query, and how their logits become probabilities.
WHOLE: dict[str, tuple[str, ...]] = {
    "intent": INTENTS,
    "language": LANGUAGES,
    "needs": FIELDS,
    "facet_types": TYPES,
    "facets": tuple(f"{name}={value}" for name, value in FACETS),
}
CHOICES = ("intent", "language")
WHOLE_CLASSES = sum(map(len, WHOLE.values()))
WHOLE_OUTPUT, TOKENS_OUTPUT = "query_probs", "token_probs"
# Behind the tags: the probability that the word belongs to something excluded.
NEGATED = len(TAGS)
TOKEN_CLASSES = len(TAGS) + 1


def first(name: str) -> int:
    """Tag of a type's first word; that of its further words is the next."""
    return 1 + 2 * TYPES.index(name)


def slices() -> dict[str, slice]:
    """Where each head lies in `query_probs`."""
    found = {}
    start = 0
    for name, classes in WHOLE.items():
        found[name] = slice(start, start + len(classes))
        start += len(classes)
    return found


def digest() -> str:
    """First 16 hex digits of the SHA-256 over all names in order: weights and decoding must agree on it."""
    return hashlib.sha256(json.dumps([TAGS, WHOLE]).encode()).hexdigest()[:16]
