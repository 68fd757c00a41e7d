"""The fault switches F1 to F20: what can go wrong between a shop and Razorpay, to be made to happen on purpose.

A fault is set for the next so many times it can strike (`times`), or until it is cleared (`times: null`); it may be
narrowed to one order, receipt, event, method or path."""

from fnmatch import fnmatchcase
from typing import NamedTuple

import msgspec

from razorpay_simulator.errors import Refusal


class Kind(NamedTuple):
    """A switch: what it shows, its modes (the first is the default), and whether it stays until cleared."""

    title: str
    modes: tuple[str, ...]
    standing: bool = False


KINDS: dict[str, Kind] = {
    "F1": Kind("every webhook is delivered several times (`count`)", ("duplicate",)),
    "F2": Kind("webhooks of one payment arrive in another order", ("reversed", "shuffled")),
    "F3": Kind("the order is paid and its webhooks arrive before the answer to creating it", ("paid",)),
    "F4": Kind("the browser closes after paying: the page never hears of it", ("closed",)),
    "F5": Kind("the page hears of the payment, no webhook ever comes", ("no-webhook",)),
    "F6": Kind("the page and the webhook tell of the payment at the same moment", ("together",)),
    "F7": Kind(
        "a forged or odd message",
        ("wrong-signature", "no-signature", "wrong-secret", "tampered-body", "unknown-event", "huge-body",
         "checkout-signature"),
    ),
    "F8": Kind("the payment is authorised and not captured", ("authorized",)),
    "F9": Kind("the payment fails, and the same payment is captured `seconds` later", ("recovered",)),
    "F10": Kind("the bank is silent: the payment fails, and is authorised `seconds` after it was made", ("late",)),
    "F11": Kind("a second payment of the same order succeeds; Razorpay refunds it", ("captured", "authorized")),
    "F12": Kind("the payment is not the one expected", ("amount", "currency", "other-order", "other-merchant")),
    "F13": Kind(
        "a request to the API goes wrong",
        ("500", "401", "429", "502", "timeout", "timeout-before", "reset", "reset-after"),
    ),
    "F14": Kind(
        "refunds: one fails, stays pending or is still in progress, or the dashboard refunds the next payment",
        ("failed", "pending", "in-progress", "full", "partial"),
    ),
    "F15": Kind("the next payment is disputed", ("created", "lost", "won")),
    "F16": Kind("the webhook endpoint cannot be reached", ("down",), standing=True),
    "F17": Kind("a webhook comes again a month later, or tells of a month ago", ("replayed", "backdated")),
    "F18": Kind(
        "clocks differ by `seconds`, or stand a second before the month's end or a change to or from summer time",
        ("skew", "month-boundary", "dst"), standing=True,
    ),
    "F19": Kind("test and live keys are mixed up", ("mixed-up",)),
    "F20": Kind("the webhook secret is replaced: what is already on its way keeps the old one", ("rotate",)),
}  # fmt: skip


class Fault(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """One switch that is on."""

    fault: str
    mode: str = ""
    times: int | None = 1
    order_id: str | None = None
    receipt: str | None = None
    event: str | None = None
    """Webhook faults: only this event of a payment. The pattern may hold `*`."""
    method: str | None = None
    path: str | None = None
    """API faults: only this path, such as `/v1/orders` or `/v1/orders/*`."""
    seconds: float | None = None
    count: int = 2
    size_bytes: int = 3_000_000
    amount: int | None = None
    currency: str | None = None
    secret: str | None = None
    struck: int = 0

    def matches(self, *, order_id: str | None, receipt: str | None, method: str | None, path: str | None) -> bool:
        facts = ((self.order_id, order_id), (self.receipt, receipt), (self.method, method))
        if any(wanted is not None and wanted != fact for wanted, fact in facts):
            return False
        return self.path is None or fnmatchcase(path or "", self.path)

    def concerns(self, event: str) -> bool:
        return self.event is None or fnmatchcase(event, self.event)


def checked(fault: Fault) -> Fault:
    """With its mode filled in. Raises Refusal for a switch or a mode that does not exist."""
    kind = KINDS.get(fault.fault)
    if kind is None:
        raise Refusal(f"There is no fault {fault.fault}: F1 to F20.", field="fault")
    fault.mode = fault.mode or kind.modes[0]
    if fault.mode not in kind.modes:
        raise Refusal(f"{fault.fault} has the modes {', '.join(kind.modes)}.", field="mode")
    if kind.standing:
        fault.times = None
    return fault


class Faults:
    """The switches that are on, oldest first."""

    def __init__(self) -> None:
        self.on: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Raises Refusal for a switch or a mode that does not exist."""
        self.on.append(checked(fault))

    def find(
        self,
        name: str,
        *modes: str,
        order_id: str | None = None,
        receipt: str | None = None,
        method: str | None = None,
        path: str | None = None,
    ) -> Fault | None:
        """The first that strikes here, without using it up."""
        for fault in self.on:
            if fault.fault != name or (modes and fault.mode not in modes):
                continue
            if fault.matches(order_id=order_id, receipt=receipt, method=method, path=path):
                return fault
        return None

    def take(
        self,
        name: str,
        *modes: str,
        order_id: str | None = None,
        receipt: str | None = None,
        method: str | None = None,
        path: str | None = None,
    ) -> Fault | None:
        """The first that strikes here; one of its times is used up."""
        fault = self.find(name, *modes, order_id=order_id, receipt=receipt, method=method, path=path)
        if fault is not None:
            fault.struck += 1
            if fault.times is not None:
                fault.times -= 1
                if fault.times <= 0:
                    self.on.remove(fault)
        return fault

    def clear(self, name: str | None = None) -> None:
        """Switch off one, or all."""
        self.on = [fault for fault in self.on if name is not None and fault.fault != name]
