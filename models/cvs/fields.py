"""French names of fields of study to the English ones in which features carry them."""

import unicodedata

_ENGLISH = {
    "achats": "Purchasing", "administration des entreprises": "Business Administration", "agronomie": "Agronomy",
    "aide-soignant": "Nursing assistance", "architecture": "Architecture", "arts plastiques": "Fine Arts",
    "assistanat": "Office Administration", "assurance": "Insurance", "banque": "Banking", "biologie": "Biology",
    "boulangerie": "Baking", "chimie": "Chemistry", "commerce": "Business",
    "commerce international": "International Trade",
    "communication": "Communication", "comptabilite": "Accounting",
    "comptabilite et gestion": "Accounting and Management",
    "coiffure": "Hairdressing", "cuisine": "Cooking", "droit": "Law", "droit des affaires": "Business Law",
    "droit social": "Labour Law", "economie": "Economics", "economique et social": "Economics and Social Sciences",
    "electrotechnique": "Electrical Engineering", "electricite": "Electrical Installation", "finance": "Finance",
    "genie civil": "Civil Engineering", "genie electrique": "Electrical Engineering",
    "genie mecanique": "Mechanical Engineering", "geographie": "Geography", "gestion": "Management",
    "gestion des ressources humaines": "Human Resources", "graphisme": "Graphic Design", "histoire": "History",
    "hotellerie": "Hospitality", "hotellerie-restauration": "Hospitality", "informatique": "Computer Science",
    "ingenierie": "Engineering", "journalisme": "Journalism", "langues etrangeres appliquees": "Applied Languages",
    "lettres modernes": "Literature", "logistique": "Logistics", "maconnerie": "Masonry", "management": "Management",
    "maintenance industrielle": "Industrial Maintenance", "marketing": "Marketing", "mathematiques": "Mathematics",
    "mecanique": "Mechanics", "mecanique automobile": "Automotive Technology", "medecine": "Medicine",
    "menuiserie": "Carpentry", "pharmacie": "Pharmacy", "philosophie": "Philosophy", "physique": "Physics",
    "patisserie": "Pastry", "plomberie": "Plumbing", "psychologie": "Psychology", "reseaux": "Computer Networks",
    "ressources humaines": "Human Resources", "restauration": "Catering", "sciences": "Science",
    "sciences de l'education": "Education", "sciences economiques": "Economics",
    "sciences politiques": "Political Science",
    "scientifique": "Science", "secretariat": "Office Administration", "sociologie": "Sociology",
    "soins infirmiers": "Nursing", "infirmier": "Nursing", "sport": "Sports", "statistique": "Statistics",
    "tourisme": "Tourism", "traduction": "Translation", "transport et logistique": "Transport and Logistics",
    "vente": "Sales", "commercial": "Sales", "statistiques": "Statistics", "puericulture": "Child care",
    "litteraire": "Literature", "audit": "Auditing", "services informatiques": "IT Services",
}  # fmt: skip


def in_english(name: str) -> str:
    """The English name of a field; the name itself where it is no French one that we know."""
    plain = unicodedata.normalize("NFKD", name.lower().replace("’", "'")).encode("ascii", "ignore").decode()
    return _ENGLISH.get(plain, name)
