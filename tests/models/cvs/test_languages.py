import pytest

from models.cvs.languages import codes


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Bilingual (English/spanish)", ["en", "es"]),
        ("Anglais courant, allemand B2", ["en", "de"]),
        ("Mandarin and Farsi", ["zh", "fa"]),
        ("ESPAGNOL : langue maternelle", ["es"]),
        ("French, français", ["fr"]),
        ("Java, polished", []),
    ],
)
def test_names_become_codes(text: str, expected: list[str]) -> None:
    assert codes(text) == expected
