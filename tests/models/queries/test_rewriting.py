"""The search phrase and the page, from criteria and profile."""

from datetime import date

import pytest

from models.queries import rewriting
from models.queries.lexicon import Lexicon
from models.queries.normalising import Normaliser
from models.queries.places import Places
from topics.queries import Criterion, Profile, ProfileField


@pytest.fixture(scope="module")
def normaliser() -> Normaliser:
    return Normaliser(Lexicon.load(None), Places.load())


def criterion(name: str, value: str, negated: bool = False, start: int = 0) -> Criterion:
    return Criterion.model_validate(
        {"type": name, "span": value, "start": start, "end": start + 1, "value": value, "negated": negated,
         "confidence": 1.0}
    )  # fmt: skip


PROFILE = Profile(
    title="boulanger",
    skills=("pain", "anglais"),
    location="Genève, CH",
    seniority="senior",
    updated_at=date(2026, 1, 1),
)


@pytest.mark.parametrize(
    ("criteria", "needed", "phrase"),
    [
        (
            [("title", "nurse"), ("location", "Lyon"), ("schedule", "nights", True), ("employment_type", "full_time")],
            (),
            "full-time nurse jobs in Lyon, excluding nights",
        ),
        (
            [("industry", "retail"), ("salary", ">=30000 GBP/year"), ("experience_years", "0"), ("education", "none")],
            (),
            "retail jobs with no degree required with no experience paying at least 30,000 GBP per year",
        ),
        (
            [("title", "data analyst"), ("company", "Acme"), ("company", "Zorb"), ("skill", "SQL"), ("skill", "R")],
            (),
            "data analyst jobs at Acme or Zorb using SQL and R",
        ),
        (
            [("work_arrangement", "remote"), ("seniority", "lead"), ("title", "designer"), ("date_posted", "<=7d")],
            (),
            "lead remote designer jobs posted in the last 7 days",
        ),
        (
            [("work_arrangement", "hybrid", True), ("salary", "10..12.50 ?/hour"), ("title", "cook")],
            (),
            "cook jobs paying 10 to 12.50 per hour, excluding hybrid jobs",
        ),
        ([], ("title", "location"), "baker jobs near Geneva, CH"),
        ([], ("skills", "seniority"), "senior jobs using pain and English"),
        ([("location", "Lyon")], ("title", "location"), "baker jobs in Lyon"),
        ([("title", "cook")], ("title",), "cook jobs"),
        ([], (), "jobs"),
    ],
)
def test_search(
    normaliser: Normaliser,
    criteria: list[tuple[str, str] | tuple[str, str, bool]],
    needed: tuple[ProfileField, ...],
    phrase: str,
) -> None:
    made = [criterion(*one) for one in criteria]
    assert rewriting.search(made, PROFILE, needed, normaliser) == phrase


def test_without_profile_nothing_is_filled_in(normaliser: Normaliser) -> None:
    assert rewriting.search([criterion("title", "cook")], None, ("location", "skills"), normaliser) == "cook jobs"


def test_pages() -> None:
    company = criterion("company", "Acme")
    assert rewriting.page("Acme careers", [company]) == "Acme careers page"
    assert rewriting.page("job 48213 at Acme", [criterion("company", "Acme", start=13)]) == "Acme job posting 48213"
    place = criterion("location", "Leeds", start=20)
    assert rewriting.page("Acme vacancies page, Leeds", [company, place]) == "Acme careers page in Leeds"
    assert rewriting.page(" usajobs  login ", []) == "usajobs login"
