"""Operators and the books: verify them, grant credits, correct a balance, forgive a debt, see how things stand.

Each command is one operation in one transaction. A grant or correction carries an id of the operator's choosing:
repeated with the same id it answers what it did the first time and does nothing more.
"""

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress
from rich.table import Table

from testkase.core.ledger import commands as ask
from testkase.core.ledger.calendar import day_start, local_day
from testkase.core.ledger.credits import MICRO, grouped_credits, parse_credits, whole_credits
from testkase.core.ledger.model import UNTOUCHED
from testkase.core.ledger.operations import Answer, execute_one
from testkase.core.ledger.queries import balance, lots
from testkase.core.ledger.verify import Deviation, account_ids, verify
from testkase.entrypoints.cli.app import app, counted, database, out
from testkase.foundation.database import Operation, Statement, SyncDatabase
from testkase.services.audit import OPERATOR, Activity, BrokenLink, record, verify_activity
from testkase.services.selfaudit.heads import Head, compare, head_of, read_published

_LONGEST_ID = 128


def _short(identifier: str) -> str:
    if not 1 <= len(identifier) <= _LONGEST_ID:
        raise typer.BadParameter(f"an id has 1 to {_LONGEST_ID} characters.")
    return identifier


def _with_a_day_after(until: datetime | None) -> datetime | None:
    if until is not None and until.date() == date.max:
        raise typer.BadParameter("no day follows it. Without --until credits never expire.")
    return until


Organization = Annotated[
    int, typer.Argument(help="The organization's number; `testkase organizations` knows it.", min=1, max=2**63 - 1)
]
Identifier = Annotated[
    str, typer.Option("--id", help="Your id for this: the same id never acts twice.", callback=_short)
]

Change = ask.Grant | ask.Adjust | ask.WriteOff


@app.command("verify")
def verify_books(
    context: typer.Context,
    organization: Annotated[int | None, typer.Option(help="Only this organization.")] = None,
    heads: Annotated[Path | None, typer.Option(help="Compare with the heads published in this folder too.")] = None,
) -> None:
    """Recompute every balance from the journal, check every invariant and the chain of the activity history; exit code
    1 if anything deviates. With --heads: whether everything that was published still stands."""
    with database(context) as reading:
        if organization is not None:  # of one that is not there nothing could deviate
            reading.read(balance(organization), org_id=organization)
        org_ids = [organization] if organization is not None else _all_accounts(reading)
        deviations: list[Deviation] = []
        broken: list[BrokenLink] = []
        missing = _missing_heads(reading, heads, organization) if heads is not None else 0
        with Progress(console=out, transient=True) as progress:
            for org_id in progress.track(org_ids, description="Verifying"):
                deviations += reading.read(verify(org_id), org_id=org_id)
                broken += reading.read(verify_activity(org_id), org_id=org_id)
    for found in deviations:
        where = f"entry {found.seq}" if found.seq else "account"
        out.print(f"organization {found.org_id}, {where}: {found.invariant} does not hold: {found.found}")
    for link in broken:
        where = f"activity {link.seq}" if link.seq else "activity"
        out.print(f"organization {link.org_id}, {where}: I12 does not hold: {link.found}")
    wrong = len(deviations) + len(broken) + missing
    out.print(f"{counted(len(org_ids), 'organization')} verified, {counted(wrong, 'deviation')}.")
    raise typer.Exit(1 if deviations or broken or missing else 0)


@app.command("grant")
def grant_credits(
    context: typer.Context,
    organization: Organization,
    credits: Annotated[str, typer.Argument(help='Credits, such as "50" or "12.5".')],
    identifier: Identifier,
    until: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"],
            help="Last day they are valid, where the organization is billed; never expire without it.",
            callback=_with_a_day_after,
        ),
    ] = None,
    reference: Annotated[str, typer.Option(help="What it is for; kept on the entry.")] = "",
) -> None:
    """Give an organization credits."""
    amount = parse_credits(credits)
    expires_at = _end_of(context, organization, until.date()) if until is not None else None
    command = ask.Grant(
        org_id=organization, grant_id=f"operator:{identifier}", amount=amount, expires_at=expires_at,
        reference=reference,
    )  # fmt: skip
    _carry_out(context, command, "credits.granted", reference, f"{_so_many(amount)} granted")


def _end_of(context: typer.Context, organization: int, day: date) -> int:
    """When a day is over in the zone the organization is billed in, in which pages and letters name days too."""
    with database(context) as reading:
        zone = reading.read(balance(organization), org_id=organization).time_zone
    return day_start(zone, day + timedelta(days=1))


@app.command("adjust")
def adjust_balance(
    context: typer.Context,
    organization: Organization,
    credits: Annotated[str, typer.Argument(help='Credits to add, or with --take to take back, such as "12.5".')],
    identifier: Identifier,
    reason: Annotated[str, typer.Option(help="Why; kept on the entry for ever.")],
    take: Annotated[bool, typer.Option("--take", help="Take credits back instead of adding them.")] = False,
) -> None:
    """Correct an organization's balance, with the reason on record."""
    amount, reason = parse_credits(credits), reason.strip()
    command = ask.Adjust(
        org_id=organization, adjustment_id=f"operator:{identifier}", amount=-amount if take else amount, note=reason
    )
    _carry_out(context, command, "credits.adjusted", reason, f"{_so_many(amount)} {'taken back' if take else 'added'}")


@app.command("write-off")
def write_off_debt(
    context: typer.Context,
    organization: Organization,
    identifier: Identifier,
    reason: Annotated[str, typer.Option(help="Why; kept on the entry for ever.")],
    credits: Annotated[str | None, typer.Option(help='So much of it, such as "12.5"; all of it without this.')] = None,
) -> None:
    """Forgive what an organization owes since a refund or dispute, with the reason on record."""
    amount = parse_credits(credits) if credits is not None else None
    reason, forgiven = reason.strip(), "All that is owed" if amount is None else f"{_so_many(amount)} owed"
    command = ask.WriteOff(org_id=organization, writeoff_id=f"operator:{identifier}", amount=amount, note=reason)
    _carry_out(context, command, "credits.written_off", reason, f"{forgiven} forgiven")


@app.command("balance")
def show_balance(context: typer.Context, organization: Organization) -> None:
    """Where an organization stands: balance, period and the lots its credits are in."""
    with database(context) as reading:
        reading.run(execute_one(ask.Touch(org_id=organization)), org_id=organization)
        standing = reading.run(balance(organization), org_id=organization)
        having = reading.run(lots(organization), org_id=organization)
    out.print(
        f"{grouped_credits(standing.available)} available, {grouped_credits(standing.held)} held, "
        f"{grouped_credits(standing.period_used)} used since {local_day(standing.time_zone, standing.period_start)}; "
        f"AI is {'on' if standing.ai_enabled else 'off'}."
    )
    if standing.debt:
        out.print(
            f"{grouped_credits(standing.debt)} owed since a refund or dispute: AI is blocked until it is covered."
        )
    if standing.overage_limit or standing.overage:
        lent, most = grouped_credits(standing.overage), grouped_credits(standing.overage_limit)
        out.print(f"{lent} lent beyond the balance, of at most {most}.")
    table = Table("Lot", "Source", "Available", "Held", "Taken back", "Last day")
    for lot in having:
        last_day = local_day(standing.time_zone, lot.expires_at - 1) if lot.expires_at is not None else "none"
        claw = lot.claw or UNTOUCHED
        taken = f"{grouped_credits(claw.reversed)}{' (in dispute)' if claw.frozen else ''}"
        table.add_row(
            str(lot.lot_id), lot.source, grouped_credits(lot.available), grouped_credits(lot.held), taken, last_day
        )
    out.print(table)


def _so_many(microcredits: int) -> str:
    return f"{whole_credits(microcredits)} {'credit' if microcredits == MICRO else 'credits'}"


def _recorded(command: Change, action: str, reason: str) -> Operation[Answer]:
    """The change and its place in the organization's activity history: both, or neither."""
    answer = yield from execute_one(command)
    moved = answer.entry.deltas.debt if isinstance(command, ask.WriteOff) else command.amount
    details = {"credits": grouped_credits(moved), "reason": reason}
    yield from record(
        command.org_id, Activity(action=action, actor=OPERATOR, details=details), event_id=command.operation_id
    )
    return answer


def _all_accounts(reading: SyncDatabase) -> list[int]:
    found: list[int] = []
    while page := reading.run(account_ids(after=found[-1] if found else 0)):
        found += page
    return found


def _missing_heads(reading: SyncDatabase, folder: Path, only: int | None) -> int:
    """Say which published heads no longer stand, and what is wrong with their files; answers how many."""
    published, faults = read_published(folder)
    for fault in faults:
        out.print(f"published heads: {fault}.")
    missing = len(faults)
    for org_id in sorted(published if only is None else published.keys() & {only}):
        found = reading.read(compare(org_id, published), org_id=org_id)
        ends = _ends(reading.read(head_of(org_id), org_id=org_id)) if found else {}
        for chain, seq in found:
            why = f"it ends at {ends[chain]}" if seq > ends[chain] else "not what was published"
            out.print(f"organization {org_id}, {chain} {seq}: I12 does not hold: {why}")
        missing += len(found)
    return missing


def _ends(head: Head | None) -> dict[str, int]:
    """A chain that ends before what was published is an older backup's, or was cut off; others were rewritten."""
    return {"entry": head.seq, "activity": head.activity_seq} if head is not None else {"entry": 0, "activity": 0}


def _carry_out(context: typer.Context, command: Change, action: str, reason: str, done: str) -> None:
    with database(context) as writing:
        answer = writing.run(_recorded(command, action, reason), org_id=command.org_id)
        whose = writing.run(_name_of(command.org_id))
    again = " (this id was carried out before; nothing was done again)" if answer.replayed else ""
    left = f"{grouped_credits(answer.entry.available_after)} available, entry {answer.entry.seq} of {whose}"
    out.print(f"{done}{again}: {left}.", soft_wrap=True)


def _name_of(org_id: int) -> Operation[str]:
    """A mistyped number is somebody else's: whoever gives credits away reads to whom."""
    rows = yield Statement("SELECT name FROM organization WHERE id = %(org_id)s", {"org_id": org_id})
    return str(rows[0]["name"]) if rows else f"organization {org_id}"
