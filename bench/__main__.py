"""`make bench`: PostgreSQL's limit, the engine, HTTP, the gateway and memory, side by side on one PostgreSQL."""

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from bench.gateway import gateway_cases, instant_upstream
from bench.goals import judge
from bench.ledger import engine_cases, prepare_ledger
from bench.limit import limit_cases, prepare_limit
from bench.measure import Case, Result
from bench.memory import Memory, measure_memory
from bench.programs import CONNECTIONS, App, http_cases, make_organizations
from bench.report import Report, save, show
from bench.round_trips import round_trips_of_a_lone_authorize
from bench.server import Server, bench_server
from bench.sizes import DEFAULT, FULL, QUICK, Sizes
from testkase.core.ledger.engine import Engine
from tests.support.processes import serving

FIRST_ENGINE_ORG = 1_000_000
"""Organizations of the engine's cases have no row in the directory: far from the ids of those that do."""

WARM_UP_SECONDS = 0.2


def run_cases(cases: Sequence[Case], sizes: Sizes, progress: Progress) -> dict[str, Result]:
    """Each case once to warm up (unless there is one round only), then the rounds, in each of which every case has
    its turn."""
    results = {case.key: Result(case.section, case.name, case.key) for case in cases}
    first = 1 if sizes.rounds == 1 else 0
    task = progress.add_task("measuring", total=len(cases) * (sizes.rounds + 1 - first))
    for round_number in range(first, sizes.rounds + 1):
        for case in cases:
            progress.update(task, description=case.name, advance=1)
            if round_number:
                results[case.key].samples.append(case.run(sizes.seconds))
            elif case.section != "PostgreSQL":
                case.run(min(WARM_UP_SECONDS, sizes.seconds / 2))
    return results


def measure(
    server: Server, loop: asyncio.AbstractEventLoop, sizes: Sizes, only: str, progress: Progress
) -> tuple[dict[str, Result], list[Memory], int]:
    """Everything on one server. `only`: a part of the cases' keys."""
    org_ids = range(FIRST_ENGINE_ORG, FIRST_ENGINE_ORG + sizes.organizations)
    engine = Engine(server.app_url)
    loop.run_until_complete(engine.start())
    prepare_limit(server, sizes.organizations)
    loop.run_until_complete(prepare_ledger(engine, org_ids))
    organizations = make_organizations(server, CONNECTIONS)
    with instant_upstream() as upstream_port:
        environ = {"TESTKASE_MODEL_PORT": str(upstream_port), "TESTKASE_MODEL_API_KEY": "bench", "LOG_LEVEL": "WARNING"}
        with serving(server.database, server.folder, environ) as running:
            server.vacuum()
            app = App(server, loop, running.process.pid, running.url, organizations)
            memory = measure_memory(app, sizes.memory_calls) if not only or "memory" in only else []
            cases: list[Case] = [
                *limit_cases(server, sizes.organizations), *engine_cases(server, loop, engine, org_ids),
                *http_cases(app), *gateway_cases(app, upstream_port),
            ]  # fmt: skip
            results = run_cases([case for case in cases if only in case.key], sizes, progress)
    trips = loop.run_until_complete(round_trips_of_a_lone_authorize(server, org_ids[-1] + 1))
    loop.run_until_complete(engine.stop())
    return results, memory, trips


def main(
    *,
    quick: Annotated[bool, typer.Option(help="A slice of seconds, to see that everything works.")] = False,
    full: Annotated[bool, typer.Option(help="Longer runs, and memory over 100,000 calls.")] = False,
    rounds: Annotated[int | None, typer.Option(help="Runs of each case.")] = None,
    seconds: Annotated[float | None, typer.Option(help="Seconds of each run.")] = None,
    only: Annotated[str, typer.Option(help="Only cases whose key has this in it, such as `engine.pairs`.")] = "",
    out: Annotated[Path, typer.Option(help="Folder of the reports.")] = Path("var/bench"),
) -> None:
    """Measure, print the tables and the goals, and keep a report."""
    size = QUICK if quick else FULL if full else DEFAULT
    sizes = Sizes(
        organizations=size.organizations,
        rounds=rounds or size.rounds,
        seconds=seconds or size.seconds,
        memory_calls=size.memory_calls,
    )
    console = Console(width=max(150, Console().width))
    load_before = os.getloadavg()[0]
    loop = asyncio.new_event_loop()
    with bench_server() as server, Progress(console=console, transient=True) as progress:
        results, memory, trips = measure(server, loop, sizes, only, progress)
    loop.close()
    report = Report(sizes, load_before, results, memory, judge(results, memory, trips))
    show(console, report)
    console.print(f"Kept in {save(out, report)}")


if __name__ == "__main__":
    typer.run(main)
