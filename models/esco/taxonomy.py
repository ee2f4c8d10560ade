"""The ESCO taxonomy: occupations, skills and which skills an occupation needs.

Source: the CSV files of https://esco.ec.europa.eu/en/use-esco/download, any version and language, plain or packed
(`.csv`, `.csv.gz`, `.csv.xz`). The copy beside this file has the same layout, less the columns that nothing here reads.
"""

import csv
import gzip
import hashlib
import json
import lzma
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

ATTRIBUTION = "This service uses the ESCO classification of the European Commission."
BUNDLED = Path(__file__).resolve().parent / "esco-v1.1.1"
# English first: where a concept has no label in the wanted language, the first of these is shown.
_DEFAULT_LANGUAGE = "en"
_OPEN: dict[str, Any] = {".csv": open, ".gz": gzip.open, ".xz": lzma.open}
_FILE = re.compile(r"(?P<kind>occupations|skills)_(?P<language>[a-z]{2})\.csv(?:\.gz|\.xz)?")
_RELATIONS = re.compile(r"occupationSkillRelations(?:_[a-z]{2})?\.csv(?:\.gz|\.xz)?")
_VERSION = re.compile(r"v?(\d+(?:\.\d+)+)")
# Skills have descriptions of some thousand characters: more than the module's default takes in one field.
csv.field_size_limit(1_000_000)


@dataclass(frozen=True, slots=True)
class Concept:
    """An occupation or a skill.

    Attributes:
        code: ISCO-08 unit group and ESCO's extension, `2654.1.7`; empty for skills.
        labels: of each language its labels, the preferred one first, none twice.
        descriptions: of each language at most one.
    """

    uri: str
    code: str
    labels: Mapping[str, tuple[str, ...]]
    descriptions: Mapping[str, str] = field(default_factory=dict)

    def label(self, language: str = _DEFAULT_LANGUAGE) -> str:
        """The preferred label in that language, else in English, else in any."""
        own = self.labels.get(language) or self.labels.get(_DEFAULT_LANGUAGE) or self.labels[min(self.labels)]
        return own[0]


@dataclass(frozen=True, slots=True)
class Taxonomy:
    """Concepts in order of their URIs, and the relations between them.

    Attributes:
        version: `esco-VERSION-DIGEST`, the digest over all that is loaded: two taxonomies of one version are equal.
        essential, optional: of an occupation's URI the URIs of its skills; none where the files have no relations.
    """

    version: str
    occupations: tuple[Concept, ...]
    skills: tuple[Concept, ...]
    essential: Mapping[str, frozenset[str]]
    optional: Mapping[str, frozenset[str]]

    @classmethod
    def load(cls, *folders: Path) -> "Taxonomy":
        """Reads the CSVs of one or more folders; without any, the copy that comes with this package.

        Further folders add languages or concepts; the first names the version.

        Raises:
            FileNotFoundError: a folder has no `occupations_*.csv` and no `skills_*.csv`.
            ValueError: a file lacks a column, or a relation has another type than `essential` and `optional`.
        """
        chosen = folders or (BUNDLED,)
        found: dict[str, dict[str, dict[str, Any]]] = {"occupations": {}, "skills": {}}
        relations: dict[str, dict[str, set[str]]] = {"essential": {}, "optional": {}}
        for folder in chosen:
            if not any(_FILE.fullmatch(path.name) for path in folder.glob("*")):
                raise FileNotFoundError(f"no ESCO files (occupations_en.csv, skills_en.csv, …) in {folder}")
            for path in sorted(folder.iterdir()):
                if match := _FILE.fullmatch(path.name):
                    _read_concepts(path, match["language"], found[match["kind"]])
                elif _RELATIONS.fullmatch(path.name):
                    _read_relations(path, relations)
        occupations, skills = (_concepts(found[kind]) for kind in ("occupations", "skills"))
        essential, optional = (
            {uri: frozenset(skills_of) for uri, skills_of in sorted(relations[kind].items())}
            for kind in ("essential", "optional")
        )
        version = _version(chosen[0], (occupations, skills), (essential, optional))
        return cls(version, occupations, skills, essential, optional)


def read_groups(folder: Path) -> dict[str, str]:
    """ISCO-08 unit groups, four digits to title, of the folder's `ISCOGroups_en.csv`; empty where it has none."""
    found: dict[str, str] = {}
    for path in sorted(folder.glob("ISCOGroups_en.csv*")):
        found |= {row["code"]: row["preferredLabel"] for row in _rows(path, ("code", "preferredLabel"))}
    return {code: title for code, title in found.items() if len(code) == 4}


def _read_concepts(path: Path, language: str, into: dict[str, dict[str, Any]]) -> None:
    for row in _rows(path, ("conceptUri", "preferredLabel")):
        if row.get("status") not in (None, "", "released"):
            continue
        labels = [row["preferredLabel"], *_lines(row.get("altLabels")), *_lines(row.get("hiddenLabels"))]
        labels = list(dict.fromkeys(label for label in (" ".join(label.split()) for label in labels) if label))
        if not labels:
            continue
        concept = into.setdefault(row["conceptUri"], {"code": "", "labels": {}, "descriptions": {}})
        concept["code"] = concept["code"] or row.get("code") or row.get("iscoGroup") or ""
        concept["labels"].setdefault(language, tuple(labels))
        if description := " ".join((row.get("description") or "").split()):
            concept["descriptions"].setdefault(language, description)


def _read_relations(path: Path, into: dict[str, dict[str, set[str]]]) -> None:
    for row in _rows(path, ("occupationUri", "relationType", "skillUri")):
        if row["relationType"] not in into:
            raise ValueError(f"{path.name}: relation type {row['relationType']!r}")
        into[row["relationType"]].setdefault(row["occupationUri"], set()).add(row["skillUri"])


def _rows(path: Path, needed: Iterable[str]) -> Iterator[dict[str, str]]:
    file: IO[str]
    with _OPEN[path.suffix](path, "rt", encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        if missing := set(needed) - set(reader.fieldnames or ()):
            raise ValueError(f"{path.name} has no column {', '.join(sorted(missing))}")
        yield from reader


def _lines(cell: str | None) -> list[str]:
    return (cell or "").splitlines()


def _concepts(found: Mapping[str, Mapping[str, Any]]) -> tuple[Concept, ...]:
    return tuple(Concept(uri, **found[uri]) for uri in sorted(found))


def _version(
    folder: Path, concepts: tuple[tuple[Concept, ...], ...], relations: tuple[Mapping[str, frozenset[str]], ...]
) -> str:
    digest = hashlib.sha256()
    for group in concepts:
        rows = [(c.uri, c.code, sorted(c.labels.items()), sorted(c.descriptions.items())) for c in group]
        digest.update(json.dumps(rows).encode())
    for relation in relations:
        digest.update(json.dumps([(uri, sorted(skills)) for uri, skills in sorted(relation.items())]).encode())
    name = _VERSION.search(folder.resolve().name)
    return f"esco-{name[1] if name else 'unversioned'}-{digest.hexdigest()[:8]}"
