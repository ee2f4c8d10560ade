"""Labels: repaired, split, what they say of the profile; the markup of written queries; variants."""

import json
import random
from pathlib import Path
from typing import Any

import pytest

from models.queries import augment, data, templates, written
from models.queries.labels import FIELDS
from models.queries.written import Mark


def row(query: str, **more: Any) -> dict[str, Any]:
    own: dict[str, Any] = {
        "id": "x-1", "query": query, "language": "en", "profile": None, "intent": "criteria", "criteria": [],
        "rewrite": "", "missing": [], "facets": [],
    }  # fmt: skip
    return own | more


def criterion(query: str, name: str, span: str, value: str, negated: bool = False) -> dict[str, Any]:
    start = query.index(span)
    return {"type": name, "span": span, "start": start, "end": start + len(span), "value": value, "negated": negated}


def test_conventions_win_over_labels() -> None:
    query = "cook, no degree, 40k, 3 years"
    criteria = [
        criterion(query, "title", "cook", "cook"),
        criterion(query, "education", "no degree", "bachelor", negated=True),
        criterion(query, "salary", "40k", "40000 ?/?"),
        criterion(query, "experience_years", "3 years", "3"),
    ]
    facets = [{"type": "salary", "value": ">=50000 ?/?"}, {"type": "skill", "value": "grill"}]
    fixed = data.repaired(row(query, criteria=criteria, facets=facets))
    assert [(c["value"], c["negated"]) for c in fixed["criteria"]] == [
        ("cook", False), ("none", False), (">=40000 ?/?", False), (">=3", False),
    ]  # fmt: skip
    assert fixed["facets"] == [{"type": "skill", "value": "grill"}]


def test_a_page_has_its_company_and_place_marked() -> None:
    fixed = data.repaired(row("zorb rail jobs leeds page", intent="navigational", rewrite="Zorb Rail Jobs page, Leeds"))
    assert [(c["type"], c["span"]) for c in fixed["criteria"]] == [("company", "zorb rail"), ("location", "leeds")]
    unknown = data.repaired(row("my space", intent="navigational", rewrite="Acme login page"))
    assert unknown["criteria"] == []
    assert not data.example(unknown).tagged


def test_writings_of_one_query_never_cross_a_border(tmp_path: Path) -> None:
    texts = [f"Café number {n}" for n in range(300)]
    rows = [row(text) for text in texts] + [row(text.lower().replace("é", "e") + "!") for text in texts]
    assert all(
        data.part_of(a["query"]) == data.part_of(b["query"]) for a, b in zip(rows[:300], rows[300:], strict=True)
    )
    parts = data.split(rows)
    assert all(len(own) > 40 for own in parts.values())
    path = tmp_path / "labels.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in rows), "utf-8")
    assert len(data.read([path])) == 300


def test_needed_fields_show_in_the_rewrite() -> None:
    profile = {"title": "Baker", "skills": ["sourdough"], "location": "Leeds, UK", "seniority": "senior"}
    own = row("my job near home", intent="mixed", profile=profile, rewrite="baker jobs near Leeds")
    assert dict(zip(FIELDS, data.needs(own), strict=True)) == {
        "title": True, "skills": False, "location": True, "seniority": False,
    }  # fmt: skip
    asked = row("jobs for me", intent="self_reference", missing=list(FIELDS))
    assert data.needs(asked) == (True,) * 4
    assert data.needs(row("baker leeds", profile=profile)) == (False,) * 4


def test_markup() -> None:
    found = written.parse("fr m l [title infirmière|nurse] près de chez moi, pas de [-schedule nuits]")
    assert found.text == "infirmière près de chez moi, pas de nuits"
    assert found.marks == (Mark("title", 0, 10), Mark("schedule", 36, 41, True))
    assert (found.intent, found.language, found.needs) == ("mixed", "fr", (False, False, True, False))


@pytest.mark.parametrize("line", ["en x - cook", "en c q cook", "en c - [tilte cook]", "en c - [cook]"])
def test_slips_in_the_markup_are_refused(line: str) -> None:
    with pytest.raises(ValueError, match="cook"):
        written.parse(line)


def test_every_written_query_is_one() -> None:
    found = list(written.read())
    assert len(found) > 900
    assert {one.intent for one in found} == {"criteria", "self_reference", "mixed", "navigational", "out_of_scope"}
    assert not any(one.marks for one in found if one.intent == "out_of_scope")
    assert all(any(one.needs) == (one.intent in ("self_reference", "mixed")) for one in found)


def test_values_of_written_queries(tmp_path: Path) -> None:
    file = tmp_path / "written.txt"
    line = "fr c - [title infirmière|nurse] sans [-schedule nuits|nights], [location Lyon]"
    file.write_text(f"# Nurses.\n\n{line}\n", "utf-8")
    assert list(written.values(file)) == [
        ("title", "infirmière", "nurse"),
        ("schedule", "nuits", "nights"),
        ("location", "Lyon", "Lyon"),
    ]


def test_written_values_of_closed_sets_are_of_the_set() -> None:
    known = {
        "work_arrangement": "onsite hybrid remote",
        "employment_type": "full_time part_time contract temporary internship apprenticeship volunteer",
        "seniority": "intern entry mid senior lead executive",
        "education": "secondary vocational associate bachelor master doctorate none",
    }
    said = [(name, words, value) for name, words, value in written.values() if name in known]
    assert len(said) > 1_000
    assert not [one for one in said if one[2] not in known[one[0]].split()]


def test_spans_move_with_the_text() -> None:
    draw = random.Random(3)
    one = written.parse("en c - [title senior carpenter] in [location Łódź], no [-schedule nights]")
    names = {("title", "en"): ["baker"], ("location", "en"): ["Paris"], ("schedule", "en"): ["weekends"]}
    seen = set()
    for _ in range(300):
        own = augment.variant(one, names, draw)
        words = [own.text[m.start : m.end] for m in own.marks]
        assert len(words) == 3
        assert all(word == word.strip() and word for word in words)
        assert [m.negated for m in own.marks] == [False, False, True]
        seen.add(own.text.lower())
    assert any("baker" in text for text in seen)
    assert any("lodz" in text or "Łodz".lower() in text for text in seen)


def test_composed_queries_mark_what_they_name() -> None:
    draw = random.Random(1)
    names = {(kind, "en"): [f"some {kind}"] for kind in ("title", "skill", "company", "location", "industry")}
    for _ in range(300):
        own = templates.compose("en", names, draw)
        assert own.marks
        for mark in own.marks:
            text = own.text[mark.start : mark.end]
            assert text == text.strip()
            if (mark.type, "en") in names:
                assert text == f"some {mark.type}"
        assert any(own.needs) == (own.intent == "mixed")
