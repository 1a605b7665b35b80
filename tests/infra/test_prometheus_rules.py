import re
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.infra.compose import ROOT
from tests.infra.prometheus import CONFIG, tool

TEST_FILES = sorted(path.name for path in CONFIG.glob("*_test.yml"))


def alerts() -> dict[str, dict[str, Any]]:
    groups = yaml.safe_load((CONFIG / "alerts.yml").read_text(encoding="utf-8"))["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"]}


def cases() -> Iterator[tuple[str, bool]]:
    """Each alert of the test files with what it is expected to do there."""
    for name in TEST_FILES:
        for group in yaml.safe_load((CONFIG / name).read_text(encoding="utf-8"))["tests"]:
            for case in group.get("alert_rule_test", []):
                yield case["alertname"], bool(case["exp_alerts"])


def promtool(*arguments: str) -> None:
    done = subprocess.run(
        [tool("promtool"), *arguments], cwd=CONFIG, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_configuration_and_its_rules_are_valid():
    promtool("check", "config", "prometheus.yml")
    promtool("check", "rules", "rules.yml", "alerts.yml")


@pytest.mark.parametrize("name", TEST_FILES)
def test_the_rules_say_what_their_cases_expect(name):
    promtool("test", "rules", name)


def test_a_case_that_is_wrong_fails(tmp_path):
    text = (CONFIG / "rules_test.yml").read_text(encoding="utf-8")
    wrong = text.replace("rules.yml", str(CONFIG / "rules.yml")).replace("value: 0.5", "value: 0.6")
    assert wrong != text
    (tmp_path / "wrong.yml").write_text(wrong)
    done = subprocess.run(
        [tool("promtool"), "test", "rules", tmp_path / "wrong.yml"],
        capture_output=True,
        check=False,
    )
    assert done.returncode != 0


@pytest.mark.parametrize("name", sorted(alerts()))
def test_an_alert_is_tested_to_fire_and_to_keep_quiet(name):
    assert {fires for alert, fires in cases() if alert == name} == {True, False}


@pytest.mark.parametrize("name", sorted(alerts()))
def test_an_alert_says_how_urgent_it_is_and_where_its_runbook_is(name):
    rule = alerts()[name]
    assert rule["labels"]["severity"] in {"page", "ticket"}
    page, _, anchor = rule["annotations"]["runbook_url"].partition("#")
    headings = re.findall(r"^#+ (.+)$", (ROOT / page).read_text(encoding="utf-8"), re.MULTILINE)
    assert anchor == name.lower()
    assert name in headings
