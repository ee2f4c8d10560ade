"""What a CV says of the person in words: birth, age, nationality, gender, family, schools for one gender.

Where a phrase is written otherwise for men and women ("né le", "née le"), all of it is masked, so that nothing of the
difference is left. Job titles are not touched.
"""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from models.anonymise.clues import matches
from models.anonymise.kinds import Found, Kind
from models.anonymise.lines import Line, Lines, fold

DEMONYMS = "demonyms.txt"

_MONTHS = (
    r"(?:jan(?:uary|vier)?|feb(?:ruary)?|f[ée]v(?:rier)?|mar(?:ch|s)?|apr(?:il)?|avr(?:il)?|may|mai|june?|juin|july?|"
    r"juil(?:let)?|"
    r"aug(?:ust)?|ao[uû]t|sept?(?:ember|embre)?|oct(?:ober|obre)?|nov(?:ember|embre)?|dec(?:ember)?|"
    r"d[ée]c(?:embre)?)\.?"
)
_DATE = (
    r"(?:\d{1,2}\s?[/.\-–]\s?\d{1,2}\s?[/.\-–]\s?(?:\d{4}|\d\d)|\d{4}[/.\-]\d{1,2}[/.\-]\d{1,2}|\d{1,2} \d{1,2} "
    r"(?:19|20)\d\d"
    rf"|\d{{1,2}}(?:st|nd|rd|th|er)?(?: of)?[ .\-]{{0,2}}{_MONTHS},?[ .\-]?(?:\d{{4}}|\d\d)|{_MONTHS} \d{{1,2}}(?:st|"
    rf"nd|rd|th)?,? \d{{4}}"
    rf"|{_MONTHS} \d{{4}}|(?:19|20)\d\d)(?!\d)"
)
PLACE = (
    r"(?-i:[A-ZÀ-Ý][\w'’]+(?:[ -](?:(?:à|aux|sur|en|la|le|les|of|the|de|du|des|lès|sous)[ -])*[A-ZÀ-Ý][\w'’]+){0,3})"
)
_WHERE = rf"(?:,? ?(?:in|at|à|au|aux|en) (?:la |le )?{PLACE}(?: ?\([^)\n]{{1,30}}\))?(?:, ?{PLACE})?)"
# A value after its label: to the end of its part of the line or the next label, or else one word.
_COLON = r"\s?[:：=]\s{0,3}"
_VALUE = (
    r"(?:(?P<value>(?:(?![,;.]?\s(?-i:[A-ZÀ-Ý])[^\n:|,;]{1,24}\s?[:：])[^\n|•·\t]){1,60}?)(?=\s*(?:[\n|•·\t]|"
    r"\s{3}|\s[-–—]\s|$|[,;.]?\s(?-i:[A-ZÀ-Ý])[^\n:|,;]{1,24}\s?[:：]))|(?P<word>[^\W\d_]+(?:-[^\W\d_]+)*))"
)

_BIRTH_LABEL = re.compile(
    rf"\b(?:(?:dates?|place|year|day|country|city|town)(?: ?(?:and|&|/) ?place)? of birth|birth ?(?:date|place|day)|"
    rf"d\. ?o\. ?b\.?|dob|"
    rf"(?:date|lieu|ville|pays|ann[ée]e)(?: et lieu)? de naissance|date naiss\.?|anniversaire)\b\.?(?:{_COLON}|"
    rf"\s{{1,2}}-?\s?)"
    rf"(?:(?P<date>{_DATE}{_WHERE}?(?: ?\([^)\n]{{1,20}}\))?)|{_VALUE})",
    re.IGNORECASE,
)
_BORN = re.compile(
    rf"(?P<french>(?<!\w)n[ée](?:[(.·-]?e\)?)? ?(?:le|en|à|:)\s?)(?:{_DATE}{_WHERE}?|{PLACE}(?:,? (?:le|en) "
    rf"{_DATE})?)(?: ?\([^)\n]{{1,20}}\))?"
    rf"|(?P<english>\bborn\b(?: ?:)? ?(?:on |in )?(?:the )?)(?:{_DATE}{_WHERE}?|{PLACE}(?:,? (?:on|in) {_DATE})?)",
    re.IGNORECASE,
)
_OTHERS = (
    r"(?:company|firm|start-?up|business|brand|codebase|system|organi[sz]ation|students?|child(?:ren)?|pupils|"
    r"boys|girls|patients?|kids|group|entreprise|soci[ée]t[ée])"
)
_AGE_LABEL = re.compile(
    r"\b[aâ]ge\b(?:\s?[:：=-]\s?|\s\s?|\n)(?P<value>\d{2}(?: ?(?:ans|years?(?: old)?|yrs?|y\.?/?o\.?)\b)?)(?![\d-])",
    re.IGNORECASE,
)
_AGE = re.compile(
    rf"(?<![\d-])(?:1[6-9]|[2-7]\d)[ -]?(?:years?|yrs?)[ -]old\b(?! {_OTHERS})|(?<![\d-])(?:1[6-9]|[2-7]\d) ?(?:yo|"
    rf"y\.o\.|y/o)(?!\w)"
    rf"|(?<!\w)[âa]g[ée](?:[(.·-]?e\)?)? (?:de |d['’])(?:1[6-9]|[2-7]\d) ans\b|\b(?:i am|i['’]m) (?:aged )?(?:1[6-9]|"
    rf"[2-7]\d)(?= ?[,.;]| and\b)",
    re.IGNORECASE,
)
_AGED = re.compile(
    r"\baged? (?:of )?(?:1[6-9]|[2-7]\d)\b(?! ?(?:to|-|–))|(?<![\d-])(?:1[6-9]|[2-7]\d) ?(?:ans|years|yrs)\b",
    re.IGNORECASE,
)
_GENDER_LABEL = re.compile(
    rf"\b(?:gender|sex(?!\w)|sexe|genre|civilit[ée]|(?:marital|civil|family|matrimonial)[ -]status|situation "
    rf"(?:familiale|matrimoniale|maritale|de famille)|"
    rf"[ée]tat civil|(?:preferred )?pronouns|pronoms)(?:{_COLON}|(?<=status)\s\s?|(?<=sexe)\s|(?<=gender)\s){_VALUE}",
    re.IGNORECASE,
)
_COUNT = r"(?:\d|one|two|three|four|five|un|deux|trois|quatre|cinq|no|sans|aucun)"
_CHILDREN = (
    rf"{_COUNT} (?:young |small )?(?:child(?:ren)?|kids?|enfants?|dependants?|dependents?|sons?|daughters?|"
    rf"fils|filles?)(?: (?:à|a) charge)?(?: ?\([^)\n]{{1,20}}\))?"
)
_FAMILY = re.compile(
    rf"(?:single|married|divorced|widow(?:ed|er)?|separated|engaged|unmarried|in a (?:civil partnership|"
    rf"relationship)|c[ée]libataire|"
    rf"mari[ée](?:[(.·-]?e\)?)?|divorc[ée](?:[(.·-]?e\)?)?|s[ée]par[ée](?:[(.·-]?e\)?)?|veufs?|veuve|veuf\(ve\)|"
    rf"pacs[ée](?:[(.·-]?e\)?)?|"
    rf"concubinage|en concubinage|union libre|en couple|vie maritale|(?:fe)?male|(?:wo)?man|homme|femme|masculin|"
    rf"f[ée]minin|non-binary|"
    rf"m(?=[. ]*$)|f(?=[. ]*$)|mr\.?|mrs\.?|ms\.?|mx\.?|mme|mlle|monsieur|madame|mademoiselle|m\.|(?:he|she|they) ?/ "
    rf"?(?:him|her|them)(?: ?/ ?(?:his|hers|theirs))?|"
    rf"(?:il|elle|iel) ?/ ?(?:lui|elle)|{_CHILDREN})(?:,? (?:with |avec |et |and |without |p[èe]re de |m[èe]re de |"
    rf"father of |mother of )?{_CHILDREN})?",
    re.IGNORECASE,
)
_PARENT = re.compile(
    r"\b(?:(?:proud |single |devoted |stay-at-home |jeune |heureuse? )?(?:mother|father|mum|mom|dad|parent|m[èe]re|"
    r"p[èe]re|maman|papa) (?:of|de|d['’]) ?"
    rf"(?:{_CHILDREN}|{_COUNT}\b|famille|twins|jumeaux|jumelles)|stay-at-home (?:mother|father|mum|mom|dad|parent)|"
    rf"(?:housewife|househusband)|"
    r"(?:femme|homme) au foyer)",
    re.IGNORECASE,
)
_PERSON = re.compile(
    r"(?<=[- ]old )(?:woman|man|lady|gentleman|female|male)\b|\b(?:young|dynamic|mature) (?:woman|man|lady|"
    r"gentleman)\b|\b(?:jeune )(?:femme|homme|fille|garçon)\b"
    r"|\b(?:i am|i['’]m|as) an? (?:\w+ )?(?:woman|man|mother|father|wife|husband)\b(?! (?:of|who))"
    r"|\bje suis une? (?:\w+ )?(?:femme|homme)\b|\b(?:femme|homme) (?:dynamique|motiv[ée]e?|de \d\d ans)"
    r"|(?<!\w)(?:father|mother|husband|wife|spouse|p[èe]re|m[èe]re|[ée]pouse|[ée]poux|mari)(?=['’]s name|\s?:)"
    r"|\b(?:maiden name|nom de jeune fille|nom d['’]?[ée]pouse|nom marital|nom d['’]usage)|(?<!\w)n[ée]e "
    r"(?=(?-i:[A-ZÀ-Ý])(?!\w*\d))"
    r"|(?<=title: )(?:mr|mrs|ms|miss|mx)\b|(?<![\w/])[sdw]/o\b|\b(?:maternity|paternity)(?= leave)|(?<=cong[ée] "
    r")(?:de )?(?:maternit[ée]|paternit[ée])",
    re.IGNORECASE,
)
_PRONOUN = re.compile(
    r"\b(?:[Hh]e|[Ss]he|[Hh]im|[Hh]is|[Hh]ers?|[Hh]imself|[Hh]erself)(?:/(?:he|she|him|his|hers?|himself|"
    r"herself))?\b(?!['’]?\w)(?!/)|\b(?:[Hh]e|[Ss]he)(?=['’](?:s|d|ll)\b)|(?<!\w)\(?[Ss]\)?/?he\b"
)
_FRENCH_PRONOUN = re.compile(
    r"\b(?:[Ee]lle(?:-m[êe]me)?|[Ll]ui-m[êe]me)\b|\b[Ii]l\b(?! (?:n['’]|ne |m['’]|me |nous |vous |leur |lui )?(?:y "
    r"(?:a|avait|aura|eut)|fau|s['’]agi|convient|pleu|existe|suffi|import|appara|sembl"
    r"|(?:est|était|sera) (?:n[ée]cessaire|important|possible|imp[ée]ratif|pr[ée]vu|essentiel|[àa] noter|demand|"
    r"pr[ée]f[ée]rable|indispensable|temps|question|vrai)))",
)
_FRENCH_WORD = re.compile(r"\b(?:le|la|les|des|et|du|une|en|pour|dans|avec|au|aux|sur)\b")
_ENGLISH_WORD = re.compile(r"\b(?:the|and|of|to|in|for|with|at|as|by|from|is)\b")
_SAMPLE_CHARS = 3_000
_LONGEST_NATIONALITY = 40
_ONE_GENDER = r"(?:girls?|boys?|wom[ae]n|men|ladies|gentlemen|females?|males?)"
_SCHOOL = (
    r"(?:school|college|academy|high|grammar|secondary|primary|preparatory|prep|university|institute|convent|"
    r"boarding|club|team|society|association|league|football|soccer|basketball|rugby|hockey|volleyball|cricket|"
    r"tennis|swimming|rowing|lacrosse|choir|network|chapter|hostel|varsity|chess|debat\w+)"
)
_ONE_GENDER_SCHOOL = re.compile(
    rf"\b{_ONE_GENDER}(?:['’]s?)?(?= (?:[\w.'’-]+ ){{0,3}}?{_SCHOOL}\b)|(?<=for ){_ONE_GENDER}\b(?!['’]? (?:aged|"
    rf"with|to|in need))(?=\s*(?:$|[\n,;|(.–-]|in |of ))"
    r"|\b(?:de |d['’])?(?:jeunes )?(?:filles|garçons|demoiselles|jeunes gens)\b(?= |$|[\n,;|(.–-])"
    r"|(?:(?:alpha|beta|gamma|delta|epsilon|zeta|eta|theta|iota|kappa|lambda|mu|nu|xi|omicron|pi|rho|sigma|tau|"
    r"upsilon|phi|chi|psi|omega)[ ,]+){1,3}"
    r"(?:inc\.? )?(?:sorority|fraternity)|\b(?:sorority|fraternity|sororit[ée])\b|\b(?:(?:girl|boy) (?:scouts?|"
    r"guides?|brigade)|girl ?guiding|eagle scout|scoutes)\b"
    rf"|(?<=society of )women(?= )|\bwomen(?= in (?:tech|engineering|science|computing|finance|business|leadership|"
    rf"stem|it|data|ai|law|product)\b)|(?<=f[ée]minin )football|(?<=football )f[ée]minin",
    re.IGNORECASE,
)
_FRENCH_SCHOOL = re.compile(
    r"(?:lyc[ée]e|coll[èe]ge|[ée]cole|institution|pensionnat|internat|cours|couvent|institut|foyer)[^\n,;|]{0,40}$",
    re.IGNORECASE,
)
_SEPARATOR = re.compile(r"[|•·;,\t]|\s[/–—-]\s|\.\s|\s{3}|$")
_BOTH_FORMS = re.compile(r"(?:\(n?e\)|[.·]n?e)$")
_WORD = r"[^\W\d_]+(?:-[^\W\d_]+)*"
_WORDS = rf"(?P<words>{_WORD}(?:(?: and | et | ?[/&] ?){_WORD})?(?:\(n?e\)|[.·]n?e)?)"
_NATIONALITY = re.compile(
    rf"\b(?:nationalit(?:y|ies)|citizenships?|nationalit[ée]s?|citoyennet[ée])(?: ?\([^)\n]*\))?{_COLON}{_VALUE}",
    re.IGNORECASE,
)
_NATIONAL = re.compile(
    rf"\bnationalit(?:[ée]|y) {_WORDS}|\b(?:ressortissante?|citoyen(?:ne)?) {_WORDS}".replace("<words>", "<after>", 1)
    + rf"|\b{_WORDS.replace('<words>', '<before>')} (?:nationality|citizenship|nationals?|citizens?|passport(?: "
    rf"holder)?)\b",
    re.IGNORECASE,
)
_CITIZEN = re.compile(rf"\b(?:EU|UK|US|U\.S\.|USA|EEA) (?:citizen|national)s?\b|\b(?:citizen|national) of {PLACE}")


@cache
def _demonyms() -> frozenset[str]:
    lines = (Path(__file__).parent / DEMONYMS).read_text("utf-8").splitlines()
    words = {fold(word) for line in lines if not line.startswith("#") for word in line.split()}
    # French feminine and plural forms: -ien/-ienne, -ain/-aine, -ois/-oise.
    return frozenset(word + ending for word in words for ending in ("", "e", "ne", "s", "es"))


def _is_demonym(words: str) -> bool:
    """Whether all words are demonyms: "franco-marocaine", "British and Irish", "Français(e)"."""
    found = [
        word for word in re.split(r"[^\w]+", fold(_BOTH_FORMS.sub("", words))) if word and word not in ("and", "et")
    ]
    return bool(found) and all(word in _demonyms() for word in found)


# See `clues`.
_CLUES: dict[re.Pattern[str], tuple[str, ...]] = {
    _BIRTH_LABEL: ("birth", "dob", "d.o", "d. o", "naiss", "anniv"),
    _BORN: ("born", "né", "ne le", "nee le", "ne en", "nee en", "ne(e)"),
    _GENDER_LABEL: ("gender", "sex", "genre", "civilit", "status", "situation", "tat civil", "pron"),
    _PARENT: (
        "other",
        "ather",
        "mum",
        "mom",
        "dad",
        "parent",
        "ère",
        "ere",
        "maman",
        "papa",
        "housew",
        "househ",
        "foyer",
    ),
    _NATIONALITY: ("nationalit", "citizen", "citoyen"),
    _NATIONAL: ("nationalit", "national", "citizen", "citoyen", "passport", "ressortissant"),
    _CITIZEN: ("citizen", "national"),
    _ONE_GENDER_SCHOOL: (
        *("girl", "boy", "women", " men", "\nmen", "ladies", "gentlem", "male", "fille", "garçon", "demoiselle"),
        *("jeunes gens", "fratern", "soror", "scout", "féminin", "feminin"),
    ),
}


def find(text: str, lines: Lines) -> Iterator[Found]:
    """All kinds of this module, overlaps included."""
    lowered = text.lower()
    yield from _labelled(text, lowered, _BIRTH_LABEL, "birth_date", ("date", "value", "word"))
    for match in matches(_BORN, _CLUES[_BORN], text, lowered):
        line = lines.at(match.start())
        if line is not None and (
            line.zone != "body" or line.start == match.start() or match["french"] or _of_self(text, match.start())
        ):
            yield Found(*match.span(), "birth_date")
    yield from _labelled(text, lowered, _AGE_LABEL, "age", ("value",))
    yield from (Found(*match.span(), "age") for match in _AGE.finditer(text))
    yield from _labelled(text, lowered, _GENDER_LABEL, "gender", ("value", "word"))
    for pattern in (_PARENT, _PERSON, _PRONOUN):
        yield from (Found(*match.span(), "gender") for match in matches(pattern, _CLUES.get(pattern), text, lowered))
    if is_french(text):
        yield from (Found(*match.span(), "gender") for match in _FRENCH_PRONOUN.finditer(text))
    yield from _labelled(text, lowered, _NATIONALITY, "nationality", ("value", "word"))
    yield from (Found(*match.span(), "nationality") for match in matches(_CITIZEN, _CLUES[_CITIZEN], text, lowered))
    for match in matches(_NATIONAL, _CLUES[_NATIONAL], text, lowered):
        if _is_demonym(match["after"] or match["words"] or match["before"]):
            yield Found(*match.span(), "nationality")
    for match in matches(_ONE_GENDER_SCHOOL, _CLUES[_ONE_GENDER_SCHOOL], text, lowered):
        french = re.match(
            r"(?:de |d['’])?(?:jeunes )?(?:filles|garçons|demoiselles|jeunes gens)", match.group(), re.IGNORECASE
        )
        if not french or _FRENCH_SCHOOL.search(text, max(0, match.start() - 60), match.start()):
            yield Found(*match.span(), "school_gender")
    for line in lines.all:
        if line.personal:
            yield from _segments(text, line)


def is_french(text: str) -> bool:
    """Whether small French words outnumber the English ones."""
    sample = text[:_SAMPLE_CHARS]
    return len(_FRENCH_WORD.findall(sample)) > len(_ENGLISH_WORD.findall(sample))


def _of_self(text: str, start: int) -> bool:
    return text[max(0, start - 6) : start].lower().endswith(("i was ", "was "))


def _labelled(
    text: str, lowered: str, pattern: re.Pattern[str], kind: Kind, groups: tuple[str, ...]
) -> Iterator[Found]:
    for match in matches(pattern, _CLUES.get(pattern), text, lowered):
        for group in groups:
            if match[group]:
                yield Found(*match.span(group), kind)


def _segments(text: str, line: Line) -> Iterator[Found]:
    """Bare words between separators: "34 ans | Célibataire | Française"."""
    for match in _AGED.finditer(text, line.start, line.end):
        if _ends_segment(text, match.end(), line.end):
            yield Found(*match.span(), "age")
    position = line.start
    for separator in _SEPARATOR.finditer(text, line.start, line.end):
        segment = text[position : separator.start()].strip(" .()[]*")
        start = text.find(segment, position)
        position = separator.end()
        if _FAMILY.fullmatch(segment):
            yield Found(start, start + len(segment), "gender")
        elif len(segment) <= _LONGEST_NATIONALITY and _is_demonym(segment):
            yield Found(start, start + len(segment), "nationality")


def _ends_segment(text: str, position: int, end: int) -> bool:
    rest = text[position:end].lstrip()
    return not rest or rest[0] in "|•·;,/)–—-." or rest.lower().startswith(("et ", "and ", "mari", "célib"))
