"""Counterfactual invariance through the whole path: anonymiser, student, ESCO, vectors, scorer, explanation."""

from collections.abc import Sequence

import pytest

from models.matching.scorer import Scorer
from tests.models.anonymise.test_masking import ENGLISH, ENGLISH_PEOPLE, FRENCH, FRENCH_PEOPLE
from topics.cvs import Cv
from topics.matches import Match
from topics.postings import Posting
from workers.files import Line
from workers.matching.offline import match_lines
from workers.settings import Settings

POSTINGS = (
    Posting(
        id="accountant",
        title="Staff Accountant",
        body="You prepare reports and budgets. At least 3 years of experience in accounting are required.",
    ),
    Posting(id="comptable", title="Comptable", body="Vous gérez le budget. 3 ans d'expérience exigés."),
)


async def matched(settings: Settings, cvs: Sequence[Cv]) -> dict[str | None, dict[str, Match]]:
    """Of each posting the matches by CV."""
    lines = [Line(number, posting.id, posting) for number, posting in enumerate(POSTINGS)]
    cv_lines = [Line(number, cv.id, cv) for number, cv in enumerate(cvs)]
    return {
        line.key: {match.id: match for match in matches or ()}
        async for line, matches in match_lines(settings, lines, cv_lines, Scorer.load())
    }


@pytest.mark.parametrize(("layout", "people"), [(ENGLISH, ENGLISH_PEOPLE), (FRENCH, FRENCH_PEOPLE)])
async def test_the_same_cv_of_another_person_matches_alike(
    triton_settings: Settings, layout: str, people: tuple[dict[str, str], ...]
) -> None:
    """Name, pronouns, gender, age, birth date, nationality, family, contacts, address and school's gender change."""
    one, other = (Cv(id=name, text=layout.format(**person)) for name, person in zip("ab", people, strict=True))
    for matches in (await matched(triton_settings, [one, other])).values():
        assert matches["a"].model_copy(update={"id": "b"}) == matches["b"]


async def test_another_job_does_not_match_alike(triton_settings: Settings) -> None:
    """What the test above compares does depend on the CV."""
    text = ENGLISH.format(**ENGLISH_PEOPLE[0])
    other = text.replace("Staff Accountant", "Pastry Chef").replace("prepared his reports", "baked his cakes")
    for matches in (await matched(triton_settings, [Cv(id="a", text=text), Cv(id="b", text=other)])).values():
        assert matches["a"].score > matches["b"].score
