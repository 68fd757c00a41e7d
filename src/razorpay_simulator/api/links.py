"""/v1/payment_links."""

from collections.abc import Mapping
from typing import Any

from razorpay_simulator.api.call import Call, Route, collection, flag, found, notes, text
from razorpay_simulator.errors import Refusal
from razorpay_simulator.model import PaymentLink
from razorpay_simulator.rules import links, money
from razorpay_simulator.simulator import Simulator

_SHORTEST_LIFE_SECONDS = 15 * 60
_FIELDS = ("amount", "currency", "accept_partial", "first_min_partial_amount", "reference_id", "description",
           "customer", "notify", "reminder_enable", "notes", "callback_url", "callback_method", "expire_by", "upi_link",
           "options")  # fmt: skip
_MEDIA = ("sms", "email")


def create(sim: Simulator, call: Call) -> dict[str, Any]:
    call.only(*_FIELDS)
    if flag(call.body, "accept_partial"):
        raise Refusal("Partial payments are not simulated.", field="accept_partial")
    currency = money.check_currency(call.body.get("currency", "INR"))
    now, link_id = sim.clock.now(), sim.ids.new("plink")
    link = PaymentLink(
        id=link_id,
        amount=money.check_amount(call.body.get("amount"), currency),
        currency=currency,
        created_at=now,
        updated_at=now,
        short_url=f"{sim.url}/l/{link_id}",
        reference_id=_reference(sim, call.body),
        description=text(call.body, "description") or "",
        customer=_object(call.body, "customer"),
        notify=_object(call.body, "notify"),
        reminder_enable=flag(call.body, "reminder_enable"),
        notes=notes(call.body),
        callback_url=text(call.body, "callback_url") or "",
        callback_method=text(call.body, "callback_method") or "",
        expire_by=_expiry(sim, call.body),
    )
    sim.store.save(link)
    _watch(sim, link)
    return link.entity()


def _reference(sim: Simulator, body: Mapping[str, Any], link_id: str = "") -> str:
    reference = text(body, "reference_id", longest=40) or ""
    others = (link for link in sim.store.all(PaymentLink).values() if link.id != link_id)
    if reference and any(link.reference_id == reference for link in others):
        raise Refusal(f"payment link with given reference_id ({reference}) already exists", field="reference_id")
    return reference


def _object(body: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = body.get(name) or {}
    if not isinstance(value, Mapping):
        raise Refusal(f"The {name} must be an object.", field=name)
    return dict(value)


def _expiry(sim: Simulator, body: Mapping[str, Any]) -> int:
    value = body.get("expire_by") or 0
    if not isinstance(value, int):
        raise Refusal("The expire_by must be an integer.", field="expire_by")
    if value and value < sim.clock.now() + _SHORTEST_LIFE_SECONDS:
        raise Refusal("timestamp must be atleast 15 minutes in future", field="expire_by")
    return value


def _watch(sim: Simulator, link: PaymentLink) -> None:
    if link.expire_by:
        sim.later(link.expire_by - sim.clock.exact(), "expire_link", link.id)


def listing(sim: Simulator, call: Call) -> dict[str, Any]:
    """Not a collection, unlike all other lists, and whole unless a `count` is asked for."""
    wanted = call.query.get("reference_id")
    known = [link for link in sim.store.all(PaymentLink).values() if wanted in {None, link.reference_id}]
    if "count" in call.query:
        return {"payment_links": collection(known, call.query)["items"]}
    return {"payment_links": [link.entity() for link in reversed(known)]}


def fetch(sim: Simulator, call: Call) -> dict[str, Any]:
    return found(sim, PaymentLink, call.ids[0]).entity()


def edit(sim: Simulator, call: Call) -> dict[str, Any]:
    link = found(sim, PaymentLink, call.ids[0])
    call.only("reference_id", "expire_by", "notes", "reminder_enable", "accept_partial")
    if link.status != "created":
        raise Refusal(f"Payment link cannot be updated: it is {link.status}.")
    if "reference_id" in call.body:
        link.reference_id = _reference(sim, call.body, link.id)
    if "expire_by" in call.body:
        link.expire_by = _expiry(sim, call.body)
        _watch(sim, link)
    if "notes" in call.body:
        link.notes = notes(call.body)
    if "reminder_enable" in call.body:
        link.reminder_enable = flag(call.body, "reminder_enable")
    link.updated_at = sim.clock.now()
    sim.store.save(link)
    return link.entity()


def cancel(sim: Simulator, call: Call) -> dict[str, Any]:
    link = found(sim, PaymentLink, call.ids[0])
    links.cancel(sim, link)
    return link.entity()


def notify(sim: Simulator, call: Call) -> dict[str, Any]:
    """Nobody is written to; the link remembers that somebody would have been."""
    link = found(sim, PaymentLink, call.ids[0])
    if call.ids[1] not in _MEDIA:
        raise Refusal(f"The medium is one of {', '.join(_MEDIA)}.", field="medium")
    link.notified.append(call.ids[1])
    sim.store.save(link)
    return {"success": True}


ROUTES = (
    Route("POST", "/v1/payment_links", create),
    Route("GET", "/v1/payment_links", listing),
    Route("GET", "/v1/payment_links/{id}", fetch),
    Route("PATCH", "/v1/payment_links/{id}", edit),
    Route("POST", "/v1/payment_links/{id}/cancel", cancel),
    Route("POST", "/v1/payment_links/{id}/notify_by/{medium}", notify),
)
