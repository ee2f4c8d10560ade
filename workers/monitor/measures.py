"""Judges one window: a report an attribute. Pure; the figures are those of :mod:`models.matching.fairness`."""

import zlib
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime

import numpy as np

from models.matching.fairness import Standing, gaps, standings
from models.measuring import SAMPLES, Figure
from topics.fairness import ATTRIBUTES, Attribute, FairnessReport, Gap, GroupFigures, Measure, Range
from workers.monitor.chance import chance
from workers.monitor.state import Case, Decision, Plan

# Postings drawn anew for an interval are drawn in so many blocks at most, which bounds the memory it takes.
_BLOCKS = 2_000
_DIGITS = 4
# Of CVs whose group is unknown or too small to be told.
_UNTOLD = ""


def judge(plan: Plan, case: Case) -> list[FairnessReport]:
    """A report for each attribute that any listed CV or decision has; the same case gives the same reports."""
    return [
        _judge(plan, case, attribute)
        for attribute in ATTRIBUTES
        if any(attribute in declared for declared in case.groups.values())
    ]


def _judge(plan: Plan, case: Case, attribute: Attribute) -> FairnessReport:
    group_of = {cv: declared[attribute] for cv, declared in case.groups.items() if attribute in declared}
    listed = {cv for cvs in case.lists.values() for cv in cvs}
    people = Counter(group_of[cv] for cv in listed if cv in group_of)
    # A group with nobody listed is told where the market has enough of it: that none is listed is the finding.
    population = Counter(group_of.values())
    told = sorted(group for group, count in population.items() if count >= plan.minimum)
    named = {cv: group for cv, group in group_of.items() if group in told}
    rankings = [[named.get(cv, _UNTOLD) for cv in cvs] for cvs in case.lists.values()]
    places = Counter(group for ranking in rankings for group in ranking)
    selected = Counter(group for ranking in rankings for group in ranking[: plan.k])
    standing = standings(rankings, plan.k) if rankings else {}
    parity = _parity(plan, case.lists, named) if len(told) > 1 else None
    decided = [decision for decision in case.decisions if decision.cv in named]
    opportunity, odds = _odds(plan, decided, named)
    impact = _impact(plan, case.lists, named, {group: population[group] for group in told})
    values: dict[Measure, Range | None] = {
        "demographic_parity": parity,
        "impact_ratio": impact,
        "equal_opportunity": opportunity,
        "equalised_odds": odds,
    }
    by_chance = chance(plan, case.lists, decided, named)
    found = {
        name: Gap(**value.model_dump(), chance=by_chance[name]) if value is not None else None
        for name, value in values.items()
    }
    window = case.window
    return FairnessReport(
        id=f"{window.market}/{attribute}/{window.hours}h/{_time(window.start_ms):%Y-%m-%dT%H}",
        market=window.market,
        attribute=attribute,
        window_start=_time(window.start_ms),
        window_end=_time(window.end_ms),
        k=plan.k,
        postings=len(case.lists),
        coverage=round(sum(cv in group_of for cv in listed) / max(1, len(listed)), 2),
        groups=tuple(
            GroupFigures(
                group=group,
                cvs=people[group],
                candidates=places[group],
                selected=selected[group],
                selection_rate=round(selected[group] / max(1, places[group]), _DIGITS),
                population=population[group],
                decided=sum(named[decision.cv] == group for decision in decided),
                hired=sum(named[decision.cv] == group and decision.fit for decision in decided),
                **_standing(standing.get(group)),
            )
            for group in told
        ),
        minimum=plan.minimum,
        suppressed=len(population) - len(told),
        **found,
        thresholds=plan.thresholds,
        flagged=tuple(name for name, value in found.items() if value and _beyond(name, value, plan.thresholds[name])),
    )


def _beyond(measure: Measure, gap: Gap, threshold: float) -> bool:
    if measure == "impact_ratio":
        return gap.value < min(threshold, gap.chance)
    return gap.value > max(threshold, gap.chance)


def _parity(plan: Plan, lists: Mapping[str, tuple[str, ...]], named: Mapping[str, str]) -> Range | None:
    rows = [
        (rank <= plan.k, named[cv], _block(posting, len(lists)))
        for posting, cvs in lists.items()
        for rank, cv in enumerate(cvs, 1)
        if cv in named
    ]
    if len({group for _, group, _ in rows}) < 2:
        return None
    chosen, groups, blocks = zip(*rows, strict=True)
    return _range(gaps(chosen, np.zeros(len(rows), bool), groups, blocks).parity)


def _odds(plan: Plan, decisions: list[Decision], named: Mapping[str, str]) -> tuple[Range | None, Range | None]:
    """Equal opportunity and equalised odds, each None where fewer than two groups have enough CVs decided on."""
    people = Counter(group for _, group in {(decision.cv, named[decision.cv]) for decision in decisions})
    rows = [decision for decision in decisions if people[named[decision.cv]] >= plan.minimum]
    groups = [named[decision.cv] for decision in rows]
    hiring = {named[decision.cv] for decision in rows if decision.fit}
    refusing = {named[decision.cv] for decision in rows if not decision.fit}
    if len(hiring) < 2:
        return None, None
    postings = {decision.posting for decision in rows}
    found = gaps(
        [decision.selected for decision in rows],
        [decision.fit for decision in rows],
        groups,
        [_block(decision.posting, len(postings)) for decision in rows],
    )
    return _range(found.opportunity), _range(found.odds) if len(refusing) > 1 else None


def _impact(
    plan: Plan, lists: Mapping[str, tuple[str, ...]], named: Mapping[str, str], population: Mapping[str, int]
) -> Range | None:
    """Smallest by largest number of selections for each CV of the market; None with fewer than two groups."""
    if len(population) < 2:
        return None
    columns = {group: column for column, group in enumerate(population)}
    blocks = sorted({_block(posting, len(lists)) for posting in lists})
    row_of = {block: row for row, block in enumerate(blocks)}
    selected = np.zeros((len(blocks), len(columns)))
    for posting, cvs in lists.items():
        for cv in cvs[: plan.k]:
            if cv in named:
                selected[row_of[_block(posting, len(lists))], columns[named[cv]]] += 1
    if not selected.any():
        return None
    size = np.array([population[group] for group in columns])
    generator = np.random.default_rng(0)
    draws = generator.multinomial(len(blocks), np.full(len(blocks), 1 / len(blocks)), SAMPLES)
    reach = np.vstack([selected.sum(0), draws @ selected]) / size
    largest = reach.max(1)
    ratio = np.divide(reach.min(1), largest, out=np.ones_like(largest), where=largest > 0)
    low, high = np.percentile(ratio[1:], [2.5, 97.5])
    return _range(Figure(float(ratio[0]), float(low), float(high)))


def _block(posting: str, postings: int) -> str | int:
    return posting if postings <= _BLOCKS else zlib.crc32(posting.encode()) % _BLOCKS


def _standing(standing: Standing | None) -> dict[str, Range]:
    if standing is None:
        nothing = Range(value=0.0, low=0.0, high=0.0)
        return {"pool": nothing, "representation": nothing, "exposure": nothing}
    return {
        "pool": _range(standing.pool),
        "representation": _range(standing.representation),
        "exposure": _range(standing.exposure),
    }


def _range(figure: Figure) -> Range:
    return Range(value=round(figure.value, _DIGITS), low=round(figure.low, _DIGITS), high=round(figure.high, _DIGITS))


def _time(time_ms: int) -> datetime:
    return datetime.fromtimestamp(time_ms / 1000, UTC)
