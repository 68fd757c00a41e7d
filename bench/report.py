"""The figures as tables, on the terminal and in a file."""

import os
import platform
import sys
import sysconfig
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.figures import Figures, Results
from bench.goals import Judged, row_lock_limit
from bench.growth import Growth
from bench.journal import Journal
from bench.measure import Result
from bench.memory import Memory
from bench.sizes import Sizes


@dataclass(frozen=True, slots=True)
class Report:
    """Everything a run found, and under what load of other work it began."""

    sizes: Sizes
    load_before: float
    figures: Figures
    judged: Sequence[Judged]


def _interpreter() -> str:
    """Which Python, and whether it was built with optimisation, as scripts/python.sh tells them apart."""
    optimised = "--enable-optimizations" in (sysconfig.get_config_var("CONFIG_ARGS") or "") or sys.base_prefix == "/usr"
    return f"Python {platform.python_version()}" + ("" if optimised else " built without optimisation")


def show(console: Console, report: Report) -> None:
    """Everything measured, then the goals."""
    sizes, cores = report.sizes, os.cpu_count() or 1
    facts = (
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        f"{cores} cores, load before the run {report.load_before:.1f}",
        _interpreter(),
        "fsync and synchronous_commit on",
        f"{sizes.organizations:,} organizations",
        f"medians of {sizes.rounds} runs of {sizes.seconds:g} s, the cases taking turns",
    )
    console.print(" · ".join(facts))
    if report.load_before > cores:
        console.print(
            "[yellow]The machine was busy with other work: rates then say how many processes each side runs (pgbench"
            " one a client, the engine two), not what each can do. Compare CPU per operation, or measure again.[/]"
        )
    figures = report.figures
    console.print(_figures(figures.results))
    if figures.memory:
        console.print(_memory(figures.memory))
    if figures.growth is not None:
        console.print(_growth(figures.growth))
    if figures.journal is not None:
        console.print(_journal(figures.journal))
    for note in figures.notes:
        console.print(note)
    console.print(_goals(report.judged))


def save(folder: Path, report: Report) -> Path:
    """The same as text; the file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{datetime.now(UTC):%Y%m%d-%H%M%S}.txt"
    with path.open("w", encoding="utf-8") as file:
        show(Console(file=file, width=150), report)
    return path


def _figures(results: Results) -> Table:
    table = Table("", "case", title="What it does", title_justify="left")
    for heading in (
        "ops/s",
        "± spread",
        "p50 ms",
        "p99 ms",
        "app CPU µs/op",
        "PostgreSQL CPU µs/op",
        "× row-lock limit",
    ):
        table.add_column(heading, justify="right")
    section = ""
    for result in results.values():
        if result.section != section:
            table.add_section()
        table.add_row(
            result.section if result.section != section else "",
            result.name,
            f"{result.rate:,.0f}",
            f"{result.spread:.0%}",
            _number(result.middle(lambda s: s.p50), 2),
            _number(result.middle(lambda s: s.p99), 2),
            _number(result.middle(lambda s: s.app_cpu), 0),
            _number(result.middle(lambda s: s.database_cpu), 0),
            _ratio(result, results),
        )
        section = result.section
    return table


def _ratio(result: Result, results: Results) -> str:
    """Against the best PostgreSQL did with plain SQL on the same work and scope."""
    scope = result.key.rpartition(".")[2]
    work = {"engine.authorizes": "authorizes", "engine.pairs": "pairs", "http.single": "pairs", "http.batches": "pairs"}
    kind = work.get(".".join(result.key.split(".")[:2]))
    limit = row_lock_limit(results, kind, scope) if kind else None
    return f"{result.rate / limit:.2f}" if limit else ""


def _memory(memory: Sequence[Memory]) -> Table:
    table = Table("calls", "resident MB", title="Memory of the application process", title_justify="left")
    for each in memory:
        table.add_row(f"{each.calls:,}" if each.calls else "idle", f"{each.megabytes:.1f}")
    return table


def _growth(growth: Growth) -> Table:
    table = Table("page, ms", title=f"Pages; plans in {growth.plans}", title_justify="left")
    for rows in (growth.short, growth.long):
        table.add_column(f"median, {rows:,}", justify="right")
        table.add_column(f"processor, {rows:,}", justify="right")
    table.add_column("growth of processor", justify="right")
    for name, medians in growth.medians.items():
        processor = growth.processor[name]
        figures = (each for pair in zip(medians, processor, strict=True) for each in pair)
        table.add_row(name, *(f"{each:.1f}" for each in figures), f"{processor[1] / processor[0]:.2f} ×")
    return table


def _journal(journal: Journal) -> Table:
    table = Table("journal", "seconds", "CPU µs an entry", title=f"{journal.entries:,} entries", title_justify="left")
    each = 1e6 / journal.entries
    table.add_row("written in batches of 1,000", f"{journal.filling:.1f}", "")
    table.add_row("all balances added up", f"{journal.recomputing:.1f}", f"{journal.recomputing_cpu * each:.1f}")
    table.add_row("verified from the first", f"{journal.verifying:.1f}", f"{journal.verifying_cpu * each:.1f}")
    return table


def _goals(judged: Sequence[Judged]) -> Table:
    table = Table(
        "Aim",
        "measured",
        "CPU µs/op, app + PostgreSQL",
        "",
        title="Goals, judged against this run",
        title_justify="left",
    )
    for each in judged:
        table.add_row(each.aim, each.measured, each.cpu, "[green]pass[/]" if each.met else "[red]miss[/]")
    return table


def _number(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:,.{digits}f}"
