"""Spreading the books over many servers with Citus: which tables go, which stay, and the statements that do it.

The plan is read off the catalogue of a database, so a new table is planned for without being named here. A table goes
when its organization leads every key of it and no foreign key ties it to a table that stays. That is the ledger and the
activity history: what grows with every call. The workspace, people and billing stay on the first server, since they
grow with what people write, and their keys point at each other and at people.

What Citus demands, and so what is checked: one type for the distribution column; that column in every primary key,
unique and exclusion constraint; no triggers; identity columns of 64 bits; foreign keys only among tables that are
spread alike, none of them setting a part of the distribution key to null. docs/scale.md tells what follows from it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from testkase.foundation.problems import Problem
from testkase.schema.directories import DIRECTORIES

FIRST = "ledger.account"
"""The table every other one is kept beside: what belongs to one organization lies on one server."""

SHARDS = 32
"""How many pieces the organizations are hashed into: at most so many servers can share them. Costly to change."""

MORE_KEPT_TOGETHER = ("public.activity", "public.activity_head")
"""Beyond the ledger's own schema: written with every change, read by organization, tied to nothing that stays."""


class NotDistributable(Problem):
    """The database cannot be spread as it is."""

    code = "not_distributable"
    title = "The tables cannot be distributed"


@dataclass(frozen=True, slots=True)
class Table:
    """A table with an organization, as the catalogue describes it."""

    name: str
    org_type: str
    keys_without_org: tuple[str, ...]
    triggers: tuple[str, ...]
    narrow_identities: tuple[str, ...]
    tied_to: tuple[str, ...]
    """Tables at the other end of a foreign key, whichever way it points."""
    nulling: tuple[str, ...] = ()
    """Foreign keys that would set the organization to null, or to a default, with the row they point at."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is spread, what stays and why, what is in the way, and what is to be run."""

    spread: tuple[str, ...]
    staying: tuple[tuple[str, str], ...]
    obstacles: tuple[str, ...]
    statements: tuple[str, ...]


_TABLES = """
    SELECT space.nspname || '.' || relation.relname AS name,
           format_type(org.atttypid, NULL) AS org_type,
           ARRAY(
               SELECT index.indexrelid::regclass::text FROM pg_index AS index
               WHERE index.indrelid = relation.oid AND (index.indisunique OR index.indisexclusion)
                 AND org.attnum <> ALL (index.indkey) ORDER BY 1
           ) AS keys_without_org,
           ARRAY(SELECT tgname::text FROM pg_trigger WHERE tgrelid = relation.oid AND NOT tgisinternal ORDER BY 1)
               AS triggers,
           ARRAY(
               SELECT attname::text FROM pg_attribute
               WHERE attrelid = relation.oid AND attidentity <> '' AND atttypid <> 'bigint'::regtype ORDER BY 1
           ) AS narrow_identities,
           ARRAY(
               SELECT DISTINCT space.nspname || '.' || other.relname
               FROM pg_constraint AS tie
               JOIN pg_class AS other ON other.oid = CASE WHEN tie.conrelid = relation.oid THEN tie.confrelid
                                                          ELSE tie.conrelid END
               JOIN pg_namespace AS space ON space.oid = other.relnamespace
               WHERE tie.contype = 'f' AND relation.oid IN (tie.conrelid, tie.confrelid) ORDER BY 1
           ) AS tied_to,
           ARRAY(
               SELECT tie.conname::text FROM pg_constraint AS tie
               WHERE tie.contype = 'f' AND tie.conrelid = relation.oid AND org.attnum = ANY (tie.conkey)
                 AND (tie.confupdtype IN ('n', 'd')
                      OR tie.confdeltype IN ('n', 'd') AND org.attnum = ANY (coalesce(tie.confdelsetcols, tie.conkey)))
               ORDER BY 1
           ) AS nulling
    FROM pg_class AS relation
    JOIN pg_namespace AS space ON space.oid = relation.relnamespace
    JOIN pg_attribute AS org ON org.attrelid = relation.oid AND org.attname = 'org_id' AND NOT org.attisdropped
    WHERE relation.relkind IN ('r', 'p') AND NOT relation.relispartition
      AND space.nspname NOT IN ('pg_catalog', 'information_schema')
    ORDER BY 1
"""

_PINNED_PLANS = """
    SELECT routine.oid::regprocedure::text
    FROM pg_proc AS routine JOIN pg_namespace AS space ON space.oid = routine.pronamespace
    WHERE space.nspname = 'ledger' AND 'plan_cache_mode=force_generic_plan' = ANY (routine.proconfig)
    ORDER BY 1
"""


def read_tables(connection: psycopg.Connection[Any]) -> list[Table]:
    """Every table with an organization that is not a partition of another."""
    return [
        Table(name, org_type, tuple(keys), tuple(triggers), tuple(narrow), tuple(tied), tuple(nulling))
        for name, org_type, keys, triggers, narrow, tied, nulling in connection.execute(_TABLES).fetchall()
    ]


def pinned_functions(connection: psycopg.Connection[Any]) -> list[str]:
    """Functions of the ledger that keep one plan for all organizations."""
    return [name for (name,) in connection.execute(_PINNED_PLANS).fetchall()]


def make_plan(tables: Sequence[Table], functions: Iterable[str], *, shards: int = SHARDS) -> Plan:
    """Pure: what to do with these tables."""
    meant = {table.name for table in tables if _is_meant(table)}
    obstacles = [fault for table in tables if table.name in meant for fault in _faults(table, meant)]
    order = sorted(meant, key=lambda name: (name != FIRST, name))
    return Plan(
        spread=tuple(order),
        staying=tuple((table.name, _reason(table)) for table in tables if table.name not in meant),
        obstacles=tuple(obstacles),
        statements=(*_spread(order, shards), *(f"ALTER FUNCTION {f} RESET plan_cache_mode" for f in functions)),
    )


def _is_meant(table: Table) -> bool:
    return table.name.startswith("ledger.") or table.name in MORE_KEPT_TOGETHER


def _faults(table: Table, meant: set[str]) -> list[str]:
    faults = [f"{table.name}: {index} does not contain org_id" for index in table.keys_without_org]
    faults += [f"{table.name}: trigger {trigger}" for trigger in table.triggers]
    faults += [f"{table.name}: identity column {column} is not bigint" for column in table.narrow_identities]
    faults += [f"{table.name}: {name} sets org_id to null or a default" for name in table.nulling]
    faults += [f"{table.name}: a foreign key ties it to {other}" for other in table.tied_to if other not in meant]
    if table.org_type != "bigint":
        faults.append(f"{table.name}: org_id is {table.org_type}, not bigint")
    return faults


def _reason(table: Table) -> str:
    if table.name.rpartition(".")[2] in DIRECTORIES:
        return "looked up before the organization is known"
    if table.tied_to:
        return f"tied to {', '.join(table.tied_to[:3])}{', …' if len(table.tied_to) > 3 else ''}"
    return "small, and written by people"


def _spread(order: Sequence[str], shards: int) -> list[str]:
    """One statement a table. The first fixes the number of pieces, the others are kept beside it."""
    return [
        f"SELECT create_distributed_table('{name}', 'org_id', "
        + (f"colocate_with => 'none', shard_count => {shards})" if name == FIRST else f"colocate_with => '{FIRST}')")
        for name in order
    ]


def distribute(connection: psycopg.Connection[Any], plan: Plan) -> None:
    """Run the plan on a Citus coordinator, one statement at a time; tables already spread are left alone.

    Raises NotDistributable where there is an obstacle, no Citus, or a role whose copies row-level security would empty.
    """
    if plan.obstacles:
        raise NotDistributable(f"Citus would refuse: {'; '.join(plan.obstacles)}.")
    if not connection.execute("SELECT FROM pg_extension WHERE extname = 'citus'").fetchall():
        raise NotDistributable(
            "This PostgreSQL has no Citus: nothing was changed. Without --apply the plan is printed."
        )
    if not connection.execute(
        "SELECT FROM pg_roles WHERE rolname = current_user AND (rolsuper OR rolbypassrls)"
    ).fetchall():
        raise NotDistributable(
            "Forced row-level security would hide the rows from the copy: connect as a role that bypasses it."
        )
    spread = {
        name
        for (name,) in connection.execute(
            "SELECT space.nspname || '.' || relation.relname FROM pg_dist_partition AS piece"
            " JOIN pg_class AS relation ON relation.oid = piece.logicalrelid"
            " JOIN pg_namespace AS space ON space.oid = relation.relnamespace"
        ).fetchall()
    }
    for name, statement in zip(plan.spread, plan.statements, strict=False):
        if name not in spread:
            connection.execute(statement)
    for statement in plan.statements[len(plan.spread) :]:
        connection.execute(statement)
