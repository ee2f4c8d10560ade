"""The label spaces of the title student, from the contract's vocabularies; their order is the tensors' order."""

import hashlib
import json
from typing import get_args

from topics import titles

HEADS: dict[str, tuple[str, ...]] = {
    "seniority": get_args(titles.TitleSeniority),
    "department": get_args(titles.TitleDepartment),
}


def output(head: str) -> str:
    """Name of the model's output tensor, `(batch, classes)`."""
    return f"{head}_probs"


def digest() -> str:
    """First 16 hex digits of the SHA-256 over all names in order: weights and decoding must agree on it."""
    return hashlib.sha256(json.dumps(HEADS).encode()).hexdigest()[:16]
