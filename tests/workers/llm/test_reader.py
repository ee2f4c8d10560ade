import json
import tracemalloc
from collections import deque
from contextlib import suppress
from itertools import chain, repeat
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import from_json

from tests.support.llm import RECORDED, Recorded, chunked
from workers.llm.errors import LlmError, MalformedError, TooLargeError
from workers.llm.reader import MAX_CHARS, ObjectReader, Part

LISTS = ("tool_calls",)


def read(*chunks: str) -> list[Part]:
    reader = ObjectReader(LISTS)
    return [part for chunk in chunks for part in reader.feed(chunk)]


@pytest.mark.parametrize("recorded", RECORDED, ids=lambda r: r.name)
def test_the_parts_are_the_same_however_the_text_is_cut(recorded: Recorded) -> None:
    whole = read(recorded.answer)
    assert [part.name for part in whole] == ["intent", *["tool_calls"] * len(recorded.tools), "language", "facets"]
    for size in range(1, len(recorded.answer)):
        assert read(*chunked(recorded.answer, size)) == whole


@pytest.mark.parametrize("recorded", RECORDED, ids=lambda r: r.name)
def test_a_part_is_there_with_its_last_character_and_not_before(recorded: Recorded) -> None:
    reader = ObjectReader(LISTS)
    said = ""
    for character in recorded.answer:
        said += character
        for _ in reader.feed(character):
            # A list's element ends with its bracket or the mark behind it, a member with the mark behind it.
            body = said[said.index("{") :].rstrip()
            assert body[-1] in ",]}", body
    assert reader.done


values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**15), 10**15) | st.text(st.characters(codec="utf-8"), max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def shallow(value: Any, depth: int = 3) -> bool:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return depth >= 0 and all(shallow(one, depth - 1) for one in inner)


objects = st.dictionaries(st.text(max_size=8).filter(lambda key: key not in LISTS), values.filter(shallow), max_size=5)


@given(objects, st.lists(values.filter(shallow), max_size=3), st.integers(1, 50), st.booleans(), st.none() | st.just(2))
def test_any_json_object_is_read_as_a_json_parser_reads_it(
    members: dict[str, Any], calls: list[Any], size: int, ascii_only: bool, indent: int | None
) -> None:
    text = json.dumps({**members, "tool_calls": calls}, ensure_ascii=ascii_only, indent=indent)
    expected = [Part(*item) for item in members.items()] + [Part("tool_calls", call) for call in calls]
    assert read(*chunked(text, size)) == expected


@given(st.text(max_size=200), st.integers(1, 20))
def test_no_text_at_all_does_anything_but_give_parts_or_a_typed_error(text: str, size: int) -> None:
    with suppress(LlmError):
        read(*chunked("{" + text, size))


TOLERATED = [
    pytest.param('Sure!\n```json\n{"a": 1}\n```', id="code fence"),
    pytest.param('{"a": 1} {"a": 2}', id="a second object"),
    pytest.param('{"a": 1}}}]', id="garbage behind"),
    pytest.param('\ufeff{"a": 1,}', id="byte order mark, trailing comma"),
]


@pytest.mark.parametrize("text", TOLERATED)
def test_what_stands_around_the_object_changes_nothing(text: str) -> None:
    assert read(text) == [Part("a", 1)]


def test_trailing_commas_are_passed_over_and_those_in_strings_kept() -> None:
    text = '{"tool_calls": [{"a": "x,]", "b": [1, 2,],}, 3,], "c": ",}",}'
    assert read(text) == [Part("tool_calls", {"a": "x,]", "b": [1, 2]}), Part("tool_calls", 3), Part("c", ",}")]


REFUSED = [
    pytest.param("{'a': 1}", id="single quotes"),
    pytest.param("{a: 1}", id="no quotes"),
    pytest.param('{"a": NaN}', id="NaN"),
    pytest.param('{"a": True}', id="Python's True"),
    pytest.param('{"a": 1 /* one */}', id="comment"),
    pytest.param('{"a": 1, "a": 2}', id="a member twice"),
    pytest.param('{"tool_calls": [1], "tool_calls": [2]}', id="the list twice"),
    pytest.param('{"a" 1}', id="no colon"),
    pytest.param('{"a": [1}', id="brackets that don't match"),
    pytest.param('{"tool_calls": [1}]', id="brackets of the list that don't match"),
    pytest.param('{"tool_calls": [{} {}]}', id="no comma"),
    pytest.param('{"tool_calls": {"tool": "refuse"}}', id="an object for the list"),
    pytest.param('{"tool\\u005fcalls": []}', id="the list's name escaped"),
    pytest.param('{"a": "\\ud800"}', id="escaped lone surrogate"),
    pytest.param('{"a": "\ud83d"}', id="lone surrogate"),
    pytest.param('{"a": "x\ny"}', id="control character in a string"),
    pytest.param('{"a": 01}', id="leading zero"),
    pytest.param('{"a": ' + "9" * 5000 + "}", id="a number without end"),
    pytest.param('{"\x00": }', id="no value"),
]


@pytest.mark.parametrize("text", REFUSED)
@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_what_is_not_json_is_refused(text: str, size: int) -> None:
    with pytest.raises(MalformedError) as error:
        read(*chunked(text, size))
    assert text not in str(error.value)


@pytest.mark.parametrize(
    "text", ['{"a": ' + "[" * 9, '{"a":"' + "x" * MAX_CHARS, " " * MAX_CHARS + "{}", '{"a":[' + "{}," * MAX_CHARS]
)
def test_depth_and_length_are_bounded(text: str) -> None:
    with pytest.raises(TooLargeError):
        read(*chunked(text, 100))


@pytest.mark.parametrize("text", ["x" * 1000, '{"a":"' + "\\" * 1000, '"[{' * 300])
def test_an_answer_without_end_does_not_fill_the_memory(text: str) -> None:
    reader = ObjectReader(LISTS)
    tracemalloc.start()
    try:
        with pytest.raises(LlmError):
            deque(chain.from_iterable(map(reader.feed, repeat(text))), maxlen=0)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_each_character_is_parsed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed = 0

    def counting(text: str, **options: Any) -> Any:
        nonlocal parsed
        parsed += len(text)
        return from_json(text, **options)

    monkeypatch.setattr("workers.llm.reader.from_json", counting)
    text = json.dumps({"tool_calls": [{"rewrite": "baker, {night} shifts"}] * 100, "facets": [1] * 1000})
    assert len(read(*chunked(text, 3))) == 101
    assert parsed <= len(text)
