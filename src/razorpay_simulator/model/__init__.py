"""What the simulator remembers: plain records, each of which can show itself as the API does (`entity()`)."""

from razorpay_simulator.model.checkout import Checkout
from razorpay_simulator.model.dispute import Dispute
from razorpay_simulator.model.link import PaymentLink
from razorpay_simulator.model.order import CaptureOptions, Order
from razorpay_simulator.model.payment import Card, Failure, Payment
from razorpay_simulator.model.refund import Refund, RefundKey
from razorpay_simulator.model.store import Store
from razorpay_simulator.model.timer import Timer
from razorpay_simulator.model.webhook import Attempt, Delivery, Endpoint, Event

__all__ = [
    "Attempt", "CaptureOptions", "Card", "Checkout", "Delivery", "Dispute", "Endpoint", "Event", "Failure", "Order",
    "Payment", "PaymentLink", "Refund", "RefundKey", "Store", "Timer",
]  # fmt: skip
