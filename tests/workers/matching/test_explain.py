from typing import Any

from tests.support.features import cv, feature, posting, skill, vector
from topics.cvs import CvFeatures
from topics.postings import PostingFeatures
from workers.matching.explain import evidence, gap, missing_must_haves


def a_posting(skills: list[str], **changes: Any) -> PostingFeatures:
    return PostingFeatures.model_validate_json(posting("p", vector(1), skills, **changes))


def a_cv(skills: list[str], **changes: Any) -> CvFeatures:
    return CvFeatures.model_validate_json(cv("c", vector(1), skills, **changes))


def education(level: str) -> dict[str, Any]:
    return feature({"level": level, "field": None, "span": level})


def labels(concepts: Any) -> list[str]:
    return [concept.label for concept in concepts]


def test_the_gap_keeps_each_sides_order() -> None:
    found = gap(a_posting(["weld", "drive", "plan"]), a_cv(["sing", "plan", "weld", "bake"]))
    assert labels(found.has) == ["weld", "plan"]
    assert labels(found.lacks) == ["drive"]
    assert labels(found.extra) == ["sing", "bake"]


def test_the_gap_is_as_long_as_a_person_reads() -> None:
    found = gap(a_posting([f"s{n}" for n in range(30)]), a_cv([]))
    assert labels(found.lacks) == [f"s{n}" for n in range(20)]


REQUIRED = {
    "education_requirement": "required",
    "education_level": "bachelor",
    "certification": "required",
    "experience_requirement": "required",
    "experience_years_min": 3.0,
}


def missing(own: PostingFeatures, person: CvFeatures) -> tuple[str, ...]:
    return missing_must_haves(own, person, gap(own, person).lacks)


def test_what_is_required_and_not_shown_is_missing() -> None:
    assert missing(a_posting(["weld"], **REQUIRED), a_cv([])) == (
        "education:bachelor",
        "certification",
        "experience:3",
        "skill:weld",
    )


def test_what_is_shown_is_not_missing() -> None:
    shown = a_cv(
        ["weld"],
        education=[education("master"), education("other")],
        certificates=[feature("EN 287")],
        experience_years=3.0,
    )
    assert missing(a_posting(["weld"], **REQUIRED), shown) == ()


def test_less_than_required_is_missing() -> None:
    less = a_cv([], education=[education("vocational")], certificates=[feature("EN 287")], experience_years=2.5)
    assert missing(a_posting([], **REQUIRED), less) == ("education:bachelor", "experience:3")


def test_what_is_only_preferred_is_no_must_have() -> None:
    preferred = {name: "preferred" if value == "required" else value for name, value in REQUIRED.items()}
    assert missing(a_posting([], **preferred), a_cv([])) == ()


def test_evidence_is_of_what_bears_on_the_match_in_the_texts_order() -> None:
    own = a_posting([], experience_requirement="required", department="Engineering")
    own = own.model_copy(update={"esco_skills": PostingFeatures.model_validate_json(
        posting("p", vector(1), ["weld", "drive"])).esco_skills})  # fmt: skip
    person = a_cv(["weld", "bake"], current_title="welder", experience_years=None)
    found = evidence(own, person, gap(own, person))
    assert {span.facet for span in found.posting} == {"experience", "domain", "skills"}
    assert {span.facet for span in found.cv} == {"title", "domain", "skills"}  # of years nothing is said
    assert [span.start for span in found.cv] == sorted(span.start for span in found.cv)
    nothing = evidence(a_posting(["drive"]), person, gap(a_posting(["drive"]), person))
    assert "skills" not in {span.facet for span in (*nothing.posting, *nothing.cv)}


def test_a_concept_found_twice_counts_once() -> None:
    twice = a_cv(["weld"]).model_dump(mode="json")
    twice["esco_skills"] += [skill("weld")]
    found = gap(a_posting(["weld"]), CvFeatures.model_validate(twice))
    assert labels(found.has) == ["weld"]
