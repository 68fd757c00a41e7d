"""Row security: raw SQL as the application, without a context or in a wrong one, at every organization's table.

Tables, views and functions come from the catalogue. Each round goes through every table with every way of asking, each
time in another wrong context. Nothing of the neighbour's may be seen or changed. Before the first round each way of
asking is tried in the right context, where it must find something: a try that could not see anything shows nothing.
"""

import random
from collections import Counter
from collections.abc import Iterator

import psycopg

from bench.server import bench_server
from campaigns.campaign import Campaign, Tick, unheard
from campaigns.isolation.catalogue import Table, strange_functions, tenant_tables
from campaigns.isolation.contexts import CONTEXTS, RIGHT, Context
from campaigns.isolation.forms import FORMS, Form
from campaigns.isolation.planting import plant
from campaigns.isolation.trying import Prober
from campaigns.outcome import Outcome
from tests.support.cluster import TestDatabase

LOOK_EVERY = 250
"""Tries between two looks at all rows."""
EXAMPLE = 'public."test_case"'
"""The table at which ways of asking are tried in the right context: the application may do everything to it."""


def run(size: int, seed: int, tick: Tick) -> Outcome:
    """So many tries at a database of their own."""
    with bench_server() as server:
        return row_security(server.database, tries=size, seed=seed, tick=tick)


ROW_SECURITY = Campaign(
    name="row-security", about="raw SQL as the application in no or the wrong context at every table: 0 rows",
    counts="tries", full=10_000, small=4_000, run=run,
)  # fmt: skip


def row_security(database: TestDatabase, *, tries: int, seed: int, tick: Tick = unheard) -> Outcome:
    """The database is spoilt afterwards."""
    outcome, dice, counts = Outcome("row security", seed), random.Random(seed), Counter[str]()
    with psycopg.connect(database.owner_url, autocommit=True) as owner:
        tables = tenant_tables(owner)
        outcome.faults += [f"{table.name} {table.fault}" for table in tables if table.fault] + strange_functions(owner)
        plant(owner, tables)
        prober = Prober(database.app_url)
        outcome.faults += _blind(prober, tables)
        before = _everything(owner, tables)
        for number, (context, form, table) in enumerate(_drawn(tables, dice, tries), start=1):
            refused, found = prober.attempt(context, form, table, dice.choice(tables))
            counts["refused" if refused else "answered with nothing"] += 1
            if found:
                outcome.faults.append(f"{table.name}, {form.name}, {context.name}: {found}")
            if number % LOOK_EVERY == 0 or number == tries:
                now = _everything(owner, tables)
                outcome.faults += [f"{name} changed" for name in now if now[name] != before[name]]
                before = now
                tick(number)
        prober.close()
    kinds = {"tables": len(tables), "ways of asking": len(FORMS), "contexts": len(CONTEXTS)}
    outcome.figures = {"tries": tries, **kinds, **counts, "rows seen or changed": len(outcome.faults)}
    return outcome


def _drawn(tables: list[Table], dice: random.Random, tries: int) -> Iterator[tuple[Context, Form, Table]]:
    """Rounds over every table and way of asking, in random order and contexts, until there were so many."""
    pairs = [(form, table) for table in tables for form in FORMS]
    done = 0
    while True:
        for form, table in dice.sample(pairs, len(pairs)):
            if done == tries:
                return
            done += 1
            yield dice.choice(CONTEXTS), form, table


def _blind(prober: Prober, tables: list[Table]) -> list[str]:
    """Ways of asking that find nothing where they may."""
    example = next(table for table in tables if table.name == EXAMPLE)
    found = {form.name: prober.attempt(RIGHT, form, example, example)[1] for form in FORMS if form.shows}
    return [
        f"the way of asking {name!r} shows nothing in the right context" for name, seen in found.items() if not seen
    ]


def _everything(owner: psycopg.Connection[tuple[str, str | None]], tables: list[Table]) -> dict[str, str | None]:
    """What stands in every table, in short."""
    parts = [
        f"SELECT '{table.name}', md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {table.name} AS t"
        for table in tables
        if table.holds_rows
    ]
    return dict(owner.execute(" UNION ALL ".join(parts).encode()).fetchall())
