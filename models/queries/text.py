"""Forms in which words are compared."""

import re
import unicodedata


def plain(text: str) -> str:
    """Without case and accents, white space folded, apostrophes straight."""
    folded = unicodedata.normalize("NFKD", text.casefold().replace("’", "'"))
    return " ".join("".join(c for c in folded if not unicodedata.combining(c)).split())


def key(text: str) -> str:
    """Letters and digits alone, words parted by one space: what two writings of one name share."""
    return " ".join(re.findall(r"\w+[+#]*", plain(text)))
