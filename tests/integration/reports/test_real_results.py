"""Reports of three real runs of a large project's test suite (networkx/README.md), from files to text."""

import re
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from testkase.core.ledger.verify import verify
from testkase.services.features.reports.model import KINDS, Facts
from tests.integration.reports.conftest import SAFE, Scene
from tests.support.real_results import FILES, bring, content_of, results_by_test

WORDS = {"failure": "failed", "error": "failed", "skipped": "skipped"}
Results = dict[str, str]


def read(path: Path) -> Results:
    """The file as another parser reads it: the result of every test."""
    results = {}
    for test in ET.fromstring(content_of(path)).iter("testcase"):
        place, name = test.attrib["classname"], " ".join(test.attrib["name"].split())
        result = next((WORDS[part.tag] for part in test if part.tag in WORDS), "passed")
        results[f"{place}.{name}" if place else name] = result
    return results


def alternating(runs: list[Results]) -> int:
    """Tests that changed between passing and failing more than once."""
    histories = [[run[test] for run in runs if run.get(test) in ("passed", "failed")] for test in set().union(*runs)]
    return sum(sum(one != other for one, other in pairwise(history)) > 1 for history in histories)


def first_figure(sentence: str) -> int:
    return int(re.findall(r"\d[\d,]*", sentence)[0].replace(",", ""))


@pytest.mark.slow
@pytest.mark.requirement("R1", "R67")
async def test_three_runs_of_thousands_of_tests_are_imported_and_every_report_is_made_of_them(bare: Scene) -> None:
    runs = [read(file) for file in FILES]
    brought = await bring(bare, FILES)
    for one, results in zip(brought, runs, strict=True):
        assert (one.run.state, one.run.total) == ("succeeded", len(results))
        assert await bare.ask(results_by_test(bare, one.run.cycle_id or 0)) == results

    first = await bare.asked(*KINDS)
    await bare.made(first)
    views = {view.kind: view for view in await bare.all_of(first)}
    assert {kind: view.error for kind, view in views.items()} == dict.fromkeys(KINDS)
    assert {view.narrative.summary for view in views.values() if view.narrative} == {SAFE}
    facts: dict[str, Facts] = {kind: view.facts for kind, view in views.items() if view.facts is not None}
    assert first_figure(facts["flaky"].headline[0]) == alternating(runs) > 10
    failed = sum(result == "failed" for result in runs[-1].values())
    assert facts["readiness"].headline[2].startswith(f"{failed} failed and 0 blocked")
    assert "0 pairs of cases are alike" in facts["optimisation"].headline[1]
    assert "networkx / " in facts["risk"].headline[1]
    assert len(facts["predicted"].tables[0].rows) > 10
    [row] = await bare.usage()
    assert {view.charged for view in views.values()} == {row.charged}
    assert await bare.ask(verify(bare.org_id)) == []
