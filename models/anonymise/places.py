# ruff: noqa: E501, SIM905
"""Invented addresses as people of several countries write them."""

import random

from models.anonymise.identities import Name, draw_name, towns
from models.anonymise.kinds import Kind

Slots = dict[str, tuple[str, Kind]]

_STREETS = "High Church Station Victoria Park Mill Queens Kings Manor Green Albert Oak Cedar Maple Main Elm Lake Hill Washington Sunset".split()
_STREET_KINDS = (
    "Street Road Avenue Lane Close Drive Court Way Crescent Terrace Gardens Place St Rd Ave Blvd Dr Ln".split()
)
_FRENCH_STREETS = (
    "de la Paix",
    "Victor Hugo",
    "du Général de Gaulle",
    "des Lilas",
    "Jean Jaurès",
    "de la République",
    "du Moulin",
    "des Écoles",
    "de l'Église",
    "Pasteur",
    "des Acacias",
    "de Verdun",
    "du 8 Mai 1945",
    "Gambetta",
    "des Tilleuls",
    "Voltaire",
)
_FRENCH_STREET_KINDS = (
    "rue avenue boulevard allée impasse place chemin quai cours route Rue Avenue Bd bd av. Av.".split()
)
_STATES = "NY CA TX FL IL PA OH GA NC MI NJ VA WA AZ MA TN IN MO MD WI CO MN".split()
_ELSEWHERE_SHARE = 0.15
_ELSEWHERE = (
    "H.No. {n}-{m}/2, {last} Nagar",
    "Plot No. {n}, Sector {m}, {last} Colony",
    "#{n}, {m}th Cross, {last} Layout",
    "Flat {m}, {last} Heights, {first} Road",
    "{last}straße {n}",
    "Calle {last} {n}, {m}º B",
    "Via {first} {last}, {n}",
    "Rue du {last} {n}",
    "ul. {last} {n}/{m}",
    "Rua {first} {last}, {n}",
    "P.O. Box {n}",
    "BP {n}",
    "Lot {n}, Cité {last}",
    "No. {n} {last} Close, off {first} Street",
    "{n} rue {last}, quartier {first}",
    "{last} Sokak No: {n}/{m}",
)
_COUNTRIES = {
    "IN": ("India", "Inde"),
    "NG": ("Nigeria", "Nigéria"),
    "KE": ("Kenya", "Kenya"),
    "DE": ("Germany", "Allemagne"),
    "ES": ("Spain", "Espagne"),
    "MA": ("Morocco", "Maroc"),
    "DZ": ("Algeria", "Algérie"),
    "TN": ("Tunisia", "Tunisie"),
    "IT": ("Italy", "Italie"),
    "PL": ("Poland", "Pologne"),
    "BE": ("Belgium", "Belgique"),
    "CH": ("Switzerland", "Suisse"),
    "CA": ("Canada", "Canada"),
    "AU": ("Australia", "Australie"),
    "TR": ("Turkey", "Turquie"),
    "PT": ("Portugal", "Portugal"),
    "PK": ("Pakistan", "Pakistan"),
    "CI": ("Ivory Coast", "Côte d'Ivoire"),
    "AE": ("UAE", "Émirats"),
}


def addresses(rng: random.Random, part: str, french: bool, name: Name) -> Slots:
    """The slots of a layout that hold an address or a part of one."""
    french_place = french and rng.random() < 0.85
    town = rng.choice(towns(part, "FR" if french_place else rng.choice(("GB", "GB", "US"))))
    person = draw_name(rng, part, french_place)
    number = str(rng.randint(1, 250))
    if rng.random() < _ELSEWHERE_SHARE:
        country, names = rng.choice(list(_COUNTRIES.items()))
        town = rng.choice(towns(part, country))
        street = rng.choice(_ELSEWHERE).format(n=number, m=rng.randint(1, 40), last=person.last, first=person.first)
        code = str(rng.randint(10000, 99999))
        place = rng.choice((f"{town} - {code}{rng.randint(0, 9)}", f"{code} {town}", f"{town} {code}", town))
        lines = [street, place] if rng.random() < 0.6 else [street, place, names[french]]
        home = rng.choice((f"{town}, {names[french]}", f"{town} ({names[french]})", town, f"{town} - {names[french]}"))
    elif french_place:
        kind = rng.choice(_FRENCH_STREET_KINDS)
        road = rng.choice((*_FRENCH_STREETS, f"{person.first} {person.last}", f"de {town}"))
        street = f"{number}{rng.choice(('', '', '', ' bis', ' ter', ','))} {kind} {road}"
        code = f"{rng.randint(1, 95):02d}{rng.choice(('000', '100', '200', '310', '400', '650'))}"
        place = rng.choice(
            (
                f"{code} {town}",
                f"{code} {town}",
                f"{code} {town.upper()}",
                f"{code} {town} Cedex",
                f"{town} ({code[:2]})",
                f"F-{code} {town}",
            )
        )
        extra = rng.choice(
            (
                f"Appt {rng.randint(1, 60)}",
                f"Bâtiment {rng.choice('ABCD')}",
                f"Résidence Les {rng.choice(('Lilas', 'Pins', 'Chênes'))}",
                f"BP {rng.randint(10, 900)}",
            )
        )
        home = rng.choice(
            (
                town,
                f"{town}, France",
                f"{town} ({code[:2]})",
                f"{code} {town}",
                f"{town} {rng.randint(1, 20)}e",
                f"Région de {town}",
                f"{town} – France",
            )
        )
        lines = [street, place] if rng.random() < 0.6 else [extra, street, place]
    elif rng.random() < 0.5:
        street = f"{number}{rng.choice(('', '', 'A', 'b'))} {rng.choice((*_STREETS, person.last))} {rng.choice(_STREET_KINDS)}"
        letters = "ABDEFGHJLNPQRSTUWXYZ"
        code = f"{rng.choice(letters)}{rng.choice(('', rng.choice('ELNSTW')))}{rng.randint(1, 28)} {rng.randint(1, 9)}{rng.choice(letters)}{rng.choice(letters)}"
        place = rng.choice(
            (f"{town} {code}", f"{town}, {code}", f"{town}, {code}, UK", f"{town}\n{code}", f"{town.upper()} {code}")
        )
        extra = rng.choice(
            (
                f"Flat {rng.randint(1, 60)}",
                f"Apartment {rng.randint(1, 60)}",
                f"{person.last} House",
                f"Unit {rng.randint(1, 9)}",
            )
        )
        home = rng.choice(
            (town, f"{town}, UK", f"{town}, United Kingdom", f"{town}, England", f"{town} {code}", f"Greater {town}")
        )
        lines = [street, place] if rng.random() < 0.6 else [extra, street, place]
    else:
        street = f"{rng.randint(10, 9999)} {rng.choice(('', '', 'N. ', 'West '))}{rng.choice((*_STREETS, person.last))} {rng.choice(_STREET_KINDS)}"
        state = rng.choice(_STATES)
        code = f"{rng.randint(10000, 99950)}"
        place = rng.choice(
            (
                f"{town}, {state} {code}",
                f"{town}, {state}, {code}",
                f"{town} {state} {code}",
                f"{town}, {state} {code}-{rng.randint(1000, 9999)}",
            )
        )
        extra = rng.choice(
            (
                f"Apt {rng.randint(1, 60)}",
                f"Apt. {rng.randint(1, 40)}{rng.choice('ABC')}",
                f"Suite {rng.randint(100, 900)}",
                f"P.O. Box {rng.randint(10, 9000)}",
            )
        )
        home = rng.choice((f"{town}, {state}", f"{town}, {state}", f"{town}, {state} {code}", f"{town}, {state}, USA"))
        lines = [street, place] if rng.random() < 0.6 else [street, extra, place]
    forms = {
        "address": ", ".join(lines).replace(",,", ","),
        "lines": "\n".join(lines),
        "street": ", ".join(lines[:-1]),
        "place": lines[-1].replace("\n", " "),
        "home": home,
    }
    return {key: (form, "address") for key, form in forms.items()}
