"""Files of training data, and how they are split: by a hash, near-duplicates together."""

import gzip
import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from zlib import crc32

# Ignored by the loss, as PyTorch has it.
IGNORE = -100


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """Objects of a JSON lines file, plain or gzip.

    Raises:
        OSError, ValueError: not such a file.
    """
    with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as lines:
        for line in lines:
            if line.strip():
                yield json.loads(line)


def text_lines(path: Path) -> list[str]:
    """Lines of a text file but for blank ones and those that begin with `#`.

    Raises:
        OSError: there is no such file.
    """
    return [line for line in path.read_text("utf-8").splitlines() if line and not line.startswith("#")]


def draw(case_id: str, purpose: str = "") -> float:
    """Between 0 and 1, the same at each call."""
    return int(hashlib.sha256((purpose + case_id).encode()).hexdigest()[:8], 16) / 2**32


def near_duplicates(texts: Sequence[str]) -> list[int]:
    """For each text the index of its group's first member: texts that share half of their sampled word 8-grams."""
    sketches = []
    by_shingle: dict[int, list[int]] = defaultdict(list)
    for index, text in enumerate(texts):
        words = re.findall(r"\w+", text.lower())
        hashes = {crc32(" ".join(words[i : i + 8]).encode()) for i in range(max(1, len(words) - 7))}
        sketch = {h for h in hashes if h % 8 == 0} or {min(hashes)}
        sketches.append(sketch)
        for h in sketch:
            by_shingle[h].append(index)
    parent = list(range(len(texts)))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    for index, sketch in enumerate(sketches):
        for other in {j for h in sketch for j in by_shingle[h] if j < index}:
            if len(sketch & sketches[other]) * 2 >= min(len(sketch), len(sketches[other])):
                a, b = sorted((root(index), root(other)))
                parent[b] = a
    return [root(i) for i in range(len(texts))]
