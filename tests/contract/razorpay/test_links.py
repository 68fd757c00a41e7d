"""Payment links: made by the API, paid on their page, and verified by the SDK."""

from urllib.parse import parse_qs, urlsplit

import pytest
from razorpay.errors import BadRequestError

from tests.support.razorpay import Simulated

BILL = {"amount": 5_000, "currency": "USD", "reference_id": "bill-1", "description": "Overage of November"}
BACK = {"callback_url": "http://127.0.0.1:1/back?a=1", "callback_method": "get"}


def test_a_link_is_made_fetched_listed_and_changed(sim: Simulated) -> None:
    link = sim.client.payment_link.create({**BILL, "notes": {"org": "o1"}})
    assert (link["status"], link["amount_paid"], link["notes"]) == ("created", 0, {"org": "o1"})
    assert link["short_url"] == f"{sim.url}/l/{link['id']}"
    assert sim.client.payment_link.fetch(link["id"]) == link
    assert sim.client.payment_link.all() == {"payment_links": [link]}
    assert sim.client.payment_link.all({"reference_id": "another"}) == {"payment_links": []}
    assert sim.client.payment_link.edit(link["id"], {"reference_id": "bill-2"})["reference_id"] == "bill-2"
    assert sim.client.payment_link.notifyBy(link["id"], "email") == {"success": True}


def test_a_reference_is_used_once(sim: Simulated) -> None:
    sim.client.payment_link.create(BILL)
    with pytest.raises(BadRequestError, match="already exists"):
        sim.client.payment_link.create(BILL)


def test_a_paid_link_tells_the_shop_in_three_ways(sim: Simulated) -> None:
    link = sim.client.payment_link.create({**BILL, **BACK})
    shown = sim.http.get(f"/l/{link['id']}", follow_redirects=True)
    done = sim.http.post(
        f"{shown.url.path}/pay", data={"method": "upi", "vpa": "success@razorpay"}, follow_redirects=True
    )
    assert 'action="http://127.0.0.1:1/back"' in done.text
    assert 'name="razorpay_signature"' in done.text
    assert 'name="a" value="1"' in done.text
    sim.deliver()
    assert sim.shop.events() == ["payment.authorized", "payment.captured", "order.paid", "payment_link.paid"]
    told = sim.shop.received[-1].event
    assert told["contains"] == ["payment_link", "order", "payment"]
    assert told["payload"]["payment_link"]["entity"]["status"] == "paid"
    paid = sim.client.payment_link.fetch(link["id"])
    assert (paid["status"], paid["amount_paid"], len(paid["payments"])) == ("paid", 5_000, 1)


def test_the_sdk_verifies_the_callback(sim: Simulated) -> None:
    link = sim.client.payment_link.create({**BILL, **BACK})
    payment_id = sim.sim("payments", payment_link_id=link["id"])["razorpay_payment_id"]
    url = sim.look("links", id=link["id"])["callback"]
    fields = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    assert fields["razorpay_payment_id"] == payment_id
    renamed = {
        "payment_link_id": fields["razorpay_payment_link_id"],
        "payment_link_reference_id": fields["razorpay_payment_link_reference_id"],
        "payment_link_status": fields["razorpay_payment_link_status"],
        "razorpay_payment_id": payment_id,
        "razorpay_signature": fields["razorpay_signature"],
    }
    assert sim.client.utility.verify_payment_link_signature(renamed)


def test_a_cancelled_link_cannot_be_paid(sim: Simulated) -> None:
    link = sim.client.payment_link.create(BILL)
    assert sim.client.payment_link.cancel(link["id"])["status"] == "cancelled"
    page = sim.http.get(f"/l/{link['id']}")
    assert page.status_code == 400
    assert "This payment link is cancelled." in page.text
    sim.deliver()
    assert sim.shop.events() == ["payment_link.cancelled"]
    with pytest.raises(BadRequestError, match="cannot be cancelled"):
        sim.client.payment_link.cancel(link["id"])


def test_a_link_expires(sim: Simulated) -> None:
    now = sim.look("clock")["now"]
    with pytest.raises(BadRequestError, match="15 minutes"):
        sim.client.payment_link.create({**BILL, "expire_by": now + 60})
    link = sim.client.payment_link.create({**BILL, "expire_by": now + 3_600})
    sim.advance(3_700)
    assert sim.client.payment_link.fetch(link["id"])["status"] == "expired"
    assert sim.shop.events() == ["payment_link.expired"]
