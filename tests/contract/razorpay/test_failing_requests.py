"""Fault F13, requests that go wrong on the way, and who is let in at all."""

from typing import Any

import httpx
import pytest
import requests
from razorpay.errors import BadRequestError, ServerError

from tests.support.razorpay import KEY_SECRET, Simulated

BODY = {"amount": 1000, "currency": "USD", "receipt": "p1"}


@pytest.mark.parametrize(
    ("mode", "error"),
    [
        ("401", BadRequestError),
        ("429", BadRequestError),
        ("500", ServerError),
        ("502", requests.exceptions.JSONDecodeError),
        ("reset", requests.exceptions.ConnectionError),
    ],
)
def test_nothing_is_done_when_the_request_fails(sim: Simulated, mode: str, error: type[Exception]) -> None:
    sim.fault("F13", mode)
    with pytest.raises(error):
        sim.client.order.create(dict(BODY))
    assert sim.client.order.all()["count"] == 0
    assert sim.order()["status"] == "created"


@pytest.mark.parametrize(("mode", "status"), [("401", 401), ("429", 429), ("500", 500), ("502", 502)])
def test_failures_have_their_status(sim: Simulated, mode: str, status: int) -> None:
    sim.fault("F13", mode)
    answer = sim.http.post("/v1/orders", auth=sim.client.auth, json=BODY)
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("text/html" if mode == "502" else "application/json")


def test_the_order_exists_although_its_answer_comes_too_late(sim: Simulated) -> None:
    sim.fault("F13", "timeout", seconds=0.4)
    with pytest.raises(requests.exceptions.Timeout):
        sim.client.order.create(dict(BODY), timeout=0.15)
    assert [order["receipt"] for order in sim.client.order.all({"receipt": "p1"})["items"]] == ["p1"]


def test_nothing_exists_when_the_request_waited_in_vain(sim: Simulated) -> None:
    sim.fault("F13", "timeout-before", seconds=0.3)
    with pytest.raises(requests.exceptions.Timeout):
        sim.client.order.create(dict(BODY), timeout=0.1)
    assert sim.client.order.all()["count"] == 0


def test_the_order_exists_although_the_connection_broke(sim: Simulated) -> None:
    sim.fault("F13", "reset-after")
    with pytest.raises(requests.exceptions.ConnectionError):
        sim.client.order.create(dict(BODY))
    assert sim.client.order.all()["count"] == 1


def test_a_failure_may_be_meant_for_one_address(sim: Simulated) -> None:
    sim.fault("F13", "500", method="GET", path="/v1/orders/*")
    order = sim.order()
    assert sim.client.order.all()["count"] == 1
    with pytest.raises(ServerError):
        sim.client.order.fetch(order["id"])
    assert sim.client.order.fetch(order["id"]) == order


@pytest.mark.parametrize(
    "auth", [("rzp_live_000000000001", KEY_SECRET), ("rzp_test_other00000001", KEY_SECRET), None, "wrong"]
)
def test_only_the_shops_test_key_is_let_in(sim: Simulated, auth: Any) -> None:
    pair = (sim.client.auth[0], "wrong") if auth == "wrong" else auth
    answer = sim.http.get("/v1/orders", auth=pair)
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "BAD_REQUEST_ERROR"
    assert answer.json()["error"]["description"].startswith("Authentication failed")


def test_live_keys_are_refused_by_name(sim: Simulated) -> None:
    answer = sim.http.get("/v1/orders", auth=("rzp_live_000000000001", KEY_SECRET))
    assert "live keys are refused" in answer.text


def test_the_scheme_is_written_exactly(sim: Simulated) -> None:
    right = httpx.BasicAuth(*sim.client.auth)._auth_header
    assert sim.http.get("/v1/orders", headers={"Authorization": right}).status_code == 200
    assert sim.http.get("/v1/orders", headers={"Authorization": right.replace("Basic", "basic")}).status_code == 401
    assert sim.http.get("/v1/orders", headers={"Authorization": "Basic %%%"}).status_code == 401


def test_a_body_that_is_no_json_is_refused(sim: Simulated) -> None:
    answer = sim.http.post("/v1/orders", auth=sim.client.auth, content=b"{")
    assert answer.status_code == 400
    assert "not valid JSON" in answer.text


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Host": "evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
    ],
)
def test_pages_of_elsewhere_cannot_use_the_administrators_side(sim: Simulated, headers: dict[str, str]) -> None:
    assert sim.http.post("/_sim/reset", headers=headers).status_code == 403
