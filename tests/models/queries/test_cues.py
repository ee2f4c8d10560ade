"""Words that name the profile's fields."""

import pytest

from models.queries.cues import cued


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("nurse jobs near me", {"location"}),
        ("closer to home", {"location"}),
        ("pas loin de chez moi", {"location"}),
        ("Jobs in meiner Nähe", {"location"}),
        ("same job in my city", {"title", "location"}),
        ("mon métier à Lyon", {"title"}),
        ("using my skill set", {"skills"}),
        ("avec mes compétences", {"skills"}),
        ("at my level", {"seniority"}),
        ("work from home", set()),
        ("cook in Leeds", set()),
        ("job for my wife", set()),
    ],
)
def test_fields(text: str, fields: set[str]) -> None:
    assert cued(text) == fields
