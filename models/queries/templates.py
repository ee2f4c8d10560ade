"""Composed queries: names and phrases strung together as people do in a search box, English and French."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from models.queries.augment import Names
from models.queries.labels import FIELDS
from models.queries.written import Example, Mark

_WEIGHT = 0.5
_CRITERIA, _MIXED, _NAVIGATIONAL = "criteria", "mixed", "navigational"


@dataclass(frozen=True, slots=True)
class _Phrases:
    """How one language says it.

    Attributes:
        excluded: words before what is excluded.
        places, employers: words before a place or a company.
        own: what refers to the profile, with the fields that it needs.
        pages: a company's page; `{}` is its name.
    """

    excluded: Sequence[str]
    places: Sequence[str]
    employers: Sequence[str]
    own: Mapping[str, str]
    pages: Sequence[str]
    salary: Sequence[str]
    years: Sequence[str]
    posted: Sequence[str]
    start: Sequence[str]
    closed: Mapping[str, Sequence[str]]


_EN = _Phrases(
    excluded=("no ", "not ", "but not ", "without ", "except ", "excluding ", "not in ", "nothing in ", "avoid ",
              "anything but "),
    places=("in ", "near ", "", "", "", "around ", "at ", "based in ", "within 20 miles of ", "close to "),
    employers=("at ", "with ", "", "for "),
    own={
        "near me": "l", "close to home": "l", "near where i live": "l", "in my area": "l", "in my city": "l",
        "nearby": "l", "around here": "l", "local": "l", "that match my skills": "k", "using my skills": "k",
        "matching my profile": "tk", "for my experience": "tk", "at my level": "s", "with my experience level": "s",
        "in my field": "t", "similar to my current job": "t", "fitting my profile": "tk",
        "suited to my background": "tk",
    },
    pages=("{} careers", "{} jobs page", "careers at {}", "{} career site", "{} recruitment portal",
           "{} vacancies page",
           "job 48213 at {}", "{} job ref 2291", "apply at {} website", "{} internal careers login", "{} hiring page"),
    salary=("{n}k", "{n}k+", "£{n}k", "${n}k", "${n},000", "{n}-{m}k", "£{n}k-{m}k", "over {n}k", "at least {n}k",
            "up to {n}k",
            "min {n}k", "${h}/hr", "£{h}/h", "${h} an hour", "£{h} per hour or more", "under {n}k", "{n}k a year",
            "€{n}k"),
    years=("{y} years experience", "{y}+ years", "{y} yrs exp", "{y}-{z} years", "at least {y} years", "{y} yoe",
           "no experience", "no exp needed", "{y} years of experience", "less than {z} years experience"),
    posted=("posted today", "last 24 hours", "last 3 days", "this week", "past week", "past month", "posted this week",
            "since yesterday", "new today", "last {y} days", "in the last two weeks"),
    start=("", "", "", "jobs ", "looking for ", "i want ", "any ", "need ", "find me ", "i need a job as ", "work as ",
           "vacancies ", "hiring "),
    closed={
        "work_arrangement": ("remote", "hybrid", "work from home", "wfh", "on site", "onsite", "in office",
        "fully remote",
                             "remotely", "home based", "in person", "hybrid 2 days"),
        "employment_type": ("full time", "part time", "contract", "temporary", "temp", "internship", "apprenticeship",
                            "volunteer", "permanent", "freelance", "seasonal", "ft", "pt", "casual", "zero hours",
                            "fixed term"),
        "seniority": ("senior", "junior", "entry level", "lead", "graduate", "mid level", "principal", "head",
        "trainee",
                      "sr", "jr", "executive", "director level"),
        "education": ("no degree", "bachelor", "masters", "phd", "with a degree", "a levels", "gcse",
        "high school diploma",
                      "bachelor's degree", "msc", "mba", "no qualifications"),
        "schedule": ("nights", "weekends", "night shift", "days", "evenings", "no weekends", "mon-fri", "4 day week",
                     "day shift", "rotating shifts", "school hours", "flexible hours", "on call", "overtime",
                     "immediate start"),
        "benefit": ("visa sponsorship", "company car", "childcare", "accommodation", "free parking", "relocation",
                    "health insurance", "pension", "live in", "free meals", "bonus", "training provided",
                    "sponsorship"),
    },
)  # fmt: skip
_FR = _Phrases(
    excluded=("pas de ", "sans ", "sauf ", "hors ", "pas ", "pas en ", "surtout pas ", "ni ", "excepté ", "pas d'"),
    places=("à ", "sur ", "", "", "", "près de ", "vers ", "autour de ", "secteur ", "en "),
    employers=("chez ", "à la ", "", "pour "),
    own={
        "près de chez moi": "l", "pas loin de chez moi": "l", "à côté": "l", "dans ma ville": "l",
        "dans mon secteur": "l",
        "autour de chez moi": "l", "qui correspond à mes compétences": "k", "avec mes compétences": "k",
        "selon mon profil": "tk", "pour mon profil": "tk", "à mon niveau": "s", "de mon niveau": "s",
        "dans mon métier": "t",
        "dans mon domaine": "t", "comme mon poste actuel": "t", "en rapport avec mon expérience": "tk",
    },
    pages=("{} recrutement", "site carrière {}", "{} page recrutement", "page emploi {}", "offre 48213 chez {}",
           "espace candidat {}", "carrières {}", "site de recrutement de {}", "postuler sur le site {}"),
    salary=("{n}k", "{n}k mini", "{n}-{m}k", "{n} k€", "plus de {n}k", "{n}000 euros", "2{h}00 net", "{h}€/h",
            "{h} euros de l'heure",
            "minimum {n}k", "entre {n} et {m}k", "1{h}00€ net par mois", "jusqu'à {n}k", "{n}k brut annuel",
            "salaire {n}k"),
    years=("{y} ans d'expérience", "{y} ans d'xp", "{y} à {z} ans", "minimum {y} ans d'expérience", "{y} ans mini",
           "sans expérience", "débutant accepté", "moins de {z} ans d'expérience", "au moins {y} ans"),
    posted=("publié aujourd'hui", "cette semaine", "moins de 3 jours", "dernières 24h", "du jour", "depuis hier",
            "publiées ce mois-ci", "moins d'une semaine", "dernier mois", "les {y} derniers jours"),
    start=("", "", "", "emploi ", "offre ", "je cherche ", "cherche ", "poste de ", "recherche ", "travail ",
           "je veux un poste de "),
    closed={
        "work_arrangement": ("télétravail", "hybride", "full remote", "100% télétravail", "sur site", "en présentiel",
                             "à domicile", "à distance", "télétravail partiel", "remote"),
        "employment_type": ("cdi", "cdd", "temps partiel", "temps plein", "intérim", "stage", "alternance",
        "apprentissage",
                            "freelance", "mi-temps", "saisonnier", "bénévolat", "CDD 6 mois", "interim", "vacation"),
        "seniority": ("débutant", "junior", "senior", "confirmé", "chef d'équipe", "cadre", "jeune diplômé",
        "expérimenté",
                      "directeur", "responsable"),
        "education": ("sans diplôme", "bac+2", "bac+5", "bac pro", "licence", "master", "doctorat", "niveau bac",
        "CAP", "BTS"),
        "schedule": ("nuit", "week-end", "journée", "2x8", "3x8", "horaires de jour", "soir", "sans week-end",
        "mercredi libre",
                     "horaires flexibles", "astreintes", "tous les matins", "du lundi au vendredi",
                     "horaires de bureau"),
        "benefit": ("logement", "voiture de fonction", "tickets restaurant", "logé nourri", "mutuelle", "crèche",
        "13e mois",
                    "prime", "formation payée", "parking", "titre de séjour"),
    },
)  # fmt: skip
_LANGUAGES = {"en": _EN, "fr": _FR}
_OPTIONAL = {
    "location": 0.6, "company": 0.15, "skill": 0.2, "industry": 0.15, "work_arrangement": 0.12, "employment_type": 0.2,
    "seniority": 0.12, "salary": 0.15, "experience_years": 0.1, "education": 0.08, "date_posted": 0.08,
    "schedule": 0.18,
    "benefit": 0.1,
}  # fmt: skip


def phrases() -> list[tuple[str, str]]:
    """Type and words of every fixed phrase."""
    return [(name, words) for one in _LANGUAGES.values() for name, own in one.closed.items() for words in own]


def compose(language: str, names: Names, draw: random.Random) -> Example:
    """One composed query."""
    phrases = _LANGUAGES[language]
    kind = draw.random()
    if kind < 0.07:
        return _page(language, phrases, names, draw)
    chosen = [name for name, share in _OPTIONAL.items() if draw.random() < share]
    head = "industry" if draw.random() < 0.2 else "title"
    chosen = [name for name in chosen if name != head]
    draw.shuffle(chosen)
    chosen = chosen[:4]
    chosen.insert(0 if draw.random() < 0.8 else draw.randrange(len(chosen) + 1), head)
    parts: list[tuple[str, str, bool]] = []
    for name in chosen:
        parts.append(_part(name, phrases, language, names, draw))
        if name in ("location", "company", "skill") and draw.random() < 0.15:
            parts.append((draw.choice((" or ", " / ", ", ") if language == "en" else (" ou ", " / ", ", ")), "", False))
            parts.append(("", _words(name, phrases, language, names, draw) + "\0" + name, False))
    needs = ""
    if kind > 0.88:
        words = draw.choice(list(phrases.own))
        needs = phrases.own[words]
        parts.append((words, "", False))
    return _strung(language, parts, needs, phrases, draw)


def _part(name: str, phrases: _Phrases, language: str, names: Names, draw: random.Random) -> tuple[str, str, bool]:
    words = _words(name, phrases, language, names, draw)
    lacks = name in ("experience_years", "date_posted", "salary") or words.startswith(("no ", "sans "))
    if not lacks and draw.random() < 0.12:
        return draw.choice(phrases.excluded), f"{words}\0{name}", True
    before = {"location": phrases.places, "company": phrases.employers}.get(name, ("",))
    return draw.choice(before), f"{words}\0{name}", False


def _words(name: str, phrases: _Phrases, language: str, names: Names, draw: random.Random) -> str:
    forms: dict[str, Sequence[str]] = {
        "salary": phrases.salary, "experience_years": phrases.years, "date_posted": phrases.posted
    }  # fmt: skip
    if name in forms:
        low, hour, year = draw.randrange(18, 120), draw.randrange(10, 60), draw.randrange(1, 15)
        return draw.choice(forms[name]).format(
            n=low, m=low + draw.randrange(3, 30), h=hour, y=year, z=year + draw.randrange(1, 5)
        )
    if name in phrases.closed and draw.random() < 0.6:
        return draw.choice(phrases.closed[name])
    return draw.choice(names.get((name, language)) or phrases.closed[name])


def _page(language: str, phrases: _Phrases, names: Names, draw: random.Random) -> Example:
    company = draw.choice(names["company", language])
    before, after = draw.choice(phrases.pages).split("{}")
    mark = Mark("company", len(before), len(before) + len(company))
    return Example(before + company + after, (mark,), _NAVIGATIONAL, language, (False,) * len(FIELDS), None, _WEIGHT)


def _strung(
    language: str, parts: Sequence[tuple[str, str, bool]], needs: str, phrases: _Phrases, draw: random.Random
) -> Example:
    text = draw.choice(phrases.start)
    between = draw.choice((" ", " ", " ", ", ", ", ", " - "))
    marks = []
    for before, spanned, negated in parts:
        if text and not text.endswith(" ") and not before.startswith((" ", ",")):
            text += between
        text += before
        if spanned:
            words, name = spanned.split("\0")
            marks.append(Mark(name, len(text), len(text) + len(words), negated))
            text += words
    letters: Callable[[str], bool] = needs.__contains__
    needed = tuple(letters(letter) for letter in "tkls")
    return Example(text, tuple(marks), _MIXED if needs else _CRITERIA, language, needed, None, _WEIGHT)
