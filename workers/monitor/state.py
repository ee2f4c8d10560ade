"""What the monitor remembers, and when a window is judged. Plain mappings: tables of Faust, or dicts.

Windows are tumbling and count in event time: that of a list is the time of the input which caused it (`ce_time`), that
of a decision its `at`. A list is kept in its pane (a window of the shortest length, of which the longer ones are made),
so each window counts each posting once, by its newest list there, however often and in whatever order lists come.

Nothing here knows a name or a text: ids, ranks and declared groups. A group's tombstone removes it at once.
"""

from collections.abc import Iterator, MutableMapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from topics.catalogue import CV_GROUPS, MATCHES, OUTCOMES
from topics.envelope import header
from topics.fairness import CvGroups, FairnessReport, Measure, Outcome
from topics.matches import MatchList
from topics.validation import parse
from workers.delivery import Record
from workers.settings import Settings

HOUR_MS = 60 * 60 * 1000
# The longest window is open to late events for so long after its end, shorter ones until it closes; a list that comes
# later counts in none and is only the posting's newest.
LATE_MS = 24 * HOUR_MS
_POSTING, _CV = "posting:", "cv:"

Table = MutableMapping[str, Any]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is judged and how, of the settings.

    Attributes:
        hours: lengths of the windows, shortest first; the shortest divides the others.
        k: a CV is selected up to this rank.
        minimum: different CVs below which a group is left out.
        grace_ms: how long after its end a window is judged.
        thresholds: of each measure the value beyond which it is flagged.
    """

    hours: tuple[int, ...]
    k: int
    minimum: int
    grace_ms: int
    thresholds: dict[Measure, float]

    @classmethod
    def of(cls, settings: Settings) -> "Plan":
        """As an operator has set it."""
        thresholds: dict[Measure, float] = {
            "demographic_parity": settings.fairness_parity_points,
            "impact_ratio": settings.fairness_impact_ratio,
            "equal_opportunity": settings.fairness_opportunity_points,
            "equalised_odds": settings.fairness_odds_points,
        }
        return cls(
            settings.fairness_window_hours,
            settings.fairness_k,
            settings.fairness_minimum_group,
            int(settings.fairness_grace_s * 1000),
            thresholds,
        )

    @property
    def pane_ms(self) -> int:
        """Length of a pane."""
        return self.hours[0] * HOUR_MS

    @property
    def kept_ms(self) -> int:
        """How long a pane may still be asked for."""
        return self.hours[-1] * HOUR_MS + self.grace_ms + LATE_MS


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """`[start_ms, end_ms)` of one market, in UTC."""

    market: str
    hours: int
    start_ms: int

    @property
    def end_ms(self) -> int:
        """First moment after it."""
        return self.start_ms + self.hours * HOUR_MS

    @property
    def key(self) -> str:
        """In the table of verdicts."""
        return f"{self.market} {self.hours} {self.start_ms}"


@dataclass(frozen=True, slots=True)
class Decision:
    """A recruiter's decision beside ours: `selected` by rank, `fit` by label."""

    posting: str
    cv: str
    selected: bool
    fit: bool


@dataclass(frozen=True, slots=True)
class Case:
    """All that a window is judged by.

    Attributes:
        lists: of each posting its CVs, best first.
        groups: of each CV of the market that declared any, its groups by attribute.
    """

    window: Window
    lists: dict[str, tuple[str, ...]]
    decisions: tuple[Decision, ...]
    groups: dict[str, dict[str, str]]


@dataclass(frozen=True, slots=True)
class State:
    """The tables.

    Attributes:
        lists: by posting id, its newest list: `market`, `at`, `cvs`.
        panes: by `START POSTING`, the newest list of the pane.
        members: by CV id, its market.
        groups: by CV id, its declared groups and `version`.
        decisions: by `POSTING:CV`, the newest decision, with `market` and `rank` in the list of its time once known.
        verdicts: by window, its reports and whether something came `late`.
        reopened: windows that something came for since they were last looked at; of this process, not a table.
    """

    lists: Table
    panes: Table
    members: Table
    groups: Table
    decisions: Table
    verdicts: Table
    reopened: set[str] = field(default_factory=set)

    def apply(self, plan: Plan, record: Record, now_ms: int) -> str:
        """Takes a record in; says what became of it: processed, tombstone, duplicate, stale, late or ignored.

        Raises:
            InvalidEventError: the record breaks its topic's contract.
        """
        if record.topic == MATCHES.name:
            return self._match(plan, record, now_ms)
        if record.topic == CV_GROUPS.name:
            return self._groups(record)
        return self._outcome(plan, record, now_ms)

    def _match(self, plan: Plan, record: Record, now_ms: int) -> str:
        subject = (record.key or b"").decode()
        if subject.startswith(_CV):
            return self._member(subject.removeprefix(_CV), record.value)
        posting = subject.removeprefix(_POSTING)
        if record.value is None:
            # Its panes stay until they are too old: the window's figures are of what was shown then.
            self.lists.pop(posting, None)
            return "tombstone"
        found = MatchList.model_validate_json(record.value)
        at_ms = _event_time(record)
        row = {"market": found.market, "at": at_ms, "cvs": [match.id for match in found.matches]}
        _put(self.lists, posting, row)
        if at_ms <= now_ms - plan.kept_ms:
            return "late"
        pane = at_ms - at_ms % plan.pane_ms
        result = _put(self.panes, f"{pane} {posting}", row)
        if result == "processed":
            self._reopen(plan, found.market, at_ms)
        return result

    def _member(self, cv: str, value: bytes | None) -> str:
        if value is None:
            self.members.pop(cv, None)
            return "tombstone"
        market = MatchList.model_validate_json(value).market
        if self.members.get(cv) == market:
            return "duplicate"
        self.members[cv] = market
        return "processed"

    def _groups(self, record: Record) -> str:
        cv = (record.key or b"").decode("utf-8", "replace")
        if record.value is None:
            self.groups.pop(cv, None)
            return "tombstone"
        declared = parse(CV_GROUPS, record.key, record.value, record.headers)
        assert isinstance(declared, CvGroups)  # noqa: S101 - the topic's model
        before = self.groups.get(cv)
        row = {"version": declared.version, "groups": declared.declared()}
        if before is not None and before["version"] > declared.version:
            return "stale"
        if before == row:
            return "duplicate"
        self.groups[cv] = row
        return "processed"

    def _outcome(self, plan: Plan, record: Record, now_ms: int) -> str:
        key = (record.key or b"").decode("utf-8", "replace")
        if record.value is None:
            self.decisions.pop(key, None)
            return "tombstone"
        outcome = parse(OUTCOMES, record.key, record.value, record.headers)
        assert isinstance(outcome, Outcome)  # noqa: S101 - the topic's model
        at_ms = int(outcome.at.timestamp() * 1000)
        if at_ms <= now_ms - plan.kept_ms:
            return "late"
        row: dict[str, Any] = {
            "at": at_ms,
            "posting": outcome.posting_id,
            "cv": outcome.cv_id,
            "fit": outcome.label,
            "status": outcome.status,
        }
        before = self.decisions.get(key)
        if before is not None:
            if before["at"] > at_ms:
                return "stale"
            if before["at"] == at_ms and before["status"] == outcome.status:
                return "duplicate"
        self.decisions[key] = row = self._ranked(row)
        for moved in (before, row):
            if moved is not None and "market" in moved:
                self._reopen(plan, moved["market"], moved["at"])
        return "processed"

    def _ranked(self, decision: dict[str, Any]) -> dict[str, Any]:
        """With the CV's rank in the posting's list as it is now; as it was where no list is known."""
        shown = self.lists.get(decision["posting"])
        if shown is None:
            return decision
        cvs = shown["cvs"]
        rank = cvs.index(decision["cv"]) + 1 if decision["cv"] in cvs else None
        return {**decision, "market": shown["market"], "rank": rank}

    def _reopen(self, plan: Plan, market: str, at_ms: int) -> None:
        for window in _windows(plan, market, at_ms):
            self.reopened.add(window.key)
            verdict = self.verdicts.get(window.key)
            if verdict is not None and not verdict["late"]:
                self.verdicts[window.key] = {**verdict, "late": True}

    def due(self, plan: Plan, until_ms: int, now_ms: int) -> list[Window]:
        """Windows to judge: over, grace included, by `until_ms`, whole, and without a verdict that still holds.

        Decisions that came before their posting's list get their rank first.
        """
        for key, row in list(self.decisions.items()):
            if "market" not in row and "market" in (ranked := self._ranked(row)):
                self.decisions[key] = ranked
                self._reopen(plan, ranked["market"], ranked["at"])
        times = {(row["market"], int(key.partition(" ")[0])) for key, row in self.panes.items()}
        times |= {(row["market"], row["at"]) for row in self.decisions.values() if "market" in row}
        windows = {window for market, at_ms in times for window in _windows(plan, market, at_ms)}
        return sorted(
            window
            for window in windows
            if window.end_ms + plan.grace_ms <= until_ms
            and window.start_ms > now_ms - plan.kept_ms
            and self.verdicts.get(window.key, {"late": True})["late"]
        )

    def case(self, plan: Plan, window: Window) -> Case:
        """What is known of a window now; whatever comes from now on reopens it."""
        self.reopened.discard(window.key)
        newest: dict[str, Any] = {}
        for key, row in self.panes.items():
            start, _, posting = key.partition(" ")
            if row["market"] != window.market or not window.start_ms <= int(start) < window.end_ms:
                continue
            if posting not in newest or newest[posting]["at"] < row["at"]:
                newest[posting] = row
        lists = {posting: tuple(row["cvs"]) for posting, row in sorted(newest.items()) if row["cvs"]}
        decisions = tuple(
            Decision(row["posting"], row["cv"], row["rank"] is not None and row["rank"] <= plan.k, row["fit"])
            for _, row in sorted(self.decisions.items())
            if row.get("market") == window.market
            and window.start_ms <= row["at"] < window.end_ms
            and row["fit"] is not None
        )
        members = {cv for cvs in lists.values() for cv in cvs} | {decision.cv for decision in decisions}
        members |= {cv for cv, market in self.members.items() if market == window.market}
        groups = {cv: dict(self.groups[cv]["groups"]) for cv in sorted(members) if cv in self.groups}
        return Case(window, lists, decisions, groups)

    def unseen(self, window: Window, reports: list[FairnessReport]) -> list[FairnessReport]:
        """Those that differ from the last verdict on the window."""
        known = self.verdicts.get(window.key, {"reports": []})["reports"]
        return [report for report in reports if report.model_dump(mode="json") not in known]

    def settle(self, window: Window, reports: list[FairnessReport]) -> None:
        """Writes the verdict down, once its reports are published."""
        rows = [report.model_dump(mode="json") for report in reports]
        self.verdicts[window.key] = {"late": window.key in self.reopened, "reports": rows}

    def reports(self) -> list[FairnessReport]:
        """All that are kept, oldest window first."""
        kept = [FairnessReport.model_validate(row) for verdict in self.verdicts.values() for row in verdict["reports"]]
        return sorted(kept, key=lambda report: (report.window_end, report.id))

    def expire(self, plan: Plan, now_ms: int) -> int:
        """Forgets what no window can ask for any more; returns how much."""
        oldest = now_ms - plan.kept_ms
        gone = 0
        for table, stale in (
            (self.panes, [key for key in self.panes if int(key.partition(" ")[0]) + plan.pane_ms <= oldest]),
            (self.decisions, [key for key, row in self.decisions.items() if row["at"] <= oldest]),
            (self.verdicts, [key for key in self.verdicts if int(key.split(" ")[2]) <= oldest]),
        ):
            for key in stale:
                del table[key]
            gone += len(stale)
        return gone


def _put(table: Table, key: str, row: dict[str, Any]) -> str:
    before = table.get(key)
    if before is not None and before["at"] > row["at"]:
        return "stale"
    if before == row:
        return "duplicate"
    table[key] = row
    return "processed"


def _windows(plan: Plan, market: str, at_ms: int) -> Iterator[Window]:
    for hours in plan.hours:
        yield Window(market, hours, at_ms - at_ms % (hours * HOUR_MS))


def _event_time(record: Record) -> int:
    """Of the input that caused it; the broker's where the producer set none."""
    told = header(record.headers, "ce_time")
    if told is None:
        return record.timestamp_ms
    try:
        moment = datetime.fromisoformat(told)
    except ValueError:
        return record.timestamp_ms
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
