"""Every metric that the code writes is explained to operators, and every alarm watches one that exists."""

import json
import re
from pathlib import Path
from typing import Any

from booking.errors import CATALOGUE
from lab.in_process import template
from tests.deployed import watched
from tests.tables import resources

ROOT = Path(__file__).parents[2]
SOURCES = [*(ROOT / "functions").glob("*/app.py"), *(ROOT / "layers" / "booking").rglob("*.py")]


def written() -> set[str]:
    """Name the metrics in the code: arguments of `count` and `gauge`, keywords of `levels`."""
    text = "\n".join(path.read_text("utf-8") for path in SOURCES)
    names = set(re.findall(r'\b(?:count|gauge)\(f?"(\w+)', text))
    for call in re.findall(r"\blevels\(([^)]*(?:\([^)]*\)[^)]*)*)\)", text):
        names |= set(re.findall(r"\b([A-Z]\w+)=", call))
    return names


def test_operators_are_told_of_every_metric_and_of_no_other() -> None:
    section = (ROOT / "docs" / "operations.md").read_text("utf-8").split("## Metrics")[1].split("\n## ")[0]
    told = {
        name
        for row in section.splitlines()
        if row.startswith("| `")
        for name in re.findall(r"`(\w+)", row.split("|")[1])
    }

    assert told == written()


def ours() -> list[tuple[str, dict[str, Any]]]:
    """Name the metrics of ours that alarms look at, with their dimensions."""
    looked_at = [each for alarm in resources("AWS::CloudWatch::Alarm").values() for each in watched(alarm)]
    return [(metric, dimensions) for namespace, metric, dimensions in looked_at if namespace == "OstConcertBooking"]


def test_every_alarm_on_a_metric_of_ours_watches_one_that_is_written() -> None:
    by_status = {f"Refused{error.status}" for error in CATALOGUE.values()}

    assert {metric for metric, _ in ours()} <= written() | by_status
    assert ours()


def test_one_stack_does_not_ring_the_alarms_of_another() -> None:
    variables = template()["Globals"]["Function"]["Environment"]["Variables"]
    own = variables["POWERTOOLS_SERVICE_NAME"]

    assert own == {"Ref": "AWS::StackName"}
    assert all(dimensions == {"service": own} for _, dimensions in ours())


def test_dashboard_shows_the_night_by_metrics_that_are_written() -> None:
    body = template("templates/alarms.yaml")["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    widgets = json.loads(body)["widgets"]
    text = json.dumps(widgets)
    shown = set(re.findall(r'"OstConcertBooking", "(\w+)"', text)) | set(re.findall(r'MetricName=\\+"(\w+)', text))

    assert shown <= written() | {f"Refused{error.status}" for error in CATALOGUE.values()}
    assert shown >= {"QueueWaiting", "QueueActive", "QueueEntered", "SeatsHeld", "PaymentCompleted", "PaymentUndone"}
    assert {f"Refused{error.status}" for error in CATALOGUE.values()} <= shown
    assert set(re.findall(r"\$\{(\w+)\}", body)) <= set(template("templates/alarms.yaml")["Parameters"])
