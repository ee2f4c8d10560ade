"""Evidence: the likeliest stretch of a sentence, to nine words, in whole words."""

import numpy as np
import pytest

from models.postings import showing
from models.postings.labels import SHOWN, TAGS
from models.postings.preparing import NO_SPAN, Prepared, Unit
from models.postings.tagging import Floats
from models.text.sentences import Span
from tests.models.postings.test_decoding import prepared

LONG = "We pay $20 to $25 per hour before tax, and you get ten days off and a bicycle for your way to work."
SHORT = "Pay: $30."


def shows(document: Prepared, **likely: float) -> list[Floats]:
    """Tokens of these words (blanks are underscores) show the pay so surely, all others not at all."""
    found = []
    for unit in document.units:
        probs = np.zeros((len(unit.token_ids), len(TAGS) + len(SHOWN)), np.float32)
        for words, p in likely.items():
            at = document.text.find(words.replace("_", " "))
            own = [i for i, (a, b) in enumerate(unit.token_spans) if at <= a < b <= at + len(words)]
            probs[own, len(TAGS) + SHOWN.index("pay")] = p
        found.append(probs)
    return showing.inside(document, found)


def shown(document: Prepared, said: list[float], **likely: float) -> str:
    span = showing.evidence(document, shows(document, **likely), said, "pay")
    assert span is not None
    return document.text[slice(*span)]


def test_a_stretch_is_widened_to_nine_words_towards_the_likelier_side() -> None:
    document = prepared(LONG)
    words = {"$20_to_$25_per_hour": 0.9}
    assert shown(document, [1.0], **words, We_pay_=0.2) == "We pay $20 to $25 per hour before tax,"
    assert shown(document, [1.0], **words, _before_tax=0.2) == "$20 to $25 per hour before tax, and you"


def test_a_gap_that_is_likely_enough_is_bridged_and_another_is_not() -> None:
    document = prepared(LONG)
    words = {"$20_to_$25": 0.9, "a_bicycle_for_your_way": 0.9}
    gap = "_per_hour_before_tax,_and_you_get_ten_days_off_and_"
    assert shown(document, [1.0], **words, **{gap: 0.45}) == LONG[LONG.index("$20") : LONG.index(" to work")]
    assert "$20" not in shown(document, [1.0], **words, **{gap: 0.1})


def test_words_are_whole_though_their_pieces_are_not() -> None:
    assert shown(prepared(LONG), [1.0], **{"25_per_hour_before_tax,_and_you_get_te": 0.9}).startswith("$25 per")


def test_a_unit_that_does_not_say_it_shows_little() -> None:
    document = prepared(LONG, SHORT)
    assert shown(document, [0.1, 0.9], **{"$20_to_$25": 0.9, "$30": 0.9}) == SHORT


def test_where_no_word_is_likely_the_likeliest_is_taken() -> None:
    assert "$30" in shown(prepared(LONG, SHORT), [1.0, 1.0], **{"$20": 0.1, "$30": 0.2})


def test_no_stretch_crosses_the_border_of_two_sentences() -> None:
    text = "Pay: $30.\nBonus: none."
    spans = [NO_SPAN, *((i, i + 1) for i in range(9)), NO_SPAN, *((i, i + 1) for i in range(10, len(text))), NO_SPAN]
    unit = Unit(0, len(text), [0] * len(spans), spans)
    document = Prepared(text, Span(0, 0), "en", 1.0, True, "", (unit,))
    assert shown(document, [1.0], **{"$30": 0.9, "Bonus": 0.9}) in ("Pay: $30.", "Bonus: none.")


@pytest.mark.parametrize("units", [(), (Unit(0, 0, [0, 0], [NO_SPAN, NO_SPAN]),)])
def test_where_nothing_is_read_nothing_is_shown(units: tuple[Unit, ...]) -> None:
    document = Prepared("", Span(0, 0), "en", 1.0, True, "", units)
    assert showing.evidence(document, shows(document), [1.0] * len(units), "pay") is None
