"""The plan that spreads the books over many servers, made from a real catalogue and tried dry on a plain PostgreSQL."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from testkase.config.databases import with_database
from testkase.schema.distribution import (
    FIRST,
    NotDistributable,
    Table,
    distribute,
    make_plan,
    pinned_functions,
    read_tables,
)
from tests.support.cluster import TestDatabase
from tests.support.commands import run_command

Catalogue = psycopg.Connection[tuple[Any, ...]]


@pytest.fixture(scope="module")
def catalogue(module_database: TestDatabase) -> Iterator[Catalogue]:
    with psycopg.connect(module_database.owner_url, autocommit=True) as connection:
        yield connection


def table(name: str, **described: Any) -> Table:
    facts: dict[str, Any] = {
        "org_type": "bigint", "keys_without_org": (), "triggers": (), "narrow_identities": (), "tied_to": (),
    }  # fmt: skip
    return Table(name, **(facts | described))


def test_every_table_of_the_ledger_goes_and_nothing_is_in_the_way(catalogue: Catalogue) -> None:
    tables = read_tables(catalogue)
    plan = make_plan(tables, pinned_functions(catalogue))
    assert plan.obstacles == ()
    of_the_ledger = {each.name for each in tables if each.name.startswith("ledger.")}
    assert of_the_ledger >= {"ledger.account", "ledger.entry", "ledger.usage"}
    assert set(plan.spread) == of_the_ledger | {"public.activity", "public.activity_head"}
    assert {name for name, _ in plan.staying} >= {"public.project", "public.purchase", "public.api_key"}


def test_everything_is_kept_beside_the_accounts(catalogue: Catalogue) -> None:
    plan = make_plan(read_tables(catalogue), [], shards=8)
    first, *others = plan.statements
    assert first == f"SELECT create_distributed_table('{FIRST}', 'org_id', colocate_with => 'none', shard_count => 8)"
    assert others
    assert all(statement.endswith(f", 'org_id', colocate_with => '{FIRST}')") for statement in others)


def test_functions_that_keep_one_plan_are_released_from_it(catalogue: Catalogue) -> None:
    pinned = pinned_functions(catalogue)
    assert any(name.startswith("ledger.load(") for name in pinned)
    last = make_plan(read_tables(catalogue), pinned).statements[-len(pinned) :]
    with catalogue.transaction(force_rollback=True):
        for statement in last:
            catalogue.execute(statement)
        assert pinned_functions(catalogue) == []


@pytest.mark.parametrize(
    ("action", "found"), [("SET NULL", True), ("SET NULL (lot_id)", False), ("SET DEFAULT", True), ("CASCADE", False)]
)
def test_a_key_that_would_take_the_organization_away_is_found(catalogue: Catalogue, action: str, found: bool) -> None:
    with catalogue.transaction(force_rollback=True):
        catalogue.execute(
            "CREATE TABLE ledger.later (org_id bigint, at bigint, lot_id bigint, PRIMARY KEY (org_id, at),"
            f" CONSTRAINT of_a_lot FOREIGN KEY (org_id, lot_id) REFERENCES ledger.lot ON DELETE {action})".encode()
        )
        (later,) = [each for each in read_tables(catalogue) if each.name == "ledger.later"]
    assert later.nulling == (("of_a_lot",) if found else ())


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (table("ledger.new", keys_without_org=("new_ref",)), "new_ref does not contain org_id"),
        (table("ledger.new", triggers=("counts",)), "trigger counts"),
        (table("ledger.new", narrow_identities=("id",)), "identity column id is not bigint"),
        (table("ledger.new", tied_to=("public.project",)), "ties it to public.project"),
        (table("ledger.new", org_type="integer"), "org_id is integer"),
        (table("ledger.new", nulling=("new_fkey",)), "new_fkey sets org_id to null"),
    ],
)
def test_what_citus_would_refuse_is_said_before(catalogue: Catalogue, broken: Table, said: str) -> None:
    plan = make_plan([table(FIRST), broken], [])
    assert [said in obstacle for obstacle in plan.obstacles] == [True]
    with pytest.raises(NotDistributable, match="Citus would refuse"):
        distribute(catalogue, plan)


def test_a_real_key_without_the_organization_is_found(catalogue: Catalogue) -> None:
    with catalogue.transaction(force_rollback=True):
        catalogue.execute("CREATE TABLE ledger.careless (id integer PRIMARY KEY, org_id bigint NOT NULL)")
        assert make_plan(read_tables(catalogue), []).obstacles == (
            "ledger.careless: ledger.careless_pkey does not contain org_id",
        )


def test_without_citus_nothing_is_changed(catalogue: Catalogue) -> None:
    plan = make_plan(read_tables(catalogue), pinned_functions(catalogue))
    with pytest.raises(NotDistributable, match="no Citus"):
        distribute(catalogue, plan)
    assert pinned_functions(catalogue) == pinned_functions(catalogue) != []


def test_the_command_prints_the_plan_and_applies_nothing(module_database: TestDatabase) -> None:
    environ = {**module_database.environ(), "DATABASE_URL": module_database.owner_url, "COLUMNS": "200"}
    dry = run_command("distribute", environ=environ)
    assert (dry.returncode, "create_distributed_table('ledger.entry'" in dry.stdout) == (0, True)
    applied = run_command("distribute", "--apply", environ=environ)
    assert (applied.returncode, "no Citus" in applied.stderr) == (1, True)
    empty = {**environ, "DATABASE_URL": with_database(module_database.owner_url, "postgres")}
    unmade = run_command("distribute", environ=empty)
    assert (unmade.returncode, "migrate comes first" in unmade.stderr) == (1, True)
