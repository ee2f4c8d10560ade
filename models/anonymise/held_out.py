"""Layouts of the test, written by hand and apart from the training layouts (see `layouts` for their slots)."""

TEST_LAYOUTS: dict[str, tuple[str, ...]] = {
    "en": (
        "{name}\n{lines}\nTelephone {phone}\nEmail {email}\n\n{body}\n\nInterests\nRunning and chess",
        "{upper}\n{role}\n{home} ♦ {phone} ♦ {email} ♦ {linkedin}\n{body}",
        "CV\n\nPersonal Particulars\nName\n{name}\nAddress\n{lines}\nD.O.B.\n{birth}\nNationality\n{nationality}\n"
        "Marital Status\n{family}\nContact No.\n{phone}\nEmail\n{email}\n\n{body}",
        "{email}\n{phone}\n{name}\n{role} in {home}\n\n{body}\n\nReferees\n1. {title} {last}, Works Manager, "
        "{bossphone}\n2. Professor {boss}, {bossemail}",
        "{first} {LAST}\nHome: {address}\nMob: {phone}   Home tel: {phone2}   E-mail: {email}\n\n{body}\n{name}, "
        "page 2",
        "{name}, {yearold} {role}\n{phone} // {email} // {site}\n{body}",
        "RÉSUMÉ OF {upper}\n{street}\n{place}\n({phone2})\n{email}\n{body}\nSincerely\n\n{name}",
        "{role}\n\n{name}\n\n{home}\n{linkedin}\n{github}\n{email}\n{phone}\n\n{body}\n\nFurther information\n"
        "{born}. {nationality} citizen. {family}.\nPassport number {passport}. NI number {nino}.",
        "{comma}\nCell: {phone} · {email} · {home}\nPronouns: {pronouns}\n{body}\n{first} can start in May.",
        "Application of {title} {name} for the post of {role}\n{address}\n{phone}\n{email}\n{body}\n{pronoun} enjoys "
        "hiking. {title} {last} can be reached in the evening.",
        "{name} {address} {phone} {email} Career objective To work as a {role} in a growing company. {body}",
        "{lower}\n{email} / {phone} / {handle}\n{home}\n\n{body}",
        "{file}_resume_2024.docx\n{name}\n{phone}\n{home}\n{body}\nLast updated by {name} on 3 March 2024",
        "{body}\n\nContact details\n{name}\n{lines}\n{phone}\n{email}",
        "{name}\nSex: {gender}   Age: {years}   Nationality: {nationality}\nSocial Security Number: {ssn}\n"
        "Residential address: {address}\nWhatsApp {phone}\nMail id: {email}\n{body}\nI hereby state that all of "
        "this is correct.\n({upper})",
    ),
    "fr": (
        "{name}\n{lines}\nTéléphone {phone}\nCourrier électronique {email}\n\n{body}\n\nLoisirs\nCourse à pied, échecs",
        "{upper}\n{role}\n{home} ♦ {phone} ♦ {email} ♦ {linkedin}\n{body}",
        "CURRICULUM VITÆ\n\nÉtat civil\nNom\n{LAST}\nPrénom\n{first}\nAdresse\n{lines}\nDate de naissance\n{birth}\n"
        "Nationalité\n{national}\nSituation de famille\n{family}\nTéléphone\n{phone}\nCourriel\n{email}\n\n{body}",
        "{email}\n{phone}\n{name}\n{role}, {home}\n\n{body}\n\nPersonnes à contacter\n{title} {last}, chef "
        "d'atelier, {bossphone}\nProfesseur {boss}, {bossemail}",
        "{first} {LAST}\nDomicile : {address}\nPort : {phone}   Fixe : {phone2}   Mél : {email}\n\n{body}\n{name}, "
        "page 2",
        "{name}, {role}, {age}\n{phone} // {email} // {site}\n{body}",
        "CV DE {upper}\n{street}\n{place}\n({phone2})\n{email}\n{body}\nBien à vous\n\n{name}",
        "{role}\n\n{lastupper}\n\n{home}\n{linkedin}\n{github}\n{email}\n{phone}\n\n{body}\n\nRenseignements divers\n"
        "{born}. Nationalité {national}. {family}.\nPasseport n° {passport}. Numéro de sécurité sociale {nir}.",
        "{reverse}\nGSM : {phone} · {email} · {home}\n{born} - {family}\n{body}\n{first} est disponible dès mai.",
        "Candidature de {title} {name} au poste de {role}\n{address}\n{phone}\n{email}\n{body}\n{pronoun} aime la "
        "randonnée. {title} {last} est joignable le soir.",
        "{name} {address} {phone} {email} Objectif Rejoindre une entreprise en croissance comme {role}. {body}",
        "{lower}\n{email} / {phone} / {handle}\n{home}\n\n{body}",
        "{file}_2024.docx\n{name}\n{phone}\n{home}\n{body}\nMis à jour par {name} le 3 mars 2024",
        "{body}\n\nMe contacter\n{lastupper}\n{lines}\n{phone}\n{email}",
        "{lastupper}\n{family}, {age}, {national}\nIBAN {iban}\n{address}\nTél. portable : {phone}\nAdresse "
        "électronique : {email}\n{body}\nJe certifie l'exactitude de ces renseignements.\n{name}",
    ),
}
TEST_MENTIONS: dict[str, tuple[str, ...]] = {
    "en": (
        "{first} can be relied on in a crisis.",
        "{pronoun} values {his} team.",
        "{name} is a {yearold} {role} based in the region.",
        "Answered directly to {boss}, VP Finance.",
        "Mentored by {boss}",
        'Feedback from {boss}: "a pleasure to work with".',
        "Personal assistant to {bosstitle} {bosslast}.",
        "Co-author with {boss} and {boss2}.",
        "Dissertation advisor: Prof. {boss}",
        "Warehouse run by {boss} ({bossphone})",
        "Prefect at St Anne's {cue} Grammar School",
    ),
    "fr": (
        "{first} sait garder son calme.",
        "{pronoun} apprécie le travail d'équipe.",
        "{name}, {yearold}, cherche un poste de {role}.",
        "Rattachement direct à {boss}, directrice des achats.",
        "Mentor : {boss}",
        "Avis de {boss} : « un vrai plaisir ».",
        "Collaboration avec {bosstitle} {bosslast} sur les budgets.",
        "Co-auteur avec {boss} et {boss2}.",
        "Mémoire suivi par le Pr {boss}",
        "Atelier tenu par {boss} ({bossphone})",
        "Scolarité au lycée {cue} de la ville",
    ),
}
