"""What the newest reports say, as gauges: of each market, attribute and length of window its last one."""

from collections.abc import Mapping, Sequence

from prometheus_client import Gauge

from topics.fairness import FairnessReport
from workers import telemetry

Labels = tuple[str, ...]


def show(reports: Sequence[FairnessReport], until_ms: int) -> None:
    """Sets all gauges, and removes those that no report has any more.

    Args:
        reports: oldest window first.
        until_ms: up to which time the monitor has read everything.
    """
    newest = {(r.market, r.attribute, _length(r)): r for r in reports}
    _fill(
        telemetry.FAIRNESS,
        {(*place, name): value for place, r in newest.items() for name, value in _measures(r).items()},
    )
    _fill(
        telemetry.FAIRNESS_FLAGGED,
        {(*place, name): float(name in r.flagged) for place, r in newest.items() for name in _measures(r)},
    )
    groups = {(*place, group.group): group for place, r in newest.items() for group in r.groups}
    _fill(telemetry.FAIRNESS_SELECTION_RATE, {place: group.selection_rate for place, group in groups.items()})
    _fill(telemetry.FAIRNESS_REPRESENTATION, {place: g.representation.value for place, g in groups.items()})
    _fill(telemetry.FAIRNESS_EXPOSURE, {place: g.exposure.value for place, g in groups.items()})
    _fill(telemetry.FAIRNESS_COVERAGE, {place: r.coverage for place, r in newest.items()})
    telemetry.FAIRNESS_READ_UNTIL.set(until_ms / 1000)


def _length(report: FairnessReport) -> str:
    return f"{round((report.window_end - report.window_start).total_seconds() / 3600)}h"


def _measures(report: FairnessReport) -> dict[str, float]:
    found = {
        "demographic_parity": report.demographic_parity,
        "impact_ratio": report.impact_ratio,
        "equal_opportunity": report.equal_opportunity,
        "equalised_odds": report.equalised_odds,
    }
    return {name: value.value for name, value in found.items() if value is not None}


def _fill(gauge: Gauge, rows: Mapping[Labels, float]) -> None:
    # Set before others are removed: a scrape may come in between.
    for labels, value in rows.items():
        gauge.labels(*labels).set(value)
    there = {tuple(sample.labels.values()) for metric in gauge.collect() for sample in metric.samples}
    for labels in there - set(rows):
        gauge.remove(*labels)
