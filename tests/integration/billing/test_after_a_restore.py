"""A restored database is older than what the provider knows: each payment after the backup comes back exactly once."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from msgspec.structs import replace

from testkase.foundation.database import Operation, Row, Statement
from testkase.services.billing.model import Purchase
from testkase.services.billing.provider import Payment
from testkase.services.billing.purchasing.recovering import UNKNOWN_BUYER, owner_of_order
from testkase.services.billing.purchasing.rows import SQL, begin_row
from testkase.services.billing.reports.matching import MatchReport, match_day
from tests.support.cluster import Cluster
from tests.support.programs import Organization
from tests.support.shop import SELLER, Shop, shop_on


@dataclass(frozen=True, slots=True)
class Restored:
    """The shop after a restore. `known`: begun before the backup, paid after it; `forgotten`: both after it."""

    shop: Shop
    org: Organization
    known: Purchase
    begun: Purchase
    """The backup was made between its row and its order."""
    forgotten: Purchase
    payments: dict[str, Payment]
    """By purchase."""


@pytest.fixture
def restored(cluster: Cluster) -> Iterator[Restored]:
    database = cluster.fresh()
    with shop_on(database) as shop:
        org = shop.organization()
        known = shop.order(org.org_id)
        shop.provider.silent()
        with pytest.raises(Exception, match="did not answer"):
            shop.order(org.org_id, "professional", request_id="begun")
    saved = cluster.copy(database)
    with shop_on(database) as before:
        before.provider = shop.provider
        begun, forgotten = (
            before.order(org.org_id, "professional", request_id="begun"),
            before.order(org.org_id, "professional"),
        )
        payments = {}
        for purchase in (known, begun, forgotten):
            payments[purchase.purchase_id] = before.provider.pay(purchase.order_id or "")
            assert before.look(purchase).granted
        assert before.grants(org.org_id) == 3
    with shop_on(saved) as after:
        after.provider = before.provider
        yield Restored(after, org, known, begun, forgotten, payments)


def match(shop: Shop) -> MatchReport:
    return shop.errand(match_day(datetime.now(UTC).date(), SELLER, shop.books))


@pytest.mark.requirement("B5", "P9")
def test_the_days_report_brings_every_payment_after_the_backup_back_once(restored: Restored) -> None:
    shop, org_id = restored.shop, restored.org.org_id
    assert shop.grants(org_id) == 0
    for _ in range(2):
        report = match(shop)
        assert (report.captured, report.faults) == (3, ())
    assert shop.grants(org_id) == 3
    for purchase in (restored.known, restored.begun, restored.forgotten):
        again = shop.purchase(purchase)
        assert (again.state, again.credits) == ("paid", purchase.credits)
        assert again.payment_id == restored.payments[purchase.purchase_id].payment_id
        assert (again.validity, again.price_book) == (purchase.validity, purchase.price_book)


@pytest.mark.requirement("B5", "P9")
def test_reports_that_come_again_after_a_restore_are_credited_once_whichever_come(restored: Restored) -> None:
    shop, payment = restored.shop, restored.payments[restored.forgotten.purchase_id]
    assert shop.report("payment.captured", payment_id=payment.payment_id) == "credits granted"
    assert shop.report("order.paid", order_id=payment.order_id or "") == "known already"
    assert match(shop).faults == ()
    assert shop.grants(restored.org.org_id) == 3


@pytest.mark.requirement("I8")
def test_all_who_look_at_once_find_it_and_one_credits_it(restored: Restored) -> None:
    shop = restored.shop
    with ThreadPoolExecutor(6) as threads:
        reports = list(threads.map(lambda _: match(shop), range(6)))
    assert [report.faults for report in reports] == [()] * 6
    assert shop.grants(restored.org.org_id) == 3


@pytest.mark.requirement("I8")
def test_a_purchase_begun_again_by_somebody_else_at_the_same_time_is_no_fault(restored: Restored) -> None:
    """Of two rows that are the same in both their ids, PostgreSQL tells either: here the purchase's own."""
    shop, bundle = restored.shop, restored.shop.books.at(datetime.now(UTC)).bundle("professional")
    row = begin_row(
        restored.org.org_id, UNKNOWN_BUYER, purchase_id=restored.begun.purchase_id, request_id="of another",
        bundle=bundle, price_book=restored.begun.price_book, currency="USD",
    )  # fmt: skip
    assert shop.organizations.database.run(_begin(row), org_id=restored.org.org_id) == []


def _begin(row: dict[str, object]) -> Operation[list[Row]]:
    return (yield Statement(SQL["begin"], row))


@pytest.mark.requirement("B5")
def test_whoever_comes_behind_another_finds_what_that_one_has_begun(restored: Restored) -> None:
    """Both saw that nobody knows the order; the other was quicker."""
    shop, forgotten = restored.shop, restored.forgotten
    for _ in range(2):
        assert shop.errand(owner_of_order(forgotten.order_id or "", shop.books)) is not None
        with psycopg.connect(shop.database.owner_url, autocommit=True) as connection:
            connection.execute("DELETE FROM payment_route WHERE ref = %s", (forgotten.order_id,))


@pytest.mark.requirement("P10")
def test_money_that_went_back_meanwhile_is_taken_back_of_a_recovered_purchase(restored: Restored) -> None:
    shop, payment = restored.shop, restored.payments[restored.forgotten.purchase_id]
    refund = shop.provider.refund_by_hand(payment.payment_id)
    shop.report("refund.processed", refund_id=refund.refund_id)
    again = shop.purchase(restored.forgotten)
    assert (again.state, again.clawed) == ("paid", again.credits)


@pytest.mark.requirement("I8")
@pytest.mark.parametrize(
    "notes",
    [
        {"installation": "another one"}, {"installation": ""}, {"terms": "starter"}, {"organization": "999999999"},
        {"organization": "٣"}, {"purchase": "pur_another"}, {},
    ],
)  # fmt: skip
def test_an_order_that_is_not_surely_ours_is_left_to_a_person(restored: Restored, notes: dict[str, str]) -> None:
    """Of another installation with the same account, of a bundle the money does not pay for, of nobody here."""
    shop, payment = restored.shop, restored.payments[restored.forgotten.purchase_id]
    order = shop.provider.orders[payment.order_id or ""]
    shop.provider.orders[order.order_id] = replace(order, notes={**order.notes, **notes} if notes else {})
    assert shop.report("payment.captured", payment_id=payment.payment_id) == "an order that is not ours"
    assert [fault.kind for fault in match(shop).faults if fault.payment_id == payment.payment_id] == ["unknown order"]


@pytest.mark.requirement("I13")
def test_a_payment_of_an_organization_that_was_lost_is_not_credited_to_a_later_one_of_its_number(
    restored: Restored,
) -> None:
    shop, payment = restored.shop, restored.payments[restored.forgotten.purchase_id]
    with psycopg.connect(shop.database.owner_url, autocommit=True) as connection:
        later = datetime.now(UTC) + timedelta(hours=1)
        connection.execute("UPDATE organization SET created_at = %s WHERE id = %s", (later, restored.org.org_id))
    assert shop.report("payment.captured", payment_id=payment.payment_id) == "an order that is not ours"


def test_a_number_that_may_have_been_given_out_after_the_backup_is_not_given_out_again(restored: Restored) -> None:
    shop = restored.shop
    with psycopg.connect(shop.database.owner_url, autocommit=True) as connection:
        connection.execute("INSERT INTO restoration (backup_begun_at) VALUES (now() - interval '1 day')")
        match(shop)
        numbers = [number for (number,) in connection.execute("SELECT number FROM receipt ORDER BY number").fetchall()]
        assert len(numbers) == 3
        assert all(re.fullmatch(r"R-\d{4}-\d{8}-00000[1-3]", number) for number in numbers)
        assert connection.execute("SELECT ledger.broken_receipt_series()").fetchone() == (0,)
        connection.execute("UPDATE restoration SET restored_at = restored_at - interval '1 year'")
        shop.bought(restored.org.org_id)
        later = connection.execute("SELECT max(number) FROM receipt WHERE length(number) = 13").fetchone()
    assert later == (f"R-{datetime.now(UTC):%Y}-000001",)
