"""`python -m bench.pages`: server time of the AI Credits page and its parts with millions of interactions behind them.

Everything Django does for an answer is timed (sessions, roles, queries, templates), one request at a time, no network.
`--explain FILE` keeps the plan of every statement as PostgreSQL ran it.
"""

import json
import os
import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, LiteralString

import psycopg
import typer
from django.db import connection
from django.test.utils import teardown_test_environment
from rich.console import Console
from rich.table import Table

from bench.pages.beside import fill_beside
from bench.pages.filling import fill
from bench.server import Server, bench_server
from tests.support.django import django_on
from tests.support.people import stranger

GOAL_MS = 100
DOCUMENT = "statement as PDF"
"""Several printed pages; made once a month, so the goal is not for it."""
PAGE = "/settings/ai-credits"


def addresses(rows: int, month: str, running: str) -> dict[str, str]:
    """What is asked for, by the name it has in the table."""
    return {
        "page": PAGE,
        "page, by user": f"{PAGE}?by=user",
        "page, by project": f"{PAGE}?by=project",
        "page, one feature": f"{PAGE}?use_case=report",
        "page, one user": f"{PAGE}?user=person17@example.com",
        "page, user and project": f"{PAGE}?user=person17@example.com&project=P17",
        "page, dates": f"{PAGE}?from={month}-03&to={month}-04",
        "page, from the middle": f"{PAGE}?before={rows // 2}",
        "older rows": f"{PAGE}/usage?before={rows // 2}",
        "older rows, one project": f"{PAGE}/usage?before={rows // 2}&project=P3",
        "balance in the bar": "/balance",
        "receipt": f"{PAGE}/receipts/{rows // 2 + 7}",
        "statements": f"{PAGE}/statements",
        "statement, closed": f"{PAGE}/statements/{month}",
        "statement, running": f"{PAGE}/statements/{running}",
        "statement as CSV": f"{PAGE}/statements/{month}.csv",
        DOCUMENT: f"{PAGE}/statements/{month}.pdf",
    }


@dataclass(frozen=True, slots=True)
class Timed:
    """Milliseconds of the answers, one by one, and of processor time each, the application's and PostgreSQL's."""

    taken: list[float]
    cpu: float


def timed(server: Server, client: Any, address: str, times: int) -> Timed:
    """So many requests, after one that is not counted."""
    taken = []
    client.get(address)
    cpu = time.process_time() + server.cpu_seconds()
    for _ in range(times):
        began = time.perf_counter()
        answer = client.get(address)
        taken.append((time.perf_counter() - began) * 1_000)
        assert answer.status_code == 200, (address, answer.status_code)
    return Timed(taken, (time.process_time() + server.cpu_seconds() - cpu) * 1_000 / times)


def explained(server: Server, client: Any, address: str) -> str:
    """The plans of every statement behind an address, out of the server's log."""
    log = server.folder / "postgres.log"
    size = log.stat().st_size
    client.get(address)
    return log.read_bytes()[size:].decode(errors="replace")


_EXPLAIN: tuple[LiteralString, ...] = (
    "ALTER DATABASE bench SET session_preload_libraries = 'auto_explain'",
    "ALTER DATABASE bench SET auto_explain.log_min_duration = 1",
    "ALTER DATABASE bench SET auto_explain.log_analyze = on",
    "ALTER DATABASE bench SET auto_explain.log_buffers = on",
    "ALTER DATABASE bench SET auto_explain.log_nested_statements = on",
)


def main(
    rows: Annotated[int, typer.Option(help="Interactions in the history.")] = 10_000_000,
    others: Annotated[int, typer.Option(help="Organizations beside it, with 500 interactions each.")] = 0,
    times: Annotated[int, typer.Option(help="Requests for each figure.")] = 20,
    explain: Annotated[Path | None, typer.Option(help="Keep the plans of statements over 1 ms here.")] = None,
    keep: Annotated[Path | None, typer.Option(help="Keep the figures here, as JSON.")] = None,
) -> None:
    """Fill, measure, print."""
    console = Console(width=int(os.environ.get("COLUMNS", "110")))
    with bench_server() as server, django_on(server.database):
        client = stranger("Ten Million Ltd")
        client.get(PAGE)
        teardown_test_environment()  # it copies every context for tests to look at, which no server does
        client.defaults["SERVER_NAME"] = "localhost"
        org_id = client.session["org_id"]
        seconds = fill(server.owner_url, org_id, rows)
        console.print(f"{rows:,} interactions of a year written in {seconds:.0f} s")
        if others:
            fill_beside(server.owner_url, org_id, rows, others)
            connection.close()  # its statements are planned anew
        month, running = _months(server.owner_url)
        beside = f"{others:,} organizations beside, " if others else ""
        title = f"{rows:,} interactions, {beside}{times} requests each, load of other work {os.getloadavg()[0]:.1f}"
        table = Table("server time, ms", "median", "fastest", "slowest", "processor", title=title)
        slow, kept = [], {}
        for name, address in addresses(rows, month, running).items():
            found = timed(server, client, address, times)
            median = statistics.median(found.taken)
            slow += [name] if median >= GOAL_MS and name != DOCUMENT else []
            kept[name] = {"median_ms": median, "fastest_ms": min(found.taken), "processor_ms": found.cpu}
            figures = (median, min(found.taken), max(found.taken), found.cpu)
            table.add_row(name, *(f"{figure:.1f}" for figure in figures))
        console.print(table)
        if keep is not None:
            keep.write_text(json.dumps(kept))
        if explain is not None:
            _keep_plans(server, client, addresses(rows, month, running), explain)
        console.print(f"goal: under {GOAL_MS} ms each: " + (f"MISSED by {', '.join(slow)}" if slow else "reached"))
    sys.exit(1 if slow else 0)


def _months(owner_url: str) -> tuple[str, str]:
    """The names of the month before the one that runs, and of that one."""
    with psycopg.connect(owner_url) as owner:
        row = owner.execute(
            "SELECT to_char(today - interval '1 month', 'YYYY-MM'), to_char(today, 'YYYY-MM')"
            " FROM (SELECT now() AT TIME ZONE 'UTC' AS today) AS x"
        ).fetchone()
    assert row is not None
    return row[0], row[1]


def _keep_plans(server: Server, client: Any, places: dict[str, str], file: Path) -> None:
    with psycopg.connect(server.owner_url, autocommit=True) as owner:
        for statement in _EXPLAIN:
            owner.execute(statement)
    connection.close()
    file.write_text("\n\n".join(f"## {name}\n{explained(server, client, where)}" for name, where in places.items()))


if __name__ == "__main__":
    typer.run(main)
