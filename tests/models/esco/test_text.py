"""Titles and words brought to one form."""

import pytest

from models.esco.text import surface, words


@pytest.mark.parametrize(
    ("title", "said"),
    [
        ("Developers, Systems Software", "Systems Software Developers"),
        ("Architects, Except Landscape and Naval", "Architects"),
        ("Surgeons, All Other", "Surgeons"),
        ("Research & Development Manager", "Research and Development Manager"),
        ("Développeur(euse) Web (H/F)", "Développeur Web"),
        ("Pflegekraft m/w/d", "Pflegekraft"),
        ("Except", "Except"),
        ("Sales, Wholesale, and Retail", "Sales, Wholesale, and Retail"),
        ("", ""),
    ],
)
def test_surface(title: str, said: str) -> None:
    assert surface(title) == said


def test_words_meet_whatever_their_case_accents_and_number() -> None:
    assert words("Secrétaires MÉDICALES") == words("secretaire medicale")
    assert words("First-Line Firemen") == ["first", "line", "fireman"]
    assert words("C++ and C# and node.js") == ["c++", "and", "c#", "and", "node.js"]
    assert words("business analysis") == ["business", "analysis"]
