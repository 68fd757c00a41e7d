"""Finding cases: words anywhere, filters, page by page, and no look at other organizations' rows."""

import json
from typing import Any

import psycopg
import pytest

from testkase.foundation.database import Operation, Statement
from testkase.services.workspace.folders import create_folder
from testkase.services.workspace.model import Step
from testkase.services.workspace.search import Wanted, count_cases, list_cases, tags_of
from tests.integration.workspace.conftest import Bench
from tests.support.cluster import TestDatabase

MANY = """
INSERT INTO test_case (org_id, project_id, key, title, steps, search)
SELECT %(org_id)s, %(project_id)s, 'BULK-' || n, 'Case ' || n, '[{"action": "Do"}]', 'bulk-' || n || ' case ' || n
FROM generate_series(1, %(count)s) AS n
"""


def found(bench: Bench, limit: int = 50, before: int | None = None, **wanted: Any) -> list[str]:
    operation = list_cases(bench.org_id, bench.project_id, limit=limit, before=before, wanted=Wanted(**wanted))
    return [row.title for row in bench.run(operation)]


def test_words_are_found_wherever_they_stand_whatever_their_case(bench: Bench) -> None:
    bench.write("Pay by CARD", tags=("Straße",), preconditions="A 50%_cart")
    bench.write("Sign in", steps=(Step(action="Open the page", expected="ÜBERSICHT is shown"),))
    for text in ("card", "PAY cArD", "strasse", "50%_c", "shop-1", " "):
        assert "Pay by CARD" in found(bench, text=text), text
    assert found(bench, text="übersicht open") == ["Sign in"]
    for text in ("card open", "%", "_"):
        assert "Sign in" not in found(bench, text=text), text


def test_filters_work_together(bench: Bench) -> None:
    folder = bench.run(create_folder(bench.org_id, bench.project_id, "Later"))
    bench.write("A", status="draft", priority="high", tags=("x", "y"), folder_id=folder)
    bench.write("B", priority="high", kind="security", type="smoke")
    assert found(bench, status="draft") == ["A"]
    assert found(bench, priority="high") == ["B", "A"]
    assert found(bench, priority="high", kind="security", type="smoke") == ["B"]
    assert found(bench, tag="y") == ["A"]
    assert found(bench, folders=(folder,)) == ["A"]
    assert found(bench, folders=()) == []
    assert found(bench, at_top=True) == ["B"]
    assert bench.run(count_cases(bench.org_id, bench.project_id, Wanted(tag="x"))) == 1
    assert bench.run(tags_of(bench.org_id, bench.project_id)) == ["x", "y"]


def test_pages_follow_each_other_without_gaps(bench: Bench) -> None:
    for number in range(7):
        bench.write(f"Case {number}")
    seen: list[str] = []
    before = None
    while True:
        rows = bench.run(list_cases(bench.org_id, bench.project_id, limit=3, before=before))
        seen += [row.title for row in rows]
        if len(rows) < 3:
            break
        before = rows[-1].case_id
    assert seen == [f"Case {number}" for number in reversed(range(7))]


@pytest.mark.requirement("R72")
def test_a_page_of_a_large_project_reads_no_rows_of_others(
    bench: Bench, neighbour: Bench, module_database: TestDatabase
) -> None:
    with psycopg.connect(module_database.owner_url, autocommit=True) as owner:
        owner.execute("ALTER TABLE test_case NO FORCE ROW LEVEL SECURITY")
        for one in (bench, neighbour):
            owner.execute(MANY, {"org_id": one.org_id, "project_id": one.project_id, "count": 10_000})
        owner.execute("ALTER TABLE test_case FORCE ROW LEVEL SECURITY")
        owner.execute("ANALYZE test_case")
    place = (bench.org_id, bench.project_id)
    first = rows_read(bench, list_cases(*place, limit=51))
    deep = rows_read(bench, list_cases(*place, limit=51, before=deep_in(bench)))
    rare = rows_read(bench, list_cases(*place, limit=51, wanted=Wanted(text="case 7777")))
    assert first <= 60
    assert deep <= 60
    assert rare <= 10_000
    assert found(bench, text="case 7777") == ["Case 7777"]


def deep_in(bench: Bench) -> int:
    (row,) = bench.rows("SELECT min(case_id) + 100 AS id FROM test_case WHERE org_id = %(org_id)s")
    return int(row["id"])


def rows_read(bench: Bench, operation: Operation[Any]) -> int:
    """Rows a statement touched in the table, thrown away or not; and no plan reads the table as a whole."""
    statement = next(operation)

    def explained() -> Operation[Any]:
        return (yield Statement("EXPLAIN (ANALYZE, FORMAT JSON) " + statement.sql, statement.params))

    (row,) = bench.run(explained())
    plan = row["QUERY PLAN"]
    plan = json.loads(plan) if isinstance(plan, str) else plan
    return sum(_touched(plan[0]["Plan"]))


def _touched(node: dict[str, Any]) -> list[int]:
    below = [count for child in node.get("Plans", []) for count in _touched(child)]
    if "Relation Name" not in node:
        return below
    assert node["Node Type"] != "Seq Scan", node
    return [*below, int(node["Actual Rows"] + node.get("Rows Removed by Filter", 0))]
