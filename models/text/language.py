"""Which language a posting is in, and whether the students read it."""

import re
from typing import NamedTuple

from py3langid.langid import MODEL_FILE, LanguageIdentifier

SUPPORTED = ("en", "fr")
# Turning away a posting we could read is worse than reading one we can not: only near certainty on real text counts.
_MIN_LETTERS = 200
_MIN_PROBABILITY = 0.99
_MAX_CHARS = 4_000
# Both ends surely in one language that we read: then so is what lies between (2,500 postings: no other answer).
_END_CHARS = 600
_SURE = {(language, 1.0) for language in SUPPORTED}
_PART_CHARS = 500
_LETTERS = re.compile(r"[^\W\d_]")
# All but Latin letters, punctuation and currency signs.
_OTHER_SCRIPTS = re.compile(r"[^\x00-\u024f\u2000-\u20cf]+")
_identifier: LanguageIdentifier | None = None


class Detected(NamedTuple):
    """A guess of the language.

    Attributes:
        language: ISO 639-1.
        probability: of that language, in [0, 1].
        supported: False only where another language is near certain.
    """

    language: str
    probability: float
    supported: bool


def detect(text: str) -> Detected:
    """Language of clean text; text without letters counts as English with probability 0."""
    sample = text[:_MAX_CHARS]
    if not _LETTERS.search(sample):
        return Detected(SUPPORTED[0], 0.0, True)
    language, probability = _classify(sample[:_END_CHARS])
    if (language, probability) not in _SURE or _classify(sample[-_END_CHARS:]) != (language, probability):
        language, probability = _classify(sample)
    if language in SUPPORTED or probability < _MIN_PROBABILITY or _letters(sample) < _MIN_LETTERS:
        return Detected(language, probability, True)
    # A few words in another script outweigh pages of English; a part that we can read is reason enough to read it.
    parts = [sample[start : start + _PART_CHARS] for start in range(0, len(sample), _PART_CHARS)]
    for part in (_OTHER_SCRIPTS.sub(" ", sample), *parts):
        guess, certainty = _classify(part)
        if guess in SUPPORTED and certainty >= _MIN_PROBABILITY and _letters(part) >= _MIN_LETTERS:
            return Detected(guess, certainty, True)
    return Detected(language, probability, False)


def _letters(text: str) -> int:
    return len(_LETTERS.findall(text))


def _classify(text: str) -> tuple[str, float]:
    """The language and its probability to four places."""
    language, probability = _model().classify(text)
    return language, round(float(probability), 4)


def _model() -> LanguageIdentifier:
    global _identifier
    if _identifier is None:
        _identifier = LanguageIdentifier.from_pickled_model(MODEL_FILE, norm_probs=True)
    return _identifier
