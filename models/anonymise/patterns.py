"""What has a form of its own: e-mail addresses, links, photos, numbers of documents.

Checksums come from python-stdnum. Presidio and scrubadub were looked at: both find names by a spaCy model (400 MB
installed, some 10 CVs a second), know no French document but by hand-written recognisers, and have no rule for what a
CV says beside contacts (marital status, pronouns, schools for girls); what is left of them are patterns like these.
"""

import re
from collections.abc import Iterator

from stdnum import iban
from stdnum.fr import nir
from stdnum.us import ssn

from models.anonymise.clues import matches
from models.anonymise.kinds import Found
from models.anonymise.lines import Lines

_AT = r"(?:\s?@\s?|\s?[\[({]\s?(?:at|arobase|chez|@)\s?[\])}]\s?|\s(?:AT|arobase)\s)"
_DOT = r"(?:\.|\s?[\[({]\s?(?:dot|point|\.)\s?[\])}]\s?|\s(?:DOT|point)\s)"
_EMAIL = re.compile(
    rf"(?:mailto:)?(?<![\w.+%-])[\w.+%’'-]++{_AT}[\w-]+(?:{_DOT}[\w-]+)+|(?<![\w.+%-])[\w.+%-]++@[A-Za-z][\w-]+"
)
_SITES = (
    r"(?:linkedin|github|gitlab|bitbucket|twitter|facebook|instagram|behance|dribbble|medium|stackoverflow|youtube|"
    r"viadeo|xing|researchgate|kaggle|pinterest|tiktok|vimeo|malt|doyoubuzz|about|wa|t|x|fb|orcid|calendly|linktr|"
    r"scholar\.google|hackerrank|leetcode|soundcloud|artstation|codepen)"
)
# A link that a narrow column broke goes on in the next line.
_BROKEN = r"(?:(?<=[-/_])\n[\w%-]+/?)?"
_URL = re.compile(
    r"(?:https?|ftp)://[^\s<>|\"]+"
    + _BROKEN
    + r"|(?<![\w@.])www\.[^\s<>|,;\"]+"
    + _BROKEN
    + rf"|(?<![\w@.-])(?:[a-z]{{2,3}}\.)?{_SITES}\.(?:com|org|net|io|me|fr|ee|co|be)(?:/[^\s<>|,;\"]*{_BROKEN}|"
    rf"(?![\w.-]))"
    + r"|(?<![^\s(|:])/?in/[\w%-]{3,}/?"
    + r"|(?<![\w.@/+-])@[A-Za-z_][\w.]{2,}(?<!\.)"
    + r"|(?<!\S)(?:skype|live):[\w.:-]+",
    re.IGNORECASE,
)
_DOMAIN = re.compile(
    r"\.(?:com|org|net|fr|uk|io|dev|me|eu|be|ch|ca|co|info|biz|de|es|it|in|us|name|pro|tech|site|online|app|page|"
    r"studio|design)"
    r"(?![\w.-]*[\w-])(?:/[^\s<>|,;\"]*)?",
    re.IGNORECASE,
)
_HOST = re.compile(r"(?<![\w@./-])(?!(?:asp|ado|vb|node|vue|socket|draw)\Z)[\w-]+(?:\.[\w-]+)*\Z", re.IGNORECASE)
_HOST_CHARS = 60
_HANDLE = re.compile(
    r"\b(?:linked-?in|git-?hub|git-?lab|twitter|x|facebook|instagram|insta|skype|telegram|wechat|snapchat|discord|"
    r"viadeo|xing|behance|kaggle|tik-?tok|portfolio|web ?site|blog|site(?: web)?|profil linkedin|linkedin profile)"
    r"(?: ?(?:id|profile|handle|name|url|address|account))?\s?[:：]\s?(?P<value>[^\s|•·;,]+(?:[ ][^\s|"
    r"•·;,:]+){0,3})(?![^\s|•·;,])",
    re.IGNORECASE,
)
_IMAGE = re.compile(
    r"!\[[^\]\n]*\]\([^)\n]*\)|data:image/[\w+.-]+;base64,[\w+/=]+|<img\b[^>]*>"
    r"|(?<!\S)\[?[^\s\[\]/]+\.(?:jpe?g|png|gif|webp|heic)\]?(?!\S)"
    r"|[\[(] ?(?:insert |your |ins[ée]rer )?(?:photo(?:graph)?|picture|headshot|image)(?: (?:here|ici|"
    r"d['’]identit[ée]))? ?[\])]",
    re.IGNORECASE,
)
_PHOTO_LINE = re.compile(
    r"(?:passport[- ]?size[d]? |recent |profile |insert |your )?(?:photo(?:graph)?|picture|headshot)"
    r"(?: (?:attached|enclosed|here|included|available on request|d['’]identit[ée]|ci-jointe|jointe))?[.:]?",
    re.IGNORECASE,
)
# Groups with a digit each; letters may lead (passports) or stand alone within (banks in an IBAN).
_VALUE = (
    r"(?P<value>(?-i:(?:[A-Z]{1,3}[ -])?[A-Z]*\d[A-Z\d]*(?:[ .\-/](?:[A-Z]{4} )?[A-Z]*\d[A-Z\d]*)*(?: [A-D])?))(?!\w)"
)
_NUMBER_LABEL = re.compile(
    r"\b(?:passport|passeport|(?:national |voter )?id(?:entity)?(?: card)?|(?:carte(?: nationale)? d['’]|pi[eè]ce "
    r"d['’])identit[ée]|"
    r"cnie?|national insurance|ni|nino|ssn|social security|s[ée]curit[ée] sociale|s[ée]cu|nir|insee|aadhaa?r|pan|nric|"
    r"iqama|emirates id|driv(?:ing|er['’]?s?) licen[cs]e|permis de conduire|tax file|iban|rib|nie|dni|bsn|pesel|"
    r"nhs(?= n)|nmc"
    r"(?: pin)?|gmc|hcpc|rpps|adeli|titre de s[ée]jour|carte de s[ée]jour|visa|social insurance|sin)"
    r"(?: ?(?:no|number|num[ée]ro|n°|nº|num|nr|card|id|pin|#))*\.? ?[:：#°-]?\s{0,2}" + _VALUE,
    re.IGNORECASE,
)
_NUMBER_FIRST = re.compile(
    r"\b(?:n°|nº|num[ée]ro) (?:de |d['’])?(?:passeport|s[ée]curit[ée] sociale|s[ée]cu|cni|carte "
    r"d['’]identit[ée])\s?[:：]?\s?" + _VALUE,
    re.IGNORECASE,
)
_NIR = re.compile(r"(?<!\w)[1-8][ .]?\d\d[ .]?\d\d[ .]?(?:\d\d|2[AB])[ .]?\d{3}[ .]?\d{3}[ .-]?\d\d(?!\w)")
_IBAN = re.compile(r"(?<!\w)[A-Z]{2}\d\d(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?(?!\w)")
_SSN = re.compile(r"(?<![\w-])\d{3}-\d\d-\d{4}(?![\w-])")
# National Insurance numbers have no check digit; these letters are never given (HMRC, NIM39110).
_NINO = re.compile(r"(?<!\w)(?!BG|GB|KN|NK|NT|TN|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d\d ?\d\d ?\d\d ?[A-D](?!\w)")
_FEWEST_DIGITS = 5
_YEARS = re.compile(r"(?:\D*(?:19|20)\d\d)+")
_EMAIL_CLUES = ("@", " at ", "at)", "at]", "at}", "at )", "at ]", "arobase", "chez)", "chez]")
_URL_CLUES = (
    "://",
    "www.",
    "@",
    "in/",
    "skype:",
    "live:",
    ".com",
    ".org",
    ".net",
    ".io",
    ".me",
    ".fr",
    ".ee",
    ".co",
    ".be",
)
_IMAGE_CLUES = ("![", "data:", "<img", "photo", "picture", "headshot", "image", ".jp", ".png", ".gif", ".web", ".heic")
_TRAILING = ".,;:!?)]}'\"’»"


def find(text: str, lines: Lines) -> Iterator[Found]:
    """E-mail addresses, links, identifiers and photos."""
    lowered = text.lower()
    for match in matches(_EMAIL, _EMAIL_CLUES, text, lowered):
        yield Found(match.start(), _trimmed(text, match.start(), match.end()), "email")
    for match in matches(_URL, _URL_CLUES, text, lowered):
        yield Found(match.start(), _trimmed(text, match.start(), match.end()), "url")
    for match in _DOMAIN.finditer(text):
        if lines.personal(match.start()) or "/" in match.group():
            offset = max(0, match.start() - _HOST_CHARS)
            if host := _HOST.search(text[offset : match.start()]):
                yield Found(offset + host.start(), match.end(), "url")
    for match in _HANDLE.finditer(text):
        if lines.personal(match.start()) or re.search(r"[\d_./]", match["value"]):
            yield Found(*match.span("value"), "url")
    yield from _identifiers(text)
    for match in matches(_IMAGE, _IMAGE_CLUES, text, lowered):
        yield Found(*match.span(), "photo")
    for line in lines.all:
        if line.end - line.start < 60 and _PHOTO_LINE.fullmatch(text, line.start, line.end):
            yield Found(line.start, line.end, "photo")


def _trimmed(text: str, start: int, end: int) -> int:
    while end > start + 1 and text[end - 1] in _TRAILING:
        end -= 1
    return end


def _identifiers(text: str) -> Iterator[Found]:
    for label in (_NUMBER_LABEL, _NUMBER_FIRST):
        for match in label.finditer(text):
            digits = sum(c.isdigit() for c in match["value"])
            if digits >= _FEWEST_DIGITS and not _YEARS.fullmatch(match["value"]):
                yield Found(*match.span("value"), "identifier")
    for pattern, valid in ((_NIR, nir.is_valid), (_IBAN, iban.is_valid), (_SSN, ssn.is_valid)):
        for match in pattern.finditer(text):
            if valid(match.group()):
                yield Found(*match.span(), "identifier")
    for match in _NINO.finditer(text):
        yield Found(*match.span(), "identifier")
