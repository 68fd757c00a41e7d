"""The worker and payments: reports become credits once, in whatever order they come, and one that fails stops none."""

import itertools
import random
from collections.abc import AsyncIterator
from datetime import date, timedelta
from typing import Any

import psycopg
import pytest
from msgspec.structs import replace

from testkase.core.ledger.credits import MICRO
from testkase.entrypoints.worker.payments import MOST_ATTEMPTS, Payments
from testkase.foundation.database import Database
from testkase.services.audit import Actor
from testkase.services.billing.metrics import FAULTS, PAID, WAITING, look
from testkase.services.billing.model import Purchase
from testkase.services.billing.purchasing.counting import count_back
from testkase.services.billing.reports.inbox import receive, waiting_reports
from testkase.services.billing.reports.matching import unmatched_days
from tests.support.shop import SELLER, Shop


@pytest.fixture
async def worker(shop: Shop) -> AsyncIterator[Payments]:
    database = Database(shop.database.app_url)
    await database.open()
    # What an earlier test left waiting may be due by now, and is none of this one's.
    with psycopg.connect(shop.database.owner_url, autocommit=True) as connection:
        connection.execute("UPDATE payment_event SET handled_at = now(), outcome = 'left' WHERE handled_at IS NULL")
    yield Payments(database, shop.provider, seller=SELLER, books=shop.books, public_url="https://credits.test")
    await database.close()


def arrives(shop: Shop, event: str, **about: str | None) -> bool:
    """A webhook is kept; whether it is new."""
    named: dict[str, Any] = {name: value for name, value in about.items() if value is not None}
    body, _ = shop.provider.webhook(event, **named)
    return shop.organizations.database.run(receive(body, shop.provider.read_event(body)))


async def all_worked_on(worker: Payments) -> None:
    while await worker.work_on_reports():
        pass


def outcomes(shop: Shop, purchase: Purchase) -> list[str]:
    with psycopg.connect(shop.database.owner_url) as connection:
        rows = connection.execute(
            "SELECT outcome FROM payment_event WHERE order_id = %s AND handled_at IS NOT NULL ORDER BY outcome",
            [purchase.order_id],
        ).fetchall()
    return [str(outcome) for (outcome,) in rows]


def change(shop: Shop, statement: Any, *values: object) -> None:
    with psycopg.connect(shop.database.owner_url, autocommit=True) as connection:
        connection.execute(statement, values)


@pytest.mark.requirement("P9", "R32")
async def test_both_reports_of_one_payment_credit_once(shop: Shop, worker: Payments) -> None:
    org = shop.organization()
    purchase = shop.order(org.org_id)
    payment = shop.provider.pay(purchase.order_id or "")
    for event in ("payment.authorized", "payment.captured", "order.paid"):
        arrives(shop, event, order_id=purchase.order_id, payment_id=payment.payment_id)
    await all_worked_on(worker)
    assert shop.balance(org.org_id).available == 1_300 * MICRO
    assert shop.grants(org.org_id) == 1
    assert outcomes(shop, purchase).count("credits granted") == 1


@pytest.mark.requirement("P9")
@pytest.mark.parametrize("seed", range(4))
async def test_reports_in_any_order_and_number_end_alike(shop: Shop, worker: Payments, seed: int) -> None:
    org = shop.organization("0")
    purchase = shop.order(org.org_id)
    failed = shop.provider.fail(purchase.order_id or "")
    shop.provider.succeed_late(failed.payment_id)
    refund = shop.provider.refund_by_hand(failed.payment_id, 500)
    about = {"order_id": purchase.order_id, "payment_id": failed.payment_id}
    reports: list[tuple[str, dict[str, str | None]]] = [
        ("payment.failed", about), ("payment.authorized", about), ("payment.captured", about), ("order.paid", about),
        ("refund.created", {"payment_id": failed.payment_id, "refund_id": refund.refund_id}),
        ("refund.processed", {"payment_id": failed.payment_id, "refund_id": refund.refund_id}),
    ]  # fmt: skip
    random.Random(seed).shuffle(reports)
    for event, ids in reports:
        arrives(shop, event, **ids)
        await worker.work_on_reports()
    await all_worked_on(worker)
    assert shop.grants(org.org_id) == 1
    assert shop.balance(org.org_id).available == 500 * MICRO
    assert shop.purchase(purchase).clawed == 500 * MICRO


@pytest.mark.requirement("P9")
async def test_a_second_payment_a_wrong_one_and_a_strangers_grant_nothing(shop: Shop, worker: Payments) -> None:
    org = shop.organization("0")
    twice, wrong = shop.bought(org.org_id), shop.order(org.org_id)
    second = shop.provider.pay(twice.order_id or "")
    small = shop.provider.pay(wrong.order_id or "", amount=100)
    stray = shop.provider.create_order(receipt="another merchant's", amount=500, currency="USD", notes={})
    unknown = shop.provider.pay(stray.order_id)
    for payment in (second, small, unknown):
        arrives(shop, "payment.captured", order_id=payment.order_id, payment_id=payment.payment_id)
    await all_worked_on(worker)
    assert shop.grants(org.org_id) == 1
    assert outcomes(shop, twice) == ["a second payment"]
    assert outcomes(shop, wrong) == ["a payment that does not match"]
    with psycopg.connect(shop.database.owner_url) as connection:
        row = connection.execute("SELECT outcome FROM payment_event WHERE order_id = %s", [stray.order_id]).fetchone()
    assert row == ("an order that is not ours",)


async def test_while_the_provider_is_silent_reports_wait_and_then_count(shop: Shop, worker: Payments) -> None:
    org = shop.organization()
    purchase = shop.order(org.org_id)
    payment = shop.provider.pay(purchase.order_id or "")
    arrives(shop, "payment.captured", order_id=purchase.order_id, payment_id=payment.payment_id)
    shop.provider.silent()
    await all_worked_on(worker)
    assert outcomes(shop, purchase) == []
    change(shop, "UPDATE payment_event SET due_at = now() WHERE order_id = %s", purchase.order_id)
    await all_worked_on(worker)
    assert outcomes(shop, purchase) == ["credits granted"]


@pytest.mark.requirement("P8", "P10", "B5")
async def test_what_staff_must_decide_waits_with_the_command_that_ends_it_however_long(
    shop: Shop, worker: Payments
) -> None:
    """The credits rested for good, and only a line of the log said that somebody should do something."""
    org = shop.organization("0")
    purchase = shop.bought(org.org_id)
    payment_id = purchase.payment_id or ""
    given = shop.provider.refund_by_hand(payment_id, 1)
    shop.provider.refunds[given.refund_id] = replace(given, currency="INR", amount=40_000)
    about = {"order_id": purchase.order_id, "payment_id": payment_id, "refund_id": given.refund_id}
    arrives(shop, "refund.processed", **about)
    change(shop, "UPDATE payment_event SET attempts = %s WHERE refund_id = %s", MOST_ATTEMPTS, given.refund_id)
    await all_worked_on(worker)
    (waiting,) = [
        one for one in shop.organizations.database.run(waiting_reports(limit=50)) if one.payment_id == payment_id
    ]
    assert f"count-back {org.org_id} {purchase.purchase_id} {given.refund_id} --amount" in waiting.reason
    counting = count_back(
        org.org_id, purchase.purchase_id, thing_id=given.refund_id, amount=500, reason="the bank's letter",
        actor=Actor(kind="system", ref="operator", name="Operator"), seller=SELLER,
    )  # fmt: skip
    shop.run(org.org_id, counting)
    change(shop, "UPDATE payment_event SET due_at = now() WHERE refund_id = %s", given.refund_id)
    await all_worked_on(worker)
    assert outcomes(shop, purchase) == ["purchase paid"]
    assert shop.balance(org.org_id).available == 500 * MICRO


async def test_a_report_nobody_can_work_on_is_given_up_at_last_and_keeps_no_other(shop: Shop, worker: Payments) -> None:
    org = shop.organization()
    hopeless, good = shop.order(org.org_id), shop.order(org.org_id)
    payments = [shop.provider.pay(each.order_id or "") for each in (hopeless, good)]
    del shop.provider.orders[hopeless.order_id or ""]  # the provider knows nothing of it any more
    for payment in payments:
        arrives(shop, "payment.captured", order_id=payment.order_id, payment_id=payment.payment_id)
    await all_worked_on(worker)
    assert (outcomes(shop, hopeless), outcomes(shop, good)) == ([], ["credits granted"])
    again = "UPDATE payment_event SET due_at = now(), attempts = %s WHERE order_id = %s"
    change(shop, again, MOST_ATTEMPTS - 1, hopeless.order_id)
    await all_worked_on(worker)
    assert outcomes(shop, hopeless) == ["given up: payment_refused"]


async def test_a_fault_of_our_own_leaves_the_report_for_later(
    shop: Shop, worker: Payments, monkeypatch: pytest.MonkeyPatch
) -> None:
    org = shop.organization()
    purchase = shop.order(org.org_id)
    arrives(shop, "order.paid", order_id=purchase.order_id)
    with monkeypatch.context() as broken:
        broken.setattr(shop.provider, "payments_of_order", None)
        await all_worked_on(worker)
    assert outcomes(shop, purchase) == []
    change(shop, "UPDATE payment_event SET due_at = now() WHERE order_id = %s", purchase.order_id)
    await all_worked_on(worker)
    assert outcomes(shop, purchase) == ["purchase open"]


@pytest.mark.requirement("B5")
async def test_what_is_watched_is_found_without_any_report_and_one_that_fails_keeps_no_other(
    shop: Shop, worker: Payments
) -> None:
    org = shop.organization()
    lost, paid = shop.order(org.org_id), shop.order(org.org_id)
    del shop.provider.orders[lost.order_id or ""]
    shop.provider.pay(paid.order_id or "")
    assert shop.purchase(paid).state == "open"
    change(shop, "UPDATE payment_watch SET due_at = now() WHERE org_id = %s", org.org_id)
    while await worker.look_around():
        pass
    assert (shop.purchase(lost).state, shop.purchase(paid).state) == ("open", "paid")
    waits = "SELECT due_at > now() AS later FROM payment_watch WHERE org_id = %(org)s"
    assert shop.rows(org.org_id, waits, org=org.org_id) == [{"later": True}]


@pytest.mark.requirement("P10", "B6")
async def test_a_dispute_freezes_and_thaws_by_its_reports(shop: Shop, worker: Payments) -> None:
    org = shop.organization("0")
    purchase = shop.bought(org.org_id)
    dispute = shop.provider.dispute(purchase.payment_id or "")
    about = {"payment_id": purchase.payment_id, "dispute_id": dispute.dispute_id}
    arrives(shop, "payment.dispute.created", **about)
    await all_worked_on(worker)
    assert (shop.purchase(purchase).frozen, shop.balance(org.org_id).available) == (True, 0)
    shop.provider.decide_dispute(dispute.dispute_id, "won")
    arrives(shop, "payment.dispute.won", **about)
    await all_worked_on(worker)
    assert (shop.purchase(purchase).frozen, shop.balance(org.org_id).available) == (False, 1_000 * MICRO)


async def test_gauges_say_what_waits_and_what_was_taken_in(shop: Shop, worker: Payments) -> None:
    org = shop.organization()
    shop.bought(org.org_id)
    await all_worked_on(worker)
    arrives(shop, "payment.captured", order_id="order_Nowhere0000000")
    shop.organizations.database.run(look())
    with psycopg.connect(shop.database.owner_url) as connection:
        waiting, receipts = connection.execute(
            "SELECT (SELECT count(*) FROM payment_event WHERE handled_at IS NULL), (SELECT count(*) FROM receipt)"
        ).fetchone() or (0, 0)
    assert waiting >= 1
    assert (WAITING._value.get(), PAID._value.get(), FAULTS._value.get()) == (waiting, receipts, 0)


def test_days_without_a_report_are_caught_up_a_week_at_most(shop: Shop) -> None:
    last = date(2026, 11, 20)
    run = shop.organizations.database.run
    for newest, expected in ((None, 1), (last - timedelta(days=1), 5), (last, 0), (date(2026, 11, 17), 7),
                             (date(2026, 10, 1), 7)):  # fmt: skip
        change(shop, "DELETE FROM match_report")
        if newest is not None:
            insert = "INSERT INTO match_report (day, captured, matched, taken, faults) VALUES (%s, 0, 0, '{}', '[]')"
            change(shop, insert, newest)
        days = run(unmatched_days(last))
        assert len(days) == expected
        assert all(later - day == timedelta(days=1) for day, later in itertools.pairwise([*days, last][: len(days)]))
        assert days[-1:] in ([], [last])
    change(shop, "DELETE FROM match_report")
