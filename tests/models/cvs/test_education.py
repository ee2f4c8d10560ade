import pytest

from models.cvs import education


@pytest.mark.parametrize(
    ("span", "level"),
    [
        ("Ph.D. in Chemistry", "doctorate"),
        ("Juris Doctor", "doctorate"),
        ("Masters degree in Computer Sciences", "master"),
        ("M.B.A. , Finance", "master"),
        ("Diplôme d'ingénieur en génie civil", "master"),
        ("Bachelor of Science , Nursing", "bachelor"),
        ("B.A. Psychology", "bachelor"),
        ("Licence Histoire, Université", "bachelor"),
        ("Associate of Applied Science Degree : Culinary Arts", "vocational"),
        ("BTS Comptabilité", "vocational"),
        ("Bac pro Vente", "vocational"),
        ("CAP Cuisine", "vocational"),
        ("High School Diploma", "secondary"),
        ("Baccalauréat scientifique", "secondary"),
        ("GED", "secondary"),
        ("Some course in flower binding", "other"),
    ],
)
def test_levels(span: str, level: str) -> None:
    assert education.level(span) == level


def test_fields_are_in_english() -> None:
    assert education.field("Génie civil") == "Civil Engineering"
    assert education.field(" Culinary\nArts,") == "Culinary Arts"
    assert education.field(" , ") is None
