"""Bodies of CVs: invented ones, and real ones that their readers keep outside the repository.

Companies, schools and streets named after people stand in them, with names of the same part as the CV's owner: what is
a person's name can not be told by the words alone.
"""

import gzip
import hashlib
import json
import random
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from models.anonymise.identities import TEST, TRAIN, draw_name, towns
from models.anonymise.layouts import ROLES
from models.text.cleaning import clean

_TEST_SHARE = 0.2
_BRANDS = [
    "Morgan Stanley",
    "Ernst & Young",
    "Johnson & Johnson",
    "Mercedes-Benz",
    "Jenkins",
    "Marks & Spencer",
    "Lloyds Bank",
    "J.P. Morgan",
    "Goldman Sachs",
    "Wells Fargo",
    "Dell",
    "Siemens",
    "Bosch",
    "Ben & Jerry's",
    "Procter & Gamble",
    "Hewlett Packard",
    "Louis Vuitton",
    "Christian Dior",
    "Yves Rocher",
    "Leroy Merlin",
    "Pernod Ricard",
    "Michelin",
    "Dassault Systèmes",
    "Thomson Reuters",
    "John Lewis",
    "Barclays",
    "Harley Davidson",
    "Abercrombie & Fitch",
    "Tommy Hilfiger",
    "Ralph Lauren",
    "Morgan Sindall",
    "Arthur Andersen",
    "Baker McKenzie",
    "Jones Lang LaSalle",
    "Charles Schwab",
    "Merrill Lynch",
    "Sage",
    "Maven",
    "Jira",
    "Docker",
    "Selenium",
    "Cypress",
    "Hudson",
    "Salesforce",
    "Oracle",
    "SAP",
    "Deloitte",
    "Airbus",
    "Renault",
    "Orange",
    "Carrefour",
    "Auchan",
    "Darty",
]
_SCHOOLS = [
    "Claude Bernard University",
    "Johns Hopkins University",
    "Université Paul Sabatier",
    "Université Pierre et Marie Curie",
    "Lycée Louis-le-Grand",
    "Lycée Henri IV",
    "Imperial College London",
    "University of Leeds",
    "Université de Nantes",
    "Queen Mary University of London",
    "École Boulle",
    "St John's College",
    "George Mason University",
    "IUT de Lille",
    "ESSEC",
    "King's College London",
    "Université Jean Moulin Lyon 3",
    "Lycée Jean Moulin",
    "Brigham Young University",
    "James Madison University",
]
_COMPANIES = {
    "en": (
        "{last} Ltd",
        "{last} & {last2} LLP",
        "{last} Group",
        "{last} and Sons",
        "{first} {last} Ltd",
        "{last} Consulting Inc.",
        "{first} {last} Foundation",
        "{last} Brothers",
        "{last} Engineering Services",
        "{last} Associates",
    ),
    "fr": (
        "Cabinet {last} & Associés",
        "{last} SARL",
        "Groupe {last}",
        "{last} et Fils",
        "Établissements {last}",
        "{first} {last} SA",
        "Fondation {first} {last}",
        "Transports {last}",
        "Boulangerie {last}",
        "Agence {last} Conseil",
    ),
}
_PLACES = {
    "en": (
        "{first} {last} High School",
        "{first} {last} University",
        "{last} Hospital",
        "St {first} Primary School",
        "{last} Street Clinic",
    ),
    "fr": (
        "Lycée {first} {last}",
        "Université {first} {last}",
        "Hôpital {first} {last}",
        "Collège {first} {last}",
        "Clinique Saint-{first}",
    ),
}
_HEADINGS = {
    "en": (
        ("Profile", "Summary", "Objective"),
        ("Work Experience", "EXPERIENCE", "Employment History"),
        ("Education", "EDUCATION AND TRAINING"),
        ("Skills", "Key Skills"),
        ("Interests", "Languages"),
    ),
    "fr": (
        ("Profil", "Objectif", "À propos"),
        ("Expérience professionnelle", "EXPÉRIENCES", "Parcours professionnel"),
        ("Formation", "DIPLÔMES"),
        ("Compétences", "COMPÉTENCES TECHNIQUES"),
        ("Centres d'intérêt", "Langues"),
    ),
}
_LINES = {
    "en": (
        "Managed a budget of £{money} and {count} staff across three sites.",
        "Reduced costs by 12.5% between 2014 and 2016.",
        "Prepared monthly reports for the board with Excel, Power BI and SAP.",
        "Built pipelines with Jenkins, Maven, Docker and Selenium.",
        "Responsible for client relationships with {brand} and {brand2}.",
        "Delivered training to {count} employees, version 10.2.4 of the platform.",
        "Answered calls, booked appointments and kept records up to date.",
        "Won the {first} {last} Award in 2018.",
        "Audited accounts of {company} under IFRS 16.",
        "Led the migration to Salesforce in {town}.",
        "Worked with the Head of Operations and the Finance Director.",
        "Planned lessons for Year 4 and Year 6.",
        "Handled {money} transactions a year.",
        "Supported the Marketing Manager in product launches.",
    ),
    "fr": (
        "Gestion d'un budget de {money} € et de {count} collaborateurs sur trois sites.",
        "Réduction des coûts de 12,5 % entre 2014 et 2016.",
        "Suivi des tableaux de bord sous Excel, Power BI et SAP.",
        "Mise en place d'intégrations avec Jenkins, Maven, Docker et Selenium.",
        "Relation client avec {brand} et {brand2}.",
        "Formation de {count} salariés à la version 10.2.4 de l'outil.",
        "Accueil téléphonique, prise de rendez-vous et mise à jour des dossiers.",
        "Lauréat du prix {first} {last} en 2018.",
        "Audit des comptes de {company}.",
        "Déploiement de Salesforce à {town}.",
        "En lien avec la Direction des Opérations et le Responsable Qualité.",
        "Préparation des cours de CM1 et de CM2.",
        "Traitement de {money} opérations par an.",
        "Il est nécessaire de rendre compte au comité de direction.",
    ),
}
_SKILLS = {
    "en": (
        "Excel, Word, PowerPoint, Photoshop",
        "Python, Java, SQL, AWS, Git",
        "Team leadership, negotiation, planning",
        "French (native), English (fluent), Spanish (basic)",
        "Driving licence, first aid at work",
    ),
    "fr": (
        "Excel, Word, PowerPoint, Photoshop",
        "Python, Java, SQL, AWS, Git",
        "Encadrement, négociation, planification",
        "Français (langue maternelle), anglais (courant), espagnol (notions)",
        "SST, habilitation électrique",
    ),
}


def invented(rng: random.Random, part: str, language: str) -> list[str]:
    """The lines of an invented body: profile, jobs, education, skills."""
    headings = [rng.choice(choices) for choices in _HEADINGS[language]]

    def some(pool: Mapping[str, Sequence[str]]) -> str:
        return fill(rng, part, language, rng.choice(pool[language]))

    lines = [headings[0], some(_LINES), headings[1]]
    year = rng.randint(2015, 2025)
    for _ in range(rng.randint(2, 4)):
        begin = year - rng.randint(1, 5)
        dates = rng.choice(
            (
                f"{begin} - {year}",
                f"01/{begin} - 12/{year}",
                f"March {begin} to June {year}" if language == "en" else f"De mars {begin} à juin {year}",
            )
        )
        company = fill(rng, part, language, rng.choice(("{company}", "{company}", "{brand}")))
        town = rng.choice(towns(part, "FR" if language == "fr" else "GB"))
        parts = [rng.choice(ROLES[language]), company, town]
        rng.shuffle(parts)
        lines.append(
            rng.choice(
                (
                    f"{dates} {', '.join(parts)}",
                    f"{' - '.join(parts)} ({dates})",
                    f"{dates}\n{parts[0]}\n{parts[1]}, {parts[2]}",
                    " | ".join([*parts, dates]),
                )
            )
        )
        lines += [rng.choice(("- ", "• ", "")) + some(_LINES) for _ in range(rng.randint(1, 4))]
        year = begin
    lines += [headings[2]]
    for _ in range(rng.randint(1, 3)):
        year -= rng.randint(1, 3)
        school = rng.choice((rng.choice(_SCHOOLS), some(_PLACES)))
        degree = rng.choice(
            ("BSc Economics", "MSc Computer Science", "A-levels")
            if language == "en"
            else ("Licence de gestion", "Master Informatique", "Baccalauréat S")
        )
        lines.append(
            rng.choice((f"{year} {degree}, {school}", f"{school} - {degree} ({year})", f"{degree}\n{school}, {year}"))
        )
    return "\n".join([*lines, headings[3], some(_SKILLS), headings[4], some(_SKILLS)]).split("\n")


def fill(rng: random.Random, part: str, language: str, text: str) -> str:
    """Fills the slots of a body's line with companies, places and numbers."""
    if "{company}" in text:
        text = text.replace("{company}", rng.choice(_COMPANIES[language]))
    person, other = (draw_name(rng, part, language == "fr") for _ in range(2))
    brand, brand2 = rng.sample(_BRANDS, 2)
    town = rng.choice(towns(part, "FR" if language == "fr" else "GB"))
    money = (
        f"{rng.randint(1, 9)} {rng.randint(100, 999)} 000"
        if language == "fr"
        else f"{rng.randint(1, 9)},{rng.randint(100, 999)},000"
    )
    return text.format(
        first=person.first,
        last=person.last,
        last2=other.last,
        brand=brand,
        brand2=brand2,
        town=town,
        money=money,
        count=rng.randint(3, 900),
    )


def part_of(key: str) -> str:
    """Whether a real CV or posting lends its body to training or to the test."""
    return TEST if hashlib.sha256(key.encode()).digest()[1] / 256 < _TEST_SHARE else TRAIN


def real_cvs(path: Path, reserved: Collection[str]) -> dict[str, list[str]]:
    """Bodies of real CVs without names (JSON lines: `cv_id`, `text`), by part; reserved ones are in neither.

    Raises:
        OSError, ValueError, KeyError: the file is missing or damaged.
    """
    found: dict[str, list[str]] = {TRAIN: [], TEST: []}
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for row in map(json.loads, file):
            if row["cv_id"] not in reserved:
                found[part_of(row["cv_id"])].append(row["text"])
    return found


def real_postings(path: Path, reserved: Collection[str], sources: Collection[str]) -> dict[str, list[str]]:
    """Texts of real postings (JSON lines: `id`, `source`, `text`) of some sources, by part, without reserved ones.

    Raises:
        OSError, ValueError, KeyError: the file is missing or damaged.
    """
    found: dict[str, list[str]] = {TRAIN: [], TEST: []}
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for row in map(json.loads, file):
            if row["id"] not in reserved and row["source"] in sources:
                found[part_of(row["id"])].append(clean(row["text"]).text)
    return found


def from_real(rng: random.Random, part: str, language: str, text: str) -> list[str]:
    """A real text as a body: invented companies and towns stand where the masks of its publisher were."""
    lines = [line.replace("{", "(").replace("}", ")") for line in text.split("\n") if line.strip()]
    result = []
    for line in lines:
        line = re.sub(r"Company Name", lambda _: "{company}" if rng.random() < 0.7 else "{brand}", line, count=1)
        line = re.sub(r"City\s*,\s*State", "{town}", line, count=1)
        result.append(fill(rng, part, language, line) if "{" in line else line)
    return result
