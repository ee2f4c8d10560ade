"""What the anonymiser is compared with: its patterns without the tagger, and other tools' answers from a file."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from models.anonymise import patterns, personal, phones
from models.anonymise.corpus import Document
from models.anonymise.kinds import Found
from models.anonymise.lines import Lines
from models.anonymise.masking import merge, resolve


def find(text: str) -> list[Found]:
    """Patterns alone; as names the first line that looks like one, as an address what follows a label."""
    lines = Lines(text)
    certain = resolve([found for module in (patterns, phones, personal) for found in module.find(text, lines)])
    for line in lines.all:
        words = text[line.start : line.end].split()
        if 2 <= len(words) <= 4 and all(word[0].isupper() and word.replace("-", "").isalpha() for word in words):
            return merge(text, resolve([*certain, Found(line.start, line.end, "name")], first=len(certain)))
    return merge(text, certain)


def read(path: Path, docs: Sequence[Document]) -> Callable[[str], list[Found]]:
    """Spans (`[[start, end, kind], …]`, one line for each document) that another tool found.

    Raises:
        OSError, ValueError: the file is missing, damaged or of other documents.
    """
    rows = [[Found(*item) for item in json.loads(line)] for line in path.read_text("utf-8").splitlines()]
    by_text = {doc.text: sorted(row) for doc, row in zip(docs, rows, strict=True)}
    return by_text.__getitem__
