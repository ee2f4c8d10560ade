"""The anonymiser: what is masked, what stays, and the way back to the text as it came."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from models.anonymise.kinds import KINDS, PLACEHOLDERS
from models.anonymise.masking import Masked, anonymise, anonymise_sections

ENGLISH = """\
{name}
{address}
Tel: {phone} | {email}
Date of birth: {birth}
Nationality: {nationality}
Marital status: {family}
Gender: {gender}
Age: {age}

Professional Experience
Jan 2014 - Dec 2018 Staff Accountant, Morgan Stanley, Leeds
{pronoun} prepared {his} reports for 12 managers with a budget of £1,250,000.
Education
St Mary's {cue} High School, 2008
"""
FRENCH = """\
{title} {name}
{address}
Tél. : {phone} - {email}
{born}
Nationalité : {nationality}
Situation familiale : {family}
{age} ans

Expérience professionnelle
2014 - 2018 Comptable, Ernst & Young, Lyon
{pronoun} a géré un budget de 1 250 000 € et 12 collaborateurs.
Formation
Lycée {cue} de Lille, 2008
"""
ENGLISH_PEOPLE = (
    {
        "name": "John Smith",
        "address": "12 High Street\nLeeds LS6 2AB",
        "phone": "07700 900123",
        "email": "john.smith@gmail.com",
        "birth": "12/03/1990",
        "nationality": "British",
        "family": "Single",
        "gender": "Male",
        "age": "36",
        "pronoun": "He",
        "his": "his",
        "cue": "Boys'",
    },
    {
        "name": "MARIA DEL CARMEN GARCIA LOPEZ",
        "address": "Flat 3\n221 Station Road\nBristol\nBS1 4DJ",
        "phone": "+44 (0)20 7946 0958",
        "email": "mc_garcia@yahoo.es",
        "birth": "4 July 1978",
        "nationality": "Spanish",
        "family": "Married, 2 children",
        "gender": "Female",
        "age": "48",
        "pronoun": "She",
        "his": "her",
        "cue": "Girls'",
    },
)
FRENCH_PEOPLE = (
    {
        "title": "M.",
        "name": "Jean DUPONT",
        "address": "12 rue de la Paix\n75002 Paris",
        "phone": "06 12 34 56 78",
        "email": "jean.dupont@free.fr",
        "born": "Né le 12 mars 1990 à Lyon",
        "nationality": "française",
        "family": "Célibataire",
        "age": "36",
        "pronoun": "Il",
        "cue": "de garçons",
    },
    {
        "title": "Mme",
        "name": "Fatou NDIAYE",
        "address": "Résidence Les Pins, Bât. B\n8 avenue Jean Jaurès\n69007 Lyon",
        "phone": "+33 7 55 66 77 88",
        "email": "fatou_ndiaye@orange.fr",
        "born": "Née le 1er mai 1981",
        "nationality": "sénégalaise",
        "family": "Mariée, 3 enfants",
        "age": "45",
        "pronoun": "Elle",
        "cue": "de jeunes filles",
    },
)
CVS = [ENGLISH.format(**person) for person in ENGLISH_PEOPLE] + [FRENCH.format(**person) for person in FRENCH_PEOPLE]


@pytest.mark.parametrize(("layout", "people"), [(ENGLISH, ENGLISH_PEOPLE), (FRENCH, FRENCH_PEOPLE)])
def test_the_same_cv_of_another_person_gives_the_same_bytes(layout: str, people: tuple[dict[str, str], ...]) -> None:
    one, other = (anonymise(layout.format(**person)) for person in people)
    assert one.text == other.text
    assert one.report() == other.report()
    for person, masked in zip(people, (one, other), strict=True):
        for key, value in person.items():
            if key not in ("age", "gender", "pronoun", "his", "title"):
                assert value not in masked.text
    for kept in ("Morgan Stanley", "Ernst & Young"):
        assert (kept in layout) == (kept in one.text)
    assert "12 " in one.text
    assert "2014" in one.text


@pytest.mark.parametrize("text", CVS)
def test_masking_twice_changes_nothing(text: str) -> None:
    masked = anonymise(text)
    assert anonymise(masked.text).text == masked.text


@settings(max_examples=40, deadline=None)
@given(
    text=st.lists(
        st.sampled_from(
            [line for cv in CVS for line in cv.splitlines()] + ["", "Skills", "é́ \u00a0 \ud83d\ude00", "[NAME]"]
        ),
        max_size=12,
    ).map("\n".join)
)
def test_what_is_not_masked_is_where_it_was(text: str) -> None:
    masked = anonymise(text)
    _assert_traceable(text, masked)
    assert anonymise(masked.text).text == masked.text


@settings(max_examples=60, deadline=None)
# An accent without a letter: a word whose folded form is empty.
@example(text="\u0300A")
@given(text=st.text(max_size=200))
def test_any_text_is_masked_and_traceable(text: str) -> None:
    _assert_traceable(text, anonymise(text))


def _assert_traceable(text: str, masked: Masked) -> None:
    position = 0
    for span in masked.spans:
        assert masked.text[span.masked_start : span.masked_end] == PLACEHOLDERS[span.kind]
        assert masked.original(span.masked_start, span.masked_end) == (span.start, span.end)
        if position < span.masked_start:
            start, end = masked.original(position, span.masked_start)
            assert text[start:end] == masked.text[position : span.masked_start]
        position = span.masked_end
    if position < len(masked.text):
        start, end = masked.original(position, len(masked.text))
        assert text[start:end] == masked.text[position:]
        assert end == len(text)
    assert sum(masked.report().values()) == len(masked.spans)


def test_no_span_outside_the_text() -> None:
    with pytest.raises(ValueError, match="no span"):
        anonymise("John").original(2, 9)


def test_a_name_of_one_section_is_masked_in_all() -> None:
    sections = anonymise_sections(
        {"header": "Wojciech Kowalczyk\nwk@mail.com", "about": "Please ask Kowalczyk about his team at Smith Ltd."}
    )
    assert sections["about"].text == "Please ask [NAME] about [GENDER] team at Smith Ltd."


def test_the_report_holds_kinds_and_counts_alone() -> None:
    report = anonymise(CVS[0]).report()
    assert set(report) <= set(KINDS)
    assert report["email"] == 1
    assert report["phone"] == 1


@pytest.mark.parametrize(
    "text",
    [
        "Experience\nAnalyst at Morgan Stanley and Ernst & Young, 2010 - 2015",
        "Skills\nJenkins, Maven, Mercedes-Benz diagnostics, Johnson & Johnson",
        "Education\nClaude Bernard University, Lyon, 2010",
        "Experience\nBudget of $1,200,000 for 555 people, v10.2.3.4, 01/2010 - 05/2012",
        "Expérience\nIl faut gérer 1 250 000 € et 15 ans d'expérience, Il s'agit de 3 500 clients",
        "Skills\nMs Office, women's wear, 200-year-old school, children aged 5 to 7",
    ],
)
def test_employers_products_and_numbers_stay(text: str) -> None:
    assert anonymise(text).text == text
