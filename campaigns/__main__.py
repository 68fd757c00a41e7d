"""`make campaign` and `testkase campaign`: every campaign, or one by name. A line of result each; a fault is a non-zero
exit. What was found is kept in full under TESTKASE_DATA/campaigns."""

import os
import secrets
import signal
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from campaigns.campaign import Campaign, Tick
from campaigns.outcome import Outcome
from campaigns.record import record
from campaigns.registry import CAMPAIGNS
from campaigns.report import load, report
from testkase.foundation import logging as log

_COLUMNS = (
    TextColumn("{task.description}"),
    BarColumn(),
    MofNCompleteColumn(),
    TimeElapsedColumn(),
    TimeRemainingColumn(),
)


def main(
    name: Annotated[str, typer.Argument(help="One of those that --list shows; all of them without a name.")] = "",
    size: Annotated[str, typer.Option(help="How much of what the campaign counts, or 'full'.")] = "",
    seed: Annotated[int | None, typer.Option(help="Repeats what an earlier run did at random.")] = None,
    after: Annotated[int, typer.Option(help="Go on after so much of it; for campaigns that take hours.")] = 0,
    reports: Annotated[Path | None, typer.Option(help="Folder of the reports.")] = None,
    keep: Annotated[bool, typer.Option("--record", help="Note the result in docs/campaigns.md too.")] = False,
    show: Annotated[bool, typer.Option("--list", help="Say what there is.")] = False,
) -> None:
    """Run campaigns and say what they found."""
    log.configure("campaign", "ERROR")
    if show:
        Console().print(_listed())
        return
    if name and name not in CAMPAIGNS:
        raise typer.BadParameter(f"there are {', '.join(CAMPAIGNS)}")
    if after and (not name or CAMPAIGNS[name].go_on is None):
        raise typer.BadParameter("--after is for one campaign, of those that can begin in the middle")
    if after and after >= _sized(CAMPAIGNS[name], size):  # nothing would be tried, and no fault be found
        raise typer.BadParameter(f"--size counts from the beginning: give more than the {after:,} of --after")
    folder = reports or Path(os.environ.get("TESTKASE_DATA", "var")) / "campaigns"
    faulty = False
    for campaign in [CAMPAIGNS[name]] if name else CAMPAIGNS.values():
        chosen = secrets.randbelow(1_000_000) if seed is None else seed
        faulty = _carried_out(campaign, _sized(campaign, size), chosen, after, folder, keep) or faulty
    sys.exit(1 if faulty else 0)


def _carried_out(campaign: Campaign, size: int, seed: int, after: int, folder: Path, keep: bool) -> bool:
    """Run one, print its line, keep its report; whether it found a fault. One that breaks off has found one."""
    began, before = datetime.now(UTC), load()
    with _progress(campaign, size) as tick, _may_be_stopped():
        outcome = _outcome(campaign, size, seed, tick, after)
    reached = size if outcome.stopped_at is None else outcome.stopped_at
    kept = report(campaign, outcome, size=reached, after=after, began=began, load_before=before)
    written = kept.save(folder)
    print(outcome.line, flush=True)
    if outcome.faults:
        print(f"All of it is in {written}; again with: {kept.replay}", file=sys.stderr, flush=True)
    if keep:
        record(kept)
    return bool(outcome.faults)


def _outcome(campaign: Campaign, size: int, seed: int, tick: Tick, after: int) -> Outcome:
    try:
        if campaign.go_on is not None:
            return campaign.go_on(size, seed, tick, after=after)
        return campaign.run(size, seed, tick)
    except Exception:  # noqa: BLE001 - the others are still to come, and what broke is kept
        return Outcome(campaign.name, seed, faults=[f"broke off: {traceback.format_exc()}"])


@contextmanager
def _may_be_stopped() -> Iterator[None]:
    """SIGTERM is Ctrl-C, and either counts in the background too, where a shell has Ctrl-C ignored."""
    before = {number: signal.signal(number, signal.default_int_handler) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _progress(campaign: Campaign, size: int) -> Iterator[Tick]:
    """A bar on a terminal; nothing elsewhere."""
    console = Console(stderr=True)
    with Progress(*_COLUMNS, console=console, transient=True, disable=not sys.stdout.isatty()) as progress:
        task = progress.add_task(f"{campaign.name}: {campaign.counts}", total=size)
        yield lambda done: progress.update(task, completed=done)


def _sized(campaign: Campaign, size: str) -> int:
    if size in ("", "full"):
        return campaign.full if size else campaign.small
    try:
        number = int(size.replace(",", ""))
    except ValueError:
        number = 0
    if number < 1:
        raise typer.BadParameter("a size is a number from 1, or 'full'")
    return number


def _listed() -> Table:
    table = Table("Campaign", "What it does", "Size counts", "Small", "Full", box=None)
    for one in CAMPAIGNS.values():
        table.add_row(one.name, one.about, one.counts, f"{one.small:,}", f"{one.full:,}")
    return table


if __name__ == "__main__":
    typer.run(main)
