"""What time does by itself: holds lapse, lots expire, periods roll — when the organization is next touched.

Everything is posted at the instant it fell due, oldest first; at one instant holds lapse before lots expire before the
period's overage is billed before the period rolls. However long nobody looked, each missed period gets its own
allowance and its own expiry (R8, I9).
"""

from collections.abc import Iterator

import msgspec

from testkase.core.ledger.book import Book, Event
from testkase.core.ledger.holding import release
from testkase.core.ledger.issuing import allowance
from testkase.core.ledger.lending import bill
from testkase.core.ledger.model import UNTOUCHED, Deltas, Lot
from testkase.core.ledger.posting import account_of, post
from testkase.core.ledger.rules import burn_order


def pass_time(book: Book, now: int) -> Iterator[Event]:
    """Advance `book` to `now`, yielding what fell due. Needs every open hold loaded."""
    last: Event | None = None
    while (instant := book.due_at()) <= now:
        for event in _due(book, instant):
            book.apply(event)
            if last is not None:
                yield last
            last = event
    account = msgspec.structs.replace(account_of(book), due_at=book.due_at())
    book.account = account
    yield Event(account=account) if last is None else msgspec.structs.replace(last, account=account)


def _due(book: Book, instant: int) -> Iterator[Event]:
    """What falls due at exactly this instant; `book` is advanced by the caller between two of them."""
    for hold in sorted(book.holds.values(), key=lambda hold: hold.hold_id):
        if hold.expires_at <= instant:
            yield release(book, hold, instant, "lapse")
    for lot in sorted(book.lots.values(), key=burn_order):
        if lot.available and lot.expires_at is not None and lot.expires_at <= instant:
            yield _expire(book, lot, instant)
    if account_of(book).period_end <= instant:
        yield from bill(book, instant)
        yield allowance(account_of(book), number=account_of(book).period_number + 1, at=instant)


def _expire(book: Book, lot: Lot, instant: int) -> Event:
    """What is left of the lot is gone; what is held of it stays protected until its holds are resolved."""
    claw = lot.claw or UNTOUCHED
    gone = msgspec.structs.replace(claw, expired=claw.expired + lot.available)
    return post(
        account_of(book), kind="expire", operation_id=f"expiry:{lot.lot_id}", at=instant,
        deltas=Deltas(available=-lot.available, expired=lot.available), lines=((lot.lot_id, -lot.available, 0),),
        lots=(msgspec.structs.replace(lot, available=0, claw=gone),),
    )  # fmt: skip
