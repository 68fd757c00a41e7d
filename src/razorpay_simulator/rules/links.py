"""Payment links: paid through an order of their own, cancelled, or expired."""

from urllib.parse import urlencode, urlsplit, urlunsplit

from razorpay_simulator.errors import Refusal
from razorpay_simulator.model import CaptureOptions, Order, Payment, PaymentLink
from razorpay_simulator.signing import payment_link_signature
from razorpay_simulator.simulator import Simulator


def order_for(sim: Simulator, link: PaymentLink) -> Order:
    """The order somebody pays when they open the link; the same each time. Raises Refusal when it is closed."""
    if link.status != "created":
        raise Refusal(f"This payment link is {link.status}.", reason=f"payment_link_{link.status}")
    known = sim.store.get(Order, link.order_id) if link.order_id else None
    if known is not None:
        return known
    order = Order(
        id=sim.ids.new("order"),
        amount=link.amount,
        currency=link.currency,
        created_at=sim.clock.now(),
        receipt=link.reference_id or None,
        notes=link.notes,
        capture=CaptureOptions(mode="automatic"),
        payment_link_id=link.id,
    )
    link.order_id = order.id
    sim.store.save(order)
    sim.store.save(link)
    return order


def paid(sim: Simulator, link: PaymentLink, order: Order, payment: Payment) -> None:
    """Told after the order is paid."""
    link.status, link.amount_paid, link.updated_at = "paid", link.amount, sim.clock.now()
    link.payments.append(
        {
            "amount": payment.amount,
            "created_at": payment.created_at,
            "method": payment.method,
            "payment_id": payment.id,
            "status": payment.status,
        }
    )
    sim.store.save(link)
    sim.announce("payment_link.paid", payment_link=link, order=order, payment=payment)


def cancel(sim: Simulator, link: PaymentLink) -> None:
    """Raises Refusal when it is no longer open."""
    if link.status != "created":
        raise Refusal(f"Payment link cannot be cancelled: it is {link.status}.")
    now = sim.clock.now()
    link.status, link.cancelled_at, link.updated_at = "cancelled", now, now
    sim.store.save(link)
    sim.announce("payment_link.cancelled", payment_link=link)


def expire(sim: Simulator, link: PaymentLink) -> None:
    """When the time given at creation, or since, has come."""
    if link.status != "created" or not link.expire_by or sim.clock.exact() < link.expire_by:
        return
    now = sim.clock.now()
    link.status, link.expired_at, link.updated_at = "expired", now, now
    sim.store.save(link)
    sim.announce("payment_link.expired", payment_link=link)


def callback(sim: Simulator, link: PaymentLink, payment_id: str) -> str | None:
    """Where the browser goes after paying, with what the shop can verify."""
    if not link.callback_url:
        return None
    signature = payment_link_signature(link.id, link.reference_id, link.status, payment_id, sim.config.key_secret)
    fields = {
        "razorpay_payment_id": payment_id,
        "razorpay_payment_link_id": link.id,
        "razorpay_payment_link_reference_id": link.reference_id,
        "razorpay_payment_link_status": link.status,
        "razorpay_signature": signature,
    }
    parts = urlsplit(link.callback_url)
    query = f"{parts.query}&{urlencode(fields)}" if parts.query else urlencode(fields)
    return urlunsplit(parts._replace(query=query))
