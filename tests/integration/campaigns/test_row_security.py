"""A slice of the campaign of row security: nothing is seen, and a hole that is made on purpose is."""

import psycopg
import pytest

from campaigns.isolation.catalogue import strange_functions, tenant_tables
from campaigns.isolation.row_security import row_security
from testkase.foundation.database import run
from testkase.schema.isolation import check_isolation
from tests.support.cluster import TestDatabase

TRIES = 2_600
"""Every table with every way of asking, once."""

HOLES = {
    'public."memo"': "CREATE TABLE memo (org_id bigint, note text); GRANT ALL ON memo TO testkase_app",
    'public."report_run"': "ALTER TABLE report_run DISABLE ROW LEVEL SECURITY",
    'public."chat_turn"': "CREATE POLICY oops ON chat_turn USING (true)",
    'public."all_cases"': "CREATE VIEW all_cases AS SELECT * FROM test_case; GRANT SELECT ON all_cases TO testkase_app",
}
"""What shows rows."""
FLAWS = {
    'public."project" is not under forced row-level security': "ALTER TABLE project NO FORCE ROW LEVEL SECURITY",
    'public."retention" has no policy for the application': "DROP POLICY tenant ON retention",
    "public.peek() sees every organization": (
        "CREATE FUNCTION peek() RETURNS SETOF test_case LANGUAGE sql SECURITY DEFINER AS 'SELECT * FROM test_case'"
    ),
}
"""What shows none today, to this role."""


@pytest.mark.slow
@pytest.mark.requirement("I13", "R72", "R73")
def test_raw_sql_in_a_wrong_context_sees_and_changes_nothing(database: TestDatabase) -> None:
    outcome = row_security(database, tries=TRIES, seed=20_261_128)
    assert outcome.faults == [], outcome.line
    assert int(outcome.figures["tables"]) > 40
    assert int(outcome.figures["answered with nothing"]) > 500


@pytest.mark.slow
@pytest.mark.requirement("I13")
def test_a_hole_made_on_purpose_is_found(database: TestDatabase) -> None:
    with psycopg.connect(database.owner_url, autocommit=True) as owner:
        for hole in (*HOLES.values(), *FLAWS.values()):
            owner.execute(hole.encode())
    faults = row_security(database, tries=TRIES, seed=20_261_128).faults
    for table in HOLES:
        assert [fault for fault in faults if fault.startswith(f"{table},") and "canary" in fault], table
    for flaw in FLAWS:
        assert [fault for fault in faults if fault.startswith(flaw)], flaw
    others = [fault.split(", ") for fault in faults if fault.startswith(("ledger.", 'public."'))]
    beside = [fault for fault in others if len(fault) > 2 and fault[0] not in HOLES]
    assert {form for _, form, *_ in beside} <= {"union", "join"}, "only where a hole was the other table"


def test_the_products_own_check_comes_to_the_same(database: TestDatabase) -> None:
    with psycopg.connect(database.owner_url) as owner:
        assert [table.name for table in tenant_tables(owner) if table.fault] == []
        assert strange_functions(owner) == []
    with psycopg.connect(database.app_url) as application:
        run(application, check_isolation())
