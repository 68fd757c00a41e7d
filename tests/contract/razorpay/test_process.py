"""The simulator as a process: what it refuses to be, how it stops, and that it remembers."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from razorpay_simulator import events
from razorpay_simulator.app import create_app
from razorpay_simulator.config import Config, NotStarted, read
from razorpay_simulator.model import Payment
from razorpay_simulator.signing import subscription_signature, webhook_signature
from tests.support.razorpay import KEY_ID, KEY_SECRET, simulated


@contextmanager
def process(*arguments: str, **environ: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A started process and the first line it said."""
    command = [sys.executable, "-m", "razorpay_simulator", *arguments]
    made = subprocess.Popen(
        command, env={**os.environ, **environ}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert made.stdout is not None
    assert made.stderr is not None
    try:
        yield made, made.stdout.readline()
    finally:
        made.kill()
        made.wait()
        made.stdout.close()
        made.stderr.close()


def test_it_starts_answers_and_stops_when_told(tmp_path: Path) -> None:
    environ = {"RAZORPAY_SIMULATOR_KEY_ID": KEY_ID, "RAZORPAY_SIMULATOR_PORT": "0"}
    with process("--key-secret", KEY_SECRET, "--data", str(tmp_path / "s.db"), **environ) as (running, said):
        assert KEY_ID in said
        url = next(word for word in said.split() if word.startswith("http://127.0.0.1:"))
        with httpx.Client(base_url=url, trust_env=False) as http:
            assert http.get("/healthz").json() == {"status": "ok"}
            made = http.post("/v1/orders", auth=(KEY_ID, KEY_SECRET), json={"amount": 1000, "currency": "USD"})
            assert made.status_code == 200
            running.send_signal(signal.SIGTERM)
            assert running.wait(60) == 0


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"key_id": "rzp_live_000000000001"}, "no live keys"),
        ({"key_id": "something"}, "must begin rzp_test_"),
        ({"webhook_url": "https://example.com/hook"}, "this machine only"),
        ({"receipts": "odd"}, "lenient or strict-unique"),
        ({"capture": "odd"}, "automatic or manual"),
    ],
)
def test_it_is_never_started_with_what_is_not_for_it(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(NotStarted, match=words):
        Config(**settings)


def test_a_live_key_ends_the_process() -> None:
    with process("--key-id", "rzp_live_000000000001") as (running, said):
        assert running.wait(60) == 2
        assert said == ""
        assert running.stderr is not None
        assert "no live keys" in running.stderr.read()


def test_words_of_the_command_line_count_over_the_environment() -> None:
    environ = {"RAZORPAY_SIMULATOR_PORT": "1", "RAZORPAY_SIMULATOR_SEED": "5"}
    config = read(["--port", "2", "--inr-rails-for-all-currencies", "false"], environ)
    assert (config.port, config.seed, config.inr_rails_for_all_currencies) == (2, 5, False)
    assert read([], {"RAZORPAY_SIMULATOR_WEBHOOK_URL": ""}).webhook_url is None
    with pytest.raises(NotStarted, match="must be a number"):
        read(["--port", "many"], {})


def test_a_restart_forgets_nothing(tmp_path: Path) -> None:
    data = str(tmp_path / "simulator.db")
    with simulated(data=data) as sim:
        order, waiting = sim.order(receipt="p1"), sim.order(receipt="p2")
        sim.shop.answer = lambda _: 500
        payment_id = sim.pay(order["id"])["razorpay_payment_id"]
        sim.deliver()
        sim.advance(3_600)
        before, now = sim.look("state")["records"], sim.look("clock")["now"]
    with simulated(data=data, webhook_url=None) as sim:
        after = sim.look("state")["records"]
        assert {kind: after[kind] for kind in ("Order", "Payment", "Event")} == {
            kind: before[kind] for kind in ("Order", "Payment", "Event")
        }
        assert sim.look("clock")["now"] >= now
        assert sim.client.payment.fetch(payment_id)["status"] == "captured"
        assert len(sim.look("deliveries", state="pending")["items"]) == 3
        assert sim.order()["id"] not in {order["id"], waiting["id"]}
        assert sim.client.order.all()["items"][-1]["receipt"] == "p1"
        assert [endpoint["secret"] for endpoint in sim.look("webhooks")["items"]] == ["webhook secret"]


def test_a_restart_may_name_another_address_and_secret(tmp_path: Path) -> None:
    data = str(tmp_path / "simulator.db")
    with simulated(data=data) as sim:
        sim.fault("F16")
        sim.pay(sim.order()["id"])
        sim.advance(25 * 3_600)
        assert not sim.look("webhooks")["items"][0]["enabled"]
    with simulated(data=data, webhook_secret="another") as sim:
        (endpoint,) = sim.look("webhooks")["items"]
        assert (endpoint["url"], endpoint["secret"], endpoint["enabled"]) == (sim.shop.url, "another", True)
        sim.pay(sim.order()["id"])
        sim.deliver()
        assert sim.shop.events()[-1] == "order.paid"


def test_time_stands_still_when_told(tmp_path: Path) -> None:
    with simulated(data=str(tmp_path / "s.db")) as sim:
        sim.sim("clock", frozen=True)
        first = sim.look("clock")
        time.sleep(0.01)
        assert sim.look("clock") == first
        sim.sim("clock", frozen=False, advance_seconds=100)
        assert sim.look("clock")["now"] >= first["now"] + 100
        for odd in ({"advance_seconds": -1}, {"advance_to": "tomorrow"}, {"advance_to": 1}, {"sideways": 1}):
            assert sim.http.post("/_sim/clock", json=odd).status_code == 400


async def test_the_application_works_without_a_server() -> None:
    app = create_app(Config(key_id=KEY_ID, key_secret=KEY_SECRET))
    transport = httpx.ASGITransport(app=app)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
        made = await http.post("/v1/orders", auth=(KEY_ID, KEY_SECRET), json={"amount": 1000, "currency": "USD"})
        paid = await http.post("/_sim/payments", json={"order_id": made.json()["id"]})
        assert paid.json()["payment"]["status"] == "captured"
    assert len(app.state.simulator.store.all(Payment)) == 1
    await app.state.dispatcher.close()


def test_events_are_built_without_any_server() -> None:
    payment = Payment(id="pay_1", amount=1000, currency="USD", method="upi", created_at=1, order_id="order_1")
    built = events.build("payment.failed", {"payment": payment.entity()}, account_id="acc_1", created_at=2)
    body = events.encode(built)
    assert built["contains"] == ["payment"]
    assert body.startswith(b'{"entity":"event","account_id":"acc_1","event":"payment.failed"')
    assert webhook_signature(body, "secret") == webhook_signature(events.encode(built), "secret")
    with pytest.raises(KeyError):
        events.build("order.paid", {"payment": payment.entity()}, account_id="acc_1", created_at=2)


def test_a_subscription_is_signed_the_other_way_round() -> None:
    assert subscription_signature("pay_1", "sub_1", "k") == webhook_signature(b"pay_1|sub_1", "k")
