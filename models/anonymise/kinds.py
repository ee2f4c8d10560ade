"""The kinds of personal data that are masked, and their placeholders."""

import re
from typing import Literal, NamedTuple, get_args

Kind = Literal[
    "email",
    "url",
    "identifier",
    "phone",
    "photo",
    "birth_date",
    "age",
    "nationality",
    "gender",
    "school_gender",
    "name",
    "address",
]
# In this order: where two overlap, the earlier one keeps the characters.
KINDS: tuple[Kind, ...] = get_args(Kind)
PLACEHOLDERS: dict[Kind, str] = {kind: f"[{kind.upper()}]" for kind in KINDS}
PLACEHOLDER = re.compile(r"\[(" + "|".join(kind.upper() for kind in KINDS) + r")\]")


class Found(NamedTuple):
    """Personal data in a text: a half-open span `[start, end)` in code points."""

    start: int
    end: int
    kind: Kind
