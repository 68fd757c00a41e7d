"""The life of a payment: started, authorised or failed, captured; and with it its order's."""

from razorpay_simulator.errors import Refusal
from razorpay_simulator.model import CaptureOptions, Card, Failure, Order, Payment, PaymentLink
from razorpay_simulator.rules import links, money, refunds
from razorpay_simulator.rules.instruments import INR_RAILS, METHODS, Instrument
from razorpay_simulator.simulator import Simulator

UNANSWERED_SECONDS = 10 * 60
"""After which a payment that no bank answered for has failed."""
ALREADY_PAID = "Your payment has been declined as the order is already paid."
_AUTHORIZED_ALREADY = "Your payment has been declined as another payment of the order is already authorized."


def check_payable(sim: Simulator, order: Order) -> None:
    """Raises Refusal when the order takes no more payments."""
    if order.status == "paid":
        raise Refusal(ALREADY_PAID, reason="order_already_paid", step="payment_initiation")
    if any(payment.status == "authorized" for payment in payments_of(sim, order)):
        raise Refusal(_AUTHORIZED_ALREADY, reason="payment_in_progress", step="payment_initiation")


def offered(sim: Simulator, currency: str) -> dict[str, str]:
    """The ways to pay an amount in this currency, and their names."""
    if currency == "INR" or sim.config.inr_rails_for_all_currencies:
        return METHODS
    return {method: name for method, name in METHODS.items() if method not in INR_RAILS}


def payments_of(sim: Simulator, order: Order) -> list[Payment]:
    known = sim.store.all(Payment)
    return [known[payment_id] for payment_id in order.payment_ids if payment_id in known]


def order_of(sim: Simulator, payment: Payment) -> Order | None:
    return sim.store.get(Order, payment.order_id) if payment.order_id else None


def start(
    sim: Simulator,
    instrument: Instrument,
    *,
    order: Order | None,
    amount: int,
    currency: str,
    email: str = "",
    contact: str = "",
    description: str = "",
    notes: dict[str, str] | None = None,
) -> Payment:
    """An attempt to pay begins; without an answer it fails by itself."""
    payment = Payment(
        id=sim.ids.new("pay"),
        amount=amount,
        currency=currency,
        method=instrument.method,
        created_at=sim.clock.now(),
        order_id=order.id if order else None,
        international=currency != "INR" or bool(instrument.card and instrument.card.international),
        base_amount=None if currency == "INR" else money.in_paise(amount, currency),
        description=description or None,
        bank=instrument.bank or (instrument.card.issuer if instrument.card else None),
        wallet=instrument.wallet,
        vpa=instrument.vpa,
        card=_remembered(sim, instrument),
        email=email or "void@razorpay.com",
        contact=contact or None,
        notes=notes or {},
    )
    sim.store.save(payment)
    sim.later(UNANSWERED_SECONDS, "fail_unanswered", payment.id)
    if order is not None:
        order.payment_ids.append(payment.id)
        order.attempts += 1
        order.status = "paid" if order.status == "paid" else "attempted"
        sim.store.save(order)
    return payment


def _remembered(sim: Simulator, instrument: Instrument) -> Card | None:
    card = instrument.card
    if card is None:
        return None
    return Card(
        id=sim.ids.new("card"),
        last4=card.number[-4:],
        network=card.network,
        name=instrument.cardholder,
        issuer=card.issuer,
        international=card.international,
    )


def fail(sim: Simulator, payment: Payment, failure: Failure) -> None:
    """The payment did not succeed; the order stays open for another."""
    payment.status, payment.failure = "failed", failure
    sim.store.save(payment)
    sim.announce("payment.failed", payment=payment)


def authorize(sim: Simulator, payment: Payment, *, may_capture: bool = True) -> None:
    """The bank said yes. Captured at once when the order wants that and the answer came in time; a payment of an order
    that is already paid goes back."""
    order = order_of(sim, payment)
    options = order.capture if order else CaptureOptions(mode="manual")
    age = sim.clock.now() - payment.created_at
    late = payment.status == "failed"
    payment.status, payment.failure, payment.late_authorized = "authorized", None, late
    payment.acquirer_data = _references(sim, payment)
    sim.store.save(payment)
    sim.announce("payment.authorized", payment=payment)
    if order is not None and order.status == "paid":
        refunds.give_back(sim, payment)
    elif may_capture and options.mode == "automatic" and age <= options.automatic_expiry_minutes * 60:
        capture(sim, payment)
    else:
        expiry = options.manual_expiry_minutes * 60
        sim.later(expiry, "refund_uncaptured", payment.id, since=max(payment.created_at, sim.clock.exact() - expiry))


def _references(sim: Simulator, payment: Payment) -> dict[str, str]:
    if payment.method == "upi":
        return {"rrn": sim.ids.number("rrn", 12), "upi_transaction_id": sim.ids.new("upi")[4:].upper()}
    if payment.method == "card":
        return {"auth_code": sim.ids.number("auth", 6)}
    return {"bank_transaction_id" if payment.method == "netbanking" else "transaction_id": sim.ids.number("bank", 7)}


def capture(sim: Simulator, payment: Payment) -> None:
    """The money is taken, and its order is paid."""
    order = order_of(sim, payment)
    payment.status, payment.captured = "captured", True
    payment.fee, payment.tax = money.fee_and_tax(payment.amount, payment.currency, international=payment.international)
    sim.store.save(payment)
    sim.announce("payment.captured", payment=payment)
    if order is None or order.status == "paid":
        return
    order.status, order.amount_paid = "paid", order.amount
    sim.store.save(order)
    sim.announce("order.paid", payment=payment, order=order)
    link = sim.store.get(PaymentLink, order.payment_link_id) if order.payment_link_id else None
    if link is not None:
        links.paid(sim, link, order, payment)
