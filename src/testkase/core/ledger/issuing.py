"""How credits come into being: opening an account, the monthly allowance, grants and corrections."""

from collections.abc import Iterator
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from testkase.core.ledger import commands as ask
from testkase.core.ledger.book import Book, Event
from testkase.core.ledger.calendar import first_month, period
from testkase.core.ledger.credits import MAX_MICROCREDITS
from testkase.core.ledger.model import Account, Deltas, EntryKind, Lot
from testkase.core.ledger.movement import Movement
from testkase.core.ledger.posting import GENESIS, account_of, post
from testkase.core.ledger.refusals import InsufficientCredits, InvalidCommand
from testkase.core.ledger.rules import burn


def open_account(command: ask.OpenAccount, now: int) -> Iterator[Event]:
    """The account and its first allowance; the answer is the last of the two entries."""
    _check_account(command)
    month = first_month(command.anchor_day, command.time_zone, now)
    start, end = period(command.anchor_day, command.time_zone, month, 0)
    account = Account(
        org_id=command.org_id, period_start=start, period_end=end, due_at=end, anchor_day=command.anchor_day,
        time_zone=command.time_zone, anchor_month=month, monthly_allowance=command.monthly_allowance,
        ai_enabled=command.ai_enabled, last_hash=GENESIS,
    )  # fmt: skip
    first = allowance(account, number=0, at=now)
    yield first
    yield post(
        first.account, kind="open", operation_id=command.operation_id, at=now, deltas=Deltas(),
        fingerprint=command.fingerprint(),
    )  # fmt: skip


def _check_account(command: ask.OpenAccount) -> None:
    if not 1 <= command.anchor_day <= 31:
        raise InvalidCommand("The billing day is a day of the month, 1 to 31.", field="anchor_day")
    if not 0 <= command.monthly_allowance <= MAX_MICROCREDITS:
        raise InvalidCommand("The allowance is outside what the ledger accepts.", field="monthly_allowance")
    try:
        ZoneInfo(command.time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidCommand("Name an IANA time zone such as Europe/Berlin.", field="time_zone") from None


def allowance(account: Account, *, number: int, at: int) -> Event:
    """Begin the `number`-th period and issue its allowance, which expires when the period ends (P2)."""
    start, end = period(account.anchor_day, account.time_zone, account.anchor_month, number)
    begun = {"period_number": number, "period_start": start, "period_end": end, "period_used": 0}
    return _issue(
        account, amount=account.monthly_allowance, at=at, expires_at=end, source="allowance", kind="allowance",
        operation_id=f"allowance:{number}", account_changes=begun,
    )  # fmt: skip


def grant(book: Book, command: ask.Grant, now: int) -> tuple[Event, ...]:
    """Issue credits into a new lot, covering a debt first (P10)."""
    if not 1 <= command.amount <= MAX_MICROCREDITS:
        raise InvalidCommand("A grant is more than zero and at most a billion credits.", field="amount")
    if command.expires_at is not None and command.expires_at <= now:
        raise InvalidCommand("A grant cannot expire before it is made.", field="expires_at")
    if command.source not in ("grant", "purchase") or not -1000 <= command.priority <= 1000:
        raise InvalidCommand("A grant's source is `grant` or `purchase`, its priority within ±1000.", field="source")
    event = _issue(
        account_of(book), amount=command.amount, at=now, expires_at=command.expires_at, source=command.source,
        kind="grant", operation_id=command.operation_id, fingerprint=command.fingerprint(), paid=command.paid,
        priority=command.priority, reference=command.reference, note=command.reference,
    )  # fmt: skip
    return (event,)


def adjust(book: Book, command: ask.Adjust, now: int) -> tuple[Event, ...]:
    """An operator's correction: issues a lot, or takes available credits back in burn order."""
    if not 1 <= abs(command.amount) <= MAX_MICROCREDITS or not command.note:
        raise InvalidCommand("An adjustment moves at least one micro-credit and says why.", field="amount")
    account = account_of(book)
    if command.amount > 0:
        event = _issue(
            account, amount=command.amount, at=now, expires_at=None, source="adjustment", kind="adjust",
            operation_id=command.operation_id, fingerprint=command.fingerprint(), note=command.note,
        )  # fmt: skip
        return (event,)
    amount = -command.amount
    if amount > account.available:
        raise InsufficientCredits(
            "The balance does not cover the correction.",
            available=account.available,
            needed=amount,
            org_id=account.org_id,
        )
    movement = Movement()
    for lot_id, part in burn(book.lots.values(), amount):
        movement.move(lot_id, -part, 0)
    lines, lots = movement.outcome(book.lots)
    event = post(
        account, kind="adjust", operation_id=command.operation_id, at=now,
        deltas=Deltas(available=-amount, reversed=amount), lines=lines, lots=lots,
        fingerprint=command.fingerprint(), note=command.note,
    )  # fmt: skip
    return (event,)


def _issue(
    account: Account,
    *,
    amount: int,
    at: int,
    expires_at: int | None,
    source: str,
    kind: EntryKind,
    operation_id: str,
    fingerprint: bytes = b"",
    paid: bool = False,
    priority: int = 0,
    reference: str = "",
    note: str = "",
    account_changes: dict[str, int] | None = None,
) -> Event:
    """issued → debt, as far as there is one, then → available in a new lot."""
    to_debt = min(account.debt, amount)
    if to_debt:
        account_changes = {**(account_changes or {}), "covered": account.covered + to_debt}
    lot_id = account.last_seq + 1
    lot = Lot(
        org_id=account.org_id, lot_id=lot_id, source=source, paid=paid, priority=priority, granted=amount,
        available=amount - to_debt, held=0, granted_at=at, expires_at=expires_at, reference=reference,
    )  # fmt: skip
    return post(
        account, kind=kind, operation_id=operation_id, at=at,
        deltas=Deltas(issued=-amount, available=amount - to_debt, debt=to_debt),
        lines=((lot_id, amount - to_debt, 0),) if amount else (), lots=(lot,) if amount else (),
        fingerprint=fingerprint, expires_at=expires_at, note=note, account_changes=account_changes,
    )  # fmt: skip
