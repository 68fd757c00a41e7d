"""Use beyond the balance: up to a cap the Owner typed, billed once its month has ended, off where nobody pays (P7)."""

from concurrent.futures import ThreadPoolExecutor
from copy import copy
from datetime import UTC, datetime
from unittest.mock import patch
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace
from structlog.testing import capture_logs

from testkase.core.ledger.calendar import from_micros, to_micros
from testkase.core.ledger.commands import OpenHold, RecordUsage, SetOverage, SettleHold
from testkase.core.ledger.credits import MICRO
from testkase.core.ledger.model import Subject
from testkase.core.ledger.operations import execute_one
from testkase.core.ledger.refusals import InsufficientCredits
from testkase.core.pricing import PriceBooks
from testkase.foundation.clock import utc_now
from testkase.foundation.problems import Conflict, InvalidInput, NotFound
from testkase.services.audit import OPERATOR, Actor
from testkase.services.audit.finding import changes
from testkase.services.audit.sentences import change_sentence
from testkase.services.billing.model import Bill, MoneyBackUndecided
from testkase.services.billing.overage.allowing import (
    BillUnpaid,
    bill_by_id,
    bill_cents,
    bill_ended_periods,
    cap_in_credits,
    list_bills,
    overage,
    set_overage,
)
from testkase.services.billing.overage.collecting import collect, look_at_money_back
from testkase.services.billing.overage.counting import count_back_of_bill
from testkase.services.billing.overage.surplus import bill_payments
from testkase.services.billing.overage.waiving import waive
from testkase.services.billing.provider import ProviderRefused
from testkase.services.billing.purchasing.rows import attempts_of
from testkase.services.billing.receipts import receipt_of
from testkase.services.billing.reports.inbox import claim_reports, handled, waiting_reports
from testkase.services.billing.reports.matching import match_day
from testkase.services.billing.reports.reconciling import look_at_disputes, look_at_refunds
from testkase.services.billing.reports.working import work_on
from testkase.services.billing.settings import billing_settings
from testkase.services.billing.words import billed_month
from tests.support.shop import SELLER, Shop

OWNER = Actor(kind="person", ref="ada@example.com", name="Ada")
SUBJECT = Subject(use_case="chat", user="ada@example.com")
TWO_MONTHS_AGO = 62 * 86_400_000_000


def allow(shop: Shop, org_id: int, cap_cents: int, setting_id: str = "typed") -> bool:
    return shop.run(
        org_id, set_overage(org_id, OWNER, setting_id=setting_id, cap_cents=cap_cents, book=shop.book, billable=True)
    )


def use(shop: Shop, org_id: int, credits: int, usage_id: str = "u", clock: int | None = None) -> None:
    command = RecordUsage(org_id=org_id, usage_id=usage_id, subject=SUBJECT, credits=credits * MICRO)
    shop.run(org_id, execute_one(command, clock=clock))


def billed(shop: Shop, credits: int = 20) -> tuple[int, Bill]:
    """An organization that used so many credits beyond its balance two months ago, and its bill."""
    long_ago = to_micros(utc_now()) - TWO_MONTHS_AGO
    org_id = shop.organization("0", opened_at=long_ago).org_id
    shop.run(org_id, execute_one(SetOverage(org_id=org_id, setting_id="then", limit=1_000 * MICRO), clock=long_ago))
    use(shop, org_id, credits, clock=long_ago + 1)
    shop.rows(org_id, "INSERT INTO billing_setting (org_id, overage_cap_cents) VALUES (%(org)s, 40000) RETURNING 1",
              org=org_id)  # fmt: skip
    (bill,) = shop.run(org_id, bill_ended_periods(org_id, shop.books))
    return org_id, bill


def told(shop: Shop, org_id: int) -> str:
    """The newest of what was told."""
    (row,) = shop.rows(org_id, "SELECT body FROM notification ORDER BY notification_id DESC LIMIT 1")
    return str(row["body"])


def age(shop: Shop, bill: Bill, days: int) -> Bill:
    """The same bill so many days later, after somebody has looked at it."""
    shop.rows(
        bill.org_id, "UPDATE overage_bill SET due_at = due_at - %(days)s * interval '1 day' RETURNING 1", days=days
    )
    return shop.errand(collect(bill.org_id, bill.bill_id, SELLER, public_url="https://credits.test"))


@pytest.mark.requirement("P7")
def test_it_is_off_until_the_owner_types_a_cap(shop: Shop) -> None:
    org_id = shop.organization("10").org_id
    use(shop, org_id, 10)
    with pytest.raises(InsufficientCredits):
        use(shop, org_id, 1, "more")
    assert allow(shop, org_id, 4_000)
    use(shop, org_id, 100, "beyond")
    with pytest.raises(InsufficientCredits):
        use(shop, org_id, 1, "beyond the cap")
    stands = shop.run(org_id, overage(org_id, shop.book))
    assert (stands.cap_cents, stands.limit, stands.used, stands.cost_cents) == (4_000, 100 * MICRO, 100 * MICRO, 4_000)


@pytest.mark.requirement("P7")
def test_switched_off_it_admits_nothing_new_and_lets_open_calls_end(shop: Shop) -> None:
    org_id = shop.organization("0").org_id
    allow(shop, org_id, 4_000)
    hold = OpenHold(org_id=org_id, hold_id="h", amount=5 * MICRO, ttl_seconds=60, subject=SUBJECT)
    shop.run(org_id, execute_one(hold))
    assert allow(shop, org_id, 0, "off")
    with pytest.raises(InsufficientCredits):
        use(shop, org_id, 1)
    shop.run(org_id, execute_one(SettleHold(org_id=org_id, hold_id="h", credits=3 * MICRO)))
    assert shop.run(org_id, overage(org_id, shop.book)).used == 3 * MICRO


@pytest.mark.parametrize("cap", [-1, 1, 99, 1_000_001])
def test_a_cap_that_cannot_be_is_refused(shop: Shop, cap: int) -> None:
    org_id = shop.organization("0").org_id
    with pytest.raises(InvalidInput):
        allow(shop, org_id, cap)
    assert shop.run(org_id, billing_settings(org_id)).overage_cap_cents == 0


@pytest.mark.requirement("R17", "P7")
def test_a_bill_never_exceeds_the_cap() -> None:
    for cap in range(100, 2_000):
        assert bill_cents(cap_in_credits(cap, 40), 40) <= cap
    assert bill_cents(MICRO, 40) == 40


@pytest.mark.requirement("P7")
def test_a_price_that_rises_within_the_month_does_not_raise_the_cap(shop: Shop) -> None:
    long_ago = to_micros(utc_now()) - TWO_MONTHS_AGO
    org_id = shop.organization("0", opened_at=long_ago).org_id
    limit = SetOverage(org_id=org_id, setting_id="then", limit=cap_in_credits(4_000, 40))
    shop.run(org_id, execute_one(limit, clock=long_ago))
    first_end = shop.balance(org_id).period_end
    use(shop, org_id, 100, clock=long_ago + 1)
    use(shop, org_id, 100, "again", clock=first_end + 1)
    shop.rows(org_id, "INSERT INTO billing_setting (org_id, overage_cap_cents) VALUES (%(org)s, 4000) RETURNING 1",
              org=org_id)  # fmt: skip
    dearer = copy(shop.books.books[0])
    dearer.overage_price_cents, dearer.effective_from = 50, from_micros((long_ago + first_end) // 2)
    books = PriceBooks((shop.books.books[0], dearer))
    assert [bill.amount for bill in shop.run(org_id, bill_ended_periods(org_id, books))] == [4_000, 4_000]
    assert shop.balance(org_id).overage_limit == 80 * MICRO  # from now on the cap is at the new price
    assert shop.run(org_id, bill_ended_periods(org_id, books)) == []


def test_a_month_of_which_no_price_book_is_kept_is_billed_all_the_same(shop: Shop) -> None:
    org_id, bill = billed(shop)
    shop.rows(org_id, "UPDATE billing_setting SET billed_period = -1 RETURNING 1")
    later = copy(shop.books.books[0])
    later.effective_from = datetime.fromtimestamp(bill.period_end / 1_000_000, UTC)
    assert shop.run(org_id, bill_ended_periods(org_id, PriceBooks((later,)))) == []


def test_an_old_form_sent_again_changes_neither_the_cap_nor_the_limit(shop: Shop) -> None:
    org_id = shop.organization("0").org_id
    assert [allow(shop, org_id, cap, form) for cap, form in ((4_000, "a"), (0, "b"), (4_000, "a"))] == [
        True, True, False,
    ]  # fmt: skip
    stands = shop.run(org_id, overage(org_id, shop.book))
    assert (stands.cap_cents, stands.limit) == (0, 0)


def test_billing_and_setting_the_cap_at_once_do_not_wait_for_each_other(shop: Shop) -> None:
    org_id, _ = billed(shop)

    def bill(_: int) -> None:
        shop.run(org_id, bill_ended_periods(org_id, shop.books))

    def type_a_cap(turn: int) -> None:
        allow(shop, org_id, 4_000 + turn, f"turn {turn}")

    with ThreadPoolExecutor(2) as people:
        for turn in range(25):
            for done in (people.submit(bill, turn), people.submit(type_a_cap, turn)):
                done.result()


def used_twice(shop: Shop, *, cap_cents: int, billed_period: int = -1) -> int:
    """An organization that used 20 credits beyond its balance in each of its first two months, which have ended."""
    long_ago = to_micros(utc_now()) - TWO_MONTHS_AGO
    org_id = shop.organization("0", opened_at=long_ago).org_id
    second = shop.balance(org_id).period_end
    shop.run(org_id, execute_one(SetOverage(org_id=org_id, setting_id="then", limit=1_000 * MICRO), clock=long_ago))
    use(shop, org_id, 20, "first", clock=long_ago + 1)
    use(shop, org_id, 20, "second", clock=second + 1)
    shop.rows(
        org_id, "INSERT INTO billing_setting (org_id, overage_cap_cents, billed_period)"
        " VALUES (%(org)s, %(cap)s, %(billed)s) RETURNING 1", org=org_id, cap=cap_cents, billed=billed_period,
    )  # fmt: skip
    return org_id


@pytest.mark.requirement("P7")
def test_what_was_used_before_it_was_switched_off_is_billed_though_it_is_switched_on_again_before(shop: Shop) -> None:
    org_id = used_twice(shop, cap_cents=0, billed_period=0)
    assert allow(shop, org_id, 4_000)
    assert [bill.period_number for bill in shop.run(org_id, bill_ended_periods(org_id, shop.books))] == [1]


@pytest.mark.requirement("P7")
def test_a_month_in_which_it_was_switched_off_is_looked_at_when_it_ends_if_anything_was_used(shop: Shop) -> None:
    org_id = shop.organization("0").org_id
    allow(shop, org_id, 4_000)
    use(shop, org_id, 20)
    allow(shop, org_id, 0, "off")
    shop.run(org_id, bill_ended_periods(org_id, shop.books))
    (looked,) = shop.rows(org_id, "SELECT due_at FROM payment_watch WHERE org_id = %(org)s", org=org_id)
    assert to_micros(looked["due_at"]) == shop.balance(org_id).period_end


@pytest.mark.requirement("P7", "P10")
def test_money_of_one_bill_that_goes_back_opens_no_other(shop: Shop) -> None:
    org_id = used_twice(shop, cap_cents=40_000)
    bills = shop.run(org_id, bill_ended_periods(org_id, shop.books))
    first, _ = [shop.provider.pay_link(age(shop, bill, 0).link_id or "") for bill in bills]
    assert [age(shop, bill, 0).state for bill in bills] == ["paid", "paid"]
    shop.provider.refund_by_hand(first.payment_id)
    shop.report("refund.processed", payment_id=first.payment_id)
    newest_first = [bill.state for bill, _ in shop.run(org_id, list_bills(org_id))]
    assert newest_first == ["paid", "unpaid"]


@pytest.mark.requirement("R17", "P7", "I9")
def test_an_ended_month_is_billed_once_by_a_link_and_paid(shop: Shop) -> None:
    org_id, bill = billed(shop)
    assert (bill.amount, bill.credits, bill.state) == (800, 20 * MICRO, "due")
    assert shop.run(org_id, bill_ended_periods(org_id, shop.books)) == []
    opened = age(shop, bill, 0)
    assert (opened.state, len(shop.provider.links)) == ("open", len(shop.provider.links))
    month = billed_month(bill, "UTC")
    assert f"20 credits were used beyond the balance from {month}. Please pay $8.00" in told(shop, org_id)
    payment = shop.provider.pay_link(opened.link_id or "")
    assert shop.report("payment_link.paid", link_id=opened.link_id or "") == "bill paid"
    ((paid, number),) = shop.run(org_id, list_bills(org_id))
    assert (paid.state, paid.payment_id) == ("paid", payment.payment_id)
    receipt = shop.run(org_id, receipt_of(org_id, bill.bill_id))
    assert (receipt.number, receipt.total) == (number, 800)
    assert receipt.description == f"AI credits used beyond the balance, {month}", "a service is named with its time"
    assert shop.balance(org_id).available == 0


@pytest.mark.requirement("B5", "P7")
def test_a_bills_payment_is_known_to_reports_and_to_the_days_report(shop: Shop) -> None:
    """The link makes an order of its own: without knowing it, every paid bill would be a fault of its day."""
    _, bill = billed(shop)
    opened = age(shop, bill, 0)
    payment = shop.provider.pay_link(opened.link_id or "")
    assert shop.report("payment.authorized", payment_id=payment.payment_id) == "an order that is not ours"
    assert shop.report("payment_link.paid", link_id=opened.link_id or "") == "bill paid"
    assert shop.report("payment.captured", payment_id=payment.payment_id) == "bill paid"
    day = datetime.fromtimestamp(payment.created_at, UTC).date()
    assert payment.payment_id not in {
        fault.payment_id for fault in shop.errand(match_day(day, SELLER, shop.books)).faults
    }
    before = shop.errand(look_at_disputes(SELLER))  # of other tests of this file
    shop.provider.dispute(payment.payment_id)
    assert shop.errand(look_at_disputes(SELLER)) == before + 1


@pytest.mark.parametrize(
    ("first", "end", "says"),
    [
        ("2026-10-15", "2026-11-15", "15 October to 14 November 2026"),
        ("2026-11-01", "2026-12-01", "1 November to 30 November 2026"),
        ("2026-12-31", "2027-01-31", "31 December 2026 to 30 January 2027"),
    ],
)
def test_a_bill_names_its_days_as_the_organization_is_billed(first: str, end: str, says: str) -> None:
    zone = "Asia/Kolkata"
    start, after = (
        to_micros(datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)) for day in (first, end)
    )
    now = utc_now()
    bill = Bill(
        org_id=1, bill_id="bill_1", period_number=0, period_start=start, period_end=after, credits=MICRO, amount=400,
        currency="USD", price_book="2026-11-01", state="due", link_id=None, link_url="", payment_id=None, reminders=0,
        made_at=now, due_at=now, paid_at=None, waived_at=None,
    )  # fmt: skip
    assert billed_month(bill, zone) == says


def test_less_than_a_dollar_is_let_go(shop: Shop) -> None:
    long_ago = to_micros(utc_now()) - TWO_MONTHS_AGO
    org_id = shop.organization("0", opened_at=long_ago).org_id
    shop.run(org_id, execute_one(SetOverage(org_id=org_id, setting_id="then", limit=MICRO * 10), clock=long_ago))
    use(shop, org_id, 2, clock=long_ago + 1)
    assert shop.run(org_id, bill_ended_periods(org_id, shop.books)) == []
    assert [row["action"] for row in shop.rows(org_id, "SELECT action FROM activity ORDER BY seq DESC LIMIT 1")] == [
        "overage.let_go"
    ]


@pytest.mark.requirement("P7")
def test_an_unpaid_bill_is_reminded_of_then_switches_overage_off_until_it_is_paid(shop: Shop) -> None:
    org_id, bill = billed(shop)
    assert [age(shop, bill, days).reminders for days in (0, 8, 4)] == [0, 1, 2]
    assert age(shop, bill, 3).state == "unpaid"
    assert shop.run(org_id, billing_settings(org_id)).overage_cap_cents == 0
    assert shop.balance(org_id).overage_limit == 0
    with pytest.raises(BillUnpaid):
        allow(shop, org_id, 4_000)
    kinds = [row["kind"] for row in shop.rows(org_id, "SELECT kind FROM notification ORDER BY notification_id")]
    assert kinds == ["overage.billed", "overage.reminded", "overage.reminded", "overage.unpaid"]
    (open_bill, _), *_ = shop.run(org_id, list_bills(org_id))
    shop.provider.pay_link(open_bill.link_id or "")
    assert age(shop, bill, 0).state == "paid"
    assert shop.run(org_id, billing_settings(org_id)).overage_cap_cents == 0  # only the Owner allows it
    assert "can be allowed again" in told(shop, org_id)
    assert allow(shop, org_id, 4_000, "again")


@pytest.mark.requirement("P7")
@pytest.mark.parametrize("end", ["cancelled", "expired"])
def test_a_link_nobody_can_pay_on_is_replaced_so_that_the_bill_can_be_paid(shop: Shop, end: str) -> None:
    """Else overage stays off for ever, for want of a payment that nobody can make."""
    org_id, bill = billed(shop)
    first = age(shop, bill, 0).link_id or ""
    shop.provider.cancel_link(first) if end == "cancelled" else shop.provider.expire_link(first)
    assert age(shop, bill, 15).state == "unpaid"
    second = age(shop, bill, 0)
    assert second.link_id not in (None, first)
    assert age(shop, bill, 0).link_id == second.link_id
    shop.provider.pay_link(second.link_id or "")
    assert shop.report("payment_link.paid", link_id=second.link_id or "") == "bill paid"
    assert allow(shop, org_id, 4_000, "again")


def replaced(shop: Shop, bill: Bill) -> tuple[str, str]:
    """A bill whose first page has expired, and the page that took its place."""
    first = age(shop, bill, 0).link_id or ""
    shop.provider.expire_link(first)
    age(shop, bill, 0)
    return first, age(shop, bill, 0).link_id or ""


@pytest.mark.requirement("P7", "B5")
@pytest.mark.parametrize("heard", ["by its report", "by nobody"])
def test_a_bill_paid_on_a_page_that_another_replaced_is_paid(shop: Shop, heard: str) -> None:
    """A bank that says yes late: the money was there, and overage stayed off for want of it."""
    org_id, bill = billed(shop)
    first, second = replaced(shop, bill)
    payment = shop.provider.pay_link(first)
    if heard == "by its report":
        assert shop.report("payment_link.paid", link_id=first) == "bill paid"
    stands = age(shop, bill, 0)
    assert (stands.state, stands.payment_id) == ("paid", payment.payment_id)
    assert shop.provider.links[second].status == "cancelled", "nobody is to pay twice"
    assert shop.run(org_id, receipt_of(org_id, bill.bill_id)) is not None
    report = shop.errand(match_day(utc_now().date(), SELLER, shop.books))
    assert payment.payment_id not in {fault.payment_id for fault in report.faults}


@pytest.mark.requirement("P7", "B5")
def test_a_page_that_the_provider_does_not_close_keeps_no_bill_from_being_paid(shop: Shop) -> None:
    _, bill = billed(shop)
    first, _ = replaced(shop, bill)
    shop.provider.pay_link(first)
    with patch.object(shop.provider, "cancel_link", side_effect=ProviderRefused("It was paid a moment ago.")):
        assert age(shop, bill, 0).state == "paid"


@pytest.mark.requirement("P7")
def test_no_page_is_made_for_a_bill_that_was_paid_on_one_before(shop: Shop) -> None:
    _, bill = billed(shop)
    first, second = replaced(shop, bill)
    shop.provider.expire_link(second)
    shop.provider.pay_link(first)
    stands = age(shop, bill, 0)
    assert (stands.state, stands.link_id) == ("paid", second)
    assert not [one for one in shop.provider.links.values() if one.reference.endswith(second[-8:])]


@pytest.mark.requirement("B5")
def test_a_second_payment_of_a_bill_on_a_replaced_page_is_named_as_one_with_what_to_do(shop: Shop) -> None:
    org_id, bill = billed(shop)
    first, second = replaced(shop, bill)
    paid, late = shop.provider.pay_link(second), shop.provider.pay_link(first)
    assert age(shop, bill, 0).payment_id == paid.payment_id
    report = shop.errand(match_day(utc_now().date(), SELLER, shop.books))
    (fault,) = [fault for fault in report.faults if fault.payment_id == late.payment_id]
    assert (fault.kind, fault.org_id, fault.purchase_id) == ("surplus", org_id, bill.bill_id)
    assert "give it back" in fault.next.lower()

    def seen() -> set[tuple[str, bool, bool]]:
        kept = shop.run(org_id, bill_payments(org_id, [bill.bill_id]))[bill.bill_id]
        return {(one.attempt.payment_id, one.is_surplus, one.is_back) for one in kept}

    assert seen() == {(paid.payment_id, False, False), (late.payment_id, True, False)}
    shop.provider.refund_by_hand(late.payment_id)
    assert shop.report("refund.processed", payment_id=late.payment_id) == "bill paid"
    assert seen() == {(paid.payment_id, False, False), (late.payment_id, True, True)}


@pytest.mark.requirement("P7", "P10")
def test_a_second_payment_that_was_not_given_back_pays_the_bill_when_the_first_is_gone(shop: Shop) -> None:
    org_id, bill = billed(shop)
    first, second = replaced(shop, bill)
    paid, late = shop.provider.pay_link(second), shop.provider.pay_link(first)
    assert age(shop, bill, 0).payment_id == paid.payment_id
    shop.errand(match_day(utc_now().date(), SELLER, shop.books))
    shop.provider.refund_by_hand(paid.payment_id)
    assert shop.report("refund.processed", payment_id=paid.payment_id) == "bill unpaid"
    assert age(shop, bill, 0).payment_id == late.payment_id
    assert shop.run(org_id, receipt_of(org_id, bill.bill_id)).payment_id == late.payment_id


@pytest.mark.requirement("P7", "P10")
def test_a_second_payment_given_back_while_its_bill_is_to_be_paid_again_is_seen_to_be(shop: Shop) -> None:
    org_id, bill = billed(shop)
    first, second = replaced(shop, bill)
    paid, late = shop.provider.pay_link(second), shop.provider.pay_link(first)
    assert age(shop, bill, 0).payment_id == paid.payment_id
    shop.errand(match_day(utc_now().date(), SELLER, shop.books))
    for payment in (paid, late):
        shop.provider.refund_by_hand(payment.payment_id)
        assert shop.report("refund.processed", payment_id=payment.payment_id) == "bill unpaid"
    kept = shop.run(org_id, bill_payments(org_id, [bill.bill_id]))[bill.bill_id]
    assert {(one.attempt.payment_id, one.is_surplus, one.is_back) for one in kept} == {
        (paid.payment_id, False, True), (late.payment_id, True, True),
    }  # fmt: skip


@pytest.mark.requirement("P7", "P10")
def test_a_second_payment_whose_bank_took_it_back_pays_for_nothing_when_the_first_is_gone(shop: Shop) -> None:
    """A provider calls it captured as before. It stood there as one to give back, and paid the bill once more."""
    org_id, bill = billed(shop)
    first, second = replaced(shop, bill)
    paid, late = shop.provider.pay_link(second), shop.provider.pay_link(first)
    assert age(shop, bill, 0).payment_id == paid.payment_id
    shop.errand(match_day(utc_now().date(), SELLER, shop.books))
    dispute = shop.provider.dispute(late.payment_id)
    shop.provider.decide_dispute(dispute.dispute_id, "lost")
    shop.report("payment.dispute.lost", payment_id=late.payment_id, dispute_id=dispute.dispute_id)
    kept = shop.run(org_id, bill_payments(org_id, [bill.bill_id]))[bill.bill_id]
    assert [one.is_back for one in kept if one.attempt.payment_id == late.payment_id] == [True]
    shop.provider.refund_by_hand(paid.payment_id)
    assert shop.report("refund.processed", payment_id=paid.payment_id) == "bill unpaid"
    assert age(shop, bill, 0).state == "unpaid"


@pytest.mark.requirement("P7", "P10")
def test_a_payment_that_stays_after_all_when_another_has_paid_the_bill_is_one_too_many(shop: Shop) -> None:
    """Its refund failed late: both payments were ours, and each was said to have paid."""
    org_id, bill = billed(shop)
    first = shop.provider.pay_link(age(shop, bill, 0).link_id or "")
    assert age(shop, bill, 0).state == "paid"
    refund = shop.provider.refund_by_hand(first.payment_id)
    assert shop.report("refund.processed", payment_id=first.payment_id) == "bill unpaid"
    second = shop.provider.pay_link(age(shop, bill, 0).link_id or "")
    assert age(shop, bill, 0).payment_id == second.payment_id
    shop.provider.refunds[refund.refund_id] = replace(refund, status="failed")
    shop.provider.payments[first.payment_id] = first
    with capture_logs() as logged:
        assert shop.report("refund.failed", payment_id=first.payment_id) == "bill paid"
    assert [(one["event"], one["payment"]) for one in logged if "payment" in one] == [
        ("a payment paid for nothing", first.payment_id)
    ]
    kept = shop.run(org_id, bill_payments(org_id, [bill.bill_id]))[bill.bill_id]
    assert {(one.attempt.payment_id, one.attempt.went_back, one.is_surplus) for one in kept} == {
        (first.payment_id, 0, True), (second.payment_id, 0, False),
    }  # fmt: skip
    shop.provider.refund_by_hand(second.payment_id)  # the other of the two: it is paid once all the same
    assert shop.report("refund.processed", payment_id=second.payment_id) == "bill paid"
    assert shop.run(org_id, bill_by_id(org_id, bill.bill_id)).payment_id == first.payment_id
    kept = shop.run(org_id, bill_payments(org_id, [bill.bill_id]))[bill.bill_id]
    assert not any(one.is_surplus for one in kept)
    shop.provider.refund_by_hand(first.payment_id)
    looked, _ = shop.errand(look_at_money_back(org_id, bill.bill_id, first.payment_id, SELLER))
    assert looked.state == "unpaid"


@pytest.mark.requirement("P7", "P10")
@pytest.mark.parametrize("change", [{"amount": 799}, {"currency": "INR"}, {"amount_refunded": 1}])
def test_what_does_not_pay_the_bill_on_a_replaced_page_is_left_to_staff(shop: Shop, change: dict[str, object]) -> None:
    _, bill = billed(shop)
    first, _ = replaced(shop, bill)
    payment = shop.provider.pay_link(first)
    shop.provider.payments[payment.payment_id] = replace(payment, **change)
    assert age(shop, bill, 0).state == "open"


@pytest.mark.requirement("P7", "P10")
def test_money_that_went_back_does_not_pay_the_bill_again_from_its_replaced_page(shop: Shop) -> None:
    _, bill = billed(shop)
    payment = shop.provider.pay_link(age(shop, bill, 0).link_id or "")
    assert age(shop, bill, 0).state == "paid"
    dispute = shop.provider.dispute(payment.payment_id)
    shop.provider.decide_dispute(dispute.dispute_id, "lost")
    shop.report("payment.dispute.lost", payment_id=payment.payment_id, dispute_id=dispute.dispute_id)
    for _ in range(3):
        assert age(shop, bill, 0).state == "unpaid"


@pytest.mark.requirement("P7")
def test_what_cannot_be_billed_is_not_lent_for_ever(shop: Shop) -> None:
    org_id, bill = billed(shop)
    for days, state, cap in ((0, "due", 40_000), (15, "unpaid", 0)):
        shop.provider.refuse()
        with pytest.raises(ProviderRefused):
            age(shop, bill, days)
        ((stands, _),) = shop.run(org_id, list_bills(org_id))
        assert (stands.state, shop.run(org_id, billing_settings(org_id)).overage_cap_cents) == (state, cap)
    opened = age(shop, bill, 0)  # the provider has changed its mind: the time to pay begins
    assert (opened.state, (opened.due_at - utc_now()).days) == ("open", 13)
    assert allow(shop, org_id, 4_000)
    assert age(shop, bill, 15).state == "unpaid"
    assert len(shop.rows(org_id, "SELECT 1 FROM activity WHERE action = 'overage.unpaid'")) == 2
    shop.provider.pay_link(opened.link_id or "")
    assert age(shop, bill, 0).state == "paid"


def test_the_time_to_pay_begins_when_there_is_a_page_to_pay_on(shop: Shop) -> None:
    _, bill = billed(shop)
    opened = age(shop, bill, 15)  # the provider was away for two weeks
    assert (opened.state, (opened.due_at - utc_now()).days) == ("open", 13)


def test_a_bill_whose_time_is_over_is_looked_at_once_a_day(shop: Shop) -> None:
    org_id, bill = billed(shop)
    pauses = []
    for days in (0, 15):
        age(shop, bill, days)
        (row,) = shop.rows(
            org_id, "SELECT extract(epoch FROM due_at - now())::int / 3600 AS hours FROM payment_watch"
            " WHERE target_id = %(bill)s", bill=bill.bill_id,
        )  # fmt: skip
        pauses.append(row["hours"])
    assert pauses == [1, 24]


@pytest.mark.requirement("P7", "P10")
def test_a_paid_bill_whose_money_goes_back_is_to_be_paid_again(shop: Shop) -> None:
    org_id, bill = billed(shop)
    opened = age(shop, bill, 0)
    payment = shop.provider.pay_link(opened.link_id or "")
    assert age(shop, bill, 0).state == "paid"
    shop.provider.refund_by_hand(payment.payment_id, 100)
    shop.report("refund.processed", payment_id=payment.payment_id)
    assert shop.run(org_id, bill_by_id(org_id, bill.bill_id)).state == "paid"
    dispute = shop.provider.dispute(payment.payment_id)
    about = {"payment_id": payment.payment_id, "dispute_id": dispute.dispute_id}
    shop.report("payment.dispute.created", **about)
    assert shop.run(org_id, bill_by_id(org_id, bill.bill_id)).state == "paid"
    shop.provider.decide_dispute(dispute.dispute_id, "lost")
    assert shop.report("payment.dispute.lost", **about) == "bill unpaid"
    assert "can be allowed again" in told(shop, org_id)
    assert shop.balance(org_id).overage_limit == 0
    with pytest.raises(BillUnpaid):
        allow(shop, org_id, 4_000)
    first = shop.run(org_id, receipt_of(org_id, bill.bill_id))
    again = age(shop, bill, 0)
    assert again.link_id != opened.link_id
    second = shop.provider.pay_link(again.link_id or "")
    assert age(shop, bill, 0).state == "paid"
    assert "Thank you." in told(shop, org_id)
    assert len(shop.rows(org_id, "SELECT 1 FROM activity WHERE action = 'overage.paid'")) == 2
    receipt = shop.run(org_id, receipt_of(org_id, bill.bill_id))
    assert (receipt.payment_id, receipt.number != first.number) == (second.payment_id, True), "a receipt a payment"
    known = shop.run(org_id, bill_payments(org_id, [bill.bill_id]))[bill.bill_id]
    assert [(one.receipt, one.is_surplus, one.is_back) for one in known] == [
        (first.number, False, True), (receipt.number, False, False),
    ]  # fmt: skip
    assert allow(shop, org_id, 4_000, "again")


@pytest.mark.requirement("P7", "P10")
def test_what_goes_back_of_a_bill_bit_by_bit_adds_up(shop: Shop) -> None:
    """Each lost dispute was held against the bill alone: together they had taken all of it, and it stayed paid."""
    org_id, bill = billed(shop)
    payment = shop.provider.pay_link(age(shop, bill, 0).link_id or "")
    assert age(shop, bill, 0).state == "paid"
    for part, state, gone in ((300, "paid", 300), (500, "unpaid", 800)):
        dispute = shop.provider.dispute(payment.payment_id, part)
        shop.provider.decide_dispute(dispute.dispute_id, "lost")
        about = {"payment_id": payment.payment_id, "dispute_id": dispute.dispute_id}
        assert shop.report("payment.dispute.lost", **about) == f"bill {state}"
        (attempt,) = shop.run(org_id, attempts_of(org_id, [bill.bill_id]))[bill.bill_id]
        assert attempt.went_back == gone, "as the page of its receipt says"


@pytest.mark.requirement("P7", "P10")
@pytest.mark.parametrize("page", ["before there is another page", "after"])
def test_a_bill_whose_refund_fails_is_paid_after_all_and_its_other_page_closed(shop: Shop, page: str) -> None:
    """The money was there, and overage stayed off for want of it; as often as that happens."""
    org_id, bill = billed(shop)
    payment = shop.provider.pay_link(age(shop, bill, 0).link_id or "")
    assert age(shop, bill, 0).state == "paid"
    for turn in range(2):
        refund = shop.provider.refund_by_hand(payment.payment_id)
        about = {"payment_id": payment.payment_id, "refund_id": refund.refund_id}
        assert shop.report("refund.processed", **about) == "bill unpaid"
        with pytest.raises(BillUnpaid):
            allow(shop, org_id, 4_000)
        again = age(shop, bill, 0) if page == "after" else None
        shop.provider.finish_refund(refund.refund_id, "failed")
        assert shop.report("refund.failed", **about) == "bill paid"
        stands = age(shop, bill, 0)
        assert (stands.state, stands.payment_id) == ("paid", payment.payment_id)
        assert "the bill is paid" in told(shop, org_id)
        if again is not None:
            assert shop.provider.links[again.link_id or ""].status == "cancelled", "nobody is to pay twice"
        assert allow(shop, org_id, 4_000 + turn, f"again {turn}")
        assert shop.balance(org_id).overage_limit > 0
    shop.provider.refund_by_hand(payment.payment_id)
    assert shop.report("refund.processed", payment_id=payment.payment_id) == "bill unpaid"
    assert shop.balance(org_id).overage_limit == 0
    actions = shop.rows(org_id, "SELECT action FROM activity WHERE action ~ 'reopened|stays' ORDER BY seq")
    assert [row["action"] for row in actions] == ["overage.reopened", "overage.stays"] * 2 + ["overage.reopened"]
    assert len(shop.rows(org_id, "SELECT 1 FROM receipt")) == 1


@pytest.mark.requirement("P7", "P10")
def test_no_bill_is_paid_by_what_is_heard_of_another_payment(shop: Shop) -> None:
    org_id, bill = billed(shop)
    another = shop.bought(org_id).payment_id or ""
    look = look_at_money_back(org_id, bill.bill_id, another, SELLER)
    assert shop.errand(look)[0].state == "due"


@pytest.mark.requirement("P7", "P10")
def test_a_refund_that_fails_after_the_bill_was_paid_again_changes_nothing(shop: Shop) -> None:
    org_id, bill = billed(shop)
    first = shop.provider.pay_link(age(shop, bill, 0).link_id or "")
    assert age(shop, bill, 0).state == "paid"
    refund = shop.provider.refund_by_hand(first.payment_id)
    shop.report("refund.processed", payment_id=first.payment_id)
    second = shop.provider.pay_link(age(shop, bill, 0).link_id or "")
    assert age(shop, bill, 0).payment_id == second.payment_id
    shop.provider.finish_refund(refund.refund_id, "failed")
    shop.report("refund.failed", payment_id=first.payment_id, refund_id=refund.refund_id)
    assert shop.run(org_id, bill_by_id(org_id, bill.bill_id)).payment_id == second.payment_id


@pytest.mark.requirement("B5", "P7")
def test_the_days_report_calls_nobody_to_a_payment_of_a_bill_that_was_given_back_whole(shop: Shop) -> None:
    _, bill = billed(shop)
    payment = shop.provider.pay_link(age(shop, bill, 0).link_id or "")
    assert age(shop, bill, 0).state == "paid"
    shop.provider.refund_by_hand(payment.payment_id)
    assert shop.report("refund.processed", payment_id=payment.payment_id) == "bill unpaid"
    report = shop.errand(match_day(datetime.now(UTC).date(), SELLER, shop.books))
    assert payment.payment_id not in {fault.payment_id for fault in report.faults}


def let_go(shop: Shop, bill: Bill) -> Bill:
    return shop.errand(waive(bill.org_id, bill.bill_id, reason="a slip of ours", actor=OPERATOR, seller=SELLER))


@pytest.mark.requirement("P7")
@pytest.mark.parametrize("days", [None, 0, 15], ids=["before there is a page", "with a page", "its time is over"])
def test_a_bill_that_is_waived_is_not_to_be_paid_and_overage_can_be_allowed_again(shop: Shop, days: int | None) -> None:
    """Staff could take a debt away, and no bill: who had settled one otherwise could never use overage again."""
    org_id, bill = billed(shop)
    stands = bill if days is None else age(shop, age(shop, bill, 0), days)
    for _ in range(2):
        assert let_go(shop, bill).state == "waived"
    if days is not None:
        assert shop.provider.links[stands.link_id or ""].status == "cancelled", "nobody is to pay it by mistake"
    assert ("can be allowed again" in told(shop, org_id)) == (stands.state == "unpaid")
    assert len(shop.rows(org_id, "SELECT 1 FROM notification WHERE kind = 'overage.waived'")) == 1
    (done,) = shop.rows(org_id, "SELECT details FROM activity WHERE action = 'overage.waived'")
    assert done["details"]["reason"] == "a slip of ours"
    assert not shop.rows(org_id, "SELECT 1 FROM payment_watch WHERE kind = 'bill' AND org_id = %(org)s", org=org_id)
    links = len(shop.provider.links)
    assert age(shop, bill, 20).state == "waived", "whoever still looks at it neither reminds nor makes a page"
    assert len(shop.provider.links) == links
    assert allow(shop, org_id, 4_000, "again")


@pytest.mark.requirement("P7", "B5")
def test_a_bill_that_was_paid_is_not_waived_also_where_nobody_has_heard_of_it_yet(shop: Shop) -> None:
    org_id, bill = billed(shop)
    payment = shop.provider.pay_link(age(shop, bill, 0).link_id or "")
    for _ in range(2):
        with pytest.raises(Conflict, match="is paid"):
            let_go(shop, bill)
    with pytest.raises(NotFound):
        shop.errand(waive(org_id, "bill_nobodys", reason="", actor=OPERATOR, seller=SELLER))
    refund = shop.provider.refund_by_hand(payment.payment_id)
    about = {"payment_id": payment.payment_id, "refund_id": refund.refund_id}
    assert shop.report("refund.processed", **about) == "bill unpaid"
    assert let_go(shop, bill).state == "waived"
    assert allow(shop, org_id, 4_000, "again")
    shop.provider.finish_refund(refund.refund_id, "failed")
    assert shop.report("refund.failed", **about) == "bill paid", "the money is there after all"
    shop.provider.refund_by_hand(payment.payment_id)
    assert shop.report("refund.processed", payment_id=payment.payment_id) == "bill waived"
    assert "was waived" in told(shop, org_id)
    assert shop.balance(org_id).overage_limit > 0, "it is nobody's to pay: nothing is switched off for it"


@pytest.mark.requirement("P7")
def test_a_bill_waived_while_its_page_is_made_leaves_no_page_to_pay_on(shop: Shop) -> None:
    org_id, bill = billed(shop)
    make = shop.provider.create_link

    def meanwhile(**what: object) -> object:
        let_go(shop, bill)
        return make(**what)  # type: ignore[arg-type]

    shop.provider.create_link = meanwhile  # type: ignore[method-assign,assignment]
    assert age(shop, bill, 0).state == "waived"
    assert [link.status for link in shop.provider.links.values() if link.reference == bill.bill_id] == ["cancelled"]
    assert "Please pay" not in told(shop, org_id)


@pytest.mark.requirement("P8", "P7")
def test_money_of_a_bill_that_goes_back_in_another_currency_is_not_counted_as_its_own(shop: Shop) -> None:
    org_id, bill = billed(shop)
    payment = shop.provider.pay_link(age(shop, bill, 0).link_id or "")
    assert age(shop, bill, 0).state == "paid"
    dispute = shop.provider.dispute(payment.payment_id, 10_000)  # ₹100.00 of a payment of $8.00
    rupees = replace(dispute, currency="INR", status="lost", amount_deducted=10_000)
    shop.provider._disputes[dispute.dispute_id] = rupees
    about = {"payment_id": payment.payment_id, "dispute_id": dispute.dispute_id}
    with pytest.raises(MoneyBackUndecided, match=f"count-back {org_id} {bill.bill_id} {dispute.dispute_id} --amount"):
        shop.report("payment.dispute.lost", **about)
    assert shop.run(org_id, bill_by_id(org_id, bill.bill_id)).state == "paid"
    for amount, state in ((120, "paid"), (120, "paid"), (800, "unpaid"), (0, "paid"), (800, "unpaid")):
        counting = count_back_of_bill(
            org_id, bill.bill_id, thing_id=dispute.dispute_id, amount=amount, reason="the bank's letter", actor=OPERATOR
        )
        assert shop.errand(counting).state == state
        assert amount or "did not go back after all: the bill is paid." in told(shop, org_id), "no refund failed"
        look = look_at_money_back(org_id, bill.bill_id, payment.payment_id, SELLER, dispute_ids=(dispute.dispute_id,))
        looked, unclear = shop.errand(look)
        assert (looked.state, unclear) == (state, False), "it waits no longer"
        again = age(shop, bill, 0).link_id or ""
        assert (shop.provider.links[again].status == "created") == (state == "unpaid"), "nobody is to pay twice"
    known = [found.record for found in shop.run(org_id, changes(org_id, limit=50, before_seq=2**62))]
    said = [change_sentence(one) for one in known if one.action == "overage.counted"]
    assert len(said) == 4
    assert said[-1] == "counted $1.20 of what was paid for extra credits as gone back (the bank's letter)"
    assert len(shop.rows(org_id, "SELECT 1 FROM activity WHERE action = 'overage.reopened'")) == 2


@pytest.mark.requirement("P8", "B5")
def test_what_went_back_in_another_currency_waits_for_staff_also_where_no_report_of_it_came(shop: Shop) -> None:
    _, bill = billed(shop)
    payment = shop.provider.pay_link(age(shop, bill, 0).link_id or "")
    assert age(shop, bill, 0).state == "paid"
    refund = shop.provider.refund_by_hand(payment.payment_id, 1)
    shop.provider.refunds[refund.refund_id] = replace(refund, currency="INR", amount=40_000)
    for _ in range(2):
        shop.errand(look_at_refunds(SELLER, now=int(utc_now().timestamp())))
    waiting = shop.organizations.database.run(waiting_reports(limit=200))
    assert [one.name for one in waiting if one.payment_id == payment.payment_id] == ["refund.found"]
    for report in shop.organizations.database.run(claim_reports(limit=10)):  # of which no other test is to hear
        with pytest.raises(MoneyBackUndecided, match=refund.refund_id):
            shop.errand(work_on(report, SELLER, shop.books))
        shop.organizations.database.run(handled([report.digest], "seen"))


def test_a_link_made_without_an_answer_is_made_once(shop: Shop) -> None:
    _, bill = billed(shop)
    before = len(shop.provider.links)
    shop.provider.silent(after=True)
    with pytest.raises(Exception, match="did not answer"):
        age(shop, bill, 0)
    assert age(shop, bill, 0).state == "open"
    assert len(shop.provider.links) == before + 1
