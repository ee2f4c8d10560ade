"""Phone numbers, told from dates, amounts, versions and other numbers.

`phonenumbers` knows the numbering plans; scanning whole texts with it takes some 20 ms a CV and misses numbers that no
plan has (invented, mistyped, old). So shapes are found first, and the library is asked only about the doubtful ones.
"""

import re
from collections.abc import Iterator

import phonenumbers

from models.anonymise.kinds import Found
from models.anonymise.lines import Lines

_DASH = r"\-‐-―−"
# Not an American postcode that a number follows.
_CANDIDATE = re.compile(
    rf"(?<![\w.,/€$£%+])(?<!\d[{_DASH}])(?!\d{{5}}[{_DASH}]\d{{4}} +[(+\d])"
    rf"(?:\(?\+ ?|\(?00 ?)?\(?\d(?:[ \u00a0.{_DASH}]{{0,3}}[()]?[ \u00a0.{_DASH}/]?\d){{5,17}}\)?(?!\w)"
    r"(?:[ ,]{0,2}(?:x|ext\.?|extension|poste)[ .:]{0,2}\d{1,5}(?!\d))?",
    re.IGNORECASE,
)
_LABEL = re.compile(
    r"(?:\bt[ée]l(?:[ée]phones?)?|\b(?:tele)?phones?|\bmobiles?|\bmob|\bcell(?:ular|phone)?|\bportables?|\bport|"
    r"\bfax|\bgsm|"
    r"\bwhats ?app|\bcall|\bviber|\bline directe|\bjoignable(?: au)?|☎|📞|📱|✆|\b[TMPHC](?=\s?[.:]))(?: ?(?:no|number|"
    r"n°|num[ée]ro|/ ?[a-z]+|"
    r"\([a-z ]{1,12}\)|[a-z]{1,8}))?\s?[.:：#/)°-]{0,2}\s{0,2}(?:\+?\d[\d\s().-]{5,18}\d\s?[/,;&]\s?|(?:or|ou|et|"
    r"and)\s)?\Z",
    re.IGNORECASE,
)
_LABEL_CHARS = 60
_YEAR = r"(?:19|20)\d\d"
_DAY = r"(?:0?[1-9]|[12]\d|3[01])"
_MONTH = r"(?:0?[1-9]|1[0-2])"
_SEP = rf"\s?[./{_DASH}]\s?"
_DATE = re.compile(
    rf"(?:{_DAY}{_SEP})?{_MONTH}{_SEP}{_YEAR}(?:[\s{_DASH}/.]+(?:{_DAY}{_SEP})?(?:{_MONTH}{_SEP})?{_YEAR})?|"
    rf"{_YEAR}(?:{_SEP}{_MONTH}(?:{_SEP}{_DAY})?)?(?:[\s{_DASH}/.]+{_YEAR}(?:{_SEP}{_MONTH}(?:{_SEP}{_DAY})?)?)*|"
    rf"{_DAY}{_SEP}{_MONTH}{_SEP}\d\d(?:[\s{_DASH}]+{_DAY}{_SEP}{_MONTH}{_SEP}\d\d)?|"
    rf"{_YEAR}(?:[\s{_DASH}/.]+\d\d(?!\d))|(?:{_YEAR}[\s{_DASH}/.]+){{1,4}}\d{{1,4}}"
)
_THOUSANDS = re.compile(r"[1-9]\d{0,2}(?:([ \u00a0.,'])\d{3})(?:\1\d{3})*")
_ADDRESS_OF_HOST = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}")
_AMOUNT_BEFORE = re.compile(
    r"(?:[$€£₹¥]|\b(?:EUR|USD|GBP|CHF|CAD|INR|Rs|ISBN|ISSN|SIRET|SIREN|RCS|ref|réf|v|version)[.:]?)\s?$", re.IGNORECASE
)
_AMOUNT_AFTER = re.compile(
    r"\s?(?:[$€£₹%]|k€|(?:euros?|EUR|USD|GBP|dollars?|units?|users?|customers?|clients?|people|employees|salari[ée]s|"
    r"collaborateurs|m2|m²|kg|km|ans|years)\b)",
    re.IGNORECASE,
)
_NANP = re.compile(rf"(?:\+?1[ .{_DASH}]?)?\(?[2-9]\d\d\)?[ .{_DASH}]{{0,3}}\d{{3}}[ .{_DASH}]{{1,3}}\d{{4}}")
_PAIRS = re.compile(rf"0[1-9](?:[ \u00a0.{_DASH}]{{0,2}}\d\d){{4}}")
_TRUNK = re.compile(
    rf"\(?0\d{{2,5}}\)?[ {_DASH}]{{1,3}}\d{{3,4}}[ {_DASH}]?\d{{3,4}}|0[127]\d{{9}}|"
    rf"0\d{{1,3}}/(?!{_YEAR})\d{{2,3}}(?:[ .]?\d\d){{2}}"
)
_REGIONS = ("GB", "US", "FR", "BE", "CH", "IN", "DE", "ES", "IT", "MA", "DZ", "TN", "SN", "CI", "NG", "KE", "PK", "AU")


def find(text: str, lines: Lines) -> Iterator[Found]:
    """Phone and fax numbers, with their extensions."""
    for match in _CANDIDATE.finditer(text):
        start, end = match.span()
        # Brackets around the whole number are the sentence's, those around a prefix are its own.
        if text[start] == "(" and text.find(")", start, end) in (-1, end - 1):
            start += 1
        if text[end - 1] == ")" and text.count(")", start, end) > text.count("(", start, end):
            end -= 1
        if _is_phone(text, start, end, lines):
            yield Found(start, end, "phone")


def _is_phone(text: str, start: int, end: int, lines: Lines) -> bool:
    number = text[start:end]
    digits = sum(c.isdigit() for c in number)
    if digits < 6 or _DATE.fullmatch(number) or _AMOUNT_BEFORE.search(text, max(0, start - 10), start):
        return False
    if _AMOUNT_AFTER.match(text, end) or _ADDRESS_OF_HOST.fullmatch(number):
        return False
    if _LABEL.search(text[max(0, start - _LABEL_CHARS) : start]):
        return True
    if _THOUSANDS.fullmatch(number):
        return False
    if number.lstrip("( ").startswith(("+", "00")) and digits >= 8:
        return True
    if _PAIRS.fullmatch(number) or _NANP.match(number) or _TRUNK.fullmatch(number):
        return True
    line = lines.at(start)
    personal = line is not None and line.zone != "body"
    return personal and digits >= 7 and (_alone(text, start, end) or _valid(number))


def _alone(text: str, start: int, end: int) -> bool:
    """Whether nothing else stands in its part of the line."""
    before = text[max(0, start - 4) : start].rstrip(" \u00a0")[-1:]
    after = text[end : end + 3].lstrip(" \u00a0")[:1]
    return (not before or before in "\n\t|•·,;:/") and (not after or after in "\n\t|•·,;/")


def _valid(number: str) -> bool:
    for region in _REGIONS:
        try:
            if phonenumbers.is_valid_number(phonenumbers.parse(number, region)):
                return True
        except phonenumbers.NumberParseException:
            return False
    return False
