"""The shipped student around its encoder: windows, odd CVs, golden CVs through the shipped weights."""

import numpy as np
import onnxruntime
import pytest

from models.cvs import running
from models.cvs.labels import ENTITIES, TAGS, WINDOW_CLASSES, first
from models.cvs.preparing import MAX_TOKENS, NO_SPAN, clean_text
from models.cvs.student import CvStudent, Prepared
from models.repository import model_dir
from models.running import session
from topics.cvs import Cv, CvExtraction, CvSection

ENGLISH = """[NAME]
[EMAIL] | [PHONE]

Profile
Accountant who likes tidy ledgers.

Experience
Senior Accountant | Corrib Software Ltd | March 2015 - March 2019
- Closed the books each month, prepared VAT returns
Accounts Clerk | Millbrook Foods Inc. | January 2012 - February 2015
- Entered invoices in SAP

Education
Bachelor of Commerce, Accounting, University of Dunmore

Skills
SAP, Excel, payroll, budgeting

Languages
English, Polish
"""
FRENCH = """[NAME]
[ADDRESS]

Expériences professionnelles
Comptable
Banque de l'Ouest, Nantes
mars 2015 - mars 2019
- Tenue des comptes
Assistante comptable
Groupe Valmont, Nantes
janvier 2012 - février 2015

Formation
2011 : BTS Comptabilité, Lycée de Clairac

Compétences
Sage, Excel, paie

Langues
Anglais courant, espagnol
"""
GERMAN = (
    "Ich arbeite als Pflegekraft in einem Krankenhaus und betreue Patienten auf der Station. Zuvor habe ich in einem "
    "Heim gearbeitet, die Akten geführt und mit den Ärzten und den Familien gesprochen. "
)


@pytest.fixture(scope="module")
def student() -> CvStudent:
    return CvStudent.load(model_dir(CvStudent.name))


@pytest.fixture(scope="module")
def model() -> onnxruntime.InferenceSession:
    return session(model_dir(CvStudent.name) / "1" / "model.onnx", threads=1)


def read(student: CvStudent, model: onnxruntime.InferenceSession, *texts: str) -> list[CvExtraction]:
    prepared = student.prepare_batch(texts, [None] * len(texts))
    answers = running.run(model, prepared)
    return [student.decode(cv, *answer) for cv, answer in zip(prepared, answers, strict=True)]


def blank(student: CvStudent, prepared: Prepared) -> CvExtraction:
    """What decoding makes of an encoder that knows nothing."""
    window = np.full((len(prepared.units), WINDOW_CLASSES), 0.1, np.float32)
    tokens = [np.full((len(unit.token_ids), len(TAGS)), 0.05, np.float32) for unit in prepared.units]
    return student.decode(prepared, window, tokens)


def test_sections_become_text_with_headings_on_their_lines() -> None:
    cv = Cv(
        id="1",
        sections=(
            CvSection(heading="<b>Skills</b>", text="<ul><li>bread</li><li>rolls</li></ul>"),
            CvSection(text="Plain\nlines"),
        ),
    )
    assert clean_text(cv) == "Skills\n- bread\n- rolls\n\nPlain\nlines"
    assert clean_text(Cv(id="1", text="<p>One</p><p>Two</p>")) == "One\n\nTwo"


def test_windows_cover_every_word_once(student: CvStudent) -> None:
    text = ENGLISH + "word " * 700
    (prepared,) = student.prepare_batch([text], ["en"])
    covered = np.zeros(len(text), int)
    for unit in prepared.units:
        assert len(unit.token_ids) == len(unit.token_spans) <= MAX_TOKENS
        for start, end in unit.token_spans:
            if (start, end) != NO_SPAN:
                assert unit.start <= start < end <= unit.end
                covered[start:end] += 1
    assert all(covered[i] == 1 for i, char in enumerate(text) if not char.isspace())


@pytest.mark.parametrize(
    "text", ["", " ", "[NAME]", "\u200b", "x" * 5_000, "a. " * 5_000, "\n" * 50, "((((", "é" * 300]
)
def test_odd_cvs_go_through(student: CvStudent, model: onnxruntime.InferenceSession, text: str) -> None:
    (extraction,) = read(student, model, text)
    assert isinstance(extraction, CvExtraction)


def test_a_language_we_can_not_read_is_not_guessed_at(student: CvStudent) -> None:
    (prepared,) = student.prepare_batch([GERMAN * 4], [None])
    assert (prepared.supported, prepared.units, prepared.language) == (False, (), "de")
    extraction = blank(student, prepared)
    assert (extraction.current_title.value, extraction.skills, extraction.seniority.confidence) == (None, (), 0.0)


def test_an_encoder_that_knows_nothing_finds_nothing(student: CvStudent) -> None:
    (prepared,) = student.prepare_batch([ENGLISH], [None])
    extraction = blank(student, prepared)
    assert extraction.current_title.value is None
    assert (extraction.companies, extraction.skills, extraction.education) == ((), (), ())


def test_tags_become_spans_of_whole_words(student: CvStudent) -> None:
    (prepared,) = student.prepare_batch([ENGLISH], [None])
    wanted = {"Senior Accountant": "title", "Corrib Software Ltd": "company", "payroll": "skill"}
    tokens = []
    for unit in prepared.units:
        own = np.zeros((len(unit.token_ids), len(TAGS)), np.float32)
        for words, entity in wanted.items():
            start = prepared.text.index(words)
            for index, (a, b) in enumerate(unit.token_spans):
                if a < b and start <= a and b <= start + len(words):
                    own[index, first(entity) + (a > start)] = 0.9
        tokens.append(own)
    window = np.full((len(prepared.units), WINDOW_CLASSES), 0.1, np.float32)
    extraction = student.decode(prepared, window, tokens)
    assert extraction.current_title.value == "Senior Accountant"
    assert [one.value for one in extraction.companies] == ["Corrib Software Ltd"]
    (skill,) = extraction.skills
    (evidence,) = skill.evidence
    assert prepared.text[evidence.start : evidence.end] == skill.value == "payroll"


def test_golden_english(student: CvStudent, model: onnxruntime.InferenceSession) -> None:
    (extraction,) = read(student, model, ENGLISH)
    assert extraction.language.value == "en"
    assert extraction.current_title.value == "Senior Accountant"
    assert [one.value for one in extraction.past_titles] == ["Accounts Clerk"]
    assert [one.value for one in extraction.companies] == ["Corrib Software Ltd", "Millbrook Foods Inc"]
    assert [one.value.level for one in extraction.education] == ["bachelor"]
    assert {"SAP", "Excel"} <= {one.value for one in extraction.skills}
    assert {one.value for one in extraction.languages} == {"en", "pl"}
    assert extraction.experience_years.value == 7.0
    assert extraction.department.value == "Finance & Accounting"


def test_golden_french(student: CvStudent, model: onnxruntime.InferenceSession) -> None:
    (extraction,) = read(student, model, FRENCH)
    assert extraction.language.value == "fr"
    assert extraction.current_title.value == "Comptable"
    assert [one.value.level for one in extraction.education] == ["vocational"]
    assert "Excel" in {one.value for one in extraction.skills}
    assert {one.value for one in extraction.languages} == {"en", "es"}
    assert extraction.experience_years.value == 7.0


def test_a_result_does_not_depend_on_batch_mates(student: CvStudent, model: onnxruntime.InferenceSession) -> None:
    alone = read(student, model, ENGLISH)
    assert read(student, model, FRENCH, ENGLISH, "short")[1:2] == alone


def test_every_entity_has_a_threshold(student: CvStudent) -> None:
    assert set(student.thresholds.entities) == set(ENTITIES)
