"""Orders to the system and code, told by their form: whatever the student says, these are no job searches."""

import re

SURE = 0.999

_ORDERS = re.compile(
    r"\b(?:ignor\w+|disregard|forget|oublie[rz]?|vergiss|olvida) (?:all |any |everything |tou[ts]?e?s? |your |the "
    r"|tes |les |vos |alle )*"
    r"(?:previous|prior|above|earlier|instructions?|rules|consignes|regles|prompt|instrucciones|anweisungen|precedent)"
    r"|\b(?:system|developer|hidden|your) prompt\b(?! (?:engineer|writer|design))"
    r"|\b(?:admin|root) password\b|\bapi[ _-]keys?\b(?=.*\b(?:show|reveal|print|give|tell)|$)|\bjailbreak\b",
    re.IGNORECASE,
)
_CODE = re.compile(
    r"<\s*/?\s*(?:script|img|iframe|system|svg|html)\b|\bDROP\s+TABLE\b|\bSELECT\s+.+\s+FROM\s+\w+|\bUNION\s+SELECT\b"
    r"|\bDELETE\s+FROM\b|\bINSERT\s+INTO\b|'\s*(?:OR|or)\s+'?1'?\s*=\s*'?1|\brm\s+-rf\b|\$\(|`[^`]+`|\bsudo \w"
    r"|\{\{.*\}\}"
    # JSON, whole or a piece that would break out of some.
    r"|\"\s*[}\]]|[{,]\s*\"\w+\"\s*:"
    r"|^\s*[\[{].*[\"'].*[:,].*[\]}]\s*$|\b(?:curl|wget) https?:|\bimport \w+;|\bdef \w+\(|\bconsole\.log\(|\beval\(",
    re.IGNORECASE | re.DOTALL,
)
_LETTERS = re.compile(r"[^\W_]")


def refuses(text: str) -> bool:
    """Whether a text is an order to the system, code, or has no letter or digit at all."""
    return not _LETTERS.search(text) or bool(_ORDERS.search(text) or _CODE.search(text))


def says_none(name: str, value: str) -> bool:
    """Whether the value says the negation already: "no degree" excludes nothing."""
    return (name, value) in {("education", "none"), ("experience_years", "0")}
