"""Lines of a CV with the part of the document that they stand in, as offsets."""

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

Zone = Literal["header", "personal", "references", "body"]

# A line ends where its writer, or a text extractor that keeps columns apart, left a gap.
_GAP = re.compile(r"\s{3,}|\s?[\n\r\t\v\f\u2028\u2029]\s?")
_HEADER_LINES = 14
# A document in one line, as some databases keep them: its header is at most this long.
_HEADER_CHARS = 900
_CLOSING_LINES = 4
# A text of fewer lines is a piece of a CV: its end says nothing.
_FEWEST_LINES = 14
_HEADINGS: dict[Zone, frozenset[str]] = {
    "personal": frozenset(
        """personal details|personal information|personal data|personal profile|personal particulars|contact|contacts
        contact details|contact information|contact me|bio data|biodata|about me and contact|my details|personal
        further information|additional information|other information|miscellaneous|renseignements divers|divers
        informations complementaires|renseignements complementaires|personal|my contacts|contact info|details personnels
        informations personnelles|coordonnees|etat civil|donnees personnelles|renseignements personnels|me contacter
        information personnelle|infos personnelles|infos|identite|informations|details|personalia""".replace(
            "\n", "|"
        ).split("|")
    ),
    "references": frozenset(
        """references|referees|reference|referee|professional references|personal references|personnes de reference
        references professionnelles|recommandations|recommendations""".replace("\n", "|").split("|")
    ),
    "body": frozenset(
        """work|job history|work record
        summary|professional summary|executive summary|career summary|profile|professional profile|career profile
        objective|career objective|professional objective|about|about me|highlights|core competencies|key skills|skills
        core skills|technical skills|skills summary|qualifications|summary of qualifications|skill highlights
        areas of expertise|expertise|accomplishments|achievements|key achievements|experience|work experience
        professional experience|work history|employment|employment history|career history|relevant experience
        professional background|internships|projects|academic projects|education|education and training
        academic background|academic qualifications|education and qualifications|training|certifications|certificates
        certification|licenses|languages|language skills|interests|hobbies|hobbies and interests|volunteering
        volunteer experience|publications|awards|honors|affiliations|personal statement|overview
        profil|profil professionnel|resume du profil|a propos|a propos de moi|qui suis-je|objectif
        objectif professionnel
        accroche|experience professionnelle|experiences professionnelles|experiences|parcours|parcours professionnel
        formation|formations|formation et diplomes|diplomes|etudes|cursus|parcours scolaire|competences|competences cles
        competences techniques|competences informatiques|savoir-faire|savoir-etre|langues|informatique|logiciels|outils
        centres d'interet|centres d'interets|loisirs|stages|benevolat|certificats|realisations|projets|atouts|qualites
        domaines de competences|engagements""".replace("\n", "|").split("|")
    ),
}
_ZONE_OF = {heading.strip(): zone for zone, headings in _HEADINGS.items() for heading in headings}
_HEADER_NAMES = frozenset(
    ["", "header", "head", "intro", "name", "basics", "en-tete", "entete", "text", "cv", "resume"]
)
_LONGEST_HEADING = max(map(len, _ZONE_OF)) + 4
_EDGES = re.compile(r"^[^\w]+|[^\w)]+$")
_SPACES = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Line:
    """One line, without the white space around it.

    Attributes:
        number: of the line, from 0, blank lines not counted.
        zone: the part of the CV.
        closing: one of the last lines, where signatures and page footers stand.
    """

    start: int
    end: int
    number: int
    zone: Zone
    closing: bool

    @property
    def personal(self) -> bool:
        """Whether the line is where people write about themselves and not about their work."""
        return self.zone in ("header", "personal")


def split_lines(text: str, zone: Zone = "header") -> list[Line]:
    """The lines of a text, with their zones; a heading belongs to the zone that it opens.

    Args:
        zone: that the text begins in.
    """
    spans = list(_spans(text))
    lines: list[Line] = []
    since = 0
    for number, (start, end) in enumerate(spans):
        opened = _ZONE_OF.get(_heading(text[start:end])) if end - start <= _LONGEST_HEADING else None
        if opened is not None:
            zone, since = opened, number
        elif zone != "body" and zone != "references" and number - since >= _HEADER_LINES:
            zone = "body"
        closing = number >= max(_FEWEST_LINES, len(spans)) - _CLOSING_LINES
        if zone == "header" and end - start > _HEADER_CHARS:
            cut = _space_before(text, start + _HEADER_CHARS)
            lines.append(Line(start, cut, number, zone, False))
            zone, start = "body", cut
        lines.append(Line(start, end, number, zone, closing))
    return lines


def _spans(text: str) -> Iterator[tuple[int, int]]:
    start = 0
    for gap in (*(match.span() for match in _GAP.finditer(text)), (len(text), len(text))):
        line = text[start : gap[0]]
        if stripped := line.strip():
            first = start + len(line) - len(line.lstrip())
            yield first, first + len(stripped)
        start = gap[1]


def _space_before(text: str, position: int) -> int:
    cut = text.rfind(" ", position - 100, position)
    return cut + 1 if cut >= 0 else position


def _heading(text: str) -> str:
    return fold(_SPACES.sub(" ", _EDGES.sub("", text)).replace("&", "and"))


@lru_cache(maxsize=50_000)
def fold(word: str) -> str:
    """A word without case and diacritics, so that spellings of one name compare equal."""
    if word.isascii():
        return word.lower()
    decomposed = unicodedata.normalize(
        "NFKD", word.replace("’", "'").replace("œ", "oe").replace("ø", "o").replace("ł", "l")
    )
    return "".join(c for c in decomposed if not unicodedata.combining(c)).casefold()


def zone_of(heading: str) -> Zone:
    """The zone of a section that is called so; the header where the name says nothing but that."""
    folded = _heading(heading.replace("_", " "))
    return _ZONE_OF.get(folded, "header" if folded in _HEADER_NAMES else "body")


class Lines:
    """The lines of a text, to look up by offset.

    Args:
        zone: that the text begins in.
    """

    def __init__(self, text: str, zone: Zone = "header") -> None:
        self.all = split_lines(text, zone)
        self._starts = [line.start for line in self.all]

    def at(self, offset: int) -> Line | None:
        """The line that holds a character, or the one before it; None before the first."""
        index = bisect_right(self._starts, offset) - 1
        return self.all[index] if index >= 0 else None

    def personal(self, offset: int) -> bool:
        """Whether a character stands in a line of the header or of the personal details."""
        line = self.at(offset)
        return line is not None and line.personal
