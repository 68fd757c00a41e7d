"""Dashboards and alerts ask for figures that exist, and metrics are named as operators expect them."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import prometheus_client
import pytest
import yaml

from testkase.config.serving import health, watching
from testkase.entrypoints.live import door
from testkase.services.billing import metrics as billing
from testkase.services.metering import metrics as metering
from testkase.services.notifications.webhooks import metrics as webhooks
from testkase.services.selfaudit import metrics as selfaudit
from tests.support.promql import grouped_by, selectors, tokens

ROOT = Path(__file__).resolve().parents[2]
MODULES = (health, watching, door, billing, metering, webhooks, selfaudit)
PROCESS = {"up", "process_resident_memory_bytes", "process_cpu_seconds_total"}
EVERYWHERE = {"job", "instance"}
GUIDE = (ROOT / "docs/operations.md").read_text()


def ours() -> dict[str, prometheus_client.metrics.MetricWrapperBase]:
    """Every metric of the product by its name, without the suffixes of its samples."""
    found = {}
    for module in MODULES:
        for value in vars(module).values():
            if isinstance(value, prometheus_client.metrics.MetricWrapperBase):
                found[value._name] = value
    return found


def labels_by_sample() -> dict[str, set[str]]:
    """Every name that can be asked for, with its labels."""
    found: dict[str, set[str]] = {name: set() for name in PROCESS}
    for name, metric in ours().items():
        labels = set(metric._labelnames)
        if isinstance(metric, prometheus_client.Counter):
            found[f"{name}_total"] = labels
        elif isinstance(metric, prometheus_client.Histogram):
            found |= {f"{name}_bucket": labels | {"le"}, f"{name}_sum": labels, f"{name}_count": labels}
        else:
            found[name] = labels
    return found


def alerts() -> list[dict[str, Any]]:
    groups = yaml.safe_load((ROOT / "deploy/prometheus/alerts.yml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((ROOT / "deploy/grafana/testkase.json").read_text())["panels"]
    return found


def expressions() -> Iterator[tuple[str, str]]:
    for alert in alerts():
        yield alert["alert"], alert["expr"]
    for panel in panels():
        for target in panel["targets"]:
            yield panel["title"], target["expr"]


def test_the_modules_above_declare_every_metric_of_the_product() -> None:
    declaring = {
        path.relative_to(ROOT / "src").with_suffix("").as_posix().replace("/", ".")
        for path in (ROOT / "src/testkase").rglob("*.py")
        if re.search(r"= (Counter|Gauge|Histogram)\(\n?\s*\"", path.read_text())
    }
    assert declaring == {module.__name__ for module in MODULES}


@pytest.mark.parametrize(("where", "expression"), list(expressions()))
def test_every_expression_asks_for_what_there_is(where: str, expression: str) -> None:
    known = labels_by_sample()
    asked = list(selectors(expression))
    assert asked, where
    labels: set[str] = set()
    for metric, matchers, _ in asked:
        assert metric in known, f"{where}: there is no metric {metric}"
        assert set(matchers) <= known[metric] | EVERYWHERE, f"{where}: {metric} has no such label"
        labels |= known[metric]
    assert grouped_by(expression) - EVERYWHERE <= labels, f"{where}: no such label to group by"


@pytest.mark.parametrize(("where", "expression"), list(expressions()))
def test_counters_are_asked_for_their_change_and_gauges_for_their_value(where: str, expression: str) -> None:
    for metric, _, ranged in selectors(expression):
        counts = metric.endswith(("_total", "_bucket", "_sum", "_count"))
        assert ranged == counts or "delta(" in expression, f"{where}: {metric}"


@pytest.mark.parametrize(
    "wrong", ["sum(rate(a_total[5m])", 'a{b="c"', "a{b=c}", "frobnicate(a)", "rate(a[5 minutes])", "a ? b"]
)
def test_an_expression_that_is_none_is_noticed(wrong: str) -> None:
    with pytest.raises((ValueError, IndexError, StopIteration)):
        list(selectors(wrong))


def test_every_figure_of_ours_is_on_the_dashboard() -> None:
    shown = {metric for panel in panels() for target in panel["targets"] for metric, _, _ in selectors(target["expr"])}
    missing = {name for name in labels_by_sample() if name.startswith("testkase_")} - shown
    assert {name for name in missing if not name.endswith(("_sum", "_count"))} <= {
        "testkase_heads_published_timestamp_seconds",  # an alert says it
    }


def test_metrics_carry_their_unit_and_labels_that_cannot_grow() -> None:
    for name, metric in ours().items():
        assert name.startswith("testkase_")
        assert not re.search(r"_(ms|millis|minutes|hours|kb|mb|at|time)$", name), name
        assert set(metric._labelnames) <= {"door", "status", "outcome", "measurement", "model"}, name
        assert metric._documentation.endswith((".", ";", "0")), name


def test_every_alert_says_what_it_is_and_the_guide_what_to_do() -> None:
    for alert in alerts():
        assert alert["labels"]["severity"] in ("page", "ticket")
        assert alert["annotations"]["summary"].endswith(".")
        tokens(alert["expr"])
        assert f"| `{alert['alert']}` |" in GUIDE, f"docs/operations.md does not say what to do about {alert['alert']}"
    documented = set(re.findall(r"^\| `(TestKase\w+)` \|", GUIDE, re.MULTILINE))
    assert documented == {alert["alert"] for alert in alerts()}


def test_prometheus_is_pointed_at_the_rules_and_the_application() -> None:
    example = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text())
    assert [(ROOT / "deploy/prometheus" / name).exists() for name in example["rule_files"]] == [True]
    assert example["scrape_configs"][0]["job_name"] == "testkase"
