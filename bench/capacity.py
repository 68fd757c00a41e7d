"""`python -m bench.capacity`: what a number of AI calls a day needs, from what one call costs on this machine now.

Bytes and CPU of a call are measured: pairs of hold and settlement through the engine in full batches over many
organizations, on a PostgreSQL of the run's own. The rest is arithmetic, printed with its assumptions. docs/scale.md
keeps a table of it.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import psycopg
import typer
from rich.console import Console
from rich.table import Table

from bench.ledger import EngineCase, prepare_ledger
from bench.server import Server, bench_server
from testkase.core.ledger.engine import Engine
from testkase.core.ledger.waiting import AT_A_TIME, MAX_BATCH
from testkase.foundation import runtime

SECONDS_A_DAY = 86_400
ROWS = {"ledger.entry": 2, "ledger.operation": 2, "ledger.usage": 1}
"""Rows kept for ever, of one call: the hold and the settlement in the journal, one row of usage."""

_BYTES = """
    SELECT pg_total_relation_size(%(table)s::regclass) + coalesce(sum(pg_total_relation_size(part.inhrelid)), 0)
    FROM pg_inherits AS part WHERE part.inhparent = %(table)s::regclass
"""


@dataclass(frozen=True, slots=True)
class Assumptions:
    """What arithmetic cannot know."""

    peak: float = 3.0
    """The busiest second against the average one."""
    busy: float = 0.6
    """How busy a core may be at the peak."""
    gateway_app_us: float = 0.0
    """CPU of the application per call in front of the engine, microseconds: HTTP, metering, the model's stream."""


@dataclass(frozen=True, slots=True)
class Costs:
    """What one call costs: CPU in microseconds, bytes on disk with indexes, bytes of write-ahead log."""

    app_us: float
    database_us: float
    bytes_kept: Mapping[str, float]
    wal_bytes: float


@dataclass(frozen=True, slots=True)
class Need:
    """What so many calls a day ask for."""

    calls_a_day: int
    calls_a_second: float
    rows_a_day: float
    bytes_a_day: float
    wal_a_second: float
    app_cores: float
    database_cores: float


def need(calls_a_day: int, costs: Costs, tables: int, given: Assumptions) -> Need:
    """Pure arithmetic; bytes and WAL at the average and at the peak respectively."""
    average = calls_a_day / SECONDS_A_DAY
    peak = average * given.peak

    def cores(microseconds: float) -> float:
        return peak * microseconds / 1e6 / given.busy

    return Need(
        calls_a_day=calls_a_day,
        calls_a_second=peak,
        rows_a_day=calls_a_day * tables,
        bytes_a_day=calls_a_day * sum(costs.bytes_kept.values()),
        wal_a_second=peak * costs.wal_bytes,
        app_cores=cores(costs.app_us + given.gateway_app_us),
        database_cores=cores(costs.database_us),
    )


def measure_costs(server: Server, *, seconds: float, organizations: int) -> tuple[Costs, int, int]:
    """The costs, how many pairs they are the average of, and rows kept a call."""
    runtime.collect_less_garbage()
    with runtime.runner() as runner:
        return _measured(server, runner.get_loop(), seconds, range(1_000_000, 1_000_000 + organizations))


def _measured(server: Server, loop: asyncio.AbstractEventLoop, seconds: float, orgs: range) -> tuple[Costs, int, int]:
    engine = Engine(server.app_url)
    loop.run_until_complete(engine.start())
    loop.run_until_complete(prepare_ledger(engine, orgs))
    server.vacuum()
    case = EngineCase(server, loop, engine, "pairs", AT_A_TIME * MAX_BATCH, "many", orgs)
    case.run(1.0)  # first touches: the pages of each organization
    with psycopg.connect(server.owner_url, autocommit=True) as connection:
        tables = [name for name in ROWS if connection.execute("SELECT to_regclass(%s)", [name]).fetchone() != (None,)]
        before, wal = {name: _bytes(connection, name) for name in tables}, _wal(connection)
        sample = case.run(seconds)
        pairs, written = sample.operations, _wal(connection) - wal
        kept = {name: (_bytes(connection, name) - before[name]) / pairs for name in tables}
    loop.run_until_complete(engine.stop())
    costs = Costs(sample.app_cpu or 0.0, sample.database_cpu or 0.0, kept, written / pairs)
    return costs, pairs, sum(ROWS[name] for name in tables)


def _bytes(connection: psycopg.Connection[tuple[int]], table: str) -> int:
    row = connection.execute(_BYTES, {"table": table}).fetchone()
    assert row is not None
    return int(row[0])


def _wal(connection: psycopg.Connection[tuple[int]]) -> int:
    row = connection.execute("SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint").fetchone()
    assert row is not None
    return row[0]


def show(console: Console, costs: Costs, needs: list[Need], pairs: int, given: Assumptions) -> None:
    """The costs in a line, the needs in a table."""
    kept = ", ".join(f"{name.removeprefix('ledger.')} {size:,.0f}" for name, size in costs.bytes_kept.items())
    console.print(
        f"One call (average of {pairs:,} pairs in batches): {costs.app_us:,.0f} µs of the application, "
        f"{costs.database_us:,.0f} µs of PostgreSQL, {sum(costs.bytes_kept.values()):,.0f} bytes kept ({kept}), "
        f"{costs.wal_bytes:,.0f} bytes of write-ahead log."
    )
    table = Table(title=f"Peak {given.peak:g} × the average; cores at most {given.busy:.0%} busy")
    for heading in (
        "Calls a day",
        "At the peak",
        "Rows a day",
        "GB a day",
        "WAL at the peak",
        "App cores",
        "PostgreSQL cores",
    ):
        table.add_column(heading, justify="right")
    for each in needs:
        table.add_row(
            f"{each.calls_a_day:,}", f"{each.calls_a_second:,.0f}/s", f"{each.rows_a_day:,.0f}",
            f"{each.bytes_a_day / 1e9:,.1f}", f"{each.wal_a_second / 1e6:,.1f} MB/s", f"{each.app_cores:,.1f}",
            f"{each.database_cores:,.1f}",
        )  # fmt: skip
    console.print(table)


def main(
    *,
    calls: Annotated[list[int] | None, typer.Option(help="Calls a day; several may be given.")] = None,
    seconds: Annotated[float, typer.Option(help="How long to measure.")] = 10.0,
    organizations: Annotated[int, typer.Option(help="Over how many organizations.")] = 10_000,
    peak: Annotated[float, typer.Option(help="The busiest second against the average.")] = 3.0,
    busy: Annotated[float, typer.Option(help="How busy a core may be at the peak, 0 to 1.")] = 0.6,
    front_us: Annotated[
        float, typer.Option(help="CPU in front of the engine a call, µs; `make bench` prints it.")
    ] = 0.0,
) -> None:
    """Measure one call and say what many need."""
    console, given = Console(width=max(130, Console().width)), Assumptions(peak, busy, front_us)
    with bench_server() as server:
        costs, pairs, rows = measure_costs(server, seconds=seconds, organizations=organizations)
    wanted = calls or [10**6, 10**7, 10**8, 10**9]
    show(console, costs, [need(count, costs, rows, given) for count in wanted], pairs, given)


if __name__ == "__main__":
    typer.run(main)
