"""Events as the matcher, recruiters and candidates publish them: time is given, the rest is made."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from topics.catalogue import CV_GROUPS, MATCHES, OUTCOMES
from topics.features import Lineage
from topics.matches import Match, MatchList, cv_subject, posting_subject
from workers.delivery import Record
from workers.monitor.state import Case, Plan, State, Window
from workers.settings import Settings

HOUR_MS = 3_600_000
# A Monday, ten o'clock.
START_MS = int(datetime(2026, 3, 2, 10, tzinfo=UTC).timestamp() * 1000)
LINEAGE = Lineage(models={}, tokenizers={}, pipeline="test", schema_="matches.v1")


def plan(**overrides: Any) -> Plan:
    return Plan.of(Settings(**{"fairness_minimum_group": 5, "fairness_k": 2, **overrides}))


def state() -> State:
    return State({}, {}, {}, {}, {}, {})


def posting_list(
    posting: str, cvs: Iterable[str], at_ms: int = START_MS, market: str = "fr", version: int = 1
) -> Record:
    matches = tuple(Match(id=cv, source_version=1, score=0.9) for cv in cvs)
    return _list(posting_subject(posting), matches, at_ms, market, version)


def cv_list(cv: str, at_ms: int = START_MS, market: str = "fr") -> Record:
    return _list(cv_subject(cv), (), at_ms, market, 1)


def _list(subject: str, matches: tuple[Match, ...], at_ms: int, market: str, version: int) -> Record:
    value = MatchList(subject=subject, market=market, source_version=version, matches=matches, lineage=LINEAGE)
    # Published an hour later than what caused it: the cause's time counts.
    headers = (("ce_time", _time(at_ms).encode()),)
    return Record(MATCHES.name, 0, 0, subject.encode(), value.model_dump_json().encode(), headers, at_ms + HOUR_MS)


def groups(cv: str, version: int = 0, **declared: str) -> Record:
    value = json.dumps({"id": cv, "version": version, **declared}).encode()
    return Record(CV_GROUPS.name, 0, 0, cv.encode(), value, (), START_MS)


def outcome(posting: str, cv: str, status: str, at_ms: int = START_MS) -> Record:
    value = json.dumps({"posting_id": posting, "cv_id": cv, "status": status, "at": _time(at_ms)}).encode()
    return Record(OUTCOMES.name, 0, 0, f"{posting}:{cv}".encode(), value, (), START_MS)


def tombstone(record: Record) -> Record:
    return Record(record.topic, 0, 0, record.key, None, (), record.timestamp_ms)


def people(count: int, **attributes: Sequence[str]) -> dict[str, dict[str, str]]:
    """CVs whose groups take turns through the values of each attribute."""
    return {
        f"cv-{number}": {name: values[number % len(values)] for name, values in attributes.items()}
        for number in range(count)
    }


def case(lists: Mapping[str, Sequence[str]], declared: dict[str, dict[str, str]], **parts: Any) -> Case:
    window = Window("fr", 1, START_MS)
    return Case(window, {posting: tuple(cvs) for posting, cvs in lists.items()}, parts.get("decisions", ()), declared)


def _time(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds")
