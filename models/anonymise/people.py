# ruff: noqa: E501, SIM905
"""What an invented person writes in a CV about themselves, each piece with its kind."""

import random
from dataclasses import dataclass

from stdnum.fr import nir
from stdnum.iban import calc_check_digits

from models.anonymise.identities import Name, draw_name, towns
from models.anonymise.lines import fold
from models.anonymise.places import Slots, addresses

_DOMAINS = "gmail.com yahoo.com hotmail.com outlook.com icloud.com live.co.uk protonmail.com gmx.com mail.com btinternet.com".split()
_FRENCH_DOMAINS = (
    "gmail.com orange.fr free.fr wanadoo.fr laposte.net hotmail.fr yahoo.fr sfr.fr outlook.fr live.fr".split()
)
_NATIONS = {
    "British": ("britannique", "britannique"),
    "French": ("français", "française"),
    "Moroccan": ("marocain", "marocaine"),
    "Indian": ("indien", "indienne"),
    "Nigerian": ("nigérian", "nigériane"),
    "Chinese": ("chinois", "chinoise"),
    "Turkish": ("turc", "turque"),
    "Polish": ("polonais", "polonaise"),
    "Spanish": ("espagnol", "espagnole"),
    "Vietnamese": ("vietnamien", "vietnamienne"),
    "Senegalese": ("sénégalais", "sénégalaise"),
    "Irish": ("irlandais", "irlandaise"),
    "American": ("américain", "américaine"),
    "Algerian": ("algérien", "algérienne"),
    "Brazilian": ("brésilien", "brésilienne"),
    "Portuguese": ("portugais", "portugaise"),
    "Canadian": ("canadien", "canadienne"),
    "Belgian": ("belge", "belge"),
}
_MONTHS = "January February March April May June July August September October November December".split()
_FRENCH_MONTHS = "janvier février mars avril mai juin juillet août septembre octobre novembre décembre".split()


@dataclass(frozen=True, slots=True)
class Person:
    """An invented person.

    Attributes:
        slots: of each name that a layout may use, what is written there and its kind.
    """

    name: Name
    slots: Slots


def draw(rng: random.Random, part: str, french: bool) -> Person:
    """A person whose names, towns and streets are of one part (see `identities`)."""
    name = draw_name(rng, part, french)
    slots: Slots = {}
    for draw_slots in (_names, _contacts, addresses, _births, _status, _numbers):
        slots |= draw_slots(rng, part, french, name)
    return Person(name, slots)


def _names(rng: random.Random, part: str, french: bool, name: Name) -> Slots:
    first, last = name.first, name.last
    forms = {
        "name": f"{first} {last}",
        "upper": f"{first} {last}".upper(),
        "lastupper": f"{first} {last.upper()}",
        "reverse": f"{last.upper()} {first}",
        "reversed": f"{last} {first}",
        "comma": f"{last}, {first}",
        "lower": f"{first} {last}".lower(),
        "split": f"{first}\n{last}",
        "splitupper": f"{first}\n{last}".upper(),
        "spaced": "   ".join(" ".join(w) for w in f"{first} {last}".upper().split()),
        "first": first,
        "last": last,
        "LAST": last.upper(),
        "initial": f"{first[0]}. {last}",
        "file": "_".join(f"{first} {last}".replace("'", "").replace("’", "").replace(".", "").split()),
    }
    return {key: (form, "name") for key, form in forms.items()}


def _contacts(rng: random.Random, part: str, french: bool, name: Name) -> Slots:
    first, last = (_handle(n) for n in (name.first.split()[0], name.last))
    number = str(rng.randint(1, 99))
    user = rng.choice(
        (
            f"{first}.{last}",
            f"{first[0]}{last}",
            f"{first}{last}",
            f"{first}_{last}",
            f"{last}.{first}",
            f"{first}{number}",
            f"{first}.{last}{number}",
            f"{first}-{last}",
        )
    )
    if rng.random() < 0.12:
        user = rng.choice(("sunshine", "bluebird", "contact.pro", "moonlight", "tech.guru", "rider")) + number
    domain = rng.choice(_FRENCH_DOMAINS if french else _DOMAINS)
    slug = rng.choice(
        (f"{first}-{last}", f"{first}{last}", f"{first}-{last}-{rng.getrandbits(28):x}", f"{first[0]}{last}")
    )
    return {
        "email": (
            rng.choice((f"{user}@{domain}",) * 8 + (f"{user}@{domain}".upper(), f"{user} [at] {domain}")),
            "email",
        ),
        "linkedin": (
            rng.choice(
                ("linkedin.com/in/", "www.linkedin.com/in/", "https://www.linkedin.com/in/", "https://linkedin.com/in/")
            )
            + slug,
            "url",
        ),
        "github": (rng.choice(("github.com/", "https://github.com/")) + f"{first}{last}", "url"),
        "site": (
            rng.choice((f"www.{first}{last}.com", f"https://{first}-{last}.fr", f"http://{first}{last}.net")),
            "url",
        ),
        "handle": ("@" + rng.choice((f"{first}{last}", f"{first}_{last}", f"{first}{number}")), "url"),
        "phone": (_phone(rng, french), "phone"),
        "phone2": (_phone(rng, french), "phone"),
    }


def _handle(name: str) -> str:
    return "".join(c for c in fold(name) if c.isascii() and c.isalnum())


def _phone(rng: random.Random, french: bool) -> str:
    def digits(count: int) -> str:
        return "".join(rng.choice("0123456789") for _ in range(count))

    def one(low: int = 1) -> str:
        return str(rng.randint(low, 9))

    pairs = [digits(2) for _ in range(4)]
    separator = rng.choice((" ", ".", "-", ""))
    if french and rng.random() < 0.85:
        head = rng.choice("12345679")
        return rng.choice(
            (
                separator.join([f"0{head}", *pairs]),
                " ".join([f"0{head}", *pairs]),
                f"+33 {head} " + " ".join(pairs),
                f"+33 (0){head} " + " ".join(pairs),
                f"+33{head}" + "".join(pairs),
                f"0033 {head} " + " ".join(pairs),
                f"+212 6{digits(2)} {digits(2)} {digits(2)} {digits(2)}",
                f"+32 4{digits(2)} {digits(2)} {digits(2)} {digits(2)}",
                f"04{digits(2)}/{digits(2)}.{digits(2)}.{digits(2)}",
                f"+221 77 {digits(3)} {digits(2)} {digits(2)}",
                f"+41 79 {digits(3)} {digits(2)} {digits(2)}",
            )
        )
    area, office = one(2) + digits(2), one(2) + digits(2)
    return rng.choice(
        (
            f"07{digits(3)} {digits(6)}",
            f"07{digits(9)}",
            f"+44 7{digits(3)} {digits(6)}",
            f"+44 (0)7{digits(3)} {digits(6)}",
            f"020 {digits(4)} {digits(4)}",
            f"(0{one()}{digits(2)}) {digits(3)} {digits(4)}",
            f"0{one()}{digits(3)} {digits(6)}",
            f"({area}) {office}-{digits(4)}",
            f"{area}-{office}-{digits(4)}",
            f"{area}.{office}.{digits(4)}",
            f"+1 {area} {office} {digits(4)}",
            f"+1-{area}-{office}-{digits(4)}",
            f"({area}) {office}-{digits(4)} x{digits(3)}",
            f"+1 ({area}) {office}-{digits(4)}",
            f"+91 9{digits(4)} {digits(5)}",
            f"+91-9{digits(9)}",
            f"+234 80{one()} {digits(3)} {digits(4)}",
            f"+353 87 {digits(3)} {digits(4)}",
            f"+86 13{one()} {digits(4)} {digits(4)}",
            f"00 44 7{digits(3)} {digits(6)}",
            f"+971 50 {digits(3)} {digits(4)}",
            f"+61 4{digits(2)} {digits(3)} {digits(3)}",
        )
    )


def _births(rng: random.Random, part: str, french: bool, name: Name) -> Slots:
    day, month, year = rng.randint(1, 28), rng.randint(1, 12), rng.randint(1955, 2004)
    if french:
        ordinal = "1er" if day == 1 else str(day)
        birth = rng.choice(
            (
                f"{day:02d}/{month:02d}/{year}",
                f"{ordinal} {_FRENCH_MONTHS[month - 1]} {year}",
                f"{day:02d}.{month:02d}.{year}",
                f"{day:02d}-{month:02d}-{year}",
            )
        )
        where = rng.choice(("", "", f" à {rng.choice(towns(part, 'FR'))}"))
        born = f"{'Née' if name.female else 'Né'} le {birth}{where}"
    else:
        birth = rng.choice(
            (
                f"{day:02d}/{month:02d}/{year}",
                f"{day} {_MONTHS[month - 1]} {year}",
                f"{_MONTHS[month - 1]} {day}, {year}",
                f"{year}-{month:02d}-{day:02d}",
                f"{day}.{month}.{year}",
            )
        )
        town = rng.choice(towns(part, rng.choice(("GB", "US"))))
        born = f"Born {rng.choice(('', 'on '))}{birth}" + rng.choice(("", f" in {town}"))
    age = 2026 - year
    return {
        "birth": (birth, "birth_date"),
        "born": (born, "birth_date"),
        "age": (f"{age} ans" if french else f"{age} years old", "age"),
        "years": (str(age), "age"),
        "yearold": (f"{'Âgée' if name.female else 'Âgé'} de {age} ans" if french else f"{age}-year-old", "age"),
    }


def _status(rng: random.Random, part: str, french: bool, name: Name) -> Slots:
    she = name.female
    english, forms = rng.choice(list(_NATIONS.items()))
    national = forms[she] if french else english
    if french:
        family = rng.choice(
            (
                f"Mari{'ée' if she else 'é'}",
                "Célibataire",
                f"Divorc{'ée' if she else 'é'}",
                "Pacsée" if she else "Pacsé",
            )
        )
        family += rng.choice(("", "", ", 2 enfants", ", sans enfant", ", un enfant"))
        words = ("Femme", "F", "Féminin") if she else ("Homme", "H", "Masculin")
        title, pronoun, pronouns = ("Mme", "Elle", "elle") if she else (rng.choice(("M.", "Monsieur")), "Il", "il")
        his = pronoun.lower() + "-même" if she else "lui-même"
        cue = rng.choice(("de jeunes filles",) if she else ("de garçons",))
    else:
        family = rng.choice(("Married", "Single", "Divorced", "Widowed")) + rng.choice(
            ("", "", ", 2 children", ", one child", " with two children")
        )
        words = ("Female", "F", "Woman") if she else ("Male", "M", "Man")
        title, pronoun, pronouns = (
            (rng.choice(("Mrs", "Ms", "Miss", "Mrs.")), "She", "she/her")
            if she
            else (rng.choice(("Mr", "Mr.")), "He", "he/him")
        )
        his = "her" if she else "his"
        cue = "Girls'" if she else "Boys'"
    return {
        "nationality": (national.capitalize(), "nationality"),
        "national": (national, "nationality"),
        "family": (family, "gender"),
        "gender": (rng.choice(words[:2]), "gender"),
        "title": (title, "gender"),
        "pronoun": (pronoun, "gender"),
        "his": (his, "gender"),
        "pronouns": (pronouns, "gender"),
        "cue": (cue, "school_gender"),
    }


def _numbers(rng: random.Random, part: str, french: bool, name: Name) -> Slots:
    def digits(count: int) -> str:
        return "".join(rng.choice("0123456789") for _ in range(count))

    body = f"{2 if name.female else 1}{rng.randint(55, 99)}{rng.randint(1, 12):02d}{rng.randint(1, 95):02d}{digits(3)}{digits(3)}"
    social = body + nir.calc_check_digits(body)
    bank = "30004" + digits(5) + digits(11) + digits(2)
    iban = "FR" + calc_check_digits("FR00" + bank) + bank
    return {
        "nir": (
            " ".join((social[0], social[1:3], social[3:5], social[5:7], social[7:10], social[10:13], social[13:])),
            "identifier",
        ),
        "iban": (" ".join(iban[i : i + 4] for i in range(0, len(iban), 4)), "identifier"),
        "nino": (
            f"{rng.choice('ABCEHJ')}{rng.choice('ABCEHJ')} {digits(2)} {digits(2)} {digits(2)} {rng.choice('ABCD')}",
            "identifier",
        ),
        "ssn": (f"{rng.randint(100, 600)}-{rng.randint(10, 99)}-{rng.randint(1000, 9999)}", "identifier"),
        "passport": (
            rng.choice(
                (
                    digits(9),
                    f"{rng.choice('ABCDEFGH')}{digits(7)}",
                    f"{digits(2)}{rng.choice('ABC')}{rng.choice('DEF')}{digits(5)}",
                )
            ),
            "identifier",
        ),
    }
