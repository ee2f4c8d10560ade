"""HTML or plain text to clean text with block structure, every character traceable to the raw text.

A tokenizer of our own and not `html.parser`: that one neither gives offsets of decoded character references nor
promises linear time on hostile input. All scans here only move forward.
"""

import re
from bisect import bisect_right
from dataclasses import dataclass
from html import unescape
from html.entities import html5

_BLOCK = frozenset(
    [
        "address",
        "article",
        "aside",
        "blockquote",
        "body",
        "br",
        "caption",
        "center",
        "dd",
        "details",
        "dialog",
        "div",
        "dl",
        "dt",
        "fieldset",
        "figcaption",
        "figure",
        "footer",
        "form",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "head",
        "header",
        "hr",
        "html",
        "legend",
        "li",
        "main",
        "menu",
        "nav",
        "ol",
        "option",
        "p",
        "pre",
        "section",
        "select",
        "summary",
        "table",
        "tbody",
        "td",
        "tfoot",
        "th",
        "thead",
        "title",
        "tr",
        "ul",
    ]
)
_PARAGRAPH = frozenset(["h1", "h2", "h3", "h4", "h5", "h6", "p", "table", "ul", "ol"])
_INLINE = frozenset(
    [
        "a",
        "abbr",
        "acronym",
        "area",
        "b",
        "base",
        "basefont",
        "bdi",
        "bdo",
        "big",
        "button",
        "cite",
        "code",
        "col",
        "colgroup",
        "data",
        "datalist",
        "del",
        "dfn",
        "em",
        "embed",
        "font",
        "i",
        "iframe",
        "img",
        "input",
        "ins",
        "kbd",
        "label",
        "link",
        "map",
        "mark",
        "meta",
        "noscript",
        "object",
        "param",
        "path",
        "picture",
        "q",
        "s",
        "samp",
        "script",
        "small",
        "source",
        "span",
        "strike",
        "strong",
        "style",
        "sub",
        "sup",
        "svg",
        "template",
        "textarea",
        "time",
        "tt",
        "u",
        "var",
        "video",
        "wbr",
        "o:p",
    ]
)
_DROPPED = frozenset(("script", "style"))
# Longest first, so that `<b` does not hide `<body`.
_NAMES = "|".join(sorted(_BLOCK | _INLINE, key=lambda name: (-len(name), name)))

_SPACE = r"\s\u200b\u2060\ufeff"
# Controls, soft hyphen, marks of direction and joining: invisible, and poison to JSON readers and tokenizers.
_INVISIBLE = r"\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u00ad\u061c\u200c-\u200f\u202a-\u202e\u2061-\u2064\u2066-\u2069"
_ENTITY = r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});"
_PLAIN = (
    rf"(?P<space>[{_SPACE}{_INVISIBLE}]{{2,}}|[{_SPACE}{_INVISIBLE}](?<! ))|(?P<entity>{_ENTITY})"
    r"|(?P<surrogate>[\ud800-\udfff])"
)
_TAG = rf"|(?P<comment><!--)|(?P<tag><(?P<close>/?)(?P<name>{_NAMES})(?=[\s/>]))|(?P<declaration><[!?])"
_PLAIN_TOKEN = re.compile(_PLAIN)
_HTML_TOKEN = re.compile(_PLAIN + _TAG, re.IGNORECASE)
_IS_HTML = re.compile(rf"</?(?:{_NAMES})(?:\s[^<>]*|\s*/)?>", re.IGNORECASE)
_IS_ESCAPED_HTML = re.compile(
    r"&lt;/?(?:p|div|br|li|ul|h[1-6]|span|strong)(?:\s[^<>]{0,200}?)?\s?/?&gt;", re.IGNORECASE
)
_TAG_END = re.compile(r"""(?>[^>"']++|"[^"]*+"|'[^']*+')*+>""")
_END_OF_DROPPED = {name: re.compile(rf"</{name}\b[^>]*>?", re.IGNORECASE) for name in _DROPPED}
# A tag whose attributes do not close within this is ended at the first `>`.
_MAX_TAG_CHARS = 1_000
_BULLET = "- "


@dataclass(frozen=True, slots=True)
class Cleaned:
    """Clean text and its way back.

    Attributes:
        text: no control characters, no lone surrogates, no space at line ends; at most one blank line in a row.
    """

    text: str
    _starts: tuple[int, ...]
    # Of each run of characters: its place in the raw text; equal lengths mean copied as is.
    _raw: tuple[tuple[int, int], ...]
    _before: "Cleaned | None" = None

    def source_span(self, start: int, end: int) -> tuple[int, int]:
        """The raw half-open span that `text[start:end]` came from, all offsets in code points.

        Raises:
            ValueError: not `0 <= start < end <= len(text)`.
        """
        if not 0 <= start < end <= len(self.text):
            raise ValueError(f"no span [{start}, {end}) in {len(self.text)} characters")
        first, _ = self._char(start)
        _, last = self._char(end - 1)
        return self._before.source_span(first, last) if self._before else (first, last)

    def _char(self, position: int) -> tuple[int, int]:
        run = bisect_right(self._starts, position) - 1
        start = self._starts[run]
        end = self._starts[run + 1] if run + 1 < len(self._starts) else len(self.text)
        raw_start, raw_end = self._raw[run]
        if raw_end - raw_start != end - start:
            return raw_start, raw_end
        return raw_start + position - start, raw_start + position - start + 1


def clean(raw: str) -> Cleaned:
    """Cleans plain text or HTML (told apart by whether a known tag occurs); never raises on any string."""
    if _IS_HTML.search(raw):
        return _clean(raw, html=True)
    if _IS_ESCAPED_HTML.search(raw):
        # Some boards' interfaces escape the whole HTML once more.
        once = _unescape(raw)
        inner = _clean(once.text, html=True)
        return Cleaned(inner.text, inner._starts, inner._raw, once)
    return _clean(raw, html=False)


class _Writer:
    """Collects runs of output with their raw spans; white space waits until something follows it."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.starts: list[int] = []
        self.raw: list[tuple[int, int]] = []
        self.length = 0
        self._breaks = 0
        self._pending: tuple[int, int] | None = None

    def put(self, text: str, start: int, end: int) -> None:
        if self._pending is not None and self.length:
            self._append(("\n" * min(self._breaks, 2)) or " ", *self._pending)
        self._pending, self._breaks = None, 0
        self._append(text, start, end)

    def space(self, start: int, end: int, breaks: int) -> None:
        self._pending = (self._pending[0] if self._pending else start, end)
        self._breaks += breaks

    def block(self, start: int, end: int, breaks: int) -> None:
        # Nested blocks end together: the widest gap counts, not the sum.
        self._pending = (self._pending[0] if self._pending else start, end)
        self._breaks = max(self._breaks, breaks)

    def _append(self, text: str, start: int, end: int) -> None:
        self.starts.append(self.length)
        self.raw.append((start, end))
        self.parts.append(text)
        self.length += len(text)

    def done(self) -> Cleaned:
        return Cleaned("".join(self.parts), tuple(self.starts), tuple(self.raw))


def _clean(raw: str, html: bool) -> Cleaned:
    out = _Writer()
    token = _HTML_TOKEN if html else _PLAIN_TOKEN
    position = 0
    comments_close = True
    while match := token.search(raw, position):
        start, end = match.span()
        _put_run(out, raw, position, start)
        kind = match.lastgroup
        if kind == "space":
            newlines = 0 if html else _newlines(match.group())
            # Marks without width vanish; anything else is a space.
            if match.group().strip() != match.group() or newlines or re.search(rf"[{_SPACE}]", match.group()):
                out.space(start, end, newlines)
        elif kind == "entity":
            _put_entity(out, match.group(), start, end, html)
        elif kind == "surrogate":
            out.put("\ufffd", start, end)
        elif kind == "comment":
            close = raw.find("-->", end) if comments_close else -1
            comments_close = close >= 0
            end = close + 3 if comments_close else end
        else:
            name = match["name"]
            end = _tag_end(raw, end)
            if name is not None:
                end = _put_tag(out, raw, name.lower(), bool(match["close"]), start, end)
        position = end
    _put_run(out, raw, position, len(raw))
    return out.done()


def _newlines(space: str) -> int:
    return len(space.replace("\r\n", "\n").replace("\u2029", "\n\n").splitlines()) - (not space.endswith("\n"))


def _put_run(out: _Writer, raw: str, start: int, end: int) -> None:
    # Only lone spaces are left inside a run; at its edges they may meet other white space.
    if start < end and raw[start] == " ":
        out.space(start, start + 1, 0)
        start += 1
    if start >= end:
        return
    trailing = raw[end - 1] == " "
    out.put(raw[start : end - trailing], start, end - trailing)
    if trailing:
        out.space(end - 1, end, 0)


def _put_entity(out: _Writer, entity: str, start: int, end: int, html: bool) -> None:
    decoded = entity if entity[1] != "#" and entity[1:] not in html5 else unescape(entity)
    if decoded.isspace():
        out.space(start, end, 0 if html else _newlines(decoded))
    elif visible := re.sub(rf"[{_SPACE}{_INVISIBLE}\ud800-\udfff]", "", decoded):
        out.put(visible, start, end)


def _tag_end(raw: str, position: int) -> int:
    """End of the tag whose name ends at `position`; an unclosed tag is only its name."""
    if match := _TAG_END.match(raw, position, position + _MAX_TAG_CHARS):
        return match.end()
    close = raw.find(">", position, position + 100 * _MAX_TAG_CHARS)
    return close + 1 if close >= 0 else position


def _put_tag(out: _Writer, raw: str, name: str, closing: bool, start: int, end: int) -> int:
    if name in _DROPPED and not closing:
        match = _END_OF_DROPPED[name].search(raw, end)
        return match.end() if match else len(raw)
    if name == "br":
        out.space(start, end, 1)
    elif name == "li" and not closing:
        out.block(start, end, 1)
        if not raw[end : end + 20].lstrip().startswith(("-", "•", "*", "·", "<p", "<div", "<ul", "<li", "</li")):
            out.put(_BULLET[0], start, end)
            out.space(end, end, 0)
    elif name in _BLOCK:
        out.block(start, end, 2 if name in _PARAGRAPH else 1)
    return end


def _unescape(raw: str) -> Cleaned:
    out = _Writer()
    position = 0
    for match in re.finditer(_ENTITY, raw):
        if position < match.start():
            out.put(raw[position : match.start()], position, match.start())
        out.put(unescape(match.group()), *match.span())
        position = match.end()
    if position < len(raw):
        out.put(raw[position:], position, len(raw))
    return out.done()
