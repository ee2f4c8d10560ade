"""Skill gaps and standard sentences."""

import pytest

from models.esco.gap import Wanted, of_occupation, skill_gap
from models.esco.standard import standard_cv, standard_posting
from models.esco.taxonomy import Taxonomy
from tests.models.esco.conftest import URI


def test_has_lacks_extra() -> None:
    gap = skill_gap(["b", "x", "a", "d"], Wanted(frozenset("abc"), frozenset("cde")))
    assert gap.has_essential == ("a", "b")
    assert gap.lacks_essential == ("c",)
    assert gap.has_optional == ("d",)
    assert gap.lacks_optional == ("e",)
    assert gap.extra == ("x",)
    assert gap.essential_share == pytest.approx(2 / 3)


def test_nothing_asked_is_nothing_lacking() -> None:
    assert skill_gap(["a"], Wanted(frozenset())).essential_share == 1


def test_an_occupation_asks_for_its_skills(taxonomy: Taxonomy) -> None:
    wanted = of_occupation(taxonomy, URI + "occupation/developer")
    assert skill_gap([URI + "skill/lead"], wanted).lacks_essential == (URI + "skill/python",)
    assert of_occupation(taxonomy, URI + "occupation/clerk") == Wanted(frozenset(), frozenset())
    with pytest.raises(KeyError):
        of_occupation(taxonomy, URI + "occupation/astronaut")


def test_standard_form() -> None:
    text = standard_cv(["nurse", "office clerk"], ["lead a team", "care for wounds", "lead a team"], "bachelor", 3.5)
    assert text == (
        "Works as nurse. Worked as office clerk. Has 3.5 years of experience. Has a bachelor's degree. "
        "Skills: care for wounds, lead a team."
    )
    assert standard_posting("nurse", [], "not_stated", 2) == "Seeks nurse. Asks for 2 years of experience."
    assert standard_posting(None, []) == ""
