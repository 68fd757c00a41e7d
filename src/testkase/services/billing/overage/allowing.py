"""Use beyond the balance (P7): off until the Owner types a monthly cap in dollars; billed when the month has ended.

The ledger admits up to the cap and posts what was used to an account of its own; from its entry of an ended period
follows one bill.
"""

from datetime import datetime

import msgspec

from testkase.core.ledger import commands as ledger
from testkase.core.ledger.calendar import boundary, first_month, from_micros
from testkase.core.ledger.credits import MICRO, grouped_credits
from testkase.core.ledger.operations import execute_one
from testkase.core.ledger.queries import Balance, OverageBill, balance, overage_bills, overage_limits_set
from testkase.core.pricing import PriceBook, PriceBooks
from testkase.core.pricing.money import money
from testkase.foundation.database import Operation, Row, Statement, named_statements
from testkase.foundation.ids import new_id
from testkase.foundation.problems import Conflict, InvalidInput, NotFound
from testkase.services.audit import Activity, Actor, record
from testkase.services.billing.model import Bill, NotSetUp
from testkase.services.billing.purchasing.rows import WATCH
from testkase.services.billing.settings import billing_settings, keep_settings, settings_locked
from testkase.services.billing.words import PAYMENTS, recorded

SQL = named_statements("testkase.services.billing.sql", "overage.sql")

MOST_CAP_CENTS = 1_000_000
"""$10,000 a month."""

LEAST_BILL_CENTS = 100
"""What the provider can collect at all; less is let go, and the history says so."""

DUE_DAYS = 14
CURRENCY = "USD"

_FIELDS = Bill.__struct_fields__


class BillUnpaid(Conflict):
    """A bill's time is over: use beyond the balance is off, and cannot be allowed until it is paid."""

    code = "overage_bill_unpaid"
    title = "A bill for extra credits was not paid"


class Overage(msgspec.Struct, frozen=True, kw_only=True):
    """How use beyond the balance stands. Credits in micro-credits, money in US cents."""

    cap_cents: int
    """0: off."""
    price_cents: int
    """A credit's."""
    limit: int
    used: int
    """In this period, what calls in flight have set aside included."""
    aside: int
    """What of it is only set aside: most of that comes back, and is not billed."""
    resets_at: int
    """Microseconds UTC: what was used until then is billed."""
    blocked: bool
    """An unpaid bill keeps it off."""

    @property
    def left(self) -> int:
        """What may still be used beyond the balance in this period."""
        return max(0, self.limit - self.used)

    @property
    def charged(self) -> int:
        """What is used already."""
        return self.used - self.aside

    @property
    def charged_cents(self) -> int:
        """What this period's bill comes to so far."""
        return bill_cents(self.charged, self.price_cents)

    @property
    def cost_cents(self) -> int:
        """What it would come to if all that is set aside were used."""
        return bill_cents(self.used, self.price_cents)


def cap_in_credits(cap_cents: int, price_cents: int) -> int:
    """The micro-credits a cap pays for: rounded down, so that a bill never exceeds it."""
    return cap_cents * MICRO // price_cents


def bill_cents(credits: int, price_cents: int) -> int:
    """What so many micro-credits cost: rounded once, down, in the organization's favour."""
    return credits * price_cents // MICRO


def overage(org_id: int, book: PriceBook) -> Operation[Overage]:
    """As it stands. Needs the organization's context. Raises AccountNotFound."""
    account = yield from balance(org_id)
    settings = yield from billing_settings(org_id)
    (row,) = yield Statement(SQL["unpaid"], {"org_id": org_id})
    return Overage(
        cap_cents=settings.overage_cap_cents, price_cents=book.overage_price_cents, limit=account.overage_limit,
        used=account.overage, aside=account.overage - account.overage_used, resets_at=account.period_end,
        blocked=row["unpaid"],
    )  # fmt: skip


def set_overage(
    org_id: int, actor: Actor, *, setting_id: str, cap_cents: int, book: PriceBook, billable: bool
) -> Operation[bool]:
    """Allow use beyond the balance up to a monthly cap in US cents, or none (0); answers whether that is new. Recorded.

    Whether the actor may is for the caller to ask: only the Owner does. `setting_id` is the caller's: the same again
    changes nothing. `billable`: whether there is a payment provider; what nobody bills would be given away, up to the
    cap. Raises NotSetUp where there is none, InvalidInput for a cap that cannot be, BillUnpaid while a bill's time is
    over.
    """
    if cap_cents and not billable:
        raise NotSetUp("Use beyond the balance is billed, and nothing can be paid on this installation yet.")
    if not 0 <= cap_cents <= MOST_CAP_CENTS or 0 < cap_cents < LEAST_BILL_CENTS:
        raise InvalidInput(
            f"The cap is 0 (off) or between {money(LEAST_BILL_CENTS, CURRENCY)} and {money(MOST_CAP_CENTS, CURRENCY)}"
            " a month.", field="cap",
        )  # fmt: skip
    before = yield from settings_locked(org_id)
    if cap_cents == before.overage_cap_cents:
        return False
    (row,) = yield Statement(SQL["unpaid"], {"org_id": org_id})
    if cap_cents and row["unpaid"]:
        raise BillUnpaid("Pay the open bill for extra credits first.")
    limit = cap_in_credits(cap_cents, book.overage_price_cents)
    done = yield from execute_one(ledger.SetOverage(org_id=org_id, setting_id=setting_id, limit=limit))
    if done.replayed:  # an old form, sent again after another cap was set
        return False
    account = yield from balance(org_id)
    billed = (
        before.billed_period if before.overage_cap_cents or before.billed_period >= 0 else account.period_number - 1
    )
    yield from keep_settings(org_id, msgspec.structs.replace(before, overage_cap_cents=cap_cents, billed_period=billed))
    yield from _watch_until(org_id, account)
    was = money(before.overage_cap_cents, CURRENCY) if before.overage_cap_cents else "off"
    details = {"cap": money(cap_cents, CURRENCY), "before": was}
    action = "overage.allowed" if cap_cents else "overage.switched_off"
    yield from record(org_id, Activity(action=action, actor=actor, details=details))
    return True


def bill_ended_periods(org_id: int, books: PriceBooks) -> Operation[list[Bill]]:
    """One bill for every ended period that has none yet and needs one; answers the new ones. Safe to repeat."""
    settings = yield from settings_locked(org_id)  # before the account, as everywhere: or two wait for each other
    yield from execute_one(ledger.Touch(org_id=org_id))
    account = yield from balance(org_id)
    made: list[Bill] = []
    for ended in (yield from overage_bills(org_id, first=settings.billed_period + 1)):
        bill = yield from _bill(org_id, account, ended, books)
        made += [bill] if bill is not None else []
    if account.period_number - 1 > settings.billed_period:
        yield from keep_settings(org_id, msgspec.structs.replace(settings, billed_period=account.period_number - 1))
        yield from _follow_the_price(account, settings.overage_cap_cents, books)
    if settings.overage_cap_cents or account.overage:
        yield from _watch_until(org_id, account)
    else:
        yield Statement(WATCH["unwatch"], {"org_id": org_id, "kind": "overage", "target_id": ""})
    return made


def _follow_the_price(account: Balance, cap_cents: int, books: PriceBooks) -> Operation[None]:
    """The same cap at the price with which this period began."""
    book = _book_at(books, account.period_start)
    limit = cap_in_credits(cap_cents, book.overage_price_cents)
    if cap_cents and limit != account.overage_limit:
        setting_id = f"price.{account.period_number}.{book.version}"
        yield from execute_one(ledger.SetOverage(org_id=account.org_id, setting_id=setting_id, limit=limit))


def _book_of(org_id: int, since: int, ended: OverageBill, books: PriceBooks) -> Operation[PriceBook]:
    """The cheapest of the books at which the limits of a period were set: the Owner typed dollars, and a price that
    rises meanwhile must not make more of them."""
    told = yield from overage_limits_set(org_id, since=since, until=ended.at)
    found = [_book_at(books, at) for at in told] or [_book_at(books, ended.at - 1)]
    return min(found, key=lambda book: book.overage_price_cents)


def _book_at(books: PriceBooks, instant: int) -> PriceBook:
    """The book in force then; the first one for a time before it, which the operator keeps no book of any more."""
    return books.at(max(from_micros(instant), books.books[0].effective_from))


def _bill(org_id: int, account: Balance, ended: OverageBill, books: PriceBooks) -> Operation[Bill | None]:
    month = first_month(account.anchor_day, account.time_zone, ended.at - 1)
    started_at = boundary(account.anchor_day, account.time_zone, month)
    book = yield from _book_of(org_id, started_at, ended, books)
    amount = bill_cents(ended.credits, book.overage_price_cents)
    what = {"credits": grouped_credits(ended.credits), "price": money(amount, CURRENCY)}
    event_id = f"overage.billed:{ended.period_number}"
    if amount < LEAST_BILL_CENTS:
        yield from recorded(org_id, Activity(action="overage.let_go", actor=PAYMENTS, details=what), event_id=event_id)
        return None
    row = {
        "org_id": org_id, "bill_id": new_id("bill"), "period_number": ended.period_number,
        "period_start": started_at, "period_end": ended.at,
        "credits": ended.credits, "amount": amount, "currency": CURRENCY, "price_book": book.version,
        "due_days": DUE_DAYS,
    }  # fmt: skip
    made = yield Statement(SQL["make"], row)
    if not made:
        return None
    bill_id = made[0]["bill_id"]
    yield from look_soon(org_id, bill_id)
    yield from recorded(org_id, Activity(action="overage.billed", actor=PAYMENTS, details=what), event_id=event_id)
    return (yield from bill_by_id(org_id, bill_id))


def look_soon(org_id: int, bill_id: str) -> Operation[None]:
    """Have the provider asked about a bill within seconds, whether or not a report of it arrives."""
    yield Statement(WATCH["watch"], {"org_id": org_id, "kind": "bill", "target_id": bill_id, "seconds": 0})


def bill_by_id(org_id: int, bill_id: str, *, lock: bool = False) -> Operation[Bill]:
    """One bill. Raises NotFound."""
    rows = yield Statement(SQL["bill_locked" if lock else "bill"], {"org_id": org_id, "bill_id": bill_id})
    if not rows:
        raise NotFound("The organization has no such bill.")
    return read_bill(rows[0])


def list_bills(org_id: int, *, limit: int = 24, before: int | None = None) -> Operation[list[tuple[Bill, str | None]]]:
    """Bills newest first, those of periods below a number, each with its receipt's number."""
    rows = yield Statement(SQL["bills"], {"org_id": org_id, "limit": limit, "before": before})
    return [(read_bill(row), row["receipt"]) for row in rows]


def read_bill(row: Row) -> Bill:
    return Bill(**{name: row[name] for name in _FIELDS})


def _watch_until(org_id: int, account: Balance) -> Operation[None]:
    """Look again when the period has ended."""
    due_at: datetime = from_micros(account.period_end)
    yield Statement(WATCH["watch_until"], {"org_id": org_id, "kind": "overage", "target_id": "", "due_at": due_at})
