"""A taxonomy of five occupations and four skills in the official layout, and vectors that need no model."""

import csv
import gzip
import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from models.esco.taxonomy import Taxonomy
from models.esco.text import words

URI = "http://data.europa.eu/esco/"
OCCUPATIONS = [
    ("occupation/nurse", "2221.2", "nurse", "staff nurse\nward nurse", "infirmier/infirmière", "infirmière"),
    ("occupation/developer", "2512.4", "software developer", "programmer\napplication developer", "développeur", ""),
    ("occupation/web", "2513.5", "web developer", "front-end developer", "développeur web", ""),
    ("occupation/lead", "1120.3", "chief executive officer", "chief executive\nCEO", "directeur général", "PDG"),
    ("occupation/clerk", "4110.1", "office clerk", "clerk", "employé de bureau", ""),
]
SKILLS = [
    ("skill/python", "Python (computer programming)", "Python", "Python (programmation informatique)"),
    ("skill/wounds", "care for wounds", "wound care\ndress wounds", "soigner des plaies"),
    ("skill/files", "file documents", "maintain files", "classer des documents"),
    ("skill/lead", "lead a team", "guide a team", "diriger une équipe"),
]
RELATIONS = [
    ("occupation/developer", "essential", "skill/python"),
    ("occupation/developer", "optional", "skill/lead"),
    ("occupation/nurse", "essential", "skill/wounds"),
    ("occupation/nurse", "essential", "skill/files"),
]


def write(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    header = ["conceptUri", "code", "preferredLabel", "altLabels", "status"]
    en = [[URI + uri, code, label, alt, "released"] for uri, code, label, alt, _, _ in OCCUPATIONS]
    fr = [[URI + uri, code, label, alt, "released"] for uri, code, _, _, label, alt in OCCUPATIONS]
    _table(folder / "occupations_en.csv", [header, *en, [URI + "occupation/old", "1", "old", "", "obsolete"]])
    _table(folder / "occupations_fr.csv.gz", [header, *fr])
    skills = [[URI + uri, label, alt] for uri, label, alt, _ in SKILLS]
    _table(folder / "skills_en.csv", [["conceptUri", "preferredLabel", "altLabels"], *skills])
    french = [[URI + uri, label, ""] for uri, _, _, label in SKILLS]
    _table(folder / "skills_fr.csv", [["conceptUri", "preferredLabel", "altLabels"], *french])
    relations = [[URI + occupation, kind, URI + skill] for occupation, kind, skill in RELATIONS]
    _table(folder / "occupationSkillRelations_en.csv", [["occupationUri", "relationType", "skillUri"], *relations])
    return folder


def _table(path: Path, rows: Sequence[Sequence[str]]) -> None:
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "wt", encoding="utf-8-sig", newline="") as file:
        csv.writer(file).writerows(rows)


def embed(texts: Sequence[str]) -> NDArray[np.float32]:
    """Of each text the scaled sum of a fixed random vector for each word: alike where words are shared."""
    vectors = np.zeros((len(texts), 384), np.float32)
    for row, text in enumerate(texts):
        for word in words(text):
            seed = int.from_bytes(hashlib.sha256(word.encode()).digest()[:4])
            vectors[row] += np.random.default_rng(seed).standard_normal(384).astype(np.float32)
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(norms, 1e-9), np.float32)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(tmp_path / "ESCO dataset - v9.8.7")


@pytest.fixture
def taxonomy(folder: Path) -> Taxonomy:
    return Taxonomy.load(folder)
