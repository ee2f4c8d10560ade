"""The rank that the words of a title tell (English, French)."""

import re

from topics.fields import Seniority

# The first that matches.
_RANKS: tuple[tuple[Seniority, str], ...] = (
    ("intern", r"interns?|internship|trainee|stagiaire|apprentie?|alternante?"),
    (
        "executive",
        r"chief|c[efoti]o|(?:vice[ -])?president|vp|director|owner|founder|partner|principal|controller|"
        r"directeur|directrice|gérante?|pdg|dirigeante?",
    ),
    ("manager", r"manager|head of|responsable|chef de (?:service|projet|rayon)"),
    ("lead", r"lead|supervisor|team leader|foreman|coordinator|chef d'équipe|superviseure?"),
    ("senior", r"senior|sr|consultante?|confirmée?"),
    ("entry", r"junior|jr|assistante?|associate|clerk|cashier|crew|aide|helper|server|débutante?"),
)
_RANK_OF = tuple((name, re.compile(rf"\b(?:{words})\b", re.IGNORECASE)) for name, words in _RANKS)


def rank(title: str) -> Seniority:
    """`mid` where no word tells another."""
    return next((name for name, words in _RANK_OF if words.search(title)), "mid")
