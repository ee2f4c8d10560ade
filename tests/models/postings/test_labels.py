"""The label spaces are the contract's."""

from typing import get_args

import pytest

from models.postings import labels
from topics import fields
from topics.postings import PostingExtraction


@pytest.mark.parametrize("head", [*labels.SENTENCE_HEADS, *labels.POSTING_HEADS])
def test_every_head_covers_its_field(head: str) -> None:
    annotation = PostingExtraction.model_fields[head].annotation
    assert annotation is not None
    values = annotation.model_fields["value"].annotation
    known = set(labels.HEADS[head]) - {labels.NONE} | ({labels.DEFAULTS[head]} if head in labels.DEFAULTS else set())
    assert known == set(get_args(values))


def test_slices_tile_the_output() -> None:
    slices = labels.head_slices()
    assert list(slices) == list(labels.HEADS)
    ends = [part.stop for part in slices.values()]
    assert [part.start for part in slices.values()] == [0, *ends[:-1]]
    assert ends[-1] == sum(map(len, labels.HEADS.values()))


def test_none_is_first_of_sentence_heads_only() -> None:
    assert all(classes[0] == labels.NONE for classes in labels.SENTENCE_HEADS.values())
    assert not any(labels.NONE in classes for classes in labels.POSTING_HEADS.values())
    assert labels.SENTENCE_HEADS["work_arrangement"][1:] == get_args(fields.WorkArrangement)[:-1]


def test_the_digest_follows_order_and_names(monkeypatch: pytest.MonkeyPatch) -> None:
    before = labels.digest()
    assert before == labels.digest()
    monkeypatch.setattr(labels, "TAGS", ("O", "amount", "skill", "years"))
    assert labels.digest() != before
