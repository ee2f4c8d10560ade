import pytest

from models.cvs.dates import ranges
from models.cvs.sections import lines
from models.cvs.years import by_dates, halves, stated


def years_of(text: str) -> float | None:
    found = by_dates(ranges(text), ranges(text))
    return found.value if found else None


def test_overlapping_jobs_count_once() -> None:
    assert years_of("Jan 2010 - Jan 2014; Jan 2012 - Jan 2015") == 5.0
    assert years_of("Jan 2010 - Jan 2012; Jan 2013 - Jan 2014") == 3.0


def test_a_job_that_goes_on_ends_at_the_latest_date_of_the_text() -> None:
    assert years_of("Jan 2010 - present; a prize in June 2016") == 6.5
    assert years_of("Jan 2010 - present") == 0.0


def test_single_dates_tell_nothing() -> None:
    assert years_of("May 2012") is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Accountant with 12 years of experience", 12.0),
        ("Over twenty-five years' experience in hotels", 25.0),
        ("10+ years of building things", 10.0),
        ("offering over 30Â years experience", 30.0),
        ("Fort de 15 ans d'expérience", 15.0),
        ("5 years of experience in sales, 8 years of experience in all", 8.0),
        ("left two years ago", None),
        ("$12 years", None),
        ("no number of years", None),
    ],
)
def test_stated_years(text: str, expected: float | None) -> None:
    found = stated(text, lines(text))
    assert (found.value if found else None) == expected


def test_within_a_job_only_years_of_experience_count() -> None:
    text = "Summary\nCook for 9 years\nExperience\nRan a kitchen for 20 years\n"
    found = stated(text, lines(text))
    assert found is not None
    assert found.value == 9.0


def test_halves() -> None:
    assert [halves(x) for x in (1.2, 1.25, 1.74, 1.75)] == [1.0, 1.5, 1.5, 2.0]
