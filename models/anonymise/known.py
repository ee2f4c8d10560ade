"""Names that were found once, wherever else they stand in the text."""

import re
from collections.abc import Collection, Iterator

from models.anonymise import lexicon
from models.anonymise.kinds import PLACEHOLDER, Found
from models.anonymise.lines import fold
from models.anonymise.tagger import TOKEN, Featuriser

_FILE = re.compile(r"(?<!\S)[^\s/|]{2,120}\.(?:pdf|docx?|odt|rtf|txt|pages|html?)(?!\w)", re.IGNORECASE)
# Parts this short, and names of months, say nothing alone.
_SHORTEST = 3
_MONTHS = frozenset(
    ["april", "may", "june", "august", "avril", "mai", "juin", "aout", "mars", "janvier", "march", "january"]
)
_PARTICLES = frozenset(
    [
        "de",
        "del",
        "della",
        "der",
        "den",
        "van",
        "von",
        "da",
        "di",
        "du",
        "la",
        "le",
        "el",
        "al",
        "ben",
        "bin",
        "ibn",
        "mac",
        "mc",
        "st",
        "o",
    ]
)
_ORGANISATION = frozenset(
    [
        "&",
        "ltd",
        "limited",
        "inc",
        "llc",
        "llp",
        "plc",
        "corp",
        "corporation",
        "co",
        "company",
        "group",
        "groupe",
        "sarl",
        "sas",
        "sa",
        "gmbh",
        "ag",
        "partners",
        "associates",
        "associes",
        "fils",
        "sons",
        "bros",
        "brothers",
        "bank",
        "banque",
        "consulting",
        "conseil",
        "solutions",
        "services",
        "systems",
        "technologies",
        "university",
        "universite",
        "college",
        "school",
        "lycee",
        "ecole",
        "institute",
        "institut",
        "hospital",
        "hopital",
        "clinic",
        "clinique",
        "foundation",
        "fondation",
        "trust",
        "society",
        "centre",
        "center",
        "cabinet",
        "maison",
        "ets",
        "etablissements",
        "street",
        "road",
        "avenue",
        "rue",
        "boulevard",
        "place",
        "hotel",
        "award",
        "prize",
        "prix",
    ]
)
_PLAIN_LETTERS = {code: letter for code in range(0xC0, 0x250) if len(letter := fold(chr(code))) == 1}
_JOINED = re.compile(r"[ \u00a0]?(?:[-'’.]|[ \u00a0])[ \u00a0]?")


def parts(text: str, names: Collection[Found]) -> frozenset[str]:
    """The folded words of the names."""
    values = (PLACEHOLDER.sub(" ", text[start:end]) for start, end, _ in names)
    words = (fold(m.group()) for value in values for m in TOKEN.finditer(value))
    return frozenset(w for w in words if w[:1].isalpha() and w not in _ORGANISATION)


def _telling(word: str) -> bool:
    """Whether a part is more than an initial or a particle."""
    return len(word) >= _SHORTEST and word not in _PARTICLES


def find(text: str, known: Collection[str], featuriser: Featuriser) -> Iterator[Found]:
    """Further places of known names.

    A part alone counts as a whole capitalised word, where the words beside it do not make it the name of a company or
    a place ("Morgan Stanley" is not a Mr Stanley); a plain word or a town needs another part of a name at its side, as
    do initials and particles.

    Args:
        known: folded words (see `parts`).
    """
    if not any(map(_telling, known)):
        return
    for file in _FILE.finditer(text):
        yield from (Found(*m.span(), "name") for m in _in_file_name(known).finditer(text, *file.span()))
    pattern = _anywhere(known)
    run: list[re.Match[str]] = []
    for match in pattern.finditer(_unaccented(text)):
        if run and not _JOINED.fullmatch(text, run[-1].end(), match.start()):
            yield from _run(text, run, featuriser)
            run = []
        run.append(match)
    if run:
        yield from _run(text, run, featuriser)


def _unaccented(text: str) -> str:
    """The text with one plain letter for each, so that offsets stay."""
    return text if text.isascii() else text.translate(_PLAIN_LETTERS)


def _anywhere(known: Collection[str]) -> re.Pattern[str]:
    return re.compile(r"(?<![\w])(?:" + "|".join(map(re.escape, sorted(known))) + r")(?!\w)", re.IGNORECASE)


def _in_file_name(known: Collection[str]) -> re.Pattern[str]:
    telling = sorted(filter(_telling, known), key=lambda w: (-len(w), w))
    return re.compile("|".join(map(re.escape, telling)), re.IGNORECASE)


def is_organisation(text: str, name: Found) -> bool:
    """Whether words in or beside a name make it one of a company, a school or a place ("Claude Bernard University")."""
    if any(fold(m.group()) in _ORGANISATION for m in TOKEN.finditer(text, name.start, name.end)):
        return True
    return not _ORGANISATION.isdisjoint(map(fold, _neighbours(text, name.start, name.end)))


def _run(text: str, run: list[re.Match[str]], featuriser: Featuriser) -> Iterator[Found]:
    """A run of parts side by side: masked as a whole, or left."""
    while run and fold(run[0].group()) in _PARTICLES:
        run = run[1:]
    while run and fold(run[-1].group()) in _PARTICLES:
        run = run[:-1]
    telling = sum(_telling(fold(part.group())) for part in run)
    if not telling:
        return
    start, end = run[0].start(), run[-1].end()
    if is_organisation(text, Found(start, end, "name")):
        return
    if len(run) == 1:
        word = text[start:end]
        before, after = _neighbours(text, start, end)
        classes = featuriser.classes(word)
        if not word[0].isupper() or fold(word) in _MONTHS or lexicon.PLAIN in classes:
            return
        # "In London for" and not "Jack can"; a line that opens with a town goes on in capitals or ends.
        if lexicon.TOWN in classes and lexicon.FIRST not in classes and (before or not after[:1].islower()):
            return
        if any(w[:1].isupper() and lexicon.PLAIN not in featuriser.classes(w) and len(w) > 1 for w in (before, after)):
            return
    yield Found(start, end, "name")


_BEFORE = re.compile(r"(?:([\w'’]+|&)[ \u00a0-]?)?\Z")
_AFTER = re.compile(r"[ \u00a0-]?([\w'’]+|&)?")


def _neighbours(text: str, start: int, end: int) -> tuple[str, str]:
    before = _BEFORE.search(text[max(0, start - 30) : start])
    after = _AFTER.match(text[end : end + 30])
    return (before[1] or "" if before else ""), (after[1] or "" if after else "")
