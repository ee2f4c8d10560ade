"""Layouts of CVs: how people write who they are, in English and French.

A layout is a text with slots ("{name}", "{phone}") that a person fills (see `people`), and "{body}", the CV proper.
These are the training layouts, written as a whole or composed from many small choices; those of the test are in
`held_out`.
"""

import random

from models.anonymise import written

_WRITTEN_SHARE = 0.4

ROLES = {
    "en": [
        "Project Manager",
        "Software Engineer",
        "Registered Nurse",
        "Accountant",
        "Sales Executive",
        "Data Analyst",
        "Chef de Partie",
        "Marketing Manager",
        "Mechanical Engineer",
        "Primary School Teacher",
        "HR Business Partner",
        "Electrician",
        "Paralegal",
        "Warehouse Operative",
        "Receptionist",
    ],
    "fr": [
        "Chef de projet",
        "Développeur web",
        "Infirmière diplômée d'État",
        "Comptable",
        "Commercial B2B",
        "Analyste financier",
        "Assistante de direction",
        "Responsable marketing",
        "Ingénieur mécanique",
        "Professeur des écoles",
        "Chargé de recrutement",
        "Électricien",
        "Juriste",
        "Cariste",
        "Vendeuse",
    ],
}

_NAME_LINES = {
    "en": (
        "{name}",
        "{name}",
        "{name}",
        "{upper}",
        "{upper}",
        "{lastupper}",
        "{reverse}",
        "{comma}",
        "{lower}",
        "{split}",
        "{splitupper}",
        "{spaced}",
        "Name: {name}",
        "NAME: {upper}",
        "Full Name : {name}",
        "CURRICULUM VITAE\n{name}",
        "Curriculum Vitae of {name}",
        "{name} - Resume",
        "RESUME\n{upper}",
        "{title} {name}",
        "{name}, MBA",
        "{name}, PhD",
        "{name}\n{role}",
        "{upper}\n{role}",
        "{role}\n{name}",
        "{name} | {role}",
        "{name} - {role}",
        "CV – {name}",
        "{name} ({pronouns})",
        "Surname: {last}\nFirst name: {first}",
        "{file}_CV.pdf\n{name}",
        "Resume of {name}",
        "Candidate: {name}",
        "{reversed}",
        "Dr {name}",
        "{name}, {role}",
        "{upper}, RN, BSN",
        "Profile of {name}",
        "CURRICULUM VITAE - {upper}",
        "{name} {role}",
    ),
    "fr": (
        "{name}",
        "{name}",
        "{lastupper}",
        "{lastupper}",
        "{upper}",
        "{reverse}",
        "{reverse}",
        "{lower}",
        "{split}",
        "{splitupper}",
        "{spaced}",
        "Nom : {LAST}\nPrénom : {first}",
        "Nom et prénom : {reverse}",
        "CURRICULUM VITAE\n{name}",
        "Curriculum Vitae de {name}",
        "CV de {name}",
        "CV - {lastupper}",
        "{title} {name}",
        "{title} {reverse}",
        "{name}\n{role}",
        "{lastupper}\n{role}",
        "{role}\n{name}",
        "{name} | {role}",
        "{name} - {role}",
        "{name} – {role}",
        "CV_{file}.pdf\n{name}",
        "Prénom et nom : {name}",
        "Candidat : {name}",
        "{reversed}",
        "{name}, {role}",
        "{upper} {role}",
        "Dr {name}",
        "{title} {last}",
    ),
}
_ADDRESSES = {
    "en": (
        "{lines}",
        "{lines}",
        "{address}",
        "{address}",
        "Address: {address}",
        "Address: {lines}",
        "{home}",
        "{home}",
        "{home}",
        "Location: {home}",
        "Home address\n{lines}",
        "{street}\n{place}",
        "Based in {home}",
        "Residence: {home}",
        "{place}",
    ),
    "fr": (
        "{lines}",
        "{lines}",
        "{address}",
        "{address}",
        "Adresse : {address}",
        "Adresse : {lines}",
        "{home}",
        "{home}",
        "{home}",
        "Localisation : {home}",
        "Adresse postale\n{lines}",
        "{street}\n{place}",
        "Domicile : {address}",
        "Ville : {home}",
        "{place}",
    ),
}
_PHONES = {
    "en": (
        "{phone}",
        "{phone}",
        "Tel: {phone}",
        "Phone: {phone}",
        "Mobile: {phone}",
        "M: {phone}",
        "Cell {phone}",
        "T. {phone} / M. {phone2}",
        "Mob No. {phone}",
        "☎ {phone}",
        "Contact number: {phone}",
    ),
    "fr": (
        "{phone}",
        "{phone}",
        "Tél : {phone}",
        "Tél. : {phone}",
        "Téléphone : {phone}",
        "Port. {phone}",
        "Mobile : {phone}",
        "{phone} / {phone2}",
        "Tel {phone}",
        "☎ {phone}",
        "Portable: {phone}",
    ),
}
_EMAILS = {
    "en": (
        "{email}",
        "{email}",
        "{email}",
        "Email: {email}",
        "E-mail: {email}",
        "E: {email}",
        "Email address - {email}",
    ),
    "fr": (
        "{email}",
        "{email}",
        "{email}",
        "E-mail : {email}",
        "Mail : {email}",
        "Courriel : {email}",
        "Adresse mail : {email}",
    ),
}
_LINKS = ("{linkedin}", "LinkedIn: {linkedin}", "{github}", "{site}", "Twitter: {handle}", "{linkedin} | {github}")
_DETAILS = {
    "en": (
        "Date of Birth: {birth}",
        "DOB: {birth}",
        "{born}",
        "Age: {years}",
        "{age}",
        "Nationality: {nationality}",
        "Gender: {gender}",
        "Sex: {gender}",
        "Marital status: {family}",
        "{family}",
        "{nationality}",
        "Passport No: {passport}",
        "National Insurance No: {nino}",
        "SSN: {ssn}",
        "Driving licence: Full, clean",
        "Languages: English, French",
        "Notice period: 1 month",
        "DATE OF BIRTH\n{birth}",
        "D.O.B. {birth}",
        "Nationality\n{nationality}",
        "Marital status\n{family}",
        "Phone\n{phone}",
        "Bank: IBAN {iban}",
        "Father's name: {father}",
        "Visa status: Work permit",
    ),
    "fr": (
        "Date de naissance : {birth}",
        "{born}",
        "{born}",
        "Âge : {years} ans",
        "{age}",
        "Nationalité : {national}",
        "Sexe : {gender}",
        "De nationalité {national}",
        "Situation familiale : {family}",
        "{family}",
        "{nationality}",
        "N° de passeport : {passport}",
        "N° de sécurité sociale : {nir}",
        "IBAN : {iban}",
        "Permis B",
        "Date de naissance\n{birth}",
        "Nationalité\n{national}",
        "Situation familiale\n{family}",
        "Téléphone\n{phone}",
        "RIB : IBAN {iban}",
        "IBAN {iban}",
        "Permis B, véhicule personnel",
        "Langues : anglais, français",
        "Disponible immédiatement",
        "Mobilité : Île-de-France",
    ),
}
_DETAIL_HEADINGS = {
    "en": ("Personal Details", "PERSONAL INFORMATION", "Personal Data"),
    "fr": ("Informations personnelles", "ÉTAT CIVIL", "Coordonnées"),
}
_SEPARATORS = ("\n", "\n", "\n", " | ", " • ", "  ", " - ", ", ", " · ", "    ", "\n\n", "\t", " ")
_TAILS = {
    "en": (
        "",
        "",
        "",
        "",
        "References available on request",
        "References\n{boss}, Finance Director, tel {bossphone}, {bossemail}",
        "REFERENCES\n{boss}\nHead Teacher\n{bossphone}\n{bossemail}\n{boss2}\nManager\n{boss2phone}",
        "Referees:\nDr {boss}\nSenior Lecturer\n{bosslines}\n{bossemail}",
        "Page 2 of 2\n{name}",
        "{name} - Page 1",
        "Yours faithfully,\n{name}",
        "{upper}",
        "Signature: {name}\nDate: 12 March 2021",
        "{email} | {phone}",
        "I declare that the above is true.\n{name}\nPlace: {home}",
        "Best regards\n{name}",
        "({name})",
        "Updated on 12 March 2021 by {name}",
        "Contact\n{name}\n{lines}\n{phone}\n{email}",
        "Personal Details\n{name}\n{address}\n{phone}",
    ),
    "fr": (
        "",
        "",
        "",
        "",
        "Références disponibles sur demande",
        "Références\n{boss}, directeur financier, tél. {bossphone}, {bossemail}",
        "RÉFÉRENCES\n{boss}\nProviseur\n{bossphone}\n{bossemail}",
        "Page 2/2\n{name}",
        "{name} - Page 1",
        "{name} | {phone}",
        "Cordialement,\n{name}",
        "{lastupper}",
        "Signature : {name}",
        "{email} - {phone}",
        "Fait à {home}, le 12 mars 2021\n{name}",
        "Contact : {boss}, DRH, {bossphone}",
        "Bien cordialement\n{name}",
        "({lastupper})",
        "Document actualisé le 12 mars 2021 par {name}",
        "Contact\n{lastupper}\n{lines}\n{phone}\n{email}",
        "Coordonnées\n{name}\n{address}\n{phone}",
    ),
}


def compose(rng: random.Random, language: str) -> str:
    """A training layout: a written one, or one of many small choices."""
    if rng.random() < _WRITTEN_SHARE:
        return rng.choice(written.templates("layouts.txt", language))
    pieces = [rng.choice(_NAME_LINES[language])]
    contacts = []
    if rng.random() < 0.85:
        contacts.append(rng.choice(_ADDRESSES[language]))
    if rng.random() < 0.85:
        contacts.append(rng.choice(_PHONES[language]))
    if rng.random() < 0.85:
        contacts.append(rng.choice(_EMAILS[language]))
    if rng.random() < 0.4:
        contacts.append(rng.choice(_LINKS))
    if rng.random() < 0.3:
        contacts += rng.sample(_DETAILS[language], rng.randint(1, 3))
    if rng.random() < 0.5:
        rng.shuffle(contacts)
    separator = rng.choice(_SEPARATORS)
    head = separator.join(contacts)
    chance = rng.random()
    if chance < 0.70:
        pieces.append(head)
    elif chance < 0.78:
        pieces = [head, *pieces]
    elif chance < 0.86:
        pieces = [pieces[0] + separator.replace("\n", " ") + head]
    else:
        pieces.append(rng.choice(("{role}\n", "")) + "Contact\n" + head)
    text = "\n".join(pieces)
    if rng.random() < 0.12:
        text = rng.choice(ROLES[language]) + "\n" + text
    details = ""
    if rng.random() < 0.35:
        own = rng.sample(_DETAILS[language], rng.randint(2, 6))
        details = rng.choice(_DETAIL_HEADINGS[language]) + "\n" + rng.choice(("\n", "\n", " | ", ", ")).join(own)
    text += "\n" + details if rng.random() < 0.6 else ""
    text += rng.choice(("\n", "\n\n")) + "{body}"
    return (
        f"{text}\n{rng.choice(_TAILS[language])}".rstrip()
        if rng.random() < 0.9
        else "{body}\n" + text.replace("\n{body}", "")
    )
