"""Measures the anonymiser on invented people in layouts, bodies and with names that training never saw.

    python -m models.anonymise.evaluate [--cvs cvs.jsonl.gz --postings postings.jsonl.gz --reserved ids.txt] [--card]

Without `--cvs` all bodies are invented. A value counts as found when all its letters and digits are masked; a mask is a
false alarm when it touches nothing that was to be masked.
"""

import argparse
import json
import logging
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from models.anonymise import baseline, card, cases
from models.anonymise.bodies import real_postings
from models.anonymise.corpus import Document, document
from models.anonymise.identities import TEST, TRAIN
from models.anonymise.kinds import KINDS, Found, Kind
from models.anonymise.masking import anonymise
from models.anonymise.report import Alarms, Counts, Report
from models.anonymise.train import ENGLISH_SOURCES, FRENCH_SOURCES, add_data_arguments, real_texts

Finder = Callable[[str], Sequence[Found]]

_SPEED_CHARS = 3_500


def find(text: str) -> list[Found]:
    """What the anonymiser masks."""
    return [Found(span.start, span.end, span.kind) for span in anonymise(text).spans]


def covered(text: str, gold: Found, found: Sequence[Found]) -> bool:
    """Whether every letter and digit of the value is masked, as whatever kind."""
    return all(any(f.start <= i < f.end for f in found) for i in range(gold.start, gold.end) if text[i].isalnum())


def counts(docs: Sequence[Document], finder: Finder) -> dict[Kind, list[Counts]]:
    """Of each kind and document: values found, values, right masks, masks."""
    result: dict[Kind, list[Counts]] = {kind: [] for kind in KINDS}
    for doc in docs:
        found = finder(doc.text)
        for kind in KINDS:
            gold = [g for g in doc.spans if g.kind == kind]
            own = [f for f in found if f.kind == kind]
            right = sum(any(f.start < g.end and g.start < f.end for g in doc.spans) for f in own)
            result[kind].append(Counts(sum(covered(doc.text, g, found) for g in gold), len(gold), right, len(own)))
    return result


def test_documents(number: int, real: dict[str, dict[str, list[str]]]) -> list[Document]:
    """Test CVs, one language after the other."""
    return [
        document(f"test {i}", TEST, language, real[language][TEST]) for language in ("en", "fr") for i in range(number)
    ]


def invariance(number: int, real: dict[str, dict[str, list[str]]]) -> dict[str, list[Counts]]:
    """By language: pairs of one CV with two people in it, and how many of them give identical masked texts."""
    result: dict[str, list[Counts]] = {}
    for language in ("en", "fr"):
        pairs = []
        for i in range(number):
            a, b = (document(f"pair {i}", TEST, language, real[language][TEST], f"pair {i} {who}") for who in "ab")
            pairs.append(Counts(int(anonymise(a.text).text == anonymise(b.text).text), 1, 0, 0))
        result[language] = pairs
    return result


def seen_names(number: int, real: dict[str, dict[str, list[str]]]) -> list[Document]:
    """The test's layouts and bodies with names that training saw."""
    return [
        document(f"test {i}", TEST, lang, real[lang][TEST], people_part=TRAIN)
        for lang in ("en", "fr")
        for i in range(number)
    ]


def alarms(texts: Sequence[str]) -> list[Alarms]:
    """Masks in texts that are not about a person (postings)."""
    return [Alarms(anonymise(text).report(), len(text.split())) for text in texts]


def speed(docs: Sequence[Document]) -> float:
    """CVs of 3,500 characters a second, in processor time of one core."""
    texts = [(doc.text * 4)[:_SPEED_CHARS] if len(doc.text) < _SPEED_CHARS else doc.text[:_SPEED_CHARS] for doc in docs]
    started = time.process_time()
    for text in texts:
        anonymise(text)
    return len(texts) / (time.process_time() - started)


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_data_arguments(parser)
    parser.add_argument("--documents", type=int, default=300, help="test CVs of each language")
    parser.add_argument("--other", type=Path, help="JSON lines of another tool's spans on these CVs (see `--texts`)")
    parser.add_argument("--texts", type=Path, help="write the test CVs there, for another tool to read")
    parser.add_argument("--card", action="store_true", help="write CARD.md beside the model")
    options = parser.parse_args(arguments)
    real = real_texts(options)
    docs = test_documents(options.documents, real)
    if options.texts:
        options.texts.write_text(
            "".join(json.dumps({"text": d.text, "language": d.language}) + "\n" for d in docs), "utf-8"
        )
    tools: dict[str, dict[Kind, list[Counts]]] = {
        "anonymiser": counts(docs, find),
        "patterns only": counts(docs, baseline.find),
    }
    if options.other:
        tools["Presidio"] = counts(docs, baseline.read(options.other, docs))
    postings: list[str] = []
    if options.postings:
        reserved = {line for path in options.reserved for line in path.read_text("utf-8").split()}
        found = real_postings(options.postings, reserved, (*ENGLISH_SOURCES, *FRENCH_SOURCES))
        postings = found[TEST][:: max(1, len(found[TEST]) // 400)]
    report = Report(
        documents={"en": options.documents, "fr": options.documents},
        real=sum(doc.real for doc in docs),
        languages=[doc.language for doc in docs],
        tools=tools,
        seen=counts(seen_names(options.documents, real), find),
        identical=invariance(options.documents, real),
        cases=cases.score(find),
        postings=alarms(postings),
        speed=speed(docs[:200]),
    )
    sys.stdout.write("\n".join([*report.lines(), ""]))
    if options.card:
        card.write(Path(__file__).parent / "CARD.md", report)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    main()
