"""Values from words: closed sets, amounts, places, names."""

import pytest

from models.queries import amounts, closed
from models.queries.lexicon import Lexicon, learn
from models.queries.normalising import Normaliser
from models.queries.places import Places


@pytest.fixture(scope="module")
def normaliser() -> Normaliser:
    return Normaliser(Lexicon.load(None), Places.load())


@pytest.mark.parametrize(
    ("span", "places", "value"),
    [
        ("60k", (), ">=60000 ?/?"),
        ("£15/h or up", (), ">=15 GBP/hour"),
        ("50-55k", (), "50000..55000 ?/?"),
        ("40,000 to 45,000 pounds a year", (), "40000..45000 GBP/year"),
        ("25-35 lpa", (), "2500000..3500000 INR/year"),
        ("$3k/wk+", (), ">=3000 USD/week"),
        ("$30 an hour", ("Toronto",), ">=30 CAD/hour"),
        ("$110k", ("Auckland",), ">=110000 NZD/?"),
        ("usd 90k", ("Sydney",), ">=90000 USD/?"),
        ("under 20k a year", (), "<=20000 ?/year"),
        ("not under 250k", (), ">=250000 ?/?"),
        ("pas en dessous de 150 k€", (), ">=150000 EUR/?"),
        ("jusqu'à 2 500 € par mois", (), "<=2500 EUR/month"),
        ("12,50 €/h", (), ">=12.50 EUR/hour"),
        ("2.500 € brut", (), ">=2500 EUR/?"),
        ("tjm 550", (), ">=550 ?/day"),
        ("95 base", (), ">=95000 ?/?"),
        ("entre 30 et 35k", (), "30000..35000 ?/?"),
        ("£700pw", (), ">=700 GBP/week"),
        ("£18ph", (), ">=18 GBP/hour"),
        ("usd 300 monthly", (), ">=300 USD/month"),
    ],
)
def test_pay(span: str, places: tuple[str, ...], value: str) -> None:
    assert amounts.salary(span, places) == value


@pytest.mark.parametrize(
    ("span", "value"),
    [
        ("3+ years", ">=3"),
        ("2-4yrs", "2..4"),
        ("3 à 5 ans", "3..5"),
        ("ten years' experience", ">=10"),
        ("under 3 years", "<=3"),
        ("no experience", "0"),
        ("débutant accepté", "0"),
        ("sin experiencia", "0"),
    ],
)
def test_years(span: str, value: str) -> None:
    assert amounts.years(span) == value


@pytest.mark.parametrize(
    ("span", "value"),
    [
        ("today", "<=1d"),
        ("last 24 hours", "<=1d"),
        ("last 3 days", "<=3d"),
        ("moins d'une semaine", "<=7d"),
        ("last two weeks", "<=14d"),
        ("last fortnight", "<=14d"),
        ("past month", "<=30d"),
        ("since Monday", "<=7d"),
    ],
)
def test_age_of_a_posting(span: str, value: str) -> None:
    assert amounts.posted(span) == value


@pytest.mark.parametrize(
    ("name", "span", "value"),
    [
        ("work_arrangement", "télétravail 2j", "hybrid"),
        ("work_arrangement", "wfh", "remote"),
        ("work_arrangement", "présentiel", "onsite"),
        ("employment_type", "CDI", "full_time"),
        ("employment_type", "CDD 6 mois", "contract"),
        ("employment_type", "intérim", "temporary"),
        ("employment_type", "alternance", "apprenticeship"),
        ("employment_type", "stage", "internship"),
        ("employment_type", "80%", "part_time"),
        ("employment_type", "permanent", "full_time"),
        ("seniority", "Sr", "senior"),
        ("seniority", "fresher", "entry"),
        ("seniority", "chef d'équipe", "lead"),
        ("seniority", "VP", "executive"),
        ("education", "bac+5", "master"),
        ("education", "BTS", "associate"),
        ("education", "sans diplôme", "none"),
        ("education", "no degree needed", "none"),
        ("education", "PhD", "doctorate"),
    ],
)
def test_closed_sets(name: str, span: str, value: str) -> None:
    assert closed.value(name, span) == value


@pytest.mark.parametrize(
    ("span", "value"),
    [
        ("sf", "San Francisco"),
        ("münchen", "Munich"),
        ("Genève", "Geneva"),
        ("Suisse", "Switzerland"),
        ("londres", "London"),
        ("greenville sc", "Greenville, South Carolina"),
        ("perth WA", "Perth, Western Australia"),
        ("saint etienne", "Saint-Étienne"),
        ("brookln", "Brooklyn"),
        ("little snoring", "Little Snoring"),
    ],
)
def test_places(normaliser: Normaliser, span: str, value: str) -> None:
    assert normaliser.value("location", span) == value


@pytest.mark.parametrize(
    ("name", "span", "value"),
    [
        ("title", "infirmière", "nurse"),
        ("title", "sofware enginer", "software engineer"),
        ("title", "Drivers", "driver"),
        ("title", "HR Generalist", "HR generalist"),
        ("skill", "js", "JavaScript"),
        ("skill", "anglais courant", "English"),
        ("skill", "german B1", "German"),
        ("industry", "btp", "construction"),
        ("schedule", "de nuit", "nights"),
        ("benefit", "logée", "accommodation"),
        ("company", "mcdonalds", "McDonald's"),
        ("company", "acme widgets", "Acme Widgets"),
    ],
)
def test_names(normaliser: Normaliser, name: str, span: str, value: str) -> None:
    assert normaliser.value(name, span) == value


def test_what_labels_teach_is_what_the_lists_do_not_know() -> None:
    pairs = [
        ("title", "Infirmière", "nurse"),
        ("title", "zorbist", "zorb operator"),
        ("title", "zorbist", "zorb operator"),
        ("title", "zorbist", "zorb rider"),
        ("title", "zorb rider", "zorb rider"),
    ]
    assert learn(pairs) == {"title": {"zorbist": "zorb operator"}}


def test_labels_overrule_the_lists() -> None:
    assert learn([("title", "Infirmière", "infirmière")]) == {"title": {"infirmiere": "infirmière"}}
