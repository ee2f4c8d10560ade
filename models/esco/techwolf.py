"""TechWolf's skill extraction sets (Decorte et al. 2022, 2023): test sentences and spans with their ESCO skills."""

import csv
import gzip
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from models.esco.taxonomy import Concept
from models.esco.tune import Query

_SETS = ("tech", "house", "techwolf")


def load(folder: Path, skills: Sequence[Concept]) -> dict[str, list[Query]]:
    """Of each set its test sentences, and its spans where it has some; only texts with a skill of the taxonomy.

    Raises:
        FileNotFoundError: a set is missing.
    """
    by_label = {concept.label("en").casefold(): concept.uri for concept in skills}
    result = {}
    for name in _SETS:
        right: dict[str, dict[str, set[str]]] = {"sentences": defaultdict(set), "spans": defaultdict(set)}
        for row in _rows(folder, f"{name}_test_annotations.csv"):
            uri = by_label.get(row["label"].strip().casefold())
            for column, texts in (("sentence", "sentences"), ("span", "spans")):
                if uri and (text := (row.get(column) or "").strip()):
                    right[texts][text].add(uri)
        for texts, own in right.items():
            if own:
                result[f"{name}, {texts}"] = [Query(text, frozenset(uris)) for text, uris in sorted(own.items())]
    return result


def _rows(folder: Path, name: str) -> list[dict[str, str]]:
    path = folder / name
    if path.exists():
        with path.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))
    with gzip.open(folder / f"{name}.gz", "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
