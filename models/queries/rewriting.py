"""The query as one English search phrase, by a template: all in it was read or stands in the profile."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from models.queries.normalising import Normaliser
from models.queries.places import Places
from topics.queries import Criterion, Profile, ProfileField

_ARRANGEMENTS = {"remote": "remote", "hybrid": "hybrid", "onsite": "on-site"}
_EMPLOYMENTS = {
    "full_time": "full-time", "part_time": "part-time", "contract": "contract", "temporary": "temporary",
    "internship": "internship", "apprenticeship": "apprenticeship", "volunteer": "volunteer",
}  # fmt: skip
_LEVELS = {
    "intern": "intern-level", "entry": "entry-level", "mid": "mid-level", "senior": "senior", "lead": "lead",
    "executive": "executive",
}  # fmt: skip
_DEGREES = {
    "none": "with no degree required", "secondary": "with a secondary education",
    "vocational": "with a vocational qualification", "associate": "with an associate degree",
    "bachelor": "with a bachelor's degree", "master": "with a master's degree", "doctorate": "with a doctorate",
}  # fmt: skip
_MOST_SKILLS = 6
_REFERENCE = re.compile(
    r"(?i)(?:\b(?:ref|req|id|no|n°|#|number|réf\w*|reference|vacancy|job|posting|offre|annonce)\W*)?"
    r"(?P<number>\b[A-Za-z]{0,6}[-/]?[A-Za-z]{0,3}-?\d[\w/-]*)"
)


def search(
    criteria: Sequence[Criterion], profile: Profile | None, needed: Sequence[ProfileField], normaliser: Normaliser
) -> str:
    """The search phrase: what is asked for, what the profile fills in, what is excluded."""
    wanted: dict[str, list[Criterion]] = {}
    for one in criteria:
        if not one.negated:
            wanted.setdefault(one.type, []).append(one)

    def values(name: str) -> list[str]:
        return list(dict.fromkeys(one.value for one in wanted.get(name, ())))

    own = _filled(profile, needed, normaliser)
    titles, fields = values("title"), values("industry")
    if not titles and own.title:
        titles = [own.title]
    levels = [_LEVELS[value] for value in values("seniority")] or own.levels
    employments = [_EMPLOYMENTS[value] for value in values("employment_type")]
    words = [*levels, *[_ARRANGEMENTS[value] for value in values("work_arrangement")], *employments]
    head = _either(titles or fields)
    parts = [" ".join([*words, head, "jobs"] if head else [*words, "jobs"])]
    if titles and fields:
        parts.append(f"in {_either(fields)}")
    if companies := values("company"):
        parts.append(f"at {_either(companies)}")
    if towns := values("location"):
        parts.append(f"in {_either(towns)}")
    elif own.location:
        parts.append(f"near {own.location}")
    if skills := list(dict.fromkeys([*values("skill"), *own.skills])):
        parts.append(f"using {_all(skills)}")
    parts += [_DEGREES[value] for value in values("education")]
    parts += [_experience(value) for value in values("experience_years")]
    parts += [f"paying {_pay(value)}" for value in values("salary")]
    parts += [f"posted in the last {value.strip('<=d')} days" for value in values("date_posted")]
    phrase = " ".join(part for part in parts if part)
    extras = [*values("schedule"), *(f"with {value}" for value in values("benefit"))]
    excluded = [_excluded(one) for one in criteria if one.negated]
    if excluded:
        extras.append(f"excluding {_all(list(dict.fromkeys(excluded)))}")
    return ", ".join([phrase, *extras])


@dataclass(slots=True)
class _Filled:
    """What the profile gives, in English."""

    title: str | None = None
    location: str | None = None
    skills: Sequence[str] = ()
    levels: Sequence[str] = ()


def _filled(profile: Profile | None, needed: Sequence[ProfileField], normaliser: Normaliser) -> _Filled:
    found = _Filled()
    if profile is None:
        return found
    if "title" in needed and profile.title:
        found.title = normaliser.value("title", profile.title)
    if "skills" in needed:
        found.skills = [normaliser.value("skill", skill) for skill in profile.skills[:_MOST_SKILLS] if skill.strip()]
    if "location" in needed and profile.location:
        found.location = _place(profile.location, normaliser.places)
    if "seniority" in needed and profile.seniority:
        level = profile.seniority.strip().lower()
        found.levels = [_LEVELS.get(level, level)]
    return found


def _place(text: str, places: Places) -> str:
    """A profile's place: only the town's name is put into English."""
    town, comma, rest = text.partition(",")
    return places.name(town) + comma + rest


def _either(names: Sequence[str]) -> str:
    return " or ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _all(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _experience(value: str) -> str:
    if value == "0":
        return "with no experience"
    if ".." in value:
        low, high = value.split("..")
        return f"with {low} to {high} years of experience"
    least = not value.startswith("<")
    return f"with {'at least' if least else 'at most'} {value.lstrip('<>=')} years of experience"


def _pay(value: str) -> str:
    amount, _, unit = value.partition(" ")
    currency, _, period = unit.partition("/")
    said = [] if currency == "?" else [currency]
    said += [] if period == "?" else [f"per {period}"]
    if ".." in amount:
        low, high = amount.split("..")
        return " ".join([_grouped(low), "to", _grouped(high), *said])
    bound = "up to" if amount.startswith("<") else "at least"
    return " ".join([bound, _grouped(amount.lstrip("<>=")), *said])


def _grouped(number: str) -> str:
    whole, point, decimals = number.partition(".")
    return (f"{int(whole):,}" if whole.isdigit() else whole) + point + decimals


def _excluded(one: Criterion) -> str:
    names = {"employment_type": _EMPLOYMENTS, "seniority": _LEVELS, "work_arrangement": _ARRANGEMENTS}
    if one.type in names:
        return f"{names[one.type][one.value]} jobs"
    if one.type == "salary":
        return f"pay of {_pay(one.value)}"
    if one.type == "experience_years":
        return f"jobs {_experience(one.value)}"
    return f"{one.value} degree" if one.type == "education" else one.value


def page(text: str, criteria: Sequence[Criterion]) -> str:
    """The page that is wanted: a company's careers page, or one posting's by its number."""
    values = {name: [c.value for c in criteria if c.type == name] for name in ("company", "title", "location")}
    company = _either(values["company"]) if values["company"] else ""
    if not company:
        return " ".join(text.split())
    spans = [(c.start, c.end) for c in criteria]
    numbers = [
        match["number"] for match in _REFERENCE.finditer(text)
        if not any(start < match.end("number") and match.start("number") < end for start, end in spans)
    ]  # fmt: skip
    kind = f"job posting {numbers[0]}" if numbers else "careers page"
    place = f" in {_either(values['location'])}" if values["location"] else ""
    return " ".join([company, *values["title"][:1], kind]) + place
