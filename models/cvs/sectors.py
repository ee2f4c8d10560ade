"""The closed list of sectors: short names in the manner of NACE Rev. 2 divisions.

The teacher names sectors freely; each of its frequent names, and those of the same meaning, is one of ours. Rare ones
go to the nearest broader name.
"""

# Of each sector the other names that mean it, or a part of it.
_NAMES: dict[str, tuple[str, ...]] = {
    "Accounting": ("Accounting services", "Accounting and tax services", "Tax consulting", "Auditing"),
    "Advertising": (
        "Advertising and marketing", "Marketing", "Digital marketing", "Online marketing", "Event marketing",
        "Market research",
    ),
    "Aerospace manufacturing": ("Aircraft maintenance", "Space science outreach", "Aerospace"),
    "Agriculture": (
        "Agricultural extension", "Agricultural certification", "Viticulture", "Forestry", "Horticulture", "Farming",
        "Agricultural wholesale", "Landscaping",
    ),
    "Agricultural research": (),
    "Air transport": ("Air transport support", "Airports", "Aviation", "Airlines", "Aviation fuel services"),
    "Banking": ("Credit unions", "Investment banking"),
    "Broadcasting": ("Radio broadcasting", "Television broadcasting"),
    "Business process outsourcing": ("Benefits administration", "Employee benefits administration", "Procurement"),
    "Call centres": ("Customer service",),
    "Catering": (),
    "Child day-care": ("Child care", "Childcare", "Pre-primary education"),
    "Construction": ("Civil engineering", "Building", "Interior construction", "Building maintenance"),
    "Consumer lending": ("Debt collection",),
    "Education": ("Primary education", "Secondary education", "Schools", "Tutoring", "Youth programs"),
    "Electricity supply": ("Energy", "Power generation", "Nuclear facilities", "Utilities", "Water supply"),
    "Electronics manufacturing": (
        "Semiconductor manufacturing", "Computer hardware manufacturing", "Consumer electronics",
        "Electrical equipment manufacturing", "Robotics",
    ),
    "Engineering services": ("Architecture", "Technical testing and inspection", "Testing and inspection",
                             "Materials testing"),
    "Fashion": ("Apparel manufacturing", "Clothing trade"),
    "Film and video production": ("Film and television production", "Video production", "Photography", "Cinemas"),
    "Financial services": ("Wealth management", "Fund management", "Investment services", "Finance"),
    "Fitness centres": ("Fitness and sports facilities", "Fitness and wellness", "Wellness", "Gyms"),
    "Food manufacturing": ("Food production", "Beverage manufacturing"),
    "Food service": ("Food and beverage service",),
    "Freight transport": ("Road freight", "Freight forwarding", "Courier services", "Postal services", "Logistics",
                          "Postal and courier services", "Transportation"),
    "Graphic design": ("Design", "Specialised design", "Product design", "Packaging design", "Web design"),
    "Hairdressing and beauty": ("Spa and wellness", "Beauty", "Cosmetics sales"),
    "Health care": (
        "Public health", "Health IT", "Health care IT", "Health care revenue services", "Ambulance services",
        "Physical therapy services", "Medical laboratories", "Nursing care",
    ),
    "Health insurance": (),
    "Higher education": ("Universities",),
    "Home health care": (),
    "Hospital care": ("Hospitals",),
    "Hotels": ("Accommodation", "Hospitality", "Travel services", "Travel agencies", "Tourism"),
    "Human resources services": ("Human resources",),
    "Insurance": (),
    "Interior design": (),
    "IT services": ("Information technology", "IT consulting", "Computer repair", "Internet services"),
    "Legal services": ("Law",),
    "Management consulting": ("Consulting", "Business consulting", "Professional services"),
    "Manufacturing": (
        "Machinery manufacturing", "Metal products manufacturing", "Fabricated metal products", "Paper manufacturing",
        "Furniture manufacturing", "Automotive manufacturing", "Chemical manufacturing", "Pump manufacturing",
        "Power generation equipment", "Engine manufacturing", "Jewellery manufacturing", "Printing",
    ),
    "Medical devices": ("Medical device manufacturing", "Medical equipment trade", "Healthcare supplies"),
    "Medical practice": ("Dental practice", "Veterinary services"),
    "Military": ("Defence", "Defence contracting"),
    "Mortgage lending": (),
    "Motor vehicle trade": ("Car dealership", "Car sales", "Automotive", "Vehicle repair", "Motor vehicle repair",
                            "Car rental"),
    "Non-profit": ("International development", "Membership organisations", "Religious organisations",
                   "Business associations", "International organisations"),
    "Nursing homes": ("Residential care",),
    "Oil and gas": ("Mining", "Petrol stations"),
    "Performing arts": ("Arts and entertainment", "Museums", "Entertainment", "Music publishing"),
    "Pharmaceutical manufacturing": ("Pharmaceuticals", "Biotechnology"),
    "Pharmacy services": (),
    "Public administration": ("Government", "Law enforcement", "Public safety", "Local government"),
    "Public relations": (),
    "Publishing": ("Media", "Online media"),
    "Real estate": ("Property management", "Facility services"),
    "Restaurants": ("Bars and restaurants",),
    "Retail": ("E-commerce", "Direct selling", "Jewellery", "Furniture retail", "Flooring retail", "Beverage retail",
               "Telecommunications retail", "Floristry"),
    "Scientific research": ("Medical research", "Research"),
    "Security services": ("Security systems services",),
    "Social work": ("Social services", "Substance abuse treatment"),
    "Software": ("Software development", "Gaming"),
    "Sports and fitness": ("Sports and events", "Professional sports", "Recreation", "Sports"),
    "Staffing services": ("Staffing", "Recruitment"),
    "Telecommunications": (),
    "Training": (),
    "Warehousing": (),
    "Wholesale trade": ("Food wholesale", "Wholesale", "Pharmaceutical wholesale", "Wholesale of office supplies",
                        "Musical instrument wholesale"),
}  # fmt: skip
SECTORS = tuple(_NAMES)
_SECTOR_OF = {name.casefold(): sector for sector, names in _NAMES.items() for name in (sector, *names)}


def sector(name: str) -> str | None:
    """The sector of the list that a freely written name means; None where we know none."""
    return _SECTOR_OF.get(" ".join(name.split()).casefold())
