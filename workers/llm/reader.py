"""Cuts one JSON object into its members while it is being written.

Only the cutting is ours; each part is parsed by pydantic-core. Measured on an answer of 2.8 kB in chunks of four
characters: this 0.5 ms, growing with the length; ijson's yajl 0.3 ms, but for events alone, of which we would have to
build values, and its paths of 100,000 open brackets fill the memory; pydantic-core and jiter, which read a partial text
from its start at each chunk, 6.7 and 3.7 ms, growing with the square; json-repair 400 ms.

Tolerated, since it changes nothing of what is said: anything before the first brace and after the last (code fences,
chatter), and trailing commas. Refused: single quotes, comments, NaN, a member named twice, lone surrogates, control
characters in strings, brackets that don't match.
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from pydantic_core import from_json

from workers.llm.errors import MalformedError, TooLargeError

# Several times the longest answer to the longest query.
MAX_CHARS = 16 * 1024
MAX_DEPTH = 8

_STRUCTURE = re.compile(r'["{}\[\],]')
_STRING_STRUCTURE = re.compile(r'["\\]')
_LIST_OPENS = re.compile(r'\s*"(\w+)"\s*:\s*')
# A comma before a closing bracket; strings are matched so that their commas are left alone.
_TRAILING_COMMA = re.compile(r'("(?:[^"\\]|\\.)*")|,(?=\s*[}\]])', re.DOTALL)
_CLOSES = {"{": "}", "[": "]"}


@dataclass(frozen=True, slots=True)
class Part:
    """A member of the object, or one element of a member that is read element by element."""

    name: str
    value: Any


class ObjectReader:
    """Reads one object from chunks of text; cost is linear in its length, memory bounded by `limit`.

    Args:
        lists: names of the members whose elements are wanted one by one; they must be lists.
        limit: most characters, those around the object among them.

    Attributes:
        done: the object's last brace was read; whatever follows is ignored.
    """

    def __init__(self, lists: Collection[str] = (), limit: int = MAX_CHARS) -> None:
        self.done = False
        self._lists = lists
        self._left = limit
        self._seen: set[str] = set()
        self._open: list[str] = []
        self._list: str | None = None
        self._pieces: list[str] = []
        self._in_string = False
        self._escaped = False

    def feed(self, text: str) -> Iterator[Part]:
        """The parts whose last character is in `text`, in order.

        Raises:
            MalformedError: this can't become the object that is wanted.
            TooLargeError: too long, or too deep.
        """
        self._left -= len(text)
        if self._left < 0:
            raise TooLargeError("the answer is too long")
        start = position = 0
        if not self._open and not self.done:
            start = position = text.find("{") + 1
            if not start:
                return
            self._open.append("{")
        while not self.done and (match := self._next(text, position)) is not None:
            position = match.end()
            mark = match.group()
            if mark == '"':
                self._in_string = not self._in_string
            elif mark == "\\":
                self._escaped = True
            elif mark in _CLOSES:
                if self._enter(mark, text[start : match.start()]):
                    start = position
            elif ends := self._leave(mark):
                self._pieces.append(text[start : match.start()])
                yield from self._cut(ends)
                start = position
        if not self.done:
            self._pieces.append(text[start:])

    def _next(self, text: str, position: int) -> re.Match[str] | None:
        """The next character that means something."""
        if self._escaped and position < len(text):
            self._escaped = False
            position += 1
        if self._in_string:
            return _STRING_STRUCTURE.search(text, position)
        return _STRUCTURE.search(text, position)

    def _enter(self, bracket: str, before: str) -> bool:
        """Opens a bracket; true where a list begins whose elements are wanted."""
        self._open.append(bracket)
        if len(self._open) > MAX_DEPTH:
            raise TooLargeError("the answer is nested too deeply")
        if bracket != "[" or len(self._open) != 2:
            return False
        opens = _LIST_OPENS.fullmatch("".join([*self._pieces, before]))
        if opens is None or opens[1] not in self._lists:
            return False
        self._list = self._name(opens[1])
        self._pieces.clear()
        return True

    def _leave(self, mark: str) -> str:
        """Closes a bracket or passes a comma; says what ends there: an element, a member or nothing."""
        depth = len(self._open)
        if mark != "," and _CLOSES[self._open.pop()] != mark:
            raise MalformedError("brackets don't match")
        if self._list is not None:
            return "element" if depth == 2 else ""
        return "member" if depth == 1 else ""

    def _cut(self, ends: str) -> Iterator[Part]:
        text = "".join(self._pieces)
        self._pieces.clear()
        name = self._list
        if len(self._open) < 2:
            self._list = None
        self.done = not self._open
        if not text.strip():  # behind a trailing comma, or nothing at all
            return
        if ends == "element" and name is not None:
            yield Part(name, _parsed(text))
            return
        for key, value in _parsed("{" + text + "}").items():
            if key in self._lists:
                raise MalformedError("a list was expected")
            yield Part(self._name(key), value)

    def _name(self, name: str) -> str:
        if name in self._seen:
            raise MalformedError("a member stands twice")
        self._seen.add(name)
        return name


def _parsed(text: str) -> Any:
    try:
        # The second parse costs only where the first fails.
        try:
            return from_json(text, allow_inf_nan=False)
        except ValueError:
            return from_json(_TRAILING_COMMA.sub(r"\1", text), allow_inf_nan=False)
    except (ValueError, TypeError):  # TypeError: a lone surrogate, which the text can't be encoded with
        raise MalformedError("not JSON") from None
