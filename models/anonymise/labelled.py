"""Names and addresses that the CV itself calls so ("Nom : …", "Address: …"), and titles before names."""

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence

from models.anonymise import lexicon
from models.anonymise.kinds import Found, Kind
from models.anonymise.lines import Lines
from models.anonymise.personal import PLACE
from models.anonymise.tagger import Featuriser

_STOP = r"(?=\s*(?:[\n|•·\t]|\s{3}|$|\s[–—-]\s|[,;.]?\s(?-i:[A-ZÀ-Ý])[^\n:|,;]{1,24}\s?[:：]))"
_NEXT_LABEL = r"(?!,?\s(?-i:[A-ZÀ-Ý])[^\n:|,;]{1,24}\s?[:：])"
_NAME = re.compile(
    r"(?:full |first |last |given |middle |family |candidate(?:['’]s)? |applicant(?:['’]s)? |legal |preferred "
    r")?(?:names?|surname|forenames?)(?: in full)?(?: ?\([^)\n]{0,25}\))?"
    r"|candidate|applicant|(?:father|mother|husband|wife|spouse)['’]?s? name|next of kin|emergency contact|maiden name"
    r"|nom(?: de famille| complet| de jeune fille| d['’][ée]pouse| d['’]usage| marital)?(?: ?(?:et|&|,|/) "
    r"?pr[ée]noms?)?|pr[ée]noms?(?: ?(?:et|&|,|/) ?noms?)?|candidate?|identit[ée]",
    re.IGNORECASE,
)
_ADDRESS = re.compile(
    r"(?:home |postal |mailing |permanent |present |current |residential |contact |correspondence |street "
    r")*address(?:es)?(?: line)?(?: ?\d)?|residence|domicile"
    r"|adresse(?: postale| personnelle| actuelle| permanente| du domicile)?|lieu de r[ée]sidence|r[ée]sidence"
    r"|home ?town|hometown|town|city|ville|code postal|post ?code|zip(?: code)?|county|country|pays|region|location|"
    r"localisation",
    re.IGNORECASE,
)
_VALUE = re.compile(
    rf"\s?[:：=]\s?\n?[ \t]{{0,4}}(?P<value>(?:{_NEXT_LABEL}[^\n|•·\t]){{1,120}}?){_STOP}", re.IGNORECASE
)
_NEXT_LINE = re.compile(r"[ \t]*\n[ \t]*(?P<value>[^\n|•·\t]{1,120})")
_RESIDES = re.compile(
    r"(?<!\w)(?:based in|lives in|living in|residing (?:at|in)|resident of|domicili[ée]e? [àa]|demeurant (?:au|[àa])|"
    r"habit(?:e|ant) [àa]|r[ée]sidant [àa])"
    rf" (?P<value>{PLACE}(?:, ?{PLACE}){{0,2}}|\d+[^\n|•·\t]{{1,80}}?{_STOP})",
    re.IGNORECASE,
)
_SEPARATOR = re.compile(r"[|•·\t]|\s{3}|\s[–—-]\s|[,;]\s|\.\s")
_TITLE = re.compile(
    r"(?<!\w)(?:mr|mrs|ms|miss|mx|mme|mmes|mlle|messrs|monsieur|madame|mademoiselle|sir|lady|m)\.?\s?(?:/\s?(?:mr|"
    r"mrs|ms|miss|mme)\.?\s?)?\Z",
    re.IGNORECASE,
)
_LABELS: tuple[tuple[re.Pattern[str], Kind], ...] = ((_NAME, "name"), (_ADDRESS, "address"))
# Ms is Microsoft as well.
_TITLED = re.compile(
    r"(?<!\w)(?P<title>Mr|Mrs|Ms|Miss|Mme|Mlle|Monsieur|Madame|Mademoiselle|MME|MLLE|M(?=\.))\.? "
    r"(?!(?:Office|Excel|Word|Access|Power|Outlook|Project|Publisher|Visio|Sql|Windows|Teams|Dos|Net|Asp)\w*)"
    r"(?P<name>[A-ZÀ-Ý][\w'’-]+(?: [A-ZÀ-Ý][\w'’-]+){0,2})"
)
_TITLE_CHARS = 16
_LONGEST_NAME = 6


def find(text: str, lines: Lines, found: Sequence[Found], featuriser: Featuriser) -> Iterator[Found]:
    """Values of labels that open a line or a part of one, and what follows Mr, Mrs, M., Mme.

    Args:
        found: what patterns found, sorted: values end before it.
    """
    starts = [item.start for item in found]
    for line in lines.all:
        for start in _parts(text, line.start, line.end):
            for label, kind in _LABELS:
                if kind == "address" and not line.personal:
                    continue
                match = label.match(text, start, line.end)
                if match is None:
                    continue
                alone = line.personal and (match.start(), match.end()) == (line.start, line.end)
                value = (_NEXT_LINE if alone else _VALUE).match(text, match.end())
                if value is None:
                    continue
                first, end = value.span("value")
                following = bisect_left(starts, first)
                if following < len(starts):
                    end = min(end, starts[following])
                if kind == "name" and len(text[first:end].split()) > _LONGEST_NAME:
                    continue
                if text[first:end].strip():
                    yield Found(first, first + len(text[first:end].rstrip(" ,;.(")), kind)
    for match in _RESIDES.finditer(text):
        if lines.personal(match.start()):
            yield Found(*match.span("value"), "address")
    for match in _TITLED.finditer(text):
        if match["title"] not in ("Ms", "M") or lexicon.PLAIN not in featuriser.classes(match["name"].split()[0]):
            yield Found(*match.span("name"), "name")


def _parts(text: str, start: int, end: int) -> Iterator[int]:
    yield start
    yield from (match.end() for match in _SEPARATOR.finditer(text, start, end))


def titles(text: str, found: Sequence[Found]) -> list[Found]:
    """Titles right before a name: they tell the gender."""
    result = []
    for start, _, kind in found:
        if kind == "name" and (match := _TITLE.search(text[max(0, start - _TITLE_CHARS) : start])):
            offset = max(0, start - _TITLE_CHARS)
            result.append(Found(offset + match.start(), offset + match.start() + len(match.group().rstrip()), "gender"))
    return result
