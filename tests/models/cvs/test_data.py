"""Labels find their words, and variants keep them."""

from random import Random

from models.cvs import written
from models.cvs.augment import variant
from models.cvs.data import Example, example
from models.cvs.languages import codes
from models.cvs.sectors import SECTORS, sector

TEXT = """BAKER
Summary
Baker who likes bread. 9 years of experience.
Experience
Baker March 2010 to Current
Company Name City , State
Baked bread for the Mill Lane Market.
Helper , 01/2005 to 02/2010
Company Name City , State
Education
Diploma in Baking, Corrib College , 2004
Skills
sourdough, ovens
"""
LABEL = {
    "current_title": "Baker",
    "past_titles": ["Helper"],
    "companies": ["Mill Lane Market"],
    "sectors": ["Food production"],
    "education": [{"level": "vocational", "field": "Baking", "span": "Diploma in Baking, Corrib College"}],
    "skills": ["sourdough", "ovens"],
    "languages": [],
    "certificates": [],
    "experience_years": 9,
    "seniority": "mid",
    "department": "Manufacturing & Trades",
}


def words(item: Example, entity: str) -> list[str]:
    return [item.text[m.start : m.end] for m in item.marks if m.entity == entity]


def test_labels_find_their_words() -> None:
    item = example("1", TEXT, LABEL)
    # The headline of other case and the word in the summary are no headings of a job.
    assert words(item, "title") == ["Baker", "Helper"]
    assert words(item, "dates") == ["March 2010 to Current", "01/2005 to 02/2010"]
    assert words(item, "education") == ["Diploma in Baking, Corrib College"]
    assert words(item, "field") == ["Baking"]
    assert words(item, "skill") == ["sourdough", "ovens"]
    assert words(item, "company") == ["Mill Lane Market"]
    assert item.sectors == {"Food manufacturing"}


def test_variants_move_labels_with_their_words() -> None:
    item = example("1", TEXT, LABEL)
    named = 0
    for seed in range(20):
        other = variant(item, Random(seed))
        for entity in ("title", "dates", "education", "field", "skill"):
            assert words(other, entity) == words(item, entity)
        named += len(words(other, "company")) == 3 and "Company Name" not in other.text
    assert named > 5


def test_composed_cvs_carry_their_labels() -> None:
    train, test = written.examples("train"), written.examples("test")
    assert not {item.cv_id for item in train} & {item.cv_id for item in test}
    for item in [*train, *test]:
        assert item.label["current_title"] in words(item, "title")
        assert words(item, "company") == item.label["companies"]
        assert item.sectors <= set(SECTORS)
        for spoken in item.label["languages"]:
            assert spoken["language"] in codes(spoken["span"]), spoken
    assert written.examples("train") == train


def test_sectors_are_closed() -> None:
    assert sector("hospitals") == "Hospital care"
    assert sector("Underwater basket weaving") is None
