"""Operators and prices: what a month would have cost by a draft of the next price book (B11). Nothing is written."""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table

from testkase.core.ledger.credits import grouped_credits
from testkase.core.pricing import PriceBook, read_draft
from testkase.core.pricing.money import dollars_of
from testkase.core.pricing.replay import Replay, Sums
from testkase.entrypoints.cli.app import app, counted, database, out
from testkase.foundation.problems import InvalidInput

_LEAST_OF_NAMES = 12
_WIDEST = 1_000


@app.command("replay")
def replay_usage(
    context: typer.Context,
    book: Annotated[Path, typer.Argument(help="The draft, a TOML file like those of the price book.")],
    since: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="First day, UTC; last month's without it.")
    ] = None,
    until: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Last day, UTC; last month's without it.")
    ] = None,
) -> None:
    """Replay the calls of a period against a draft price book: charged then, would be charged, difference, margin."""
    # It brings all of metering with it, a third of what every other command would wait for.
    from testkase.services.metering.replaying import last_month, organization_names, replay_period  # noqa: PLC0415

    draft = _draft(book)
    month = last_month(datetime.now(UTC).date())
    first, last = since.date() if since else month[0], until.date() if until else month[1]
    with database(context) as reading:
        begun = time.monotonic()
        replay = replay_period(reading.transaction, draft, first, last)
        seconds = time.monotonic() - begun
        names = organization_names(reading.transaction, list(replay.by_organization()))
    calls = replay.total().interactions
    rate = f", {int(calls / seconds):,} calls a second" if calls and seconds else ""
    out.print(f"{counted(calls, 'call')} from {first} to {last} against {draft.version}{rate}.")
    _print_table("Feature", replay, replay.by_use_case())
    organizations = {names.get(org, str(org)) + f" ({org})": sums for org, sums in replay.by_organization().items()}
    _print_table("Organization", replay, organizations)
    _print_left(replay)


def _draft(path: Path) -> PriceBook:
    try:
        return read_draft(path.read_bytes(), path.name)
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror}.") from error


def _print_table(heading: str, replay: Replay, lines: dict[str, Sums]) -> None:
    table = Table(heading, box=SIMPLE_HEAD)
    for figure in ("Calls", "Charged\nthen", "Would be", "Difference", "Provider\ncost", "Margin"):
        table.add_column(figure, justify="right", no_wrap=True)
    for name, sums in sorted(lines.items(), key=lambda line: (-abs(line[1].difference), line[0])):
        table.add_row(name, *_cells(replay, sums))
    table.add_row("All", *_cells(replay, replay.total()))
    _print_whole(table)


def _print_whole(table: Table) -> None:
    """As wide as its figures are, whatever the terminal's width: one that is cut is none. Names are folded before."""
    names = table.columns[0]
    names.overflow, names.max_width = "fold", _LEAST_OF_NAMES
    least = out.measure(table, options=out.options.update(max_width=_WIDEST)).minimum
    names.max_width = None
    if least > out.width:
        table.width = least
    out.print(table, crop=False)


def _cells(replay: Replay, sums: Sums) -> tuple[str, ...]:
    margin = replay.margin_microdollars(sums)
    return (
        f"{sums.replayed:,} of {sums.interactions:,}",
        grouped_credits(sums.charged_replayed), grouped_credits(sums.would),
        signed(sums.difference), dollars_of(sums.cost_microdollars), "—" if margin is None else dollars_of(margin),
    )  # fmt: skip


def signed(microcredits: int) -> str:
    """Credits with their sign."""
    return f"{'+' if microcredits > 0 else ''}{grouped_credits(microcredits)}"


def _print_left(replay: Replay) -> None:
    for (reason, model), left in sorted(replay.left.items()):
        named = f" {model}" if model else ""
        charged = grouped_credits(left.charged)
        out.print(f"Not replayed{named}: {counted(left.interactions, 'call')}, {charged} credits: {reason}.")
    if replay.short:
        short = "it cost then, and is" if replay.short == 1 else "they cost then, and are"
        were = "was" if replay.short == 1 else "were"
        out.print(f"{counted(replay.short, 'call')} {were} charged less than {short} replayed in full.")
