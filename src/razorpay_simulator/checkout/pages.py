"""Which page Checkout shows now. Every page works without scripts; in the modal a script tells the shop's page."""

import json
from html import escape
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from razorpay_simulator.model import Checkout, PaymentLink
from razorpay_simulator.rules import links, money
from razorpay_simulator.rules.instruments import BANKS, CARDS, WALLETS
from razorpay_simulator.rules.payments import offered
from razorpay_simulator.simulator import Simulator
from razorpay_simulator.templates import NOTHING, Html, fill, joined

_SYMBOL = {"upi": "upi", "card": "card", "netbanking": "bank", "wallet": "wallet", "international": "globe"}


def page(
    sim: Simulator, checkout: Checkout, *, method: str = "", complaint: str = "", typed: dict[str, str] | None = None
) -> Html:
    """The page of the step Checkout is at. `complaint` is what was wrong with the form, `typed` what stood in it."""
    match checkout.step:
        case "otp":
            content = fill("otp", id=checkout.id, complaint=_complaint(complaint))
        case "bank":
            content = fill("bank", id=checkout.id, who=_bank_name(checkout.method))
        case "done":
            content = _done(sim, checkout)
        case _:
            content = _choose(sim, checkout, method, complaint, typed or {})
    return _around(checkout, content)


def problem(text: str, *, parent_origin: str | None = None) -> Html:
    """Checkout cannot open, and says why."""
    content = fill("problem", text=text)
    return fill(
        "layout",
        title="Checkout cannot open",
        kind="problem",
        head=_closing("modal" if parent_origin else "hosted", None),
        content=content,
        message="",
        parent=parent_origin or "",
        color="",
    )


def _around(checkout: Checkout, content: Html) -> Html:
    name = checkout.name or "Test shop"
    head = fill(
        "head",
        initial=name[:1].upper(),
        name=name,
        description=checkout.description,
        amount=money.shown(checkout.amount, checkout.currency),
        who=" · ".join(filter(None, (checkout.prefill.get("contact"), checkout.prefill.get("email")))),
        close=_closing(checkout.kind, checkout.cancel_url),
    )
    return fill(
        "layout",
        title=f"Pay {name}",
        kind=checkout.kind,
        head=head,
        content=content,
        message=_message(checkout),
        parent=checkout.parent_origin or "",
        color=checkout.color,
    )


def _closing(kind: str, cancel_url: str | None) -> Html:
    if kind == "modal":
        return Html('<button type="button" class="close" data-say="dismiss" aria-label="Close Checkout">×</button>')
    if cancel_url is not None:
        return Html(f'<a class="close" href="{escape(cancel_url)}" aria-label="Cancel and go back">×</a>')
    return NOTHING


def _message(checkout: Checkout) -> str:
    """What the modal's script tells the shop's page, as JSON."""
    if checkout.kind != "modal" or checkout.silent:
        return ""
    if checkout.step == "done" and checkout.handler:
        return json.dumps({"type": "success", "response": checkout.handler})
    if checkout.error is not None:
        return json.dumps({"type": "failed", "error": checkout.error})
    return ""


def _choose(sim: Simulator, checkout: Checkout, method: str, complaint: str, typed: dict[str, str]) -> Html:
    ways = offered(sim, checkout.currency)
    amount = money.shown(checkout.amount, checkout.currency)
    chosen = next((way for way in (method, checkout.method) if way in ways), next(iter(ways)))
    tabs = [
        fill(
            "tab",
            id=checkout.id,
            method=way,
            name=name,
            symbol=_SYMBOL[way],
            current=Html('aria-current="true"') if way == chosen else NOTHING,
        )
        for way, name in ways.items()
    ]
    return fill(
        "choose",
        id=checkout.id,
        failed=_failed(checkout),
        tabs=joined(tabs),
        method=chosen,
        complaint=_complaint(complaint),
        fields=_fields(chosen, typed),
        verb="Continue" if chosen in {"netbanking", "wallet"} else f"Pay {amount}",
    )


def _complaint(text: str) -> Html:
    return fill("complaint", text=text) if text else NOTHING


def _failed(checkout: Checkout) -> Html:
    if checkout.error is None:
        return NOTHING
    back = NOTHING
    if checkout.callback_url is not None and checkout.kind == "hosted":
        error = checkout.error
        pairs = {f"error[{key}]": str(error[key]) for key in ("code", "description", "source", "step", "reason")}
        pairs["error[metadata]"] = json.dumps(error["metadata"])
        back = _form(checkout.callback_url, "post", pairs, "Go back to the shop", at_once=not checkout.retry)
    return fill("failed", text=checkout.error["description"], reason=checkout.error["reason"], back=back)


def _fields(method: str, typed: dict[str, str]) -> Html:
    values = {name: typed.get(name, "") for name in ("vpa", "number", "expiry", "cvv", "cardholder")}
    if method == "upi":
        return fill("upi", vpa=values["vpa"] or "success@razorpay")
    if method == "netbanking":
        return _radios("bank", BANKS, "Choose your bank", typed.get("bank"))
    if method == "wallet":
        return _radios("wallet", WALLETS, "Choose your wallet", typed.get("wallet"))
    abroad = method == "international"
    cards = [card for card in CARDS.values() if card.international == abroad]
    chips = [fill("chip", number=_spaced(card.number), label=card.label, network=card.network) for card in cards]
    address = fill("address") if abroad else NOTHING
    values.pop("vpa")
    return fill("card", chips=joined(chips), address=address, **values)


def _radios(name: str, options: dict[str, str], legend: str, chosen: str | None) -> Html:
    first = chosen or next(iter(options))
    made = [
        fill("radio", name=name, value=value, label=label, checked="checked" if value == first else "")
        for value, label in options.items()
    ]
    return fill("radios", legend=legend, options=joined(made))


def _spaced(number: str) -> str:
    return " ".join(number[place : place + 4] for place in range(0, len(number), 4))


def _bank_name(method: str) -> str:
    return {"wallet": "wallet", "international": "card's bank"}.get(method, "bank")


def _done(sim: Simulator, checkout: Checkout) -> Html:
    if checkout.silent:
        return fill(
            "done", text="Paid. The browser is gone before the shop's page hears of it (fault F4).", back=NOTHING
        )
    handler = checkout.handler or {}
    back = NOTHING
    if checkout.kind == "hosted" and checkout.callback_url is not None:
        back = _form(checkout.callback_url, "post", handler, "Continue to the shop", at_once=True)
    link = sim.store.get(PaymentLink, checkout.link_id) if checkout.link_id else None
    if link is not None and (target := links.callback(sim, link, handler["razorpay_payment_id"])):
        parts = urlsplit(target)
        action = urlunsplit(parts._replace(query=""))
        back = _form(action, "get", dict(parse_qsl(parts.query)), "Continue to the shop", at_once=True)
    return fill("done", text="Payment successful", back=back)


def _form(action: str, method: str, pairs: dict[str, str], label: str, *, at_once: bool) -> Html:
    hidden = [
        Html(f'<input type="hidden" name="{escape(key)}" value="{escape(value)}">') for key, value in pairs.items()
    ]
    return fill(
        "back",
        action=action,
        method=method,
        hidden=joined(hidden),
        label=label,
        at_once=Html("data-at-once") if at_once else NOTHING,
    )
