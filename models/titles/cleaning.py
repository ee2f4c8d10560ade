"""A title as the encoder should see it, and as duplicates are found by."""

import re
import unicodedata

MAX_CHARS = 200
# (m/w/d), H/F, (f/m/x): marks of who may apply, no part of the title.
_ANYONE = re.compile(
    r"\(\s*[mwfhdx](?:\s*[/|,]\s*[mwfhdx])+\s*\)|(?<![\w/])(?:h/f|f/h|m/f|f/m|m/w(?:/d)?|w/m(?:/d)?|m/f/d)(?![\w/])",
    re.IGNORECASE,
)
_MASKED = re.compile(r"\*+")
# Shorter words in capitals may be abbreviations: CEO, VP, CRM.
_SHOUTED = re.compile(r"\b[^\W\d_]{5,}\b")
_SHOUTED_TITLE = re.compile(r"\b[^\W\d_]{4,}\b")


def clean(title: str) -> str:
    """Composed characters, one space between words, no control characters, masks or marks of who may apply.

    Words in capitals are written as the encoder knows them, at most :data:`MAX_CHARS` characters are kept. May be
    empty: a masked title says nothing.
    """
    # The rest of an absurdly long title is not worth its normalising.
    text = unicodedata.normalize("NFKC", title[: 10 * MAX_CHARS])
    # Surrogates, unassigned and format characters (zero-width ones among them) go, other controls part words.
    text = "".join(c for c in text if unicodedata.category(c) not in ("Cf", "Cs", "Cn", "Co"))
    text = "".join(" " if unicodedata.category(c) == "Cc" else c for c in text)
    text = _MASKED.sub(" ", _ANYONE.sub(" ", text))
    shouted = _SHOUTED_TITLE if text.isupper() else _SHOUTED
    text = shouted.sub(lambda m: m[0].capitalize() if m[0].isupper() else m[0], text)
    text = " ".join(text.split())[:MAX_CHARS].strip()
    return text if any(c.isalnum() for c in text) else ""


def key(title: str) -> str:
    """The same for titles that differ in case, accents, punctuation, order of words or a German feminine ending."""
    folded = unicodedata.normalize("NFKD", clean(title).casefold())
    words = re.findall(r"\w+", "".join(c for c in folded if not unicodedata.combining(c)))
    return " ".join(sorted({re.sub(r"(?<=\w{4})(?:innen|in)$", "", word) for word in words}))
