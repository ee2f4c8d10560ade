"""What is said of a window: a bias that was put in is found, none is invented, nobody is told apart."""

import random
from typing import get_args

import numpy as np
import pytest
from fairlearn.metrics import demographic_parity_difference, equalized_odds_difference

from tests.workers.monitor.streams import case, people, plan
from topics.fairness import ATTRIBUTES, Attribute, FairnessReport, Measure
from workers.monitor.measures import judge
from workers.monitor.state import Decision

GENDERS = ("female", "male")


def shuffled_lists(cvs: list[str], postings: int, length: int, seed: int = 0) -> dict[str, list[str]]:
    generator = random.Random(seed)
    return {f"p{number}": generator.sample(cvs, length) for number in range(postings)}


def men_first(lists: dict[str, list[str]], declared: dict[str, dict[str, str]]) -> dict[str, list[str]]:
    return {p: sorted(cvs, key=lambda cv: declared[cv]["gender"], reverse=True) for p, cvs in lists.items()}


def report_of(reports: list[FairnessReport], attribute: str = "gender") -> FairnessReport:
    (report,) = [report for report in reports if report.attribute == attribute]
    return report


def test_groups_treated_alike_are_seldom_flagged() -> None:
    """Thirty windows by chance alone, each judged by two attributes and four measures."""
    declared = people(200, gender=GENDERS, age_band=("18-24", "25-34", "35-44", "45-54", "55-64"))
    flagged: list[Measure] = []
    for seed in range(30):
        lists = shuffled_lists(sorted(declared), postings=50, length=20, seed=seed)
        generator = random.Random(seed)
        decisions = tuple(
            Decision(p, cv, rank < 5, generator.random() < 0.3)
            for p, cvs in lists.items()
            for rank, cv in enumerate(cvs[:10])
        )
        for report in judge(plan(fairness_k=5), case(lists, declared, decisions=decisions)):
            assert report.equalised_odds is not None
            flagged += report.flagged
    assert len(flagged) <= 1


def test_few_strong_cvs_in_every_list_are_no_bias() -> None:
    """Intervals over postings are narrow here; who is strong is chance, and groups were dealt out without looking."""
    generator = random.Random(7)
    beyond_threshold = flagged = 0
    for _ in range(20):
        declared = people(60, age_band=("18-24", "25-34", "35-44", "45-54", "55-64"))
        ranking = generator.sample(sorted(declared), 60)
        lists = {f"p{number}": ranking for number in range(30)}
        report = report_of(judge(plan(fairness_k=10), case(lists, declared)), "age_band")
        assert report.demographic_parity is not None
        beyond_threshold += report.demographic_parity.low > report.thresholds["demographic_parity"]
        flagged += bool(report.flagged)
    assert beyond_threshold == 20
    assert flagged == 0


def test_a_known_bias_is_flagged_and_its_size_is_told() -> None:
    declared = people(200, gender=GENDERS)
    lists = men_first(shuffled_lists(sorted(declared), postings=100, length=20), declared)
    report = report_of(judge(plan(fairness_k=10), case(lists, declared)))
    assert report.flagged == ("demographic_parity", "impact_ratio")
    female, male = report.groups
    # By hand: of each list the men come first, ten are selected.
    expected_male = sum(min(10, sum(declared[cv]["gender"] == "male" for cv in cvs)) for cvs in lists.values())
    assert (male.group, male.selected, female.selected) == ("male", expected_male, 1000 - expected_male)
    assert male.candidates + female.candidates == 2000
    assert report.demographic_parity is not None
    assert report.demographic_parity.value == pytest.approx(
        100 * (male.selected / male.candidates - female.selected / female.candidates), abs=1e-3
    )
    assert report.impact_ratio is not None
    assert report.impact_ratio.value == pytest.approx(female.selected / male.selected, abs=1e-3)
    assert male.exposure.value > male.representation.value > male.pool.value
    assert report.impact_ratio.low <= report.impact_ratio.value <= report.impact_ratio.high


def test_differences_are_those_of_fairlearn() -> None:
    declared = people(60, gender=("female", "male", "other"))
    generator = random.Random(3)
    lists = shuffled_lists(sorted(declared), postings=30, length=12)
    decisions = tuple(
        Decision(p, cv, rank < 4, generator.random() < (0.5 if declared[cv]["gender"] == "male" else 0.2))
        for p, cvs in lists.items()
        for rank, cv in enumerate(cvs)
    )
    report = report_of(judge(plan(fairness_k=4), case(lists, declared, decisions=decisions)))
    truth = [decision.fit for decision in decisions]
    chosen = [decision.selected for decision in decisions]
    sensitive = [declared[decision.cv]["gender"] for decision in decisions]
    assert report.demographic_parity is not None
    assert report.equalised_odds is not None
    # Every listed CV was decided on here, so the pairs are the same.
    parity = demographic_parity_difference(truth, chosen, sensitive_features=sensitive)
    odds = equalized_odds_difference(truth, chosen, sensitive_features=sensitive)
    assert report.demographic_parity.value == pytest.approx(100 * parity, abs=1e-3)
    assert report.equalised_odds.value == pytest.approx(100 * odds, abs=1e-3)


def test_a_group_that_retrieval_leaves_out_is_found_by_the_impact_ratio_alone() -> None:
    declared = people(100, gender=GENDERS)
    men = [cv for cv, groups in declared.items() if groups["gender"] == "male"]
    report = report_of(judge(plan(), case(shuffled_lists(men, 50, 10), declared)))
    assert report.demographic_parity is None
    assert report.impact_ratio is not None
    assert report.impact_ratio.value == 0
    assert report.flagged == ("impact_ratio",)
    assert [(group.group, group.cvs, group.population) for group in report.groups] == [
        ("female", 0, 50),
        ("male", 50, 50),
    ]


def test_hires_that_were_not_selected_in_one_group_are_found() -> None:
    declared = people(80, gender=GENDERS)
    lists = {f"p{number}": [f"cv-{number}", f"cv-{number + 40}"] for number in range(40)}
    decisions = tuple(
        Decision(f"p{number}", f"cv-{number}", declared[f"cv-{number}"]["gender"] == "male" or number % 8 == 0, True)
        for number in range(40)
    )
    report = report_of(judge(plan(), case(lists, declared, decisions=decisions)))
    assert "equal_opportunity" in report.flagged
    assert report.equal_opportunity is not None
    assert report.equal_opportunity.value == pytest.approx(75.0)
    # Nobody was decided on and not hired, so there is no second gap.
    assert report.equalised_odds is None
    assert sum(group.hired for group in report.groups) == 40


def test_small_groups_are_left_out_and_only_counted() -> None:
    declared = people(40, gender=GENDERS)
    for number, cv in enumerate(sorted(declared)):
        if number < 4:
            declared[cv] = {"gender": "other"}
    report = report_of(judge(plan(), case(shuffled_lists(sorted(declared), 20, 20), declared)))
    assert [group.group for group in report.groups] == ["female", "male"]
    assert report.suppressed == 1
    assert "other" not in report.model_dump_json()
    # One more and it may be told.
    declared["cv-new"] = {"gender": "other"}
    report = report_of(judge(plan(), case(shuffled_lists(sorted(declared), 20, 20), declared)))
    assert [group.group for group in report.groups] == ["female", "male", "other"]


def test_a_group_with_few_decisions_has_no_part_in_the_odds() -> None:
    declared = people(40, gender=GENDERS)
    cvs = sorted(declared)
    decisions = tuple(Decision("p", cv, True, True) for cv in cvs if declared[cv]["gender"] == "male")
    few = tuple(Decision("p", cv, False, True) for cv in cvs if declared[cv]["gender"] == "female")[:4]
    report = report_of(judge(plan(), case({"p": cvs}, declared, decisions=decisions + few)))
    assert report.equal_opportunity is None


def test_nothing_of_a_cv_is_in_a_report() -> None:
    declared = people(40, gender=GENDERS, region=("fr-idf", "fr-bre"))
    reports = judge(plan(), case(shuffled_lists(sorted(declared), 20, 10), declared))
    assert {report.attribute for report in reports} == {"gender", "region"}
    text = " ".join(report.model_dump_json() for report in reports)
    assert "cv-" not in text
    assert '"p1' not in text


def test_coverage_says_how_many_are_known() -> None:
    declared = {cv: groups for cv, groups in people(100, gender=GENDERS).items() if int(cv[3:]) < 30}
    lists = {f"p{number}": [f"cv-{i}" for i in range(100)] for number in range(3)}
    assert report_of(judge(plan(), case(lists, declared))).coverage == 0.3


def test_the_same_window_gives_the_same_bytes() -> None:
    declared = people(100, gender=GENDERS)
    lists = shuffled_lists(sorted(declared), 30, 10)
    backwards = dict(reversed(declared.items()))
    first, second = (judge(plan(), case(lists, groups)) for groups in (declared, backwards))
    assert [report.model_dump_json() for report in first] == [report.model_dump_json() for report in second]


def test_many_postings_are_drawn_in_blocks() -> None:
    """An interval of ten thousand lists is as narrow as they allow, without a draw for each."""
    declared = people(100, gender=GENDERS)
    lists = men_first(shuffled_lists(sorted(declared), 10_000, 4), declared)
    report = report_of(judge(plan(), case(lists, declared)))
    assert report.demographic_parity is not None
    spread = report.demographic_parity.high - report.demographic_parity.low
    assert 0 < spread < 3
    assert np.isfinite(spread)


def test_a_window_without_groups_has_no_report() -> None:
    assert judge(plan(), case({"p": ["a", "b"]}, {})) == []


def test_every_attribute_and_measure_has_a_place() -> None:
    assert get_args(Attribute) == ATTRIBUTES
    assert set(get_args(Measure)) == set(plan().thresholds)
    assert set(get_args(Measure)) <= set(FairnessReport.model_fields)
