"""`make campaign`: every campaign at full size, or one by name. A line of result each; a fault is a non-zero exit."""

import asyncio
import secrets
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from bench.server import bench_server
from campaigns.calendar import all_zones, calendar
from campaigns.crash import crash
from campaigns.last_credit import last_credit
from campaigns.lost_reports import MINUTES_OF_A_DAY, lost_reports
from campaigns.money_back import LONGEST, money_back
from campaigns.outcome import Outcome
from campaigns.payments import payments
from campaigns.sums import sums
from campaigns.switch import switch
from campaigns.tenants import tenants
from campaigns.world import world
from testkase.foundation import logging as log
from tests.support.processes import serving
from tests.support.upstream import scripted_upstream

PROCESSES = 2
ROUNDS = {
    "last-credit": 100, "crash": 20, "calendar": 96, "tenants": 20_000, "switch": 100, "sums": 10_000,
    "money-back": 10_000, "payments": 1_000, "lost-reports": 300,
}  # fmt: skip


def run_last_credit(rounds: int, seed: int) -> Outcome:
    """On a PostgreSQL of its own, with two processes of the application."""
    with bench_server() as server, tempfile.TemporaryDirectory() as folder, ExitStack() as apps:
        urls = [apps.enter_context(serving(server.database, Path(folder))).url for _ in range(PROCESSES)]
        return asyncio.run(last_credit(server.database, urls, rounds=rounds, seed=seed))


def run_crash(rounds: int, seed: int) -> Outcome:
    """`rounds` kills, then a minute of waiting for what the killed left behind."""
    with world() as doomed:
        return asyncio.run(crash(doomed, kills=rounds, seed=seed, wait=True))


def run_calendar(rounds: int, seed: int) -> Outcome:
    """Every anchor in every zone, `rounds` months long."""
    return calendar(all_zones(), months=rounds, seed=seed)


def run_tenants(rounds: int, seed: int) -> Outcome:
    """At least `rounds` requests across two organizations."""
    with bench_server() as server:
        return tenants(server.database, cases=rounds, seed=seed)


def run_switch(rounds: int, seed: int) -> Outcome:
    """`rounds` times off and on, over two processes whose model is scripted."""
    with bench_server() as server, tempfile.TemporaryDirectory() as folder, ExitStack() as opened:
        upstream = opened.enter_context(scripted_upstream())
        model = {"TESTKASE_MODEL_PORT": str(upstream.port), "TESTKASE_MODEL_API_KEY": "scripted"}
        apps = [opened.enter_context(serving(server.database, Path(folder), model)) for _ in range(PROCESSES)]
        return asyncio.run(switch(server.database, [app.url for app in apps], upstream, flips=rounds, seed=seed))


def run_sums(rounds: int, seed: int) -> Outcome:
    """A random month of `rounds` operations."""
    with bench_server() as server:
        return sums(server.database, operations=rounds, seed=seed)


def run_money_back(rounds: int, seed: int) -> Outcome:
    """Every order of reports on the model, and `rounds` stories on PostgreSQL."""
    with bench_server() as server:
        return money_back(server.database, stories=rounds, longest=LONGEST, seed=seed)


def run_payments(rounds: int, seed: int) -> Outcome:
    """`rounds` payments, a thousand deliveries of each and ten forgeries."""
    with bench_server() as server, tempfile.TemporaryDirectory() as folder:
        return payments(
            server.database, Path(folder), paid=rounds, deliveries=1_000 * rounds, forged=10 * rounds, kills=20,
            seed=seed,
        )  # fmt: skip


def run_lost_reports(rounds: int, seed: int) -> Outcome:
    """`rounds` payments on a day without a report."""
    with bench_server() as server, tempfile.TemporaryDirectory() as folder:
        return lost_reports(server.database, Path(folder), paid=rounds, minutes=MINUTES_OF_A_DAY, seed=seed)


CAMPAIGNS = {
    "last-credit": run_last_credit,
    "crash": run_crash,
    "calendar": run_calendar,
    "tenants": run_tenants,
    "sums": run_sums,
    "switch": run_switch,
    "money-back": run_money_back,
    "payments": run_payments,
    "lost-reports": run_lost_reports,
}


def main(
    name: Annotated[str, typer.Argument(help="last-credit, crash, …; all of them without a name.")] = "",
    rounds: Annotated[int | None, typer.Option(help="Rounds, kills, months, cases, operations or stories.")] = None,
    seed: Annotated[int | None, typer.Option(help="Repeats what an earlier run did at random.")] = None,
) -> None:
    """Run campaigns and say what they found."""
    log.configure("campaign", "ERROR")
    if name and name not in CAMPAIGNS:
        raise typer.BadParameter(f"there are {', '.join(CAMPAIGNS)}")
    faulty = False
    for each in [name] if name else CAMPAIGNS:
        chosen = secrets.randbelow(1_000_000) if seed is None else seed
        outcome = CAMPAIGNS[each](ROUNDS[each] if rounds is None else rounds, chosen)
        print(outcome.line, flush=True)
        faulty = faulty or bool(outcome.faults)
    sys.exit(1 if faulty else 0)


if __name__ == "__main__":
    typer.run(main)
