"""Lines of a CV and the section that each stands in, by its headings (English, French)."""

import re
import unicodedata
from dataclasses import dataclass
from typing import Literal, get_args

from models.text.sentences import Span

Kind = Literal["head", "summary", "experience", "education", "skills", "languages", "certificates", "other"]
KINDS: tuple[Kind, ...] = get_args(Kind)

_MAX_HEADING_CHARS = 60
# Longer lines carry their content behind the colon: "Languages: English, French".
_LABEL = re.compile(r"\s*([^:]{3,40}?)\s*:\s*\S")
_NOT_LETTERS = re.compile(r"[^a-z&]+")
# Folded to lower case without accents; matched as a whole.
_HEADINGS: dict[Kind, str] = {
    "summary": (
        r"(?:(?:professional|career|executive|personal|qualifications?) )?"
        r"(?:summary|profile|overview|objectives?|statement)(?: statement)?|(?:about|a propos(?: de moi)?)(?: me)?"
        r"|(?:career|summary) (?:focus|of qualifications)"
        r"|(?:profil|resume|objectifs?|accroche|presentation)(?: (?:professionnels?|personnel|de carriere))?"
    ),
    "experience": (
        r"(?:(?:professional|work|relevant|employment|career|job|teaching|military|volunteer|additional|other|related|"
        r"industry|management|legal|previous) )*(?:experiences?|history|background|employment)(?: highlights)?"
        r"|(?:experiences?|parcours|emplois?|postes?)(?: (?:de travail|professionnel(?:le)?s?|occupes?|en entreprise))?"
        r"|stages?(?: et emplois)?|positions? held|carriere|professional positions|work"
    ),
    "education": (
        r"(?:(?:professional|academic|education(?:al)?|relevant) )?(?:education|background|training|studies|degrees?|"
        r"qualifications|coursework)(?: (?:and|&) (?:training|certifications?|credentials|qualifications|honou?rs))?"
        r"|academics?(?: (?:background|qualifications?|history))?|training (?:and|&) education"
        r"|(?:etudes|formations?|diplomes?|scolarite|cursus|parcours)"
        r"(?: (?:et (?:diplomes?|formations?)|academiques?|universitaires?|scolaires?|initiales?|continues?))?"
    ),
    "skills": (
        r"(?:(?:professional|technical|key|core|it|computer|hard|soft|special|relevant|other|additional|software|"
        r"job related|language|leadership|personal) )*"
        r"(?:skills?|competenc(?:ies|es?)|highlights|strengths|expertise|proficienc(?:ies|y)|qualifications|abilities|"
        r"tools|technologies|software|knowledge|skill highlights|skills used)"
        r"(?: (?:and|&) (?:abilities|competencies|technologies|tools|expertise|qualifications|software|skills))?"
        r"|areas? of (?:expertise|strength)|qualifications? highlights|highlights of qualifications|technical summary"
        r"|(?:competences?|savoir faire|informatique|outils|logiciels|atouts|aptitudes|connaissances|qualites)"
        r"(?: (?:cles?|techniques?|professionnelles?|informatiques?|metiers?|numeriques?|linguistiques?|"
        r"personnelles?))?"
        r"(?: et outils)?"
    ),
    "languages": r"(?:foreign )?languages?(?: skills| spoken| known)?|langues?(?: etrangeres?| parlees?)?",
    "certificates": (
        r"(?:(?:professional|technical|it) )?(?:certificat(?:ion|e)s?|licen[sc]es?|licensure|credentials)"
        r"(?: (?:and|&|et) (?:certificat(?:ion|e)s?|licen[sc]es?|licensure|training|credentials|habilitations?))?"
        r"|habilitations?(?: et certifications?)?|permis|accreditations?"
    ),
    "other": (
        r"(?:accomplishments?|awards?|honou?rs?|achievements?|publications?|presentations?|references?|interests?|"
        r"hobbies|activities|affiliations?|memberships?|projects?|community|volunteer(?:ing)?|personal)"
        r"(?: (?:information|service|involvement|work|activities))?"
        r"(?: (?:and|&) (?:honou?rs|awards|activities|interests|accomplishments|affiliations|recognition|hobbies))?"
        r"|(?:professional|core|selected|key|career) (?:affiliations?|memberships?|accomplishments?|activities)"
        r"|(?:activities|awards|honors|interests) (?:and|&) \w+|additional information"
        r"|centres? d interets?|loisirs|divers|realisations?|projets?|benevolat|distinctions|references?"
    ),
}
_KIND_OF = {kind: re.compile(pattern) for kind, pattern in _HEADINGS.items()}


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the text, no space at its edges.

    Attributes:
        kind: of the section that it stands in; a heading belongs to the section that it opens.
        heading: span of the heading that it stands under; empty before the first.
    """

    start: int
    end: int
    kind: Kind
    heading: Span


def lines(text: str) -> list[Line]:
    """All lines that are not empty, in order."""
    found: list[Line] = []
    kind: Kind = "head"
    heading = Span(0, 0)
    for match in re.finditer(r"[^\n]+", text):
        raw = match.group()
        content = raw.strip()
        if not content:
            continue
        start = match.start() + raw.index(content)
        span = Span(start, start + len(content))
        opened = heading_kind(content)
        if opened is not None:
            kind, heading = opened, span
            found.append(Line(*span, kind, Span(0, 0)))
            continue
        # "Skills: diplomacy, research" within a job speaks for its own line alone.
        label = _LABEL.match(content)
        own = heading_kind(label[1]) if label else None
        found.append(
            Line(*span, own or kind, Span(start + label.start(1), start + label.end(1)) if label and own else heading)
        )
    return found


def heading_kind(line: str) -> Kind | None:
    """The kind of section that a line opens, None for any other line."""
    if len(line) > _MAX_HEADING_CHARS:
        return None
    plain = unicodedata.normalize("NFKD", line.lower()).encode("ascii", "ignore").decode()
    plain = _NOT_LETTERS.sub(" ", plain).strip()
    return next((kind for kind, pattern in _KIND_OF.items() if pattern.fullmatch(plain)), None)
