"""CVs composed for this project: the invented people-free careers of `written.jsonl`, each set in several layouts.

The real CVs for training are Americans' from one résumé builder; these are half French, name employers, and look
otherwise.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from models.cvs.augment import HEADS
from models.cvs.data import Example, Mark, Part, disjoint
from models.cvs.employers import employer
from models.cvs.years import halves
from models.datasets import read_lines

WRITTEN = Path(__file__).with_name("written.jsonl")
# Careers and layouts that only the test sees: every fifth career, in layouts of its own.
_TEST_EVERY = 5
_TRAIN_SETTINGS, _TEST_SETTINGS = 3, 2
_MONTHS = {
    "en": ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
           "December"),
    "fr": ("janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre",
           "décembre"),
}  # fmt: skip
_WORDS = {
    "en": {
        "experience": ("Experience", "WORK EXPERIENCE", "Employment History", "Professional Experience"),
        "education": ("Education", "EDUCATION AND TRAINING", "Academic Background", "Qualifications"),
        "skills": ("Skills", "KEY SKILLS", "Technical Skills", "Core Competencies"),
        "languages": ("Languages", "LANGUAGES", "Language Skills"),
        "certificates": ("Certifications", "LICENCES AND CERTIFICATES", "Certificates"),
        "summary": ("Profile", "SUMMARY", "About me"),
        "present": ("Present", "Current", "now", "to date"),
        "at": ("at",),
        "places": ("Leeds", "Boston, MA", "Galway", "Toronto", "Remote"),
    },
    "fr": {
        "experience": ("Expériences professionnelles", "EXPÉRIENCE PROFESSIONNELLE", "Parcours professionnel"),
        "education": ("Formation", "FORMATIONS ET DIPLÔMES", "Études"),
        "skills": ("Compétences", "COMPÉTENCES CLÉS", "Savoir-faire", "Compétences techniques"),
        "languages": ("Langues", "LANGUES", "Langues étrangères"),
        "certificates": ("Certifications", "HABILITATIONS", "Certificats et permis"),
        "summary": ("Profil", "À propos", "PROFIL PROFESSIONNEL"),
        "present": ("à ce jour", "aujourd'hui", "présent", "en cours"),
        "at": ("chez",),
        "places": ("Lyon", "Nantes (44)", "Paris 11e", "Bruxelles", "Télétravail"),
    },
}  # fmt: skip
# How a job's first lines look.
_JOB_FORMS = (
    "{title} | {company} | {dates}",
    "{dates} : {company}, {title}",
    "{title}\n{company}, {place}\n{dates}",
    "{company} – {place}\n{title} ({dates})",
    "{dates}   {title}\n{company}",
    "{company} {dates} {title} {place}",
    "{title} {dates}\n{company} - {place}",
    "{title} {at} {company} ({dates})",
)
_TEST_JOB_FORMS = ("{title}, {company}\n{place}, {dates}", "{dates}\n{company}\n{title}")
_LIST_FORMS = (", ", "\n- ", " • ", "\n", " ; ", " | ")


def examples(part: Part) -> list[Example]:
    """The composed CVs of the training or the test part; always the same."""
    result = []
    for number, career in enumerate(read_lines(WRITTEN)):
        if (number % _TEST_EVERY == 0) != (part == "test") or part == "calibration":
            continue
        forms = _TEST_JOB_FORMS if part == "test" else _JOB_FORMS
        for setting in range(_TEST_SETTINGS if part == "test" else _TRAIN_SETTINGS):
            random = Random(1_000 * number + setting)
            result.append(compose(f"written-{number}-{setting}", career, forms, random))
    return result


class _Page:
    """Collects text and where its labelled words stand."""

    def __init__(self) -> None:
        self.text = ""
        self.marks: list[Mark] = []

    def put(self, words: str, entity: str | None = None) -> None:
        start = len(self.text)
        self.text += words
        if entity:
            self.marks.append(Mark(start, len(self.text), entity))


def compose(cv_id: str, career: dict[str, Any], forms: tuple[str, ...], random: Random) -> Example:
    """One career in one layout."""
    words = {name: random.choice(values) for name, values in _WORDS[career["language"]].items()}
    page = _Page()
    page.put(random.choice((*HEADS, "")))
    if random.random() < 0.4:
        page.put("\n")
        page.put(career["jobs"][0][0].upper() if random.random() < 0.5 else career["jobs"][0][0], "title")
    companies: list[str] = []
    parts: dict[str, Callable[[], None]] = {
        "summary": lambda: page.put(career["summary"]),
        "experience": partial(_jobs, page, career, words, random.choice(forms), random, companies),
        "education": partial(_education, page, career, random),
        "skills": lambda: _list(page, career["skills"], "skill", random),
        "languages": lambda: _list(page, [name for name, _ in career["languages"]], "language", random),
        "certificates": lambda: _list(page, career["certificates"], "certificate", random),
    }
    order = ["experience", "education", "skills", "languages", "certificates"]
    if random.random() < 0.6:
        random.shuffle(order)
    for name in ["summary", *order]:
        if name in ("languages", "certificates") and not career[name]:
            continue
        page.put(f"\n\n{words[name]}{random.choice(('', ' :', ''))}\n")
        parts[name]()
    shift = len(page.text) - len(page.text.lstrip())
    marks = [Mark(m.start - shift, m.end - shift, m.entity) for m in page.marks]
    return Example(cv_id, page.text.strip(), _label(career, companies), tuple(disjoint(marks)),
                   frozenset(career["sectors"]), written=True)  # fmt: skip


def _jobs(
    page: _Page, career: dict[str, Any], words: dict[str, str], form: str, random: Random, companies: list[str]
) -> None:
    style = random.randrange(4)
    bullet = random.choice(("- ", "• ", "", "* "))
    for title, first, last, duties in career["jobs"]:
        companies.append(employer(random, career["language"]))
        values = {"title": title, "company": companies[-1], "place": words["places"], "at": words["at"],
                  "dates": _dates(first, last, style, career["language"], words["present"])}  # fmt: skip
        rest = form
        while "{" in rest:
            before, _, after = rest.partition("{")
            name, _, rest = after.partition("}")
            page.put(before)
            page.put(values[name], name if name in ("title", "company", "dates") else None)
        page.put(rest + "\n")
        for duty in duties:
            page.put(f"{bullet}{duty}\n")


def _dates(first: int, last: int | None, style: int, language: str, present: str) -> str:
    def month(number: int) -> str:
        year, index = divmod(number, 12)
        name = _MONTHS[language][index]
        return (f"{name} {year}", f"{index + 1:02}/{year}", str(year), f"{name[:4].capitalize()} {year}")[style]

    to = {"en": " to ", "fr": " à "}[language] if style in (0, 3) else " - "
    return f"{month(first)}{' – ' if last is None else to}{present if last is None else month(last)}"


def _education(page: _Page, career: dict[str, Any], random: Random) -> None:
    year = career["jobs"][-1][1] // 12
    leading = random.random() < 0.4
    for number, (_, _, span, field) in enumerate(career["education"]):
        when = str(year - 3 * number)
        page.put(f"{when} : " if leading else "")
        start = len(page.text)
        page.put(span, "education")
        if field:
            page.marks.append(Mark(start + span.index(field), start + span.index(field) + len(field), "field"))
        page.put("\n" if leading else f", {when}\n")


def _list(page: _Page, names: list[str], entity: str, random: Random) -> None:
    between = random.choice(_LIST_FORMS)
    page.put("- " if between == "\n- " else "")
    for number, name in enumerate(names):
        page.put(between if number else "")
        page.put(name, entity)
    page.put("\n")


def _label(career: dict[str, Any], companies: list[str]) -> dict[str, Any]:
    # A job that goes on counts to the latest date in the text, as the guide has it.
    latest = max(last or first for _, first, last, _ in career["jobs"])
    months: set[int] = set()
    for _, first, last, _ in career["jobs"]:
        months |= set(range(first, latest if last is None else last))
    return {
        "current_title": career["jobs"][0][0],
        "past_titles": [job[0] for job in career["jobs"][1:]],
        "companies": companies,
        "sectors": career["sectors"],
        "education": [{"level": level, "field": field, "span": span} for level, field, span, _ in career["education"]],
        "skills": career["skills"],
        "languages": [{"language": code, "span": span} for span, code in career["languages"]],
        "certificates": career["certificates"],
        "experience_years": halves(len(months) / 12),
        "seniority": career["seniority"],
        "department": career["department"],
    }
