"""`make bench`: PostgreSQL's limit, the rules, the engine, HTTP, the gateway, memory, a long journal, pages and the
start, side by side on one PostgreSQL."""

import asyncio
import os
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from bench.figures import Figures
from bench.gateway import gateway_cases, instant_upstream
from bench.goals import judge
from bench.growth import measure_growth
from bench.journal import measure_journal
from bench.ledger import engine_cases, prepare_ledger
from bench.limit import limit_cases, prepare_limit
from bench.litellm import NotInstalled, litellm_cases, proxy
from bench.measure import SCOPES, Case, Result
from bench.memory import measure_memory
from bench.programs import CONNECTIONS, App, HttpCase, check_books, http_cases, make_organizations
from bench.report import Report, save, show
from bench.round_trips import round_trips_of_a_lone_authorize
from bench.rules import rules_cases
from bench.server import Server, bench_server
from bench.sizes import DEFAULT, FULL, QUICK, Sizes
from bench.starting import seconds_until_ready
from testkase.core.ledger.engine import Engine
from testkase.foundation import runtime
from testkase.foundation.settings import USUAL_LANES
from tests.support import processes
from tests.support.forks import Fork
from tests.support.processes import serving
from tests.support.programs import Organization

FIRST_ENGINE_ORG = 1_000_000
"""Organizations of the engine's cases have no row in the directory: far from the ids of those that do."""

WARM_UP_SECONDS = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is measured. `only`: a part of the cases' keys. `litellm_in`: where LiteLLM is installed, or may be."""

    sizes: Sizes
    only: str
    litellm_in: Path | None


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
            elif case.section not in ("PostgreSQL", "rules"):
                case.run(min(WARM_UP_SECONDS, sizes.seconds / 2))
    return results


def measure(server: Server, loop: asyncio.AbstractEventLoop, plan: Plan, progress: Progress) -> Figures:
    """Everything on one server."""
    sizes, only = plan.sizes, plan.only
    org_ids = range(FIRST_ENGINE_ORG, FIRST_ENGINE_ORG + sizes.organizations)
    engine, figures = Engine(server.app_url, lanes=USUAL_LANES), Figures()
    loop.run_until_complete(engine.start())
    prepare_limit(server, sizes.organizations)
    loop.run_until_complete(prepare_ledger(engine, org_ids))
    organizations = make_organizations(server, CONNECTIONS)
    with ExitStack() as running:
        upstream_port = running.enter_context(instant_upstream())
        environ = {"TESTKASE_MODEL_PORT": str(upstream_port), "TESTKASE_MODEL_API_KEY": "bench", "LOG_LEVEL": "WARNING"}

        def start(load: Sequence[Organization], *, neighbours: bool = False) -> App:
            more = {"TESTKASE_LEDGER_NEIGHBOURS": str(int(neighbours))}
            process = running.enter_context(serving(server.database, server.folder, environ | more))
            return App(server, loop, process.process.pid, process.url, load)

        app = start(organizations)
        server.vacuum()
        if _wanted(only, "memory"):
            figures.memory = measure_memory(app, sizes.memory_calls)
        cases: list[Case] = [
            *limit_cases(server, sizes.organizations), *rules_cases(), *engine_cases(server, loop, engine, org_ids),
            *http_cases(app), *gateway_cases(app, upstream_port),
        ]  # fmt: skip
        if any(_wanted(only, f"http.two.{scope}") for scope in SCOPES):
            theirs = make_organizations(server, CONNECTIONS)  # nobody else's, whose memory would be wrong for a second
            both = (start(theirs, neighbours=True), start(theirs, neighbours=True))
            cases += [HttpCase(both, "two", scope) for scope in SCOPES]
        if _wanted(only, "http.apart.hot"):
            theirs = make_organizations(server, 1)
            cases.append(HttpCase((start(theirs), start(theirs)), "apart", "hot"))
        try:
            cases += litellm_cases(app, running.enter_context(proxy(plan.litellm_in, upstream_port)))
        except NotInstalled as reason:
            figures.notes.append(f"LiteLLM is not compared with: {reason}.")
        figures.results = run_cases([case for case in cases if only in case.key], sizes, progress)
        check_books(server, [one.org_id for case in cases if isinstance(case, HttpCase) for one in case.organizations])
    figures.round_trips = loop.run_until_complete(round_trips_of_a_lone_authorize(server, org_ids[-1] + 1))
    loop.run_until_complete(engine.stop())
    if _wanted(only, "journal"):
        figures.journal = measure_journal(server, sizes.entries)
    return figures


def _wanted(only: str, key: str) -> bool:
    return only in key


def main(
    *,
    quick: Annotated[bool, typer.Option(help="A slice of seconds, to see that everything works.")] = False,
    full: Annotated[bool, typer.Option(help="Longer runs, and memory over 100,000 calls.")] = False,
    rounds: Annotated[int | None, typer.Option(help="Runs of each case.")] = None,
    seconds: Annotated[float | None, typer.Option(help="Seconds of each run.")] = None,
    only: Annotated[str, typer.Option(help="Only cases whose key has this in it, such as `engine.pairs`.")] = "",
    litellm: Annotated[bool, typer.Option(help="Compare with LiteLLM too, in an environment made for it.")] = False,
    out: Annotated[Path, typer.Option(help="Folder of the reports.")] = Path("var/bench"),
) -> None:
    """Measure, print the tables and the goals, and keep a report. The whole takes about a quarter of an hour."""
    size = QUICK if quick else FULL if full else DEFAULT
    sizes = Sizes(
        organizations=size.organizations,
        rounds=rounds or size.rounds,
        seconds=seconds or size.seconds,
        memory_calls=size.memory_calls,
        entries=size.entries,
        pages=size.pages,
    )
    plan = Plan(sizes=sizes, only=only, litellm_in=out if litellm else None)
    console = Console(width=max(150, Console().width))
    load_before = os.getloadavg()[0]
    runtime.collect_less_garbage()
    if quick:
        processes.starter = Fork  # of one that has loaded the product: six that load it take longer than all measuring
    with runtime.runner() as runner, Progress(console=console, transient=True) as progress:
        with bench_server() as server:
            figures = measure(server, runner.get_loop(), plan, progress)
        if _wanted(only, "pages"):
            progress.add_task("pages", total=None)
            figures.growth = measure_growth(sizes.pages, out)
        if _wanted(only, "run") and not quick:  # the whole product starts: nothing about it is quick
            figures.ready_seconds = seconds_until_ready()
    report = Report(sizes, load_before, figures, judge(figures))
    show(console, report)
    console.print(f"Kept in {save(out, report)}")


if __name__ == "__main__":
    typer.run(main)
