"""Application, worker and operator's commands as processes of their own, buying at the simulator of Razorpay."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, LiteralString, cast

import httpx
import psycopg
import pytest

from testkase.core.access import Scope
from tests.support.cluster import TestDatabase
from tests.support.commands import run_command
from tests.support.django import django_on
from tests.support.market import Market, Program
from tests.support.processes import serving, working
from tests.support.razorpay import KEY_ID, Simulated, simulated
from tests.support.shop import Shop
from tests.support.waiting import eventually

pytestmark = pytest.mark.slow


@dataclass(frozen=True, kw_only=True)
class Business:
    """A running installation, its customers and its provider."""

    url: str
    razorpay: Simulated
    market: Market
    shop: Shop
    environ: Mapping[str, str]

    def operator(self, *words: str) -> tuple[int, str]:
        """An operator's command beside it: exit code and what it said."""
        environ = {**os.environ, **self.environ, **self.shop.database.environ(), "COLUMNS": "200"}
        done = run_command(*words, environ=environ)
        return done.returncode, done.stdout + done.stderr

    def ordered(self, program: Program) -> dict[str, Any]:
        answer = program.http.post("/purchases", json={"bundle": "starter"})
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def state(self, program: Program, order: dict[str, Any]) -> str:
        return str(program.http.get(f"/purchases/{order['id']}").json()["state"])


@pytest.fixture(scope="module")
def business(module_database: TestDatabase, shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Business]:
    folder: Path = tmp_path_factory.mktemp("selling")
    with simulated(key_secret="a-key-secret", webhook_secret="a-webhook-secret") as razorpay:
        environ = {
            "RAZORPAY_KEY_ID": KEY_ID, "RAZORPAY_KEY_SECRET": "a-key-secret",
            "RAZORPAY_WEBHOOK_SECRET": "a-webhook-secret", "RAZORPAY_API_URL": razorpay.url,
        }  # fmt: skip
        with serving(module_database, folder, environ) as app, working(module_database, folder, environ):
            market = Market(shop, app.url)
            yield Business(url=app.url, razorpay=razorpay, market=market, shop=shop, environ=environ)
            market.close()


@pytest.mark.requirement("R25", "R31", "R32", "R35", "P9")
def test_webhooks_of_a_payment_bring_the_credits_once(business: Business) -> None:
    program = business.market.program()
    order = business.ordered(program)
    business.razorpay.pay(order["order_id"])
    business.razorpay.deliver()
    for report in business.razorpay.shop.received * 2:
        headers = {"X-Razorpay-Signature": report.signature or "", "X-Razorpay-Event-Id": report.event_id}
        assert httpx.post(f"{business.url}/webhooks/razorpay", content=report.body, headers=headers).status_code == 200
    assert eventually(lambda: business.state(program, order) == "paid")
    assert program.http.get("/balance").json()["available"] == "1300.00"
    assert business.shop.grants(program.org_id) == 1
    assert 'testkase_payment_reports_total{outcome="new"}' in httpx.get(f"{business.url}/metrics").text


@pytest.mark.requirement("B5")
def test_a_payment_nobody_reports_is_found_by_the_worker(business: Business) -> None:
    program = business.market.program()
    order = business.ordered(program)
    business.razorpay.pay(order["order_id"])
    with psycopg.connect(business.shop.database.owner_url) as connection:
        connection.execute("UPDATE payment_watch SET due_at = now() WHERE org_id = %s", [program.org_id])
    assert eventually(lambda: business.state(program, order) == "paid")


@pytest.mark.requirement("B5", "P10")
def test_an_operator_reconciles_gives_back_once_and_matches_the_day(business: Business) -> None:
    program = business.market.program()
    order = business.ordered(program)
    business.razorpay.pay(order["order_id"])
    code, said = business.operator("reconcile")
    assert (code, "paid" in said, "0 in vain" in said) == (0, True, True)
    assert business.state(program, order) == "paid"
    words = ("refund", str(program.org_id), order["id"], "--amount", "5", "--reason", "asked for", "--id", "ticket-1")
    for _ in range(2):
        code, said = business.operator(*words)
        assert (code, "$5.00 went back" in said, "500.00 are taken back" in said) == (0, True, True), said
    assert program.http.get("/balance").json()["available"] == "800.00"
    assert [refund["amount"] for refund in business.razorpay.client.payment.fetch_multiple_refund(
        program.http.get(f"/purchases/{order['id']}").json()["payment_id"], {}
    )["items"]] == [500]  # fmt: skip
    code, said = business.operator(
        "count-back", str(program.org_id), order["id"], "disp_Nobody", "--amount", "1", "--reason", "a slip"
    )
    assert (code != 0, "no refund or dispute of that id in another currency" in said) == (True, True), said
    with psycopg.connect(business.shop.database.owner_url) as connection:
        connection.execute(
            "INSERT INTO payment_dispute (org_id, dispute_id, payment_id, amount, currency, amount_deducted, status,"
            " phase, created_at) VALUES (%s, 'disp_Rupees', %s, 16000, 'INR', 16000, 'lost', 'chargeback', 1)",
            [program.org_id, program.http.get(f"/purchases/{order['id']}").json()["payment_id"]],
        )
    counting = (
        "count-back",
        str(program.org_id),
        order["id"],
        "disp_Rupees",
        "--amount",
        "2",
        "--reason",
        "the letter",
    )
    for _ in range(2):
        code, said = business.operator(*counting)
        assert (code, "700.00 are taken back" in said, "The rest can be used." in said) == (0, True, True), said
    assert program.http.get("/balance").json()["available"] == "600.00"
    with psycopg.connect(business.shop.database.owner_url) as connection:
        connection.execute(
            "INSERT INTO overage_bill (org_id, bill_id, period_number, period_start, period_end, credits, amount,"
            " currency, price_book, due_at) VALUES (%s, 'bill_1', 0, 0, 1, 1, 800, 'USD', 'a', now())",
            [program.org_id],
        )
    code, said = business.operator("waive-bill", str(program.org_id), "bill_1", "--reason", "our slip")
    assert (code, "The bill of $8.00 is not to be paid." in said) == (0, True), said
    assert [bill["state"] for bill in program.http.get("/overage/bills").json()["items"]] == ["waived"]
    today = datetime.now(UTC).date().isoformat()
    code, said = business.operator("match-report", today)
    assert (code, "0 do not" in said) == (0, True), said
    stray = business.razorpay.order(700, receipt="nobody's")
    business.razorpay.pay(stray["id"])
    code, said = business.operator("match-report", today)
    assert (code, "unknown order" in said, "1 does not" in said) == (1, True, True), said
    assert f"order {stray['id']}" in said, "what is to be looked up stands there whole, on 80 columns too"


@pytest.mark.requirement("B5", "B6")
def test_by_the_clock_days_are_matched_disputes_found_and_old_reports_forgotten(business: Business) -> None:
    program = business.market.program()
    order = business.ordered(program)
    paid = business.razorpay.pay(order["order_id"])
    program.http.post(f"/purchases/{order['id']}/check")
    business.razorpay.sim("disputes", payment_id=paid["payment"]["id"])
    long_ago = "now() - interval '100 days'"
    with psycopg.connect(business.shop.database.owner_url) as connection:
        connection.execute("DELETE FROM match_report")
        connection.execute(
            f"INSERT INTO payment_event (digest, name, received_at, handled_at)"
            f" VALUES (sha256('old'), 'order.paid', {long_ago}, {long_ago})"
        )
    with django_on(business.shop.database):
        from procrastinate.contrib.django import app

        for task in ("payments.match", "payments.disputes", "payments.refunds", "payments.forget"):
            app.configure_task(task, queue="schedule").defer(timestamp=0)

    def rows(query: LiteralString) -> object:
        with psycopg.connect(business.shop.database.owner_url) as connection:
            return connection.execute(query).fetchall()

    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    assert eventually(lambda: rows("SELECT day FROM match_report") == [(yesterday,)])
    assert eventually(lambda: rows("SELECT 1 FROM payment_event WHERE digest = sha256('old')") == [])
    assert eventually(lambda: bool(program.http.get(f"/purchases/{order['id']}").json()["disputed"]))
    done: LiteralString = "SELECT status FROM procrastinate_jobs WHERE task_name = 'payments.refunds'"
    assert eventually(lambda: ("succeeded",) in cast(list[Any], rows(done)))


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--amount", "10.001"), "written like $10.00"),
        (("--amount", "ten"), "written like $10.00"),
        (("--amount", "11"), "at most $10.00"),
        (("--amount", "0"), "more than nothing"),
    ],
)
def test_a_refund_that_cannot_be_is_one_sentence(business: Business, words: tuple[str, ...], told: str) -> None:
    program = business.market.program(scopes=frozenset({Scope.BILLING_WRITE}))
    order = business.ordered(program)
    business.razorpay.pay(order["order_id"])
    assert program.http.post(f"/purchases/{order['id']}/check").json()["state"] == "paid"
    code, said = business.operator("refund", str(program.org_id), order["id"], *words, "--reason", "r", "--id", "t")
    assert (code, said.count("\n"), told in said) == (1, 1, True), said
