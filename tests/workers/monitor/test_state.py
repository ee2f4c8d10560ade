"""What the monitor remembers, with dicts for tables: windows, order, repeats, tombstones."""

import itertools
import json
from dataclasses import replace

import pytest

from tests.workers.monitor.streams import (
    HOUR_MS,
    START_MS,
    cv_list,
    groups,
    outcome,
    plan,
    posting_list,
    state,
    tombstone,
)
from topics.validation import InvalidEventError
from workers.monitor.measures import judge
from workers.monitor.state import LATE_MS, Decision, State, Window

PLAN = plan(fairness_window_hours=(1, 2), fairness_grace_s=600)
FIRST_HOUR = Window("fr", 1, START_MS)
OVER_MS = START_MS + HOUR_MS + 600_000


def tables(known: State) -> str:
    """All tables as their changelogs would hold them."""
    names = ("lists", "panes", "members", "groups", "decisions", "verdicts")
    return json.dumps({name: getattr(known, name) for name in names}, sort_keys=True)


def settle(known: State, until_ms: int) -> list[Window]:
    """Judges what is due as the app does; the windows that had something new to say."""
    told = []
    for window in known.due(PLAN, until_ms, until_ms):
        reports = judge(PLAN, known.case(PLAN, window))
        if known.unseen(window, reports):
            told.append(window)
        known.settle(window, reports)
    return told


def test_a_window_is_due_once_it_is_over_and_its_grace_has_passed() -> None:
    known = state()
    known.apply(PLAN, posting_list("p", ["a"], START_MS + 59 * 60_000), OVER_MS)
    assert known.due(PLAN, OVER_MS - 1, OVER_MS) == []
    assert known.due(PLAN, OVER_MS, OVER_MS) == [FIRST_HOUR]
    # The longer one needs its second hour.
    assert known.due(PLAN, OVER_MS + HOUR_MS, OVER_MS + HOUR_MS) == [FIRST_HOUR, Window("fr", 2, START_MS)]


def test_of_each_posting_the_newest_list_of_the_window_counts_in_any_order() -> None:
    early = posting_list("p", ["a", "b"], START_MS)
    newer = posting_list("p", ["b", "c"], START_MS + 1_000, version=2)
    next_hour = posting_list("p", ["d"], START_MS + HOUR_MS, version=3)
    seen = set()
    for order in itertools.permutations([early, newer, next_hour, newer, early]):
        known = state()
        for record in order:
            known.apply(PLAN, record, OVER_MS)
        assert known.case(PLAN, FIRST_HOUR).lists == {"p": ("b", "c")}
        assert known.case(PLAN, Window("fr", 1, START_MS + HOUR_MS)).lists == {"p": ("d",)}
        assert known.case(PLAN, Window("fr", 2, START_MS)).lists == {"p": ("d",)}
        seen.add(tables(known))
    assert len(seen) == 1


def test_a_replay_changes_nothing_and_says_so() -> None:
    known = state()
    records = [
        posting_list("p", ["a", "b"]),
        cv_list("a"),
        groups("a", gender="female"),
        outcome("p", "a", "hired", START_MS + 5),
    ]
    for record in records:
        assert known.apply(PLAN, record, OVER_MS) == "processed"
    before = tables(known)
    for record in records:
        assert known.apply(PLAN, record, OVER_MS) == "duplicate"
    assert tables(known) == before


def test_markets_do_not_mix() -> None:
    known = state()
    known.apply(PLAN, posting_list("p", ["a"], market="fr"), OVER_MS)
    known.apply(PLAN, posting_list("q", ["b"], market="de"), OVER_MS)
    for cv in "ab":
        known.apply(PLAN, groups(cv, gender="female"), OVER_MS)
    assert known.case(PLAN, FIRST_HOUR).lists == {"p": ("a",)}
    assert set(known.case(PLAN, FIRST_HOUR).groups) == {"a"}
    assert set(known.case(PLAN, Window("de", 1, START_MS)).groups) == {"b"}


def test_cvs_that_no_list_names_are_of_the_market_by_their_own_list() -> None:
    known = state()
    known.apply(PLAN, posting_list("p", ["a"]), OVER_MS)
    for cv in "abc":
        known.apply(PLAN, groups(cv, gender="female"), OVER_MS)
    known.apply(PLAN, cv_list("b"), OVER_MS)
    known.apply(PLAN, cv_list("c", market="de"), OVER_MS)
    assert set(known.case(PLAN, FIRST_HOUR).groups) == {"a", "b"}
    assert known.apply(PLAN, tombstone(cv_list("b")), OVER_MS) == "tombstone"
    assert set(known.case(PLAN, FIRST_HOUR).groups) == {"a"}


def test_a_late_list_reopens_its_windows_alone() -> None:
    known = state()
    for posting, at_ms in (("p", START_MS), ("q", START_MS + HOUR_MS)):
        known.apply(PLAN, posting_list(posting, ["a"], at_ms), OVER_MS)
    known.apply(PLAN, groups("a", gender="female"), OVER_MS)
    later = OVER_MS + HOUR_MS
    assert len(settle(known, later)) == 3
    assert known.due(PLAN, later, later) == []
    known.apply(PLAN, posting_list("r", ["a"], START_MS + 1), later)
    assert known.due(PLAN, later, later) == [FIRST_HOUR, Window("fr", 2, START_MS)]
    assert settle(known, later) == [FIRST_HOUR, Window("fr", 2, START_MS)]


def test_an_event_that_comes_while_a_verdict_is_published_is_not_lost() -> None:
    known = state()
    known.apply(PLAN, posting_list("p", ["a"]), OVER_MS)
    known.apply(PLAN, groups("a", gender="female"), OVER_MS)
    (window,) = known.due(PLAN, OVER_MS, OVER_MS)
    reports = judge(PLAN, known.case(PLAN, window))
    assert known.unseen(window, reports) == reports
    known.apply(PLAN, posting_list("q", ["a"]), OVER_MS)
    known.settle(window, reports)
    assert known.due(PLAN, OVER_MS, OVER_MS) == [window]


def test_a_verdict_that_was_not_published_is_due_again_and_the_same() -> None:
    known = state()
    known.apply(PLAN, posting_list("p", ["a"]), OVER_MS)
    known.apply(PLAN, groups("a", gender="female"), OVER_MS)
    (window,) = known.due(PLAN, OVER_MS, OVER_MS)
    first = known.unseen(window, judge(PLAN, known.case(PLAN, window)))
    assert known.due(PLAN, OVER_MS, OVER_MS) == [window]
    assert known.unseen(window, judge(PLAN, known.case(PLAN, window))) == first


def test_too_late_is_too_late_but_still_the_newest_list() -> None:
    known = state()
    now = START_MS + PLAN.kept_ms
    assert known.apply(PLAN, posting_list("p", ["a"], START_MS), now) == "late"
    assert known.due(PLAN, now, now) == []
    known.apply(PLAN, outcome("p", "a", "hired", now - HOUR_MS), now)
    window = Window("fr", 1, now - HOUR_MS - (now - HOUR_MS) % HOUR_MS)
    assert known.case(PLAN, window).decisions == (Decision("p", "a", True, True),)


@pytest.mark.parametrize(
    ("status", "fit"),
    [
        ("hired", True),
        ("interviewed", False),
        ("rejected", False),
        ("pool", None),
        ("no_news", None),
        ("position_filled", None),
    ],
)
def test_statuses_are_labelled_as_published(status: str, fit: bool | None) -> None:
    known = state()
    known.apply(PLAN, posting_list("p", ["x", "a"]), OVER_MS)
    known.apply(PLAN, outcome("p", "a", status), OVER_MS)
    expected = () if fit is None else (Decision("p", "a", True, fit),)
    assert known.case(PLAN, FIRST_HOUR).decisions == expected


def test_the_newest_decision_counts_and_moves_with_its_time() -> None:
    interview, hire = outcome("p", "a", "interviewed"), outcome("p", "a", "hired", START_MS + HOUR_MS)
    for order in ([interview, hire], [hire, interview]):
        known = state()
        known.apply(PLAN, posting_list("p", ["a"]), OVER_MS)
        for record in order:
            known.apply(PLAN, record, OVER_MS)
        assert known.case(PLAN, FIRST_HOUR).decisions == ()
        assert known.case(PLAN, replace(FIRST_HOUR, start_ms=START_MS + HOUR_MS)).decisions == (
            Decision("p", "a", True, True),
        )


def test_a_decision_is_ranked_by_the_list_of_its_time_or_the_first_that_comes() -> None:
    known = state()
    known.apply(PLAN, outcome("p", "c", "hired"), OVER_MS)
    assert known.due(PLAN, OVER_MS, OVER_MS) == []
    known.apply(PLAN, posting_list("p", ["a", "b", "c"], START_MS - 5 * HOUR_MS), OVER_MS)
    assert FIRST_HOUR in known.due(PLAN, OVER_MS, OVER_MS)
    # Third where two are selected; and a list that puts it first comes too late.
    known.apply(PLAN, posting_list("p", ["c"], OVER_MS), OVER_MS)
    assert known.case(PLAN, FIRST_HOUR).decisions == (Decision("p", "c", False, True),)


def test_one_who_was_never_listed_was_not_selected() -> None:
    known = state()
    known.apply(PLAN, posting_list("p", ["a"]), OVER_MS)
    known.apply(PLAN, outcome("p", "z", "hired"), OVER_MS)
    assert known.case(PLAN, FIRST_HOUR).decisions == (Decision("p", "z", False, True),)


def test_erased_groups_and_decisions_are_gone_from_the_tables() -> None:
    known = state()
    told, decided = groups("a", gender="female"), outcome("p", "a", "hired")
    for record in (posting_list("p", ["a"]), told, decided):
        known.apply(PLAN, record, OVER_MS)
    assert [known.apply(PLAN, tombstone(record), OVER_MS) for record in (told, decided)] == ["tombstone"] * 2
    assert not known.groups
    assert not known.decisions
    assert known.case(PLAN, FIRST_HOUR).groups == {}
    # Again, and of one never seen: nothing happens.
    assert known.apply(PLAN, tombstone(told), OVER_MS) == "tombstone"


def test_an_erased_group_does_not_reopen_what_was_told() -> None:
    """A second report without one CV would tell its group by the difference."""
    known = state()
    for record in (posting_list("p", ["a"]), groups("a", gender="female")):
        known.apply(PLAN, record, OVER_MS)
    settle(known, OVER_MS)
    known.apply(PLAN, tombstone(groups("a")), OVER_MS)
    assert known.due(PLAN, OVER_MS, OVER_MS) == []


def test_a_closed_posting_has_no_newest_list_but_its_windows_keep_theirs() -> None:
    known = state()
    shown = posting_list("p", ["a"])
    known.apply(PLAN, shown, OVER_MS)
    assert known.apply(PLAN, tombstone(shown), OVER_MS) == "tombstone"
    assert not known.lists
    assert known.case(PLAN, FIRST_HOUR).lists == {"p": ("a",)}


def test_an_older_version_of_groups_changes_nothing() -> None:
    known = state()
    known.apply(PLAN, groups("a", version=2, gender="female"), OVER_MS)
    assert known.apply(PLAN, groups("a", version=1, gender="male"), OVER_MS) == "stale"
    assert known.groups["a"]["groups"] == {"gender": "female"}


def test_what_no_window_asks_for_is_forgotten() -> None:
    known = state()
    for record in (posting_list("p", ["a"]), outcome("p", "a", "hired"), groups("a", gender="female")):
        known.apply(PLAN, record, OVER_MS)
    settle(known, OVER_MS + HOUR_MS)
    assert known.expire(PLAN, START_MS + 2 * HOUR_MS + LATE_MS) == 0
    assert known.expire(PLAN, START_MS + HOUR_MS + PLAN.kept_ms) > 0
    assert not known.panes
    assert not known.decisions
    assert not known.verdicts
    assert known.lists
    assert known.groups


@pytest.mark.parametrize(
    ("record", "field"),
    [
        (replace(groups("a", gender="female"), key=b"b"), "id"),
        (groups("a", gender="Jane Doe, 12 High Street"), "gender"),
        (outcome("p", "a", "ghosted"), "status"),
        (replace(outcome("p", "a", "hired"), key=b"a:p"), "id"),
        (replace(outcome("p", "a", "hired"), value=b"{nope"), "$value"),
    ],
)
def test_bad_events_are_refused_by_field_and_never_quoted(record: object, field: str) -> None:
    with pytest.raises(InvalidEventError) as refused:
        state().apply(PLAN, record, OVER_MS)  # type: ignore[arg-type]
    assert [error.field for error in refused.value.errors] == [field]
    assert "Jane" not in str(refused.value)
