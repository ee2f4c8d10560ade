"""One vector from those of text, titles and skills."""

from pathlib import Path

import numpy as np
import pytest

from models.matching.adapter import PARTS, Adapter, shipped
from models.matching.texts import Texts, texts
from tests.models.matching.documents import WIDE, turned


def test_the_plain_sum_has_length_one_and_lies_between() -> None:
    found = Adapter.plain(WIDE).combined([turned(0), turned(90), None])
    assert found is not None
    np.testing.assert_allclose(found, turned(45), atol=1e-6)


def test_without_any_part_there_is_no_vector() -> None:
    assert shipped().combined([None] * len(PARTS)) is None


def test_the_shipped_one_moves_vectors_a_little_and_keeps_their_length() -> None:
    parts = [turned(10), turned(30), turned(50)]
    plain, own = Adapter.plain(WIDE).combined(parts), shipped().combined(parts)
    assert plain is not None
    assert own is not None
    assert np.linalg.norm(own) == pytest.approx(1, abs=1e-6)
    assert 0.5 < float(own @ plain) < 0.9999


def test_each_part_has_a_map_of_its_own() -> None:
    adapter = Adapter(np.zeros((3, 2, 1)), np.zeros((3, 1, 2)), np.array([1.0, 0.0, 2.0]), "")
    adapter.down[0, 0, 0], adapter.up[0, 0, 1] = 1.0, 1.0
    one, other = np.array([1, 0], np.float32), np.array([0, 1], np.float32)
    first = adapter.combined([one, one, None])
    third = adapter.combined([None, one, one])
    assert first is not None
    assert third is not None
    np.testing.assert_allclose(first, np.array([1, 1]) / np.sqrt(2), atol=1e-6)
    np.testing.assert_allclose(third, one)
    assert adapter.combined([None, other, None]) is None


def test_saved_and_read_again(tmp_path: Path) -> None:
    shipped().save(tmp_path / "adapter.npz")
    again = Adapter.load(tmp_path / "adapter.npz")
    np.testing.assert_array_equal(again.down, shipped().down)
    assert again.digest == shipped().digest
    np.savez(tmp_path / "other.npz", down=np.zeros(1))
    with pytest.raises(ValueError, match="no adapter"):
        Adapter.load(tmp_path / "other.npz")


def test_parts_are_listed_once_and_empty_ones_left_out() -> None:
    assert texts(" We bake.\n", ["Baker", "", "Cook", "Baker"], []) == Texts("We bake.", "Baker, Cook", "")
