"""Names of employers that do not exist, in the forms that real ones have (English, French).

Real CVs for training often have their employers masked; a student must learn to know employers by place and form, not
by heart.
"""

from random import Random

_PLACES = (
    "Corrib", "Ashdown", "Millbrook", "Harlow Bay", "Northgate", "Tern Valley", "Redmoor", "Blackwater", "Easton",
    "Summit Ridge", "Lakeshore", "Pine Hollow", "Cedar Falls", "Kestrel Point", "Dunmore", "Glenrock", "Westhaven",
    "Sandy Creek", "Fairmount", "Bellmeadow", "Stonebridge", "Wexley", "Oakridge", "Thornbury", "Calder", "Marlow",
)  # fmt: skip
_PEOPLE = (
    "Harrington", "Okafor", "Lindqvist", "Marchetti", "Delacourt", "Brandvold", "Castellan", "Whitcombe", "Pereira",
    "Novak", "Ostrander", "Tamblyn", "Ferrand", "Quillen", "Abernathy", "Vasquez", "Kowalczyk", "Duchamp", "Lemoine",
)  # fmt: skip
_COINED = (
    "Veltrix", "Omnira", "Zentara", "Quantiva", "Lumeo", "Brightwell", "Axiora", "Novexa", "Synlogic", "Pathera",
    "Kinetiq", "Halcyon", "Trivanta", "Meridex", "Solenne", "BluePeak", "GreenForge", "DataHarbor", "CloudMint",
    "Fynbo",
)  # fmt: skip
_TRADES = (
    "Software", "Foods", "Logistics", "Insurance", "Motors", "Healthcare", "Electronics", "Construction", "Staffing",
    "Marketing", "Textiles", "Pharmacy", "Energy", "Media", "Consulting", "Plumbing", "Furniture", "Airways",
    "Robotics",
    "Financial Services", "Real Estate", "Home Care", "Engineering", "Cleaning Services", "Catering", "Security",
)  # fmt: skip
_INSTITUTIONS = (
    "{} General Hospital", "{} Medical Center", "University of {}", "{} High School", "{} Community College",
    "{} School District", "City of {}", "{} County Sheriff's Office", "Bank of {}", "{} Savings Bank", "The {} Hotel",
    "{} Golf Club", "{} Public Library", "{} Nursing Home", "{} Fire Department", "Department of Health of {}",
)  # fmt: skip
_FORMS = (
    "{} {trade}", "{} {trade} Inc.", "{} {trade} Ltd", "{} Corp", "{} LLC", "{} Group", "{} & Sons", "{} {trade} Co.",
    "{}", "{} Technologies", "{} Systems", "{} International", "{} Partners LLP", "The {} Company", "{} plc",
)  # fmt: skip
_VILLES = (
    "Valmont", "Saint-Aubry", "Clairac", "Montfleur", "Beaurivage", "Port-Lisse", "Rochebrune", "Villeneuve-le-Bois",
    "Argenteau", "Kerguen", "La Trébière", "Haute-Combe", "Grandpré", "Lormel", "Pontivert", "Castelviel", "Brévannes",
)  # fmt: skip
_SECTEURS = (
    "Bâtiment", "Transports", "Assurances", "Informatique", "Distribution", "Menuiserie", "Électricité", "Conseil",
    "Restauration", "Propreté", "Énergies", "Logistique", "Immobilier", "Santé", "Automobiles", "Ingénierie",
)  # fmt: skip
_FORMES = (
    "Banque de {}", "Boulangerie {}", "CHU de {}", "Clinique {}", "Mairie de {}", "Lycée {}", "Groupe {}", "{} SA",
    "{} SARL", "SAS {}", "{} {secteur}", "Ets {}", "Cabinet {}", "Crédit {}", "{} & Fils", "Hôtel {}", "Garage {}",
    "Collège {}", "Conseil départemental de {}", "Transports {}", "Pharmacie {}", "Restaurant Le {}", "{} France",
)  # fmt: skip


def employer(random: Random, language: str = "en") -> str:
    """One name."""
    if language == "fr":
        form = random.choice(_FORMES)
        return form.format(random.choice((*_VILLES, *_PEOPLE, *_COINED)), secteur=random.choice(_SECTEURS))
    if random.random() < 0.3:
        return random.choice(_INSTITUTIONS).format(random.choice(_PLACES))
    stem = random.choice((*_PLACES, *_PEOPLE, *_COINED))
    return random.choice(_FORMS).format(stem, trade=random.choice(_TRADES))
