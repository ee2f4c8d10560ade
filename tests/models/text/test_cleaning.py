"""Cleaning: structure kept, noise gone, every character traceable."""

import html

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.text.cleaning import clean

MARKUP = st.sampled_from(
    ["<p>", "</p>", "<br>", "<li>", "<b>", "</b>", "<!--", "-->", "<script>", "</script>", "<a href='", '"', "<", ">",
     "&amp;", "&nbsp;", "&#39;", "&#xD800;", "&#0;", "&bogus;", "&lt;p&gt;", "•", "\n", "\r\n", "\t", "  ", "\x00",
     "\ud800", "\u200b", "word", "é", "1.5"]
)  # fmt: skip
ANY_TEXT = st.one_of(st.text(st.characters(exclude_categories=())), st.lists(MARKUP).map("".join))


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("Job &amp; more &#39;x&#39;, AT&T and R&D;", "Job & more 'x', AT&T and R&D;"),
        ("a\t b \r\n\r\n\r\n c", "a b\n\nc"),
        ("line one\nline two", "line one\nline two"),
        ("<p>one</p><p>two <b>bold</b>word</p>", "one\n\ntwo boldword"),
        ("<ul><li>one</li><li>two</li></ul>after", "- one\n- two\n\nafter"),
        ("<li>• own bullet</li>", "• own bullet"),
        ("a<br>b<br/>\n<br />c", "a\nb\n\nc"),
        ("<table><tr><td>Pay</td><td>$20</td></tr></table>", "Pay\n$20"),
        ("<style>p{}</style><p>x</p><script>if (a < b) {}</script>y", "x\n\ny"),
        ("<p>x</p><!-- gone --> y <!-- unclosed", "x\n\ny unclosed"),
        ("5 < 6 and <your name> stays", "5 < 6 and <your name> stays"),
        ("<p>5 < 6 and <your name> stays</p>", "5 < 6 and <your name> stays"),
        ("&lt;p&gt;twice &amp;amp; escaped&lt;/p&gt;&lt;br/&gt;z", "twice & escaped\n\nz"),
        ("soft\u00adhyphen zero\u200cwidth\x07", "softhyphen zerowidth"),
        ("<a href=\"x>y\" title='1>0'>link</a>", "link"),
        ("lone \ud800 surrogate", "lone \ufffd surrogate"),
        ("", ""),
        ("<p></p>", ""),
    ],
)
def test_cleans(raw: str, expected: str) -> None:
    assert clean(raw).text == expected


def test_a_span_leads_back_to_its_raw_text() -> None:
    raw = "<p>Pay:&nbsp; <b>10 &euro;</b></p><ul><li>Java</li></ul>"
    cleaned = clean(raw)
    start = cleaned.text.index("10 €")
    a, b = cleaned.source_span(start, start + len("10 €"))
    assert html.unescape(raw[a:b]) == "10 €"
    start = cleaned.text.index("Java")
    assert raw[slice(*cleaned.source_span(start, start + 4))] == "Java"


def test_spans_of_twice_escaped_html_lead_to_the_outer_text() -> None:
    raw = "&lt;p&gt;we &amp;amp; you&lt;/p&gt;"
    cleaned = clean(raw)
    start = cleaned.text.index("you")
    assert raw[slice(*cleaned.source_span(start, start + 3))] == "you"


@pytest.mark.parametrize(("start", "end"), [(-1, 1), (0, 0), (2, 1), (0, 4)])
def test_refuses_spans_outside_the_text(start: int, end: int) -> None:
    with pytest.raises(ValueError, match="no span"):
        clean("abc").source_span(start, end)


@pytest.mark.parametrize(
    "raw",
    ["<" * 200_000, "<p>" + "<!--" * 50_000, "<p>" + "<a " * 65_000, "<p>" + '<a "' * 49_000 + ">", "&" * 200_000,
     "<div>" * 10_000 + "deep" + "</div>" * 10_000, "<p>x</p>" + "<script>" * 20_000, " \x00" * 100_000],
    ids=["angles", "comments", "tags", "quotes", "ampersands", "nested", "scripts", "spaces"],
)  # fmt: skip
def test_hostile_input_is_harmless(raw: str) -> None:
    assert "\x00" not in clean(raw).text


@given(ANY_TEXT)
def test_offsets_map_back_within_bounds_and_in_order(raw: str) -> None:
    cleaned = clean(raw)
    previous = (0, 0)
    for position in range(len(cleaned.text)):
        start, end = cleaned.source_span(position, position + 1)
        assert 0 <= start <= end <= len(raw)
        assert (start, end) >= previous
        previous = (start, end)


@given(ANY_TEXT)
def test_characters_are_those_of_the_source_unless_decoded_or_folded(raw: str) -> None:
    cleaned = clean(raw)
    for position, character in enumerate(cleaned.text):
        start, end = cleaned.source_span(position, position + 1)
        if end - start == 1 and not character.isspace() and character != "\ufffd":
            assert raw[start] == character or (raw[start], character) == ("<", "-")


@given(ANY_TEXT)
def test_clean_text_is_tidy(raw: str) -> None:
    text = clean(raw).text
    assert text == text.strip()
    assert "  " not in text
    assert " \n" not in text
    assert "\n " not in text
    assert "\n\n\n" not in text
    text.encode("utf-8")
