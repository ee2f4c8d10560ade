"""Reading the official CSVs and the copy in the package."""

from pathlib import Path

import pytest

from models.esco.taxonomy import Taxonomy
from tests.models.esco.conftest import URI


def test_reads_languages_relations_and_packed_files(taxonomy: Taxonomy) -> None:
    assert [c.uri for c in taxonomy.occupations] == sorted(c.uri for c in taxonomy.occupations)
    nurse = next(c for c in taxonomy.occupations if c.uri == URI + "occupation/nurse")
    assert nurse.labels == {"en": ("nurse", "staff nurse", "ward nurse"), "fr": ("infirmier/infirmière", "infirmière")}
    assert (nurse.code, nurse.label(), nurse.label("fr"), nurse.label("de")) == (
        "2221.2", "nurse", "infirmier/infirmière", "nurse",
    )  # fmt: skip
    assert taxonomy.essential[nurse.uri] == {URI + "skill/wounds", URI + "skill/files"}
    assert taxonomy.optional == {URI + "occupation/developer": {URI + "skill/lead"}}


def test_obsolete_concepts_are_left_out(taxonomy: Taxonomy) -> None:
    assert URI + "occupation/old" not in {c.uri for c in taxonomy.occupations}


def test_the_version_names_release_and_content(folder: Path) -> None:
    before = Taxonomy.load(folder).version
    assert before.startswith("esco-9.8.7-")
    path = folder / "skills_en.csv"
    path.write_text(path.read_text("utf-8").replace("wound care", "care of wounds"), "utf-8")
    assert Taxonomy.load(folder).version != before


def test_says_what_is_wrong_with_a_folder(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no ESCO files"):
        Taxonomy.load(tmp_path)
    (folder / "skills_en.csv").write_text("uri,label\nx,y\n", "utf-8")
    with pytest.raises(ValueError, match=r"skills_en\.csv has no column conceptUri, preferredLabel"):
        Taxonomy.load(folder)


def test_the_packaged_copy_is_whole() -> None:
    taxonomy = Taxonomy.load()
    assert taxonomy.version == "esco-1.1.1-e195314e"
    assert (len(taxonomy.occupations), len(taxonomy.skills)) == (3007, 13896)
    skills = {concept.uri for concept in taxonomy.skills}
    assert all(own <= skills for own in taxonomy.essential.values())
    assert all("fr" in concept.labels for concept in taxonomy.occupations)
