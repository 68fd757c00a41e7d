"""A webhook is read for what to look at: whatever else it says, it raises nothing but InvalidInput."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from testkase.foundation.problems import InvalidInput
from testkase.services.billing.provider import Event
from testkase.services.billing.providers.razorpay.events import read_event

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(-9, 9) | st.text() | st.sampled_from(("order_A1", "pay_A1")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text() | st.just("entity"), inner, max_size=4),
    max_leaves=12,
)


def body(event: Any = "payment.captured", created_at: Any = 1_700_000_000, **entities: Any) -> bytes:
    payload = {kind: {"entity": entity} for kind, entity in entities.items()}
    return json.dumps({"entity": "event", "event": event, "payload": payload, "created_at": created_at}).encode()


def test_everything_an_event_is_about_is_named() -> None:
    said = body(
        payment={"id": "pay_A1", "order_id": "order_B2", "notes": []},
        refund={"id": "rfnd_C3", "payment_id": "pay_A1"},
        dispute={"id": "disp_D4", "payment_id": "pay_A1"},
        payment_link={"id": "plink_E5"},
        order={"id": "order_B2"},
    )
    assert read_event(said) == Event(
        name="payment.captured",
        order_id="order_B2",
        payment_id="pay_A1",
        refund_id="rfnd_C3",
        dispute_id="disp_D4",
        link_id="plink_E5",
        created_at=1_700_000_000,
    )


def test_a_refund_alone_leads_to_its_payment() -> None:
    assert read_event(body("refund.processed", refund={"id": "rfnd_C3", "payment_id": "pay_A1"})).payment_id == "pay_A1"


def test_an_event_nobody_announced_is_read_and_named() -> None:
    assert read_event(body("settlement.Teleported\x00", 1.5)) == Event(name="settlement.teleported?", created_at=0)


@pytest.mark.parametrize("made_up", ["pay_../../orders", "pay_", "PAY_A1", 7, None, ["pay_A1"], "order_A1", "pay_A1\n"])
def test_what_is_no_id_of_a_payment_is_not_kept(made_up: object) -> None:
    assert read_event(body(payment={"id": made_up})).payment_id is None


@pytest.mark.parametrize(
    "bytes_", [b"", b"\xff\xfe", b"[]", b"null", b"{}", b'{"event": 5}', b'{"event": ""}', b"[" * 99_999]
)
def test_bytes_that_are_no_event_are_invalid_input(bytes_: bytes) -> None:
    with pytest.raises(InvalidInput):
        read_event(bytes_)


@given(JSON)
def test_whatever_the_payload_is_reading_it_raises_nothing(payload: Any) -> None:
    said = json.dumps({"event": "payment.captured", "payload": payload, "created_at": payload})
    assert read_event(said.encode()).name == "payment.captured"
