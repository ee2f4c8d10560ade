"""Retrieval: what is kept, in which order, within which budget."""

from pathlib import Path

from models.postings.retrieval import Retriever, features


def retriever(**changes: float) -> Retriever:
    weights = dict.fromkeys(features("salary")[:1], 2.0)
    settings = {
        "evidence": dict.fromkeys(set(features("salary experience")) & set(features("experience")), 1.0) | weights,
        "skill": dict.fromkeys(set(features("python code")) & set(features("python")), 1.0),
        "evidence_bias": 0.0, "skill_bias": 0.0, "evidence_threshold": 0.5, "skill_threshold": 0.5,
        "max_evidence": 2, "max_skill": 1,
    }  # fmt: skip
    return Retriever(**settings | changes)  # type: ignore[arg-type]


def test_numbers_count_by_their_length() -> None:
    assert features("5 years") == features("3 Years")
    assert features("5 years") != features("15 years")


def test_keeps_what_bears_on_a_variable_in_the_text_s_order() -> None:
    sentences = ["we smile", "experience counts", "python is used", "experience again", "we like python"]
    assert retriever().keep(sentences) == [1, 2, 3]


def test_budgets_hold_and_ties_fall_to_the_earlier() -> None:
    assert retriever(max_evidence=1, max_skill=0).keep(["experience a", "experience b"]) == [0]
    assert retriever().keep([]) == []


def test_what_is_saved_is_what_is_loaded(tmp_path: Path) -> None:
    made = retriever()
    made.save(tmp_path / "retriever.json")
    first = (tmp_path / "retriever.json").read_bytes()
    loaded = Retriever.load(tmp_path / "retriever.json")
    loaded.save(tmp_path / "retriever.json")
    assert loaded == made
    assert (tmp_path / "retriever.json").read_bytes() == first
