"""Titles and phrases brought to one form before they are compared: order, plurals, cases, accents, gender marks."""

import re
import unicodedata

# "(H/F)", "m/w/d", "(f/m/x)": says who may apply, not what the work is.
_ANYONE = re.compile(r"[(\[]?\b(?:[hfmwdx] ?/ ?){1,3}[hfmwdx]\b[)\]]?", re.IGNORECASE)
# Statistical classifications say what is left out: "Architects, Except Landscape and Naval", "Tellers, All Other".
_LEFT_OUT = re.compile(r"(?:,\s*|\s+\(?)(?:except|all others?|not elsewhere classified|n\.e\.c)\b.*$", re.IGNORECASE)
_GENDER_ENDING = re.compile(r"(?<=\w)(?:\((?:e|ne|le|trice|euse|ière|in|innen)\)|[·*.](?:e|ne|le|trice|euse|ière)\b)")
_WORD = re.compile(r"[a-z0-9]+(?:[+#]+|(?:\.[a-z]+)+)?")
_SEVERAL = (("sses", "ss"), ("ches", "ch"), ("shes", "sh"), ("xes", "x"), ("ies", "y"), ("men", "man"))
_NOT_PLURAL = ("ss", "us", "is", "os")


def surface(title: str) -> str:
    """A title as one would say it: "Developers, Systems Software" becomes "Systems Software Developers".

    What a classification leaves out ("Except …", "All Other") and marks of gender go.
    """
    text = _GENDER_ENDING.sub("", _ANYONE.sub(" ", title.replace("&", " and ")))
    text = _LEFT_OUT.sub("", text)
    parts = [part.strip() for part in text.split(",")]
    if len(parts) == 2 and all(parts):
        text = f"{parts[1]} {parts[0]}"
    return " ".join(text.split()).strip(" ,;:-–") or title.strip()


def words(text: str) -> list[str]:
    """Words of a text without case, accents and plural: what lexical scores compare."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return [singular(word) for word in _WORD.findall("".join(c for c in plain if not unicodedata.combining(c)))]


def singular(word: str) -> str:
    """The word without an English or French plural ending; exact only so far that both sides are treated alike."""
    if len(word) <= 3 or not word.isalpha() or word.endswith(_NOT_PLURAL):
        return word
    for several, one in _SEVERAL:
        if word.endswith(several):
            return word[: -len(several)] + one
    return word.removesuffix("s")
