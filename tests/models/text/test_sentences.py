"""Sentences: split where a reader would, lose nothing."""

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.text.sentences import MAX_WORDS, sentences

PIECES = st.lists(
    st.sampled_from(
        ["We hire.", "e.g.", "M. Dupont", "2.5", "servicesProvide", "5+ years", "\n", "\n\n", " ", "•", "- item", "(a)",
         "Bac+2", "$12.50/hr", "!", "...", "word", "Été", "1.", ";", "\u00a0"]
    )
).map(" ".join)  # fmt: skip


def split(text: str) -> list[str]:
    return [text[a:b] for a, b in sentences(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("We hire. You apply! Really? Yes", ["We hire.", "You apply!", "Really?", "Yes"]),
        ("Pay is $12.50/hr. Apply now", ["Pay is $12.50/hr.", "Apply now"]),
        ("Tools, e.g. Excel, are used.", ["Tools, e.g. Excel, are used."]),
        ("Contactez M. Dupont. Niveau Bac+2 requis.", ["Contactez M. Dupont.", "Niveau Bac+2 requis."]),
        ("In the U.S. Army we serve.", ["In the U.S. Army we serve."]),
        ("line one\nline two", ["line one", "line two"]),
        ("1. Do this\n2. Do that", ["1. Do this", "2. Do that"]),
        ("Duties: • sell • buy", ["Duties:", "• sell", "• buy"]),
        ("many servicesProvide help", ["many services", "Provide help"]),
        ("the following:Actively sell", ["the following:", "Actively sell"]),
        ("in manufacturing2+ years in sales", ["in manufacturing", "2+ years in sales"]),
        ("JavaScript, LinkedIn, eBay, Node.js, webMethods", ["JavaScript, LinkedIn, eBay, Node.js, webMethods"]),
        ("plan sales; visit clients; report", ["plan sales;", "visit clients;", "report"]),
        ("", []),
        (" \n ", []),
    ],
)
def test_splits(text: str, expected: list[str]) -> None:
    assert split(text) == expected


def test_a_wrapped_line_goes_on() -> None:
    text = "Interns will be responsible for greeting visitors and for responding\nto telephone inquiries.\nNext line"
    assert split(text) == [text[: text.index("\nNext")], "Next line"]


def test_long_stretches_are_cut_at_a_mark() -> None:
    text = ", ".join(f"word{i} more" for i in range(100))
    parts = split(text)
    assert all(len(part.split()) <= MAX_WORDS for part in parts)
    assert all(part.endswith(",") for part in parts[:-1])


@given(st.one_of(st.text(), PIECES))
def test_spans_are_ordered_disjoint_and_cover_the_text(text: str) -> None:
    spans = sentences(text)
    assert all(0 <= a < b <= len(text) for a, b in spans)
    assert all(first.end <= second.start for first, second in pairwise(spans))
    assert "".join(re.sub(r"\s", "", text[a:b]) for a, b in spans) == re.sub(r"\s", "", text)
    assert all(text[a:b] == text[a:b].strip() and len(text[a:b].split()) <= MAX_WORDS for a, b in spans)
