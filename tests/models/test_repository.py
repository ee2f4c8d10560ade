"""Where models lie."""

import pytest

from models.repository import model_dir


def test_finds_the_model_and_names_what_is_missing() -> None:
    assert (model_dir("postings_student") / "config.pbtxt").is_file()
    with pytest.raises(FileNotFoundError, match="nowhere"):
        model_dir("nowhere")
