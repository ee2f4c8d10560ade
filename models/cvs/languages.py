"""Names of languages in English and French to ISO 639-1 codes, by the Unicode CLDR that Babel packages."""

import re
import unicodedata
from functools import cache

from babel import Locale

_NAMED_IN = ("en", "fr")
# What people write and CLDR does not; adjectives and dialects of CVs.
_FURTHER = {
    "mandarin": "zh", "cantonese": "zh", "cantonais": "zh", "farsi": "fa", "dari": "fa", "castilian": "es",
    "castillan": "es", "flemish": "nl", "flamand": "nl", "filipino": "tl", "tagalog": "tl", "pashto": "ps",
    "creole": "ht", "haitian": "ht", "slovene": "sl", "gaelic": "ga", "punjabi": "pa", "panjabi": "pa",
    "anglaise": "en",
    "francaise": "fr", "serbo-croatian": "sh", "moldovan": "ro", "burmese": "my", "kurdish": "ku", "twi": "ak",
}  # fmt: skip
_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)?")


def codes(text: str) -> list[str]:
    """ISO 639-1 code of each language named, in order, each once."""
    names = _names()
    words = [names.get(_folded(word)) for word in _WORD.findall(text)]
    return list(dict.fromkeys(code for code in words if code))


@cache
def _names() -> dict[str, str]:
    names: dict[str, str] = {}
    for language in _NAMED_IN:
        for code, name in Locale.parse(language).languages.items():
            folded = _folded(name)
            # One word, two letters: "Swiss German" and codes of scripts or regions would shadow the plain name.
            if len(code) == 2 and _WORD.fullmatch(folded):
                names.setdefault(folded, code)
    return names | _FURTHER


def _folded(name: str) -> str:
    return unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
