import pytest

from models.cvs.ranks import rank


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("Vice President, Sales", "executive"),
        ("Senior Accountant", "senior"),
        ("HR Manager", "manager"),
        ("Chef d'équipe logistique", "lead"),
        ("Stagiaire en communication", "intern"),
        ("Junior Designer", "entry"),
        ("Baker", "mid"),
        ("Serviceman", "mid"),
    ],
)
def test_ranks(title: str, expected: str) -> None:
    assert rank(title) == expected
