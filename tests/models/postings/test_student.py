"""The shipped student around its encoder: prepared units, unsupported languages, stable results."""

import numpy as np
import pytest

from models.postings.labels import HEADS, SCORES, SHOWN, TAGS
from models.postings.preparing import MAX_TOKENS, NO_SPAN, Unit, document, tokenize
from models.postings.student import Prepared, Student
from models.repository import model_dir
from topics.postings import Posting, PostingExtraction

POSTING = Posting(
    id="1",
    title="Night <b>Nurse</b>",
    location="Denver, CO",
    body="<p>Join our ward.</p><ul><li>Pay: $30 to $35 an hour.</li><li>At least 2 years of experience required.</li>"
    "<li>A bachelor's degree in nursing is required.</li></ul><p>Our canteen is nice.</p>",
)
GERMAN = (
    "Wir suchen eine Pflegekraft für unser Team. Sie betreuen Patienten auf der Station, führen die Akten und arbeiten "
    "mit Ärzten und Therapeuten zusammen. Erfahrung im Krankenhaus ist erforderlich, ein Führerschein von Vorteil. "
)


@pytest.fixture(scope="module")
def student() -> Student:
    return Student.load(model_dir(Student.name))


def answer(student: Student, prepared: Prepared) -> PostingExtraction:
    """What decoding makes of an encoder that knows nothing."""
    sentence = np.full((len(prepared.units), SCORES), 0.1, np.float32)
    tokens = [np.full((len(unit.token_ids), len(TAGS) + len(SHOWN)), 0.1, np.float32) for unit in prepared.units]
    return student.decode(prepared, sentence, tokens)


def test_units_point_into_the_text(student: Student) -> None:
    (prepared,) = student.prepare_batch([POSTING])
    assert prepared.text.startswith("Night Nurse\nDenver, CO\n\nJoin our ward.")
    assert (prepared.language, prepared.supported) == ("en", True)
    assert prepared.units[0].start == 0
    read = [prepared.text[unit.start : unit.end] for unit in prepared.units]
    assert any("$30 to $35" in text for text in read)
    assert any("2 years" in text for text in read)
    for unit in prepared.units:
        assert len(unit.token_ids) == len(unit.token_spans) <= MAX_TOKENS
        inside = [span for span in unit.token_spans if span != NO_SPAN]
        assert all(unit.start <= a < b <= unit.end for a, b in inside)


def test_sentences_know_the_heading_they_stand_under(student: Student) -> None:
    body = "We build roofs.\nRequirements:\nA van.\nTwo years on roofs.\nNice to have\nA crane licence.\n"
    doc = document(Posting(id="1", title="Roofer", body=body + "We smile.\n" * 20))
    under = {doc.text[a:b]: doc.text[c:d] for (a, b), (c, d) in zip(doc.spans, doc.headings, strict=True)}
    assert under["A van."] == under["Two years on roofs."] == "Requirements:"
    assert under["A crane licence."] == "Nice to have"
    assert under["Requirements:"] == ""
    # Twenty sentences on, nobody remembers it.
    assert [doc.text[a:b] for a, b in doc.headings][-1] == ""


LIST = Posting(
    id="1",
    title="Roofer",
    body="We build roofs in Wales.\nRequirements:\nA van.\nTwo years on roofs.\nNice to have\nA crane licence.\n",
)


def units(student: Student, posting: Posting) -> list[tuple[Unit, str]]:
    """Of a posting all of whose sentences are read: each unit and its words."""
    doc = document(posting)
    (found,) = tokenize([doc], [range(len(doc.spans))], student.tokenizer)
    return [(unit, student.tokenizer.decode(unit.token_ids, skip_special_tokens=False)) for unit in found]


def test_a_sentence_by_itself_has_the_heading_before_it(student: Student) -> None:
    doc = document(LIST)
    found = units(student, LIST)
    assert [(unit.start, unit.end) for unit, _ in found[1:]] == [(span.start, span.end) for span in doc.spans]
    assert found[0][1].startswith("[CLS] roofer [SEP] we build roofs")
    assert found[2][1] == "[CLS] roofer [SEP] requirements : [SEP] a van. [SEP]"
    assert [doc.text[a:b] for a, b in found[2][0].token_spans if (a, b) != NO_SPAN][:2] == ["A", "van"]


def test_no_unit_is_longer_than_the_encoder_reads(student: Student) -> None:
    long = LIST.model_copy(update={"body": "\n".join(f"- {'zymurgist ' * (n % 50)}item {n}" for n in range(100))})
    found = units(student, long)
    assert max(len(unit.token_ids) for unit, _ in found) == MAX_TOKENS
    assert all(len(unit.token_ids) == len(unit.token_spans) <= MAX_TOKENS for unit, _ in found)


def test_batches_are_prepared_as_single_postings_are(student: Student) -> None:
    other = POSTING.model_copy(update={"body": "Something else. Full time."})
    together = student.prepare_batch([POSTING, other])
    assert together == [*student.prepare_batch([POSTING]), *student.prepare_batch([other])]


def test_a_language_we_can_not_read_is_not_guessed_at(student: Student) -> None:
    (prepared,) = student.prepare_batch([Posting(id="1", body=GERMAN * 3)])
    assert (prepared.supported, prepared.units, prepared.language) == (False, (), "de")
    extraction = answer(student, prepared)
    assert extraction.pay_min.value is None
    assert (extraction.work_arrangement.value, extraction.work_arrangement.confidence) == ("not_stated", 0.0)
    assert (extraction.bonus.value, extraction.skills) == ("no", ())


@pytest.mark.parametrize("body", ["", " ", "<p></p>", "\x00", "x" * 5_000, "a. " * 5_000])
def test_odd_postings_go_through(student: Student, body: str) -> None:
    (prepared,) = student.prepare_batch([Posting(id="1", body=body)])
    extraction = answer(student, prepared)
    for name in HEADS:
        for evidence in getattr(extraction, name).evidence:
            assert 0 <= evidence.start < evidence.end <= len(prepared.text)


def test_digests_are_short_and_stable(student: Student) -> None:
    again = Student.load(model_dir(Student.name))
    assert (again.assets_digest, again.tokenizer_digest) == (student.assets_digest, student.tokenizer_digest)
    assert (len(student.assets_digest), len(student.tokenizer_digest)) == (16, 12)
