"""Overage (P7): credits lent beyond the balance, as far as the Owner has said, and billed when the period ends."""

from collections.abc import Iterator

from testkase.core.ledger import commands as ask
from testkase.core.ledger.book import Book, Event
from testkase.core.ledger.credits import MAX_MICROCREDITS
from testkase.core.ledger.model import OVERAGE, Account, Deltas, Lot
from testkase.core.ledger.posting import account_of, post
from testkase.core.ledger.refusals import InvalidCommand


def lendable(account: Account) -> int:
    """What calls may still use beyond the balance. What is lent to calls under way counts as used."""
    return max(0, account.overage_limit - account.overage)


def own_first(parts: tuple[tuple[int, int], ...], lots: dict[int, Lot]) -> tuple[tuple[int, int], ...]:
    """A hold's parts with what is lent at the end: it costs the most, so it is charged last."""
    return tuple(sorted(parts, key=lambda part: part[0] not in lots or lots[part[0]].source == OVERAGE))


def set_overage(book: Book, command: ask.SetOverage, now: int) -> tuple[Event, ...]:
    """A new limit holds from the next call on; what was lent before stays lent."""
    if not 0 <= command.limit <= MAX_MICROCREDITS:
        raise InvalidCommand("An overage limit is at least zero and at most a billion credits.", field="limit")
    event = post(
        account_of(book), kind="overage_limit", operation_id=command.operation_id, at=now, deltas=Deltas(),
        fingerprint=command.fingerprint(), note=str(command.limit), account_changes={"overage_limit": command.limit},
    )  # fmt: skip
    return (event,)


def bill(book: Book, instant: int) -> Iterator[Event]:
    """What the ending period used beyond its balance, as one entry to be invoiced. What open holds have been lent is
    not used yet: it stays lent, and counts in the next period."""
    account = account_of(book)
    if not account.overage:
        return
    used = account.overage - sum(lot.held for lot in book.lots.values() if lot.source == OVERAGE)
    if used:
        yield post(
            account, kind="overage", operation_id=f"overage:{account.period_number}", at=instant,
            deltas=Deltas(overage=used, issued=-used),
        )  # fmt: skip
