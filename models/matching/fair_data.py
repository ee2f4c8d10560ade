"""The semi-synthetic set as a model reads it: CVs anonymised, texts embedded, one row for each pair."""

import argparse
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.anonymise.masking import anonymise
from models.datasets import read_lines
from models.esco.running import Embed
from models.esco.taxonomy import Taxonomy
from models.matching.fair_head import FairHead, Floats
from models.matching.synthetic import Dressed, Example, Facts, graded, invented

POSTINGS = 300
CHARACTERS = 650


@dataclass(frozen=True, slots=True)
class Encoded:
    """Examples with the embeddings of both sides.

    Attributes:
        postings: `(examples, E)`, of each example its posting's.
        cvs: `(texts, E)`, of each text; `examples[i].text` is the row.
    """

    examples: tuple[Example, ...]
    postings: Floats
    cvs: Floats

    def logits(self, head: FairHead) -> Floats:
        """Of each example."""
        return head.logits(self.postings, self.cvs[[e.text for e in self.examples]])

    def column(self, name: str) -> NDArray[np.bool_]:
        """A field of the examples that is true or false."""
        return np.array([getattr(example, name) for example in self.examples], bool)


def anonymised(texts: Iterable[str]) -> list[str]:
    """As the CV worker reads them."""
    return [anonymise(text).text for text in texts]


def raw(texts: Iterable[str]) -> list[str]:
    """As they came: what a matcher without an anonymiser reads."""
    return list(texts)


def encode(
    facts: Facts, own: Dressed, embed: Embed, read: Callable[[Sequence[str]], list[str]] = anonymised
) -> Encoded:
    """Embeds one part."""
    ids = list(dict.fromkeys(example.posting_id for example in own.examples))
    vectors = dict(zip(ids, embed([facts.postings[i] for i in ids]), strict=True))
    rows = np.array([vectors[example.posting_id] for example in own.examples], np.float32)
    return Encoded(own.examples, rows, embed(read(own.texts)))


def joined(parts: Sequence[Encoded]) -> Encoded:
    """Several sets as one."""
    examples: list[Example] = []
    texts = 0
    for part in parts:
        fields = ("posting_id", "cv_id", "group", "merit", "fit", "label")
        examples += [Example(text=e.text + texts, **{f: getattr(e, f) for f in fields}) for e in part.examples]
        texts += len(part.cvs)
    return Encoded(
        tuple(examples), np.vstack([part.postings for part in parts]), np.vstack([part.cvs for part in parts])
    )


@dataclass(frozen=True, slots=True)
class Sources:
    """Files of real pairs: postings and CVs (JSON lines), grades, ids of postings and CVs that are reserved."""

    postings: Path
    cvs: Path
    grades: tuple[Path, ...]
    reserved: tuple[Path, ...] = ()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Where the real pairs are; without them the set is the invented one alone."""
    parser.add_argument("--postings", type=Path, help="pool of postings, JSON lines")
    parser.add_argument("--cvs", type=Path, help="CVs, JSON lines")
    parser.add_argument("--grades", type=Path, nargs="+", default=[], help="graded pairs, JSON lines")
    parser.add_argument("--reserved", type=Path, nargs="+", default=[], help="ids that nothing may be learned from")


def sources(options: argparse.Namespace) -> Sources | None:
    """What the command line names.

    Raises:
        ValueError: some of the three files of real pairs are named, but not all.
    """
    named = (options.postings, options.cvs, options.grades)
    if not any(named):
        return None
    if not all(named):
        raise ValueError("real pairs need --postings, --cvs and --grades")
    return Sources(options.postings, options.cvs, tuple(options.grades), tuple(options.reserved))


def facts(sources: Sources | None, postings: int = POSTINGS, characters: int = CHARACTERS) -> dict[str, Facts]:
    """Invented facts, of so many postings, and real ones, of texts so long, where there are files."""
    found = {"invented": invented(Taxonomy.load(), postings)}
    if sources is None:
        return found
    reserved = {i for path in sources.reserved for i in path.read_text("utf-8").split()}
    grades = [row for path in sources.grades for row in read_lines(path)]
    grades = [row for row in grades if not reserved & {row["posting_id"], row["cv_id"]}]
    wanted = {row["posting_id"] for row in grades}
    rows = {row["id"]: row for row in read_lines(sources.postings) if row["id"] in wanted}
    cvs = {row["cv_id"]: row for row in read_lines(sources.cvs)}
    return found | {"graded": graded(rows, cvs, grades, characters)}
