"""Alerts and dashboard ask for metrics that there are, promtool reads them, and each alert rings when it should."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families
from tests.support.paths import ROOT
from tests.support.shop import Shop

from tallystick.services.operations.running_proof import ContinuousProver
from tallystick.services.operations.verification import prove_if_due
from tallystick.store.records import verification_runs

RULES = ROOT / "deploy" / "prometheus" / "tallystick.rules.yml"
SCRAPES = ROOT / "deploy" / "prometheus" / "prometheus.yml"
DASHBOARD = ROOT / "deploy" / "grafana" / "tallystick.json"

needs_promtool = pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")

Series = dict[str, str]

RINGS: dict[str, tuple[Series, Series]] = {
    "TallystickDown": ({'up{job="tallystick"}': "0x60"}, {'up{job="tallystick"}': "1x60", 'up{job="other"}': "0x60"}),
    "TallystickProcessDown": (
        {'tallystick_process_up{process="1"}': "0x60"},
        {'tallystick_process_up{process="1"}': "1x60"},
    ),
    "TallystickDatabaseDown": ({"tallystick_database_up": "0x60"}, {"tallystick_database_up": "1x60"}),
    "TallystickBooksDisagree": (
        {"tallystick_running_proof_unexplained_micros": "-1x60"},
        {
            "tallystick_proof_problems": "0x60",
            "tallystick_running_proof_problems": "0x60",
            "tallystick_proof_unexplained_micros": "0x60",
            "tallystick_running_proof_unexplained_micros": "0x60",
        },
    ),
    "TallystickNotProven": (
        {"tallystick_running_proof_finished_timestamp_seconds": "-4000x60"},
        {"tallystick_running_proof_finished_timestamp_seconds": "0+60x60"},
    ),
    "TallystickWorkOverdue": (
        {'tallystick_queue_overdue_seconds{queue="mail"}': "121x60"},
        {'tallystick_queue_overdue_seconds{queue="mail"}': "120x60"},
    ),
    "TallystickWorkerFails": (
        {'tallystick_worker_failed_rounds_total{loop="mail"}': "0+1x60"},
        {'tallystick_worker_failed_rounds_total{loop="mail"}': "7x60"},
    ),
    "TallystickGivenUp": (
        {'tallystick_queue_given_up{queue="mail"}': "1+1x60"},
        {'tallystick_queue_given_up{queue="mail"}': "9x60"},
    ),
    "TallystickFaults": (
        {
            'tallystick_requests_total{action="Pay",outcome="ok"}': "0+98x60",
            'tallystick_requests_total{action="Pay",outcome="InternalError"}': "0+2x60",
        },
        {
            'tallystick_requests_total{action="Pay",outcome="ok"}': "0+50x60",
            'tallystick_requests_total{action="Pay",outcome="InsufficientBalance"}': "0+50x60",
        },
    ),
    "TallystickSlow": (
        {
            'tallystick_request_seconds_bucket{le="1.0"}': "0+90x60",
            'tallystick_request_seconds_bucket{le="5.0"}': "0+100x60",
            'tallystick_request_seconds_bucket{le="+Inf"}': "0+100x60",
        },
        {
            'tallystick_request_seconds_bucket{le="1.0"}': "0+100x60",
            'tallystick_request_seconds_bucket{le="+Inf"}': "0+100x60",
        },
    ),
    "TallystickClockNotBelieved": ({"tallystick_clock_believed": "0x60"}, {"tallystick_clock_believed": "1x60"}),
    "TallystickDiskNearlyFull": (
        {"tallystick_disk_free_bytes": "9x60", "tallystick_disk_total_bytes": "100x60"},
        {"tallystick_disk_free_bytes": "10x60", "tallystick_disk_total_bytes": "100x60"},
    ),
}
"""For each alert, series by which it rings after half an hour, and others by which it does not. A value a minute."""


def rules() -> list[dict[str, Any]]:
    (group,) = yaml.safe_load(RULES.read_text("utf-8"))["groups"]
    found: list[dict[str, Any]] = group["rules"]
    return found


def panels() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(DASHBOARD.read_text("utf-8"))["panels"]
    return found


def questions() -> list[str]:
    return [target["expr"] for panel in panels() for target in panel["targets"]]


def promtool(*arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(["promtool", *arguments], input=given, capture_output=True, text=True, check=False)  # noqa: S603, S607 - Prometheus's own program


async def test_every_metric_that_is_asked_for_is_there(shop: Shop) -> None:
    service = shop.service
    await shop.call("GetAccountBalance")  # without a call there are no times of one, nor of proofs without proofs
    await verification_runs.ask(service.pool, None, shop.clock())
    await prove_if_due(service)
    await ContinuousProver(service).go_on()
    answer = await shop.client.get(f"{shop.url}/metrics")
    there = {sample.name for family in text_string_to_metric_families(answer.text) for sample in family.samples}
    there |= {family.name for family in text_string_to_metric_families(answer.text)}
    asked = {name for text in (*questions(), *(rule["expr"] for rule in rules())) for name in names_in(text)}

    assert len(asked) > 20
    assert {name for name in asked if name not in there and name.removesuffix("_total") not in there} == set()


def names_in(question: str) -> set[str]:
    return set(re.findall(r"\b(?:tallystick|process)_\w+", re.sub(r"\{[^}]*\}|by \([^)]*\)", "", question)))


def test_every_alert_says_what_it_is_about_and_what_to_do() -> None:
    for rule in rules():
        assert rule["labels"]["severity"] in {"page", "ticket"}
        assert {"summary", "what_to_do"} == set(rule["annotations"])
    assert [rule["alert"] for rule in rules()] == list(RINGS)


def test_panels_do_not_lie_on_one_another() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in panels():
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert max(x for x, _ in cells) < 24
        taken |= cells
    assert len({panel["id"] for panel in panels()}) == len(panels())


@needs_promtool
def test_promtool_reads_rules_and_scrapes(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("0123456789abcdef")
    (tmp_path / RULES.name).write_text(RULES.read_text("utf-8"))
    scrapes = SCRAPES.read_text("utf-8").replace("/etc/prometheus/tallystick.token", str(token))
    (tmp_path / SCRAPES.name).write_text(scrapes)
    checked = promtool("check", "config", str(tmp_path / SCRAPES.name))
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert f"{len(rules())} rules found" in checked.stdout


@needs_promtool
def test_promtool_reads_what_the_dashboard_asks(tmp_path: Path) -> None:
    filled = [text.replace("$__rate_interval", "5m").replace("$job", ".*") for text in questions()]
    records = [{"record": f"panel:{number}", "expr": text} for number, text in enumerate(filled)]
    (tmp_path / "dashboard.yml").write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": records}]}))
    checked = promtool("check", "rules", str(tmp_path / "dashboard.yml"))
    assert checked.returncode == 0, checked.stdout + checked.stderr


@needs_promtool
def test_each_alert_rings_when_it_should_and_not_otherwise(tmp_path: Path) -> None:
    tests = []
    for alert, (bad, good) in RINGS.items():
        for series, firing in ((bad, [{"labels": "{}", "value": 1}]), (good, [])):
            question = f'count(ALERTS{{alertname="{alert}",alertstate="firing"}})'
            tests.append(
                {
                    "interval": "1m",
                    "input_series": [{"series": name, "values": values} for name, values in series.items()],
                    "promql_expr_test": [{"expr": question, "eval_time": "30m", "exp_samples": firing}],
                }
            )
    (tmp_path / RULES.name).write_text(RULES.read_text("utf-8"))
    (tmp_path / "tests.yml").write_text(yaml.safe_dump({"rule_files": [RULES.name], "tests": tests}))
    said = promtool("test", "rules", str(tmp_path / "tests.yml"))
    assert said.returncode == 0, said.stdout + said.stderr
