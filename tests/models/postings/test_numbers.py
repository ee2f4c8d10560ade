"""Numbers: amounts and years as people write them."""

import pytest

from models.postings.numbers import amounts, local_currency, period, scaled, years


@pytest.mark.parametrize(
    ("sentence", "low", "high", "currency"),
    [
        ("₹9,50,000 - ₹13,00,000 per annum", 950000, 1300000, "INR"),
        ("$15-$20/hr", 15, 20, "USD"),
        ("$15/hr - $20/hr", 15, 20, "USD"),
        ("$17-22hr", 17, 22, "USD"),
        ("$12.50 per hour", 12.5, 12.5, "USD"),
        ("30 000 € à 35 000 € brut", 30_000, 35_000, "EUR"),
        ("entre 2 500,00 et 2 800,00 euros", 2_500, 2_800, "EUR"),
        ("40-50k", 40_000, 50_000, None),
        ("$61,500 to $64,000 CAD", 61_500, 64_000, "CAD"),
        ("US$900 weekly", 900, 900, "USD"),
        ("₦250,000 monthly", 250_000, 250_000, "NGN"),
        ("4 500 DH par mois", 4_500, 4_500, "MAD"),
        ("1 300 dinars tunisiens", 1_300, 1_300, "TND"),
        ("40K€ - 45K€", 40_000, 45_000, "EUR"),
        ("45 k€", 45_000, 45_000, "EUR"),
        ("38 keur", 38_000, 38_000, "EUR"),
        ("£30k", 30_000, 30_000, "GBP"),
        ("up to $90,000 per year", None, 90_000, "USD"),
        ("jusqu'à 55 000 €", None, 55_000, "EUR"),
        ("from 25,50 € par jour", 25.5, None, "EUR"),
        ("à partir de 1 800 €", 1_800, None, "EUR"),
        ("A$ 90,000+", 90_000, None, "AUD"),
        ("between $100,000 and $120,500.50", 100_000, 120_500.5, "USD"),
        ("Salary: EUR 3,800 - EUR 6,200 per month", 3_800, 6_200, "EUR"),
        ("12 lakh", 1_200_000, 1_200_000, None),
        ("Rs. 25,000", 25_000, 25_000, "INR"),
        ("CHF 100'000", 100_000, 100_000, "CHF"),
        ("7.20 to 9 per hour", 7.2, 9, None),
        ("33¿000,00€ à 42¿000,00€ par an", 33_000, 42_000, "EUR"),
        ("A partir de 1 858,14 € nets", 1_858.14, None, "EUR"),
        ("à partir 26 k€ bruts", 26_000, None, "EUR"),
        ("Starting pay is $10.00 per hour", 10, None, "USD"),
        ("starts at a salary of $59,068", 59_068, None, "USD"),
        ("11.88€ brut minimum", 11.88, None, "EUR"),
        ("$1300 + social package", 1_300, 1_300, "USD"),
        ("75K+", 75_000, None, None),
        ("Salary **** 46,000", None, 46_000, None),
        ("ranges to $104,000", None, 104_000, "USD"),
        ("45000 drams", 45_000, 45_000, "AMD"),
        ("up to RM12k", None, 12_000, "MYR"),
    ],
)
def test_reads_amounts(sentence: str, low: float | None, high: float | None, currency: str | None) -> None:
    found = amounts(sentence)[0]
    assert (found.low, found.high, found.currency) == (low, high, currency)
    assert 0 <= found.start < found.end <= len(sentence)


def test_figures_that_do_not_belong_together_stay_apart() -> None:
    assert [(a.low, a.high) for a in amounts("$20 an hour and 3 weeks of leave")] == [(20, 20), (3, 3)]
    assert [(a.low, a.high) for a in amounts("bonus of $5,000, salary $60,000")] == [(5_000, 5_000), (60_000, 60_000)]


@pytest.mark.parametrize(
    ("location", "currency"),
    [("Toronto, Ontario", "CAD"), ("Sydney, Australia", "AUD"), ("US, CA, Los Angeles", "USD"), ("", "USD")],
)
def test_the_place_decides_which_dollar(location: str, currency: str) -> None:
    assert amounts("$50,000", location)[0].currency == currency


def test_amounts_without_currency_take_the_local_one() -> None:
    assert local_currency("London, UK", "en") == "GBP"
    assert local_currency("75 - PARIS", "fr") == "EUR"
    assert local_currency("", "en") == "USD"


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("$0.62 per mile, loaded or empty", "other"),
        ("450 € par jour, facturation mensuelle", "day"),
        ("45-52 k€ brut annuel", "year"),
        ("CHF 6’500 par mois", "month"),
        ("£14.50 an hour plus tips", "hour"),
        ("$38/hr", "hour"),
        ("$900 a week", "week"),
        ("$50,000. Paid monthly", None),
        ("$38 plus an annual bonus", None),
        ("salary 50,000", None),
    ],
)
def test_the_unit_behind_an_amount(sentence: str, expected: str | None) -> None:
    assert period(sentence, amounts(sentence)[0]) == expected


def test_small_yearly_amounts_are_thousands() -> None:
    assert scaled(35, "year") == 35_000
    assert scaled(35, "hour") == 35
    assert scaled(None, "year") is None


@pytest.mark.parametrize(
    ("sentence", "low", "high"),
    [
        ("3-5 years", 3, 5),
        ("3 - 5 years of experience", 3, 5),
        ("3 à 5 ans", 3, 5),
        ("five plus years", 5, None),
        ("10+ yrs", 10, None),
        ("2-4+ years", 2, 4),
        ("at least two (2) years", 2, None),
        ("two or more years", 2, None),
        ("between 2 and 4 years", 2, 4),
        ("1 year to 3 years", 1, 3),
        ("2 ans minimum", 2, None),
        ("au moins cinq ans", 5, None),
        ("36 months", 3, None),
        ("6 mois", 0.5, None),
        ("up to 2 years", None, 2),
        ("not less than 3 years", 3, None),
        ("6 months to 1 year", 0.5, 1),
        ("0-2 years", 0, 2),
        ("Experience2-3 years", 2, 3),
        ("done.5-10 years of testing", 5, 10),
    ],
)
def test_reads_years(sentence: str, low: float | None, high: float | None) -> None:
    found = years(sentence)[0]
    assert (found.low, found.high) == (low, high)


@pytest.mark.parametrize("sentence", ["401k plan", "many years ago", "founded in 1999", "24/7 support"])
def test_other_numbers_are_no_years(sentence: str) -> None:
    assert years(sentence) == []
