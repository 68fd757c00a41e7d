"""Settings → AI Credits → buy: choose one of the four bundles (R23, R24), on a page or in a dialog of that page."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from django.http import HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from testkase.core.access import Action
from testkase.core.ledger import queries
from testkase.core.ledger.current import current_balance
from testkase.core.ledger.queries import Balance
from testkase.core.pricing import PriceBook
from testkase.core.pricing.cover import cheapest
from testkase.entrypoints.web.billing.offers import offers
from testkase.entrypoints.web.billing.till import carry_out, till
from testkase.entrypoints.web.errors import status_of
from testkase.entrypoints.web.middleware import asks_elsewhere, shown_to
from testkase.entrypoints.web.offer import current_prices
from testkase.entrypoints.web.outlook.panel import outlook_of
from testkase.entrypoints.web.outlook.words import Outlook
from testkase.entrypoints.web.viewer import MemberRequest, Viewer
from testkase.foundation.database import Operation
from testkase.foundation.ids import new_id
from testkase.foundation.problems import Problem, Unavailable
from testkase.services.billing.model import Buyer, PaymentMismatch, Purchase
from testkase.services.billing.provider import ProviderRefused
from testkase.services.billing.purchasing.buying import MayBuy
from testkase.services.billing.purchasing.buying import buy as begin_and_order
from testkase.services.billing.settings import billing_settings
from testkase.services.organizations.tenancy import run_here

_NOT_YOURS = "Buying is for the Owner, and for Admins where the Owner allows it. Ask your Owner to buy some."


@require_http_methods(["GET", "POST"])
@asks_elsewhere
def buy(request: MemberRequest) -> HttpResponseBase:
    """The bundles; the form of one begins its purchase and leads to where it is paid. Where the provider cannot be
    asked, the page comes again with the same ids: trying again is still the same purchase."""
    if request.method != "POST":
        return shown_to(request, _page)
    try:
        purchase = _begun(request)
    except (ProviderRefused, PaymentMismatch, Unavailable) as problem:
        failed = problem
        return shown_to(request, lambda again: _page(again, failed))
    pay = "#pay" if purchase.state in ("open", "closed") else ""  # the page there opens the checkout at once
    response = HttpResponseRedirect(reverse("purchase", args=[purchase.purchase_id]) + pay)
    response.status_code = 303
    return response


def _begun(request: MemberRequest) -> Purchase:
    viewer, sent = request.viewer, request.POST
    return carry_out(
        begin_and_order(
            viewer.org_id, _buyer(viewer), request_id=sent.get("request_id", ""), book=current_prices(),
            bundle=sent.get("bundle", ""), currency=sent.get("currency", "USD"), may_buy=_may_buy(viewer),
        )
    )  # fmt: skip


def _buyer(viewer: Viewer) -> Buyer:
    user = viewer.user
    return Buyer(kind="person", ref=user.ref, name=user.name, user_id=int(user.pk))


def _may_buy(viewer: Viewer) -> MayBuy:
    def check() -> Operation[None]:
        settings = yield from billing_settings(viewer.org_id)
        settings.check_may_buy(viewer.role)

    return check


def _page(request: MemberRequest, problem: Problem | None = None) -> HttpResponse:
    request.viewer.must(Action.BUY_CREDITS, _NOT_YOURS)
    dialog = request.headers.get("HX-Target") == "dialog-body"
    facts = {"section": "credits", "dialog": dialog, "problem": problem, **_offer_facts(request)}
    template = "testkase/billing/_buy.html" if dialog else "testkase/billing/buy.html"
    return render(request, template, facts, status=200 if problem is None else int(status_of(problem)))


def _outlook(balance: Balance, book: PriceBook, currency: str) -> Outlook:
    """The forecast, with what covers its gap at the prices of the table beside it: nothing is converted (P8)."""
    found = outlook_of(balance, run_here(queries.lots(balance.org_id)))
    if found.cover is None:
        return found
    return replace(found, cover=cheapest(book.bundles, found.missing, currency))


def _offer_facts(request: MemberRequest) -> dict[str, Any]:
    org_id, book, found = request.viewer.org_id, current_prices(), till()
    balance = run_here(current_balance(org_id))
    sent = request.POST if request.method == "POST" else request.GET
    page_id = sent.get("request_id", "").partition(".")[0][:60] or new_id("buy")
    table = offers(
        book, balance, currency=sent.get("currency", "USD"), page_id=page_id, now=datetime.now(UTC)
    )  # fmt: skip
    return {
        "balance": balance,
        "offers": table,
        "outlook": _outlook(balance, book, table.currency) if balance.ai_enabled else None,
        "book": book,
        "dearer": book.overage_price_cents * table.lines[0].bundle.credits_per_dollar // 100,
        "set_up": found is not None,
        "is_test": found is not None and found.provider.is_test,
    }
