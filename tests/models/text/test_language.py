"""Language: English and French are read, and only what is surely another language is turned away."""

import pytest

from models.text.language import detect

ENGLISH = (
    "We are looking for a nurse to join our friendly team. You will care for patients on the ward, keep records and "
    "work with doctors and therapists. Experience in a hospital is required and a driving licence is an advantage."
)
FRENCH = (
    "Nous recherchons un infirmier pour rejoindre notre équipe. Vous prenez soin des patients, tenez les dossiers et "
    "travaillez avec les médecins. Une expérience à l'hôpital est exigée et le permis de conduire est un atout."
)
GERMAN = (
    "Wir suchen eine Pflegekraft für unser Team. Sie betreuen Patienten auf der Station, führen die Akten und arbeiten "
    "mit Ärzten und Therapeuten zusammen. Erfahrung im Krankenhaus ist erforderlich, ein Führerschein von Vorteil."
)


@pytest.mark.parametrize(("text", "language"), [(ENGLISH, "en"), (FRENCH, "fr")])
def test_reads_english_and_french(text: str, language: str) -> None:
    found = detect(text)
    assert (found.language, found.supported) == (language, True)
    assert found.probability > 0.9


def test_turns_away_another_language() -> None:
    found = detect(GERMAN * 2)
    assert (found.language, found.supported) == ("de", False)


@pytest.mark.parametrize("text", [GERMAN[:80], "", "12345 !!!", ENGLISH * 3 + " 우리는 함께 일할 사람을 찾습니다 " * 5])
def test_keeps_what_is_short_or_partly_readable(text: str) -> None:
    assert detect(text).supported


def test_keeps_a_bilingual_posting() -> None:
    assert (
        detect(
            "\n".join([line + " 日本語での説明もここに書いてあります。" for line in ENGLISH.split(". ")] * 4)
        ).language
        == "en"
    )
