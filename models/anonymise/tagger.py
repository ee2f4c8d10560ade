"""Names and addresses, by a linear-chain conditional random field over the words of one line at a time.

Lafferty, McCallum and Pereira, "Conditional random fields", ICML 2001; trained and run by CRFsuite. Most lines of a CV
hold no name: only those are tagged that stand where names and addresses stand or hold a word that may be one.
"""

import re
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import pycrfsuite

from models.anonymise import lexicon
from models.anonymise.kinds import Found, Kind
from models.anonymise.lines import Line, Lines, Zone, fold

MODEL = "tagger.crfsuite"

OUTSIDE = "O"
LABELS: dict[str, Kind] = {"NAME": "name", "ADDRESS": "address"}

_LETTER = r"(?:[^\W\d_][\u0300-\u036f]*)"
TOKEN = re.compile(rf"{_LETTER}+(?:['’]{_LETTER}+)*|\d+|[^\w\s\ud800-\udfff]|_")
_ELISION = re.compile(r"^(?:l|d|qu|j|n|s|m|t|c)['’](?=\w{2})", re.IGNORECASE)
_CUE = re.compile(
    r"\b(?:name|nom|pr[ée]nom|mr|mrs|ms|miss|mme|mlle|monsieur|madame|dr|prof|m\.|referees?|references?|"
    r"r[ée]f[ée]rences?|"
    r"contact|supervis\w+|report\w* to|mentor|tutor|curriculum|cv|resume|signature|signed|sign[ée]|address|adresse|"
    r"rue|avenue|boulevard|street|road|lane|directed by|dirig[ée] par|sous la direction|encadr[ée] par|assist\w+ to)\b",
    re.IGNORECASE,
)
_CAPITALISED = re.compile(rf"(?<![\w'’])(?=[^\W\d_a-z]){_LETTER}+(?:['’]{_LETTER}+)*")
_POSTCODE = re.compile(r"\b(?:[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}|\d{5}(?:-\d{4})?)\b")
_MAX_TOKENS = 80
# Numbers of lines and tokens past these are alike.
_LINE_STEPS = (0, 1, 2, 3, 5, 8, 12, 20)
_LENGTH_STEPS = (1, 2, 3, 4, 6, 10, 20)


@dataclass(frozen=True, slots=True)
class Token:
    """A word, number or sign; what a pattern found is one token of that kind."""

    text: str
    start: int
    end: int
    kind: Kind | None = None


class View(NamedTuple):
    """All that the labels of a line depend on.

    Attributes:
        words: of the line; of what patterns found, the kind in place of the value.
        shared: features that all of its words have.
        hinted: which words are part of an e-mail address or a profile link elsewhere in the text.
    """

    words: tuple[str, ...]
    zone: Zone
    shared: tuple[str, ...]
    hinted: tuple[bool, ...]


class Featuriser:
    """Turns lines into features: everything that training and serving must agree on.

    Args:
        words: classes of known words (see `lexicon`).
    """

    def __init__(self, words: Mapping[str, str]) -> None:
        self.words = words
        self._at: Callable[[str, int], tuple[str, ...]] = lru_cache(maxsize=100_000)(self._word_features)

    def classes(self, word: str) -> str:
        """What a word is known as; elided articles do not count."""
        return self.words.get(fold(_ELISION.sub("", word)), "")

    def lines(self, text: str, lines: Lines, found: Collection[Found]) -> Iterator[tuple[list[Token], View]]:
        """Tokens of each line that is to be tagged, with the view of it that `features` takes.

        Args:
            found: what patterns found in the text, sorted, without overlaps.
        """
        tokens = [_tokens(text, line, found) for line in lines.all]
        marks = [_marks(text[line.start : line.end], own) for line, own in zip(lines.all, tokens, strict=True)]
        hints = _hints(text, found)
        blank = frozenset[str]()
        for index, line in enumerate(lines.all):
            before = marks[index - 1] if index else blank
            after = marks[index + 1] if index + 1 < len(marks) else blank
            if not self._worth(line, text[line.start : line.end], marks[index] | before | after):
                continue
            shared = [f"z={line.zone}", f"z#={line.zone}{_step(line.number, _LINE_STEPS)}"]
            shared += (
                [f"has={m}" for m in sorted(marks[index])]
                + [f"bf={m}" for m in sorted(before)]
                + [f"af={m}" for m in sorted(after)]
            )
            if line.closing:
                shared.append("closing")
            for start in range(0, len(tokens[index]), _MAX_TOKENS):
                part = tokens[index][start : start + _MAX_TOKENS]
                words = tuple(f"<{token.kind}>" if token.kind else token.text for token in part)
                hinted = tuple(bool(hints) and fold(word) in hints for word in words)
                yield part, View(words, line.zone, tuple(shared), hinted)

    def _worth(self, line: Line, text: str, marks: frozenset[str]) -> bool:
        if line.zone != "body" or line.closing or _CUE.search(text) or "postcode" in marks:
            return True
        if not marks.isdisjoint(("email", "phone", "name")):
            return True
        end, before_rare = -2, False
        for match in _CAPITALISED.finditer(text):
            classes = self.classes(match.group())
            rare = lexicon.PLAIN not in classes
            if rare and (lexicon.FIRST in classes or (before_rare and match.start() - end <= 2)):
                return True
            end, before_rare = match.end(), rare
        return False

    def features(self, view: View) -> list[list[str]]:
        """Of each word its features, as CRFsuite takes them."""
        words, zone, shared, hinted = view
        length = f"n={_step(len(words), _LENGTH_STEPS)}"
        last = len(words) - 1
        result = []
        for i, word in enumerate(words):
            own = self._at(word, 0)
            features = [*own, *shared, length, f"{zone}|{own[1]}", f"{length}|{own[1]}|{zone}"]
            for offset in (-2, -1, 1, 2):
                if 0 <= i + offset <= last:
                    features += self._at(words[i + offset], offset)
            features.append(f"i={_step(i, _LENGTH_STEPS)}")
            if i == 0:
                features.append("first")
            else:
                features.append(f"{self._at(words[i - 1], 0)[1]}>{own[1]}")
            if i == last:
                features.append("last")
            if hinted[i]:
                features.append("hint")
            result.append(features)
        return result

    def _word_features(self, word: str, offset: int) -> tuple[str, ...]:
        lower, shape, classes = word.lower(), _shape(word), self.classes(word)
        if offset:
            near = (f"{offset}s={shape}", f"{offset}c={classes}")
            return near if abs(offset) > 1 and len(word) < 2 else (f"{offset}w={lower}", *near)
        if not word[0].isalpha():
            return (f"w={lower}", f"s={shape}")
        return (
            f"w={lower}",
            f"s={shape}",
            f"c={classes}",
            f"c={classes}|{shape}",
            f"p3={lower[:3]}",
            f"e3={lower[-3:]}",
            f"e2={lower[-2:]}",
        )


def _tokens(text: str, line: Line, found: Collection[Found]) -> list[Token]:
    tokens: list[Token] = []
    position = line.start
    for start, end, kind in found:
        if end <= line.start or start >= line.end:
            continue
        tokens += [Token(m.group(), *m.span()) for m in TOKEN.finditer(text, position, max(position, start))]
        tokens.append(Token(text[start:end], max(start, line.start), min(end, line.end), kind))
        position = end
    tokens += [Token(m.group(), *m.span()) for m in TOKEN.finditer(text, position, max(position, line.end))]
    return tokens


def _marks(text: str, tokens: Sequence[Token]) -> frozenset[str]:
    """What a line shows of itself to its neighbours."""
    marks: set[str] = {token.kind for token in tokens if token.kind}
    if _POSTCODE.search(text):
        marks.add("postcode")
    if text.isupper():
        marks.add("upper")
    if len(tokens) <= 4:
        marks.add("short")
    if text.endswith(":"):
        marks.add("colon")
    return frozenset(marks)


def _hints(text: str, found: Collection[Found]) -> frozenset[str]:
    """Parts of e-mail addresses and of profile links that may be names."""
    hints: set[str] = set()
    for start, end, kind in found:
        if kind in ("email", "url"):
            value = fold(text[start:end]).removeprefix("mailto:")
            value = value.split("@")[0] if kind == "email" else value.rsplit("/in/", 1)[-1]
            hints.update(part for part in re.split(r"[^a-z']+", value) if len(part) > 2)
    return frozenset(hints - {"www", "com", "http", "https", "contact", "info", "mail", "linkedin", "github"})


@lru_cache(maxsize=50_000)
def _shape(word: str) -> str:
    if word.startswith("<"):
        return word
    if word.isdigit():
        return f"d{min(len(word), 6)}"
    if not word[0].isalpha():
        return word
    if len(word) == 1:
        return "X" if word.isupper() else "x"
    if word.isupper():
        return "XX"
    if word.islower():
        return "xx"
    return "Xx" if word[0].isupper() and word[1:].islower() else "XxX"


def _step(value: int, steps: Sequence[int]) -> int:
    return bisect_left(steps, value)


class Tagger:
    """The trained field with its lexicon."""

    def __init__(self, model: Path, words: Mapping[str, str]) -> None:
        self.featuriser = Featuriser(words)
        self._field = pycrfsuite.Tagger()
        self._field.open(str(model))

    @classmethod
    def load(cls, directory: Path) -> "Tagger":
        """Reads the model and the lexicon beside it.

        Raises:
            OSError, ValueError: a file is missing or damaged.
        """
        return cls(directory / MODEL, lexicon.load(directory / lexicon.LEXICON))

    def find(self, text: str, lines: Lines, found: Collection[Found], memo: dict[View, list[str]]) -> Iterator[Found]:
        """Names and addresses, word by word; what patterns found is left alone.

        Args:
            memo: labels of lines that were tagged already; lines are added to it.
        """
        for tokens, view in self.featuriser.lines(text, lines, found):
            labels = memo.get(view)
            if labels is None:
                labels = memo[view] = self._field.tag(self.featuriser.features(view))
            for token, label in zip(tokens, labels, strict=True):
                if label != OUTSIDE and token.kind is None:
                    yield Found(token.start, token.end, LABELS[label])
