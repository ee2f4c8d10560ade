import pytest

from models.cvs.dates import ranges


def month(year: int, number: int) -> int:
    return 12 * year + number - 1


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("July 2011 to November 2012", month(2011, 7), month(2012, 11)),
        ("03/2014 – 04/2016", month(2014, 3), month(2016, 4)),
        ("03/2014 ï¼\u200b 04/2016", month(2014, 3), month(2016, 4)),
        ("01/1999 to Current", month(1999, 1), None),
        ("Sept. 2015 – à ce jour", month(2015, 9), None),
        ("Depuis mars 2019", month(2019, 3), None),
        ("de janvier 2010 à août 2013", month(2010, 1), month(2013, 8)),
        ("Janv. 2018 - Aujourd'hui", month(2018, 1), None),
        ("Jan '08 - Feb '10", month(2008, 1), month(2010, 2)),
        ("2010/03 - 2011/04", month(2010, 3), month(2011, 4)),
        ("10 mars 2012 - 11 avril 2013", month(2012, 3), month(2013, 4)),
        ("2011 - 2012", month(2011, 1), month(2012, 1)),
        ("2011-12", month(2011, 1), month(2012, 1)),
        ("Jun 15, 2009 - present", month(2009, 6), None),
    ],
)
def test_ranges(text: str, first: int, last: int | None) -> None:
    (found,) = ranges(f"x, {text}, y")
    assert (found.first, found.last, found.single) == (first, last, False)
    assert text.removeprefix("de ").startswith(f"x, {text}, y"[found.start : found.end])


def test_single_dates_and_what_is_none() -> None:
    (found,) = ranges("graduated in été 2014")
    assert (found.first, found.single) == (month(2014, 7), True)
    assert [r.single for r in ranges("in 2014 and 2015")] == [True, True]
    assert ranges("room 20155, call 0123 456 789, 12 people") == []


def test_offsets_hold_where_lower_case_is_longer() -> None:
    text = "İstanbul İş Bankası, March 2010 - May 2012"
    (found,) = ranges(text)
    assert text[found.start : found.end] == "March 2010 - May 2012"
