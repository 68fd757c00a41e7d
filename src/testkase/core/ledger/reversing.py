"""Refunds and disputes (P10): what they take back of a lot, and how the debt they may leave is covered or forgiven."""

import msgspec
from msgspec.structs import replace

from testkase.core.ledger import commands as ask
from testkase.core.ledger.book import Book, Event
from testkase.core.ledger.credits import grouped_credits
from testkase.core.ledger.model import UNTOUCHED, Account, Deltas
from testkase.core.ledger.movement import Movement
from testkase.core.ledger.posting import account_of, post, post_movement
from testkase.core.ledger.refusals import GrantNotFound, InsufficientCredits, InvalidCommand, NotOwed
from testkase.core.ledger.rules import burn, come_back

_encode = msgspec.json.Encoder().encode


class Noted(msgspec.Struct, frozen=True, kw_only=True):
    """What the journal keeps of a reversal: how the lot stands towards it from then on, and why."""

    lot: int
    clawed: int
    frozen: bool
    why: str


def reverse(book: Book, command: ask.Reverse, now: int) -> tuple[Event, ...]:
    """available ⇄ reversed in the lot of one grant, and what is owed → debt. Posted also where nothing moves: that the
    bank has spoken is a fact. Needs the lot loaded, spent or not."""
    granted = book.entries.get(f"grant:{command.grant_id}")
    if granted is None:
        raise GrantNotFound("There is no such grant.", field="grant_id")
    lot = book.lots[granted.seq]
    if not 0 <= command.clawed <= lot.granted:
        raise InvalidCommand("What is taken back is at least zero and at most what was granted.", field="clawed")
    aimed = replace(lot, claw=replace(lot.claw or UNTOUCHED, clawed=command.clawed, frozen=command.frozen))
    movement = Movement()
    movement.become(lot, come_back(aimed, 0, now))
    noted = Noted(lot=lot.lot_id, clawed=command.clawed, frozen=command.frozen, why=command.note)
    event = post_movement(
        book, movement, kind="reverse", operation_id=command.operation_id, at=now, fingerprint=command.fingerprint(),
        note=_encode(noted).decode(),
    )  # fmt: skip
    return (event,)


def cover_debt(book: Book, command: ask.CoverDebt, now: int) -> tuple[Event, ...]:
    """available → debt, in burn order, as far as the balance goes."""
    account = account_of(book)
    _check_owed(account, 1)
    amount = min(account.debt, account.available)
    if not amount:
        raise InsufficientCredits(
            "No credits are available to cover it.", available=0, needed=account.debt, org_id=account.org_id
        )
    movement = Movement()
    for lot_id, part in burn(book.lots.values(), amount):
        movement.move(lot_id, -part, 0)
    lines, lots = movement.outcome(book.lots)
    event = post(
        account, kind="cover", operation_id=command.operation_id, at=now,
        deltas=Deltas(available=-amount, debt=amount), lines=lines, lots=lots,
        fingerprint=command.fingerprint(), account_changes={"covered": account.covered + amount},
    )  # fmt: skip
    return (event,)


def write_off(book: Book, command: ask.WriteOff, now: int) -> tuple[Event, ...]:
    """issued → debt: the operator issues what the organization owes. What was reversed stays reversed, so that a
    statement goes on saying what refunds took; and what is forgiven never comes back as credits (`Movement.square`)."""
    account = account_of(book)
    if not command.note or (command.amount is not None and command.amount < 1):
        raise InvalidCommand("A write-off is more than zero and says why.", field="amount")
    _check_owed(account, command.amount or 1)
    amount = command.amount or account.debt
    event = post(
        account, kind="write_off", operation_id=command.operation_id, at=now,
        deltas=Deltas(issued=-amount, debt=amount), fingerprint=command.fingerprint(), note=command.note,
    )  # fmt: skip
    return (event,)


def _check_owed(account: Account, amount: int) -> None:
    if amount > account.debt:
        raise NotOwed(f"{grouped_credits(account.debt)} credits are owed.", debt=account.debt)
