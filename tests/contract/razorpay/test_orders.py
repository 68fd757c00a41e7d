"""Orders, as the SDK sees them."""

from typing import Any

import pytest
from razorpay.errors import BadRequestError

from tests.support.razorpay import Simulated, simulated


def test_an_order_is_created_fetched_and_listed(sim: Simulated) -> None:
    order = sim.order(5000, receipt="purchase-1", notes={"org": "o1"})
    assert order["id"].startswith("order_")
    assert len(order["id"]) == len("order_") + 14
    assert order["status"] == "created"
    assert (order["amount"], order["amount_paid"], order["amount_due"], order["attempts"]) == (5000, 0, 5000, 0)
    assert sim.client.order.fetch(order["id"]) == order
    assert sim.client.order.all() == {"entity": "collection", "count": 1, "items": [order]}


def test_empty_notes_are_a_list(sim: Simulated) -> None:
    assert sim.order()["notes"] == []
    assert sim.order(notes={"a": "b"})["notes"] == {"a": "b"}


def test_lists_are_paged_newest_first(sim: Simulated) -> None:
    made = [sim.order(receipt=f"r{number}") for number in range(12)]
    assert [order["receipt"] for order in sim.client.order.all()["items"]] == [
        f"r{number}" for number in range(11, 1, -1)
    ]
    page = sim.client.order.all({"count": 2, "skip": 3})["items"]
    assert page == [made[8], made[7]]
    assert sim.client.order.all({"receipt": "r4"})["items"] == [made[4]]
    assert sim.client.order.all({"from": made[0]["created_at"] + 60})["count"] == 0
    with pytest.raises(BadRequestError, match="between 1 and 100"):
        sim.client.order.all({"count": 101})


def test_only_notes_can_be_changed(sim: Simulated) -> None:
    order = sim.order()
    assert sim.client.order.edit(order["id"], {"notes": {"a": "1"}})["notes"] == {"a": "1"}
    with pytest.raises(BadRequestError, match="amount is/are not required and should not be sent"):
        sim.client.order.edit(order["id"], {"amount": 1})


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"amount": 99, "currency": "INR"}, "The amount must be at least INR 1.00"),
        ({"amount": 10.5, "currency": "INR"}, "must be an integer"),
        ({"currency": "INR"}, "amount field is required"),
        ({"amount": 1000}, "currency field is required"),
        ({"amount": 1000, "currency": "XXX"}, "Currency is not supported"),
        ({"amount": 1001, "currency": "KWD"}, "must be 0"),
        ({"amount": 1000, "currency": "INR", "colour": "red"}, "colour is/are not required and should not be sent"),
        ({"amount": 1000, "currency": "INR", "receipt": "x" * 41}, "40 characters"),
        ({"amount": 1000, "currency": "INR", "notes": {str(n): "" for n in range(16)}}, "15"),
        ({"amount": 1000, "currency": "INR", "payment": {"capture": "sometimes"}}, "capture is invalid"),
    ],
)
def test_what_is_wrong_is_refused_in_razorpays_words(sim: Simulated, body: dict[str, Any], words: str) -> None:
    with pytest.raises(BadRequestError, match=words):
        sim.client.order.create(body)


def test_a_refusal_has_the_whole_error_object(sim: Simulated) -> None:
    answer = sim.http.post("/v1/orders", auth=sim.client.auth, json={"amount": 1, "currency": "INR"})
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["code"] == "BAD_REQUEST_ERROR"
    assert error["field"] == "amount"
    assert error["reason"] == "input_validation_failed"
    assert {"description", "source", "step", "metadata"} <= set(error)


def test_unknown_ids_and_addresses(sim: Simulated) -> None:
    with pytest.raises(BadRequestError, match="The id provided does not exist"):
        sim.client.order.fetch("order_unknown0000000")
    with pytest.raises(BadRequestError, match=r"The requested URL was not found on the server\."):
        sim.client.invoice.all()
    assert sim.http.delete("/v1/orders", auth=sim.client.auth).status_code == 400


def test_receipts_may_repeat_when_lenient(sim: Simulated) -> None:
    assert sim.order(receipt="same")["id"] != sim.order(receipt="same")["id"]


def test_receipts_may_not_repeat_when_strict() -> None:
    with simulated(receipts="strict-unique") as sim:
        sim.order(receipt="same")
        with pytest.raises(BadRequestError, match=r"Order receipt should be unique\."):
            sim.order(receipt="same")


@pytest.mark.parametrize("receipts", ["lenient", "strict-unique"])
def test_a_unique_receipt_answers_with_the_same_order(receipts: str) -> None:
    with simulated(receipts=receipts) as sim:
        first = sim.order(receipt="same", unique_receipt=True)
        assert sim.order(receipt="same", unique_receipt=True) == first
        with pytest.raises(BadRequestError, match="unique"):
            sim.order(receipt="same")


def test_ids_are_the_same_for_the_same_seed() -> None:
    ids = []
    for seed in (7, 7, 8):
        with simulated(seed=seed) as sim:
            ids.append((sim.order()["id"], sim.order()["id"]))
    assert ids[0] == ids[1]
    assert ids[0] != ids[2]
    assert len(set(ids[0])) == 2
