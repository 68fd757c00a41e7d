"""Opening Checkout: what the shop asked for, checked against the order."""

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from razorpay_simulator.config import LIVE
from razorpay_simulator.errors import Refusal, not_authenticated, unknown_id
from razorpay_simulator.model import Checkout, Order, PaymentLink
from razorpay_simulator.rules import links, money, payments
from razorpay_simulator.rules.instruments import METHODS
from razorpay_simulator.simulator import Simulator

_COLOR = re.compile(r"#[0-9a-fA-F]{3}(?:[0-9a-fA-F]{3})?")
_LONGEST_TEXT = 255


def opened(sim: Simulator, fields: Mapping[str, str], *, kind: str) -> Checkout:
    """A modal (`kind` "modal") or a page of its own ("hosted"), with the options as form fields: `prefill[email]`.
    Raises Refusal."""
    _check_key(sim, fields.get("key") or fields.get("key_id") or "")
    order = _order(sim, fields)
    amount, currency = (order.amount, order.currency) if order else _without_order(fields)
    callback_url = _address(fields, "callback_url")
    if kind == "hosted" and callback_url is None:
        raise Refusal("The callback url field is required.", field="callback_url")
    checkout = Checkout(
        id=sim.ids.new("chk"),
        kind=kind,
        order_id=order.id if order else None,
        amount=amount,
        currency=currency,
        name=fields.get("name", "")[:_LONGEST_TEXT],
        description=fields.get("description", "")[:_LONGEST_TEXT],
        method=_method(fields),
        color=_color(fields),
        prefill=_nested(fields, "prefill"),
        notes=_nested(fields, "notes"),
        retry=fields.get("retry[enabled]", "true").lower() not in {"false", "0"},
        parent_origin=_origin(fields) if kind == "modal" else None,
        callback_url=callback_url,
        cancel_url=_address(fields, "cancel_url"),
    )
    sim.store.save(checkout)
    return checkout


def opened_for_link(sim: Simulator, link_id: str) -> Checkout:
    """The page behind a payment link. Raises Refusal when it is paid, cancelled or expired."""
    link = sim.store.get(PaymentLink, link_id)
    if link is None:
        raise unknown_id()
    order = links.order_for(sim, link)
    payments.check_payable(sim, order)
    prefill = {key: str(value) for key, value in link.customer.items()}
    checkout = Checkout(
        id=sim.ids.new("chk"),
        kind="link",
        order_id=order.id,
        amount=link.amount,
        currency=link.currency,
        name="Payment link",
        description=link.description,
        prefill=prefill,
        notes=link.notes,
        link_id=link.id,
        callback_url=link.callback_url or None,
    )
    sim.store.save(checkout)
    return checkout


def _check_key(sim: Simulator, key: str) -> None:
    if key.startswith(LIVE):
        raise not_authenticated("This is a simulator: live keys are refused.")
    if key != sim.config.key_id:
        raise not_authenticated("The api key provided is invalid")


def _order(sim: Simulator, fields: Mapping[str, str]) -> Order | None:
    order_id = fields.get("order_id", "")
    if not order_id:
        return None
    order = sim.store.get(Order, order_id)
    if order is None or sim.faults.take("F19", order_id=order_id):
        raise unknown_id()
    if fields.get("amount") not in {None, "", str(order.amount)}:
        raise Refusal("Your payment amount is different from your order amount.", field="amount")
    if fields.get("currency") not in {None, "", order.currency}:
        raise Refusal("Your payment currency is different from your order currency.", field="currency")
    payments.check_payable(sim, order)
    return order


def _without_order(fields: Mapping[str, str]) -> tuple[int, str]:
    currency = money.check_currency(fields.get("currency") or "INR")
    return money.check_amount(fields.get("amount"), currency), currency


def _nested(fields: Mapping[str, str], name: str) -> dict[str, str]:
    """`notes[purchase]=7` as {"purchase": "7"}."""
    start = f"{name}["
    return {key[len(start) : -1]: value for key, value in fields.items() if key.startswith(start) and key[-1] == "]"}


def _method(fields: Mapping[str, str]) -> str:
    wanted = fields.get("prefill[method]", "")
    return wanted if wanted in METHODS else ""


def _color(fields: Mapping[str, str]) -> str:
    color = fields.get("theme[color]", "")
    return color if _COLOR.fullmatch(color) else ""


def _address(fields: Mapping[str, str], name: str) -> str | None:
    url = fields.get(name, "")
    if not url:
        return None
    if urlsplit(url).scheme not in {"http", "https"}:
        raise Refusal(f"The {name} format is invalid.", field=name)
    return url


def _origin(fields: Mapping[str, str]) -> str:
    """Of the page that shows the modal: the only one told what happens in it."""
    parts = urlsplit(fields.get("parent", ""))
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        raise Refusal("The page that opens Checkout must name its origin.", field="parent")
    return f"{parts.scheme}://{parts.netloc}"
