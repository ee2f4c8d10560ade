"""What has a form, and what a CV says of the person in words: each kind by the rule that finds it."""

import pytest

from models.anonymise import patterns, personal, phones
from models.anonymise.lines import Lines


def _found(text: str, kind: str) -> list[str]:
    lines = Lines(text)
    found = [f for module in (patterns, phones, personal) for f in module.find(text, lines)]
    return sorted({text[f.start : f.end] for f in found if f.kind == kind})


@pytest.mark.parametrize(
    ("text", "kind", "values"),
    [
        ("Mail: jean.dupont [at] free [dot] fr", "email", ["jean.dupont [at] free [dot] fr"]),
        ("write to o'neil+cv@mail.co.uk.", "email", ["o'neil+cv@mail.co.uk"]),
        ("see https://x.org/a, linkedin.com/in/jd", "url", ["https://x.org/a", "linkedin.com/in/jd"]),
        ("Skills\nNode.js, ASP.NET, Booking.com", "url", []),
        ("Tél : 06 12 34 56 78 / 01.23.45.67.89", "phone", ["01.23.45.67.89", "06 12 34 56 78"]),
        ("(555) 123-4567 x12", "phone", ["(555) 123-4567 x12"]),
        ("Experience\nStores run by a friend (07123456789)", "phone", ["07123456789"]),
        ("Experience\nStores run by a friend ((0351) 642 4045)", "phone", ["(0351) 642 4045"]),
        ("Raleigh, NC 95264-2615 (509) 487-4100", "phone", ["(509) 487-4100"]),
        ("Experience\nchef d'atelier, 0484/54.18.06", "phone", ["0484/54.18.06"]),
        ("Experience\nstage du 03/2015 12 mois", "phone", []),
        ("Experience\n2010-2015, 01/2010 - 05/2012, 1 250 000, 192.168.10.10, $1,200,000", "phone", []),
        ("Born on 3 May 1990 in Leeds", "birth_date", ["Born on 3 May 1990 in Leeds"]),
        ("Née le 12/03/1990 à Lyon", "birth_date", ["Née le 12/03/1990 à Lyon"]),
        ("Date of birth\n12.03.1990", "birth_date", ["12.03.1990"]),
        ("a 34-year-old engineer", "age", ["34-year-old"]),
        ("Experience\na 15-year-old company, 20 ans d'expérience", "age", []),
        ("Marital status: Married, 2 children", "gender", ["2 children", "Married, 2 children"]),
        ("Elle a dirigé le service de la ville. Il faut et il s'agit.", "gender", ["Elle"]),
        ("Nationalité : franco-marocaine", "nationality", ["franco-marocaine"]),
        ("I am a British citizen", "nationality", ["British citizen"]),
        ("Lycée de jeunes filles Victor Hugo", "school_gender", ["de jeunes filles"]),
        ("Leeds Girls' High School", "school_gender", ["Girls'"]),
        ("Sécurité sociale : 2 90 03 69 123 456 78", "identifier", ["2 90 03 69 123 456 78"]),
        ("1 85 05 78 006 084 37", "identifier", []),
        ("GB82 WEST 1234 5698 7654 32", "identifier", ["GB82 WEST 1234 5698 7654 32"]),
        ("GB83 WEST 1234 5698 7654 32", "identifier", []),
        ("[photo]", "photo", ["[photo]"]),
    ],
)
def test_kind(text: str, kind: str, values: list[str]) -> None:
    assert _found(text, kind) == values
