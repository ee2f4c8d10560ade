"""The rules for on-call: true to our metrics, each seen to fire and to keep silent, by Prometheus' own tool."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import REGISTRY

from tests.support.promtool import promtool
from workers import telemetry

RULES = Path(telemetry.__file__).with_name("alerts.yml")
CASES = Path(__file__).with_name("alerts_test.yml")


def rules() -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def test_rules_name_metrics_that_exist() -> None:
    ours = {metric.name for metric in REGISTRY.collect()}
    ours |= {f"{metric.name}_total" for metric in REGISTRY.collect() if metric.type == "counter"}
    ours |= {f"{metric.name}_bucket" for metric in REGISTRY.collect() if metric.type == "histogram"}
    # Annotations send people to metrics as well.
    named = set(re.findall(r"talentstream_[a-z_]+", yaml.safe_dump(rules(), width=10_000)))
    assert named
    assert named - ours == set()


def test_each_alert_says_how_urgent_it_is_and_what_to_do() -> None:
    for rule in rules():
        if "alert" in rule:
            assert rule["labels"]["severity"] in {"critical", "warning"}
            assert set(rule["annotations"]) == {"summary", "description"}


def test_each_alert_has_a_case_that_fires_and_one_that_does_not() -> None:
    cases = {
        (match.group(1), bool(question["exp_samples"]))
        for test in yaml.safe_load(CASES.read_text())["tests"]
        for question in test["promql_expr_test"]
        if (match := re.fullmatch(r'ALERTS\{alertname="(\w+)",alertstate="firing"\}', question["expr"]))
    }
    assert cases == {(rule["alert"], fires) for rule in rules() if "alert" in rule for fires in (True, False)}


@pytest.mark.parametrize("file", [RULES, CASES], ids=lambda file: file.name)
def test_promtool_agrees(file: Path) -> None:
    action = "check" if file == RULES else "test"
    answer = subprocess.run([promtool(), action, "rules", file], text=True, capture_output=True, timeout=120)
    assert answer.returncode == 0, answer.stdout + answer.stderr
