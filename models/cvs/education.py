"""Level and field of an education span, by the names of degrees (English, French)."""

import re
import unicodedata

from models.cvs.fields import in_english
from topics.cvs import CvEducationLevel

RANK: tuple[CvEducationLevel, ...] = ("doctorate", "master", "bachelor", "vocational", "secondary", "other")
# The first that matches, on lower case without accents: "bac pro" and "bac+5" come before "bac".
_LEVELS: tuple[tuple[CvEducationLevel, str], ...] = (
    (
        "doctorate",
        r"\bph\.? ?d\b|\bdoctora(?:te?|l)\b|\bdoctor of\b|\bj\.? ?d\b\.?|\bm\.? ?d\.(?=\W|$)|\bjuris doctor|"
        r"\bed\.? ?d\b|"
        r"\bd\.?b\.?a\b|\bpharm\.? ?d\b|\bthese\b|\bbac ?\+ ?8\b|\bdds\b|\bdoctor\b|\bdocteur\b",
    ),
    (
        "vocational",
        r"\bassociates?\b(?!.{0,12}\bbachelor)|\ba\.? ?a\.? ?s?\b(?=[\s:.,(]|$)(?<!\ba )|\bbts\b|\bdut\b|\bcap\b|"
        r"\bbep\b|\bdeust\b|"
        r"\bbac(?:calaureat)? pro\w*|\bvocational\b|\btrade school\b|\btechnical (?:school|institute|diploma|"
        r"certificate)|"
        r"\bcertificate\b|\bcertification\b|\bapprenti\w*|\bnvq\b|\bbtec\b|\bhnd\b|\bhnc\b|\bbac ?\+ ?2\b|"
        r"\bdiploma in\b|"
        r"\btitre professionnel|\bbrevet (?:professionnel|de technicien)|\bmention complementaire|\bl\.?p\.?n\b|"
        r"\bcosmetology\b|"
        r"\btechnical diploma|\bculinary (?:school|institute)|\bcertificat\b|\bdiplome d'etat",
    ),
    (
        "master",
        r"\bmasters?\b|\bmaster's\b|\bmastere?\b|\bm\.? ?b\.? ?a\b|\bm\.? ?s\.? ?c?\b(?=[\s:.,(]|$)|"
        r"\bm\.? ?a\b(?=[\s:.,(]|$)|"
        r"\bm\.? ?ed\b|\bm\.?p\.?[ah]\b|\bm\.? ?tech\b|\bm\.? ?com\b|\bm\.? ?phil\b|\bl\.?l\.? ?m\b|\bmsw\b|\bmca\b|"
        r"\bingenieur\b|\bd\.?e\.?[sa]\.?s?\b(?=[\s:.,(])|\bbac ?\+ ?[45]\b|\bgrande ecole\b|\bdscg\b|"
        r"\bpost[- ]?graduate\b|\bmaitrise\b",
    ),
    (
        "bachelor",
        r"\bbachelors?\b|\bbachelor's\b|\bb\.? ?s\.? ?c?\b(?=[\s:.,(-]|$)|\bb\.? ?a\b(?=[\s:.,(-]|$)|"
        r"\bb\.? ?b\.? ?a\b|\bb\.? ?f\.? ?a\b|"
        r"\bb\.? ?com\b|\bb\.? ?tech\b|\bb\.? ?e\b(?=[\s:.,(]|$)|\bb\.? ?ed\b|\bbsn\b|\bbca\b|\bl\.?l\.? ?b\b|"
        r"\blicence\b|\bbut\b|"
        r"\bundergraduate\b|\bbac ?\+ ?3\b|\bdcg\b|\bhonou?rs degree|\bbaccalaureate\b|\bdegree in\b|"
        r"\bm\.?b\.?b\.?s\b|\buniversity degree",
    ),
    (
        "secondary",
        r"\bhigh school\b|\bg\.? ?e\.? ?d\b|\bsecondary\b|\bbac(?:calaureat)?\b|\bh\.?s\.?c\b|\bs\.?s\.?c\b|"
        r"\bcollege prep\w*|\ba[- ]levels?\b|"
        r"\bgcses?\b|\blycee\b|\bbrevet\b|\bhighschool\b|\bdiploma\b(?! in)|\bleaving certificate|\bintermediate\b|"
        r"\bgymnasium\b",
    ),
    ("bachelor", r"\bdegree\b|\bgraduat\w+|\buniversity\b|\buniversite\b|\bcollege\b|\bmajor\b|\bdiplome d'universite"),
)  # fmt: skip
_LEVEL_OF = tuple((level, re.compile(pattern)) for level, pattern in _LEVELS)


def level(span: str) -> CvEducationLevel:
    """The level that the names of degrees in a span tell; `other` where none is known."""
    plain = unicodedata.normalize("NFKD", span.lower().replace("’", "'")).encode("ascii", "ignore").decode()
    return next((name for name, pattern in _LEVEL_OF if pattern.search(plain)), "other")


def field(words: str) -> str | None:
    """The field of study as a short English name, from the words that name it; None where there are none."""
    name = " ".join(words.split()).strip(" ,.;:()-–|/")
    return in_english(name) if name else None
