"""One purchase: paying it, coming back from the provider, and looking again until it is decided (R25, R32, R33)."""

import re
from contextlib import suppress
from typing import Any, cast

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.contrib.messages.storage.base import BaseStorage
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import HttpResponseClientRedirect

from testkase.core.access import Action
from testkase.core.ledger.credits import whole_credits
from testkase.core.ledger.current import current_balance
from testkase.entrypoints.web.billing.checkout import checkout_for
from testkase.entrypoints.web.billing.standing import Standing
from testkase.entrypoints.web.billing.till import carry_out, seller, till, transact
from testkase.entrypoints.web.billing.watch import Watch
from testkase.entrypoints.web.middleware import (
    allow_also,
    asks_elsewhere,
    for_the_one_shown,
    shown_to,
    without_transaction,
)
from testkase.entrypoints.web.query import number
from testkase.entrypoints.web.viewer import SESSION_ORGANIZATION, MemberRequest
from testkase.foundation.database import Operation
from testkase.foundation.problems import Problem, Unavailable
from testkase.services.billing.provider import ProviderRefused
from testkase.services.billing.purchasing.buying import look_at, returned_from_checkout
from testkase.services.billing.purchasing.rows import attempts_at, became_of, owner_of, purchase_by_id
from testkase.services.billing.receipts import receipt_of
from testkase.services.organizations.tenancy import run_here

ONLY_THEY = "Payments are for the Owner and the Admins. Ask your Owner."
_REF = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_LONGEST = 200


def standing(org_id: int, purchase_id: str) -> Operation[Standing]:
    """Raises PurchaseNotFound."""
    purchase = yield from purchase_by_id(org_id, purchase_id)
    tried = yield from attempts_at(org_id, purchase_id)
    if purchase.payment_id is None:
        return Standing(purchase=purchase, attempts=tried, receipt=None)
    receipt = yield from receipt_of(org_id, purchase_id)
    became = yield from became_of(org_id, purchase.payment_id)
    return Standing(purchase=purchase, attempts=tried, receipt=receipt.number, became=became)


@require_safe
def show(request: MemberRequest, purchase_id: str) -> HttpResponse:
    """Where it is paid, and how it stands ever after."""
    request.viewer.must(Action.VIEW_BILLING, ONLY_THEY)
    facts = _facts(request, purchase_id)
    facts |= {"section": "billing", "watch": Watch.first(facts["standing"]), "unsigned": "unsigned" in request.GET}
    response = render(request, "testkase/billing/purchase.html", facts)
    found = till()
    if found is not None and facts["checkout"] is not None:
        allow_also(response, found.sources)
        # Banks answer in windows of their own, which must find the page they were opened from.
        response.headers["Cross-Origin-Opener-Policy"] = "same-origin-allow-popups"
    return response


@require_POST
@asks_elsewhere
@for_the_one_shown
def look(request: MemberRequest, purchase_id: str) -> HttpResponseBase:
    """Ask the provider again, unless our own rows know more already than the page has `seen`."""
    request.viewer.must(Action.VIEW_BILLING, ONLY_THEY)
    org_id, seen = request.viewer.org_id, request.POST.get("seen", "")
    found = transact(standing(org_id, purchase_id), org_id=org_id)
    if found.seen == seen and found.watched:
        with suppress(Unavailable, ProviderRefused):  # it is asked again in a while, here and by the reconciler
            carry_out(look_at(found.purchase, seller()))
    step = number(request.POST.get("step")) or 0
    return _away(request, purchase_id) or shown_to(
        request, lambda again: _news(again, purchase_id, seen=seen, step=step)
    )


@require_POST
@asks_elsewhere
@for_the_one_shown
def came_back(request: MemberRequest, purchase_id: str) -> HttpResponseBase:
    """The checkout says that it was paid. What is not signed for this order changes nothing (R33)."""
    request.viewer.must(Action.VIEW_BILLING, ONLY_THEY)
    try:
        note = "" if _returned(request, request.viewer.org_id, purchase_id) else "unsigned"
    except (Unavailable, ProviderRefused):
        note = "silent"
    if (away := _away(request, purchase_id)) is not None:
        return away
    if request.headers.get("HX-Request"):
        return shown_to(request, lambda again: _news(again, purchase_id, seen="", step=0, note=note))
    return _to_page(purchase_id, note)


@csrf_exempt
@login_not_required
@without_transaction
@require_POST
def called_back(request: HttpRequest, purchase_id: str) -> HttpResponse:
    """The provider's own page sends the browser here, across sites and so without a session: the order says whose it
    is, and the signature whether it counts. Whoever has none of it is sent on, and nothing happens."""
    order_id, whose = request.POST.get("razorpay_order_id", ""), number(request.GET.get("organization"))
    owner = transact(owner_of(order_id), org_id=None) if _REF.fullmatch(order_id) else None
    if owner is None or owner[1] != purchase_id:
        return _to_page(purchase_id, "unsigned" if order_id else "", whose)
    try:
        note = "" if _returned(request, *owner) else "unsigned"
    except Problem:  # the page that it leads to asks again
        note = ""
    return _to_page(purchase_id, note, whose)


def _returned(request: HttpRequest, org_id: int, purchase_id: str) -> bool:
    done = carry_out(
        returned_from_checkout(
            org_id, purchase_id, payment_id=request.POST.get("razorpay_payment_id", "")[:_LONGEST],
            signature=request.POST.get("razorpay_signature", "")[:_LONGEST], seller=seller(),
        )
    )  # fmt: skip
    return done is not None


def _to_page(purchase_id: str, note: str, whose: int | None = None) -> HttpResponse:
    said = [f"organization={whose}"] if whose is not None else []
    query = "&".join([*said, "unsigned"] if note == "unsigned" else said)
    response = HttpResponseRedirect(reverse("purchase", args=[purchase_id]) + (f"?{query}" if query else ""))
    response.status_code = 303
    return response


def _away(request: MemberRequest, purchase_id: str) -> HttpResponse | None:
    """Leave the page of a purchase that is paid where its person works in another organization by now: that one's pages
    show neither the purchase nor its credits."""
    viewer, chosen = request.viewer, request.session.get(SESSION_ORGANIZATION)
    now = next((one for one in viewer.others if one.pk == chosen), None)
    if now is None:
        return None
    purchase = transact(purchase_by_id(viewer.org_id, purchase_id), org_id=viewer.org_id)
    if purchase.state != "paid":
        return None
    got = f"{whole_credits(purchase.credits)} credits were added to {viewer.organization.name}"
    _say_once(request, f"Paid: {got}. You work in {now.name} now.")
    return HttpResponseClientRedirect(reverse("home")) if request.headers.get("HX-Request") else redirect("home")


def _say_once(request: MemberRequest, text: str) -> None:
    """The provider's return and the page's own look may both find that it is paid, before a page has shown it."""
    waiting = cast(BaseStorage, messages.get_messages(request))
    if not any(str(message) == text for message in waiting):
        messages.success(request, text)
    waiting.used = False


def _news(request: MemberRequest, purchase_id: str, *, seen: str, step: int, note: str = "") -> HttpResponse:
    """The part that watches, and beside it the purchase where it stands differently from what the page has seen."""
    facts = _facts(request, purchase_id)
    facts |= {"news": facts["standing"].seen != seen, "note": note, "unsigned": note == "unsigned"}
    facts["watch"] = Watch.next(facts["standing"], step=0 if facts["news"] else step)
    response = render(request, "testkase/billing/_watch.html", facts)
    if facts["standing"].purchase.state == "paid":
        response["HX-Trigger"] = "balance-changed"
    return response


def _facts(request: MemberRequest, purchase_id: str) -> dict[str, Any]:
    viewer = request.viewer
    balance = run_here(current_balance(viewer.org_id))  # first: what is due to expire has expired then
    found = run_here(standing(viewer.org_id, purchase_id))
    may_buy = viewer.can(Action.BUY_CREDITS)
    return {
        "standing": found,
        "purchase": found.purchase,
        "balance": balance,
        "may_buy": may_buy,
        "checkout": checkout_for(found, viewer) if may_buy and found.payable else None,
    }
