"""Settings → Plans & Billing (R78): the plan, what was paid and billed, and what the Owner decides about buying."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from testkase.core.access import Action
from testkase.core.ledger import queries
from testkase.core.ledger.current import current_balance
from testkase.core.ledger.queries import Balance
from testkase.entrypoints.web.billing.history import history_of
from testkase.entrypoints.web.billing.offers import priced
from testkase.entrypoints.web.billing.purchases import ONLY_THEY
from testkase.entrypoints.web.billing.till import till
from testkase.entrypoints.web.expiry import expiring, set_aside
from testkase.entrypoints.web.offer import current_prices
from testkase.entrypoints.web.viewer import MemberRequest, Viewer
from testkase.foundation.ids import new_id
from testkase.services.billing.model import Bill
from testkase.services.billing.overage.allowing import LEAST_BILL_CENTS, cap_in_credits, list_bills, look_soon, overage
from testkase.services.billing.overage.surplus import bill_payments
from testkase.services.billing.settings import billing_settings
from testkase.services.organizations.tenancy import run_here

_EXAMPLE_CENTS = 2_000
_RETURN = ("payment_id", "payment_link_id", "payment_link_reference_id", "payment_link_status", "signature")
"""What the provider adds to the address, signed."""


@require_safe
def page(request: MemberRequest) -> HttpResponse:
    """The whole page; `before` begins its history further down."""
    request.viewer.must(Action.VIEW_BILLING, ONLY_THEY)
    return billing_page(request)


@require_safe
def older(request: MemberRequest) -> HttpResponse:
    """Further lines of the payment history alone."""
    request.viewer.must(Action.VIEW_BILLING, ONLY_THEY)
    history = history_of(request.viewer.org_id, request.GET.get("before"))
    return render(request, "testkase/billing/_history_rows.html", {"history": history, **_rights(request.viewer)})


def billing_page(request: MemberRequest, *, status: int = 200, **more: Any) -> HttpResponse:
    """The page, also as the answer to one of its forms that could not be used; `more` says why, and what was typed."""
    viewer = request.viewer
    balance = run_here(current_balance(viewer.org_id))
    having = run_here(queries.lots(viewer.org_id))
    bills = run_here(list_bills(viewer.org_id))
    facts = {
        "section": "billing",
        "balance": balance,
        "expiring": expiring(having),
        "set_aside": set_aside(having),
        "history": history_of(viewer.org_id, request.GET.get("before")),
        "paged": "before" in request.GET,
        "link_paid": _awaited(request, bills),
        "bills": bills,
        "bill_payments": run_here(bill_payments(viewer.org_id, [bill.bill_id for bill, _ in bills])),
        "least_bill": LEAST_BILL_CENTS,
        "settings": run_here(billing_settings(viewer.org_id)),
        "form_id": new_id("form"),
        "set_up": till() is not None,
        **_rights(viewer),
        **_beyond(viewer, balance),
        **more,
    }
    return render(request, "testkase/billing/plans.html", facts, status=status)


def _awaited(request: MemberRequest, bills: list[tuple[Bill, str | None]]) -> bool:
    """Whether the viewer comes from a page of the provider that says it was paid, which has not been confirmed yet.
    The provider is asked at once then, as at every return from it: its own report may never arrive."""
    told = {name: request.GET.get(f"razorpay_{name}", "") for name in _RETURN}
    link_id = told["payment_link_id"]
    waiting = [bill for bill, _ in bills if bill.link_id == link_id and not bill.is_settled]
    if told["payment_link_status"] != "paid" or not waiting:
        return False
    sold_by = till()
    if sold_by is not None and sold_by.provider.is_link_signature(
        link_id=link_id, reference=told["payment_link_reference_id"], status=told["payment_link_status"],
        payment_id=told["payment_id"], signature=told["signature"],
    ):  # fmt: skip
        run_here(look_soon(request.viewer.org_id, waiting[0].bill_id))
    return True


def _rights(viewer: Viewer) -> dict[str, bool]:
    return {
        "may_buy": viewer.can(Action.BUY_CREDITS),
        "sets_roles": viewer.can(Action.SET_PURCHASE_ROLES),
        "sets_overage": viewer.can(Action.SET_OVERAGE),
    }


def _beyond(viewer: Viewer, balance: Balance) -> dict[str, Any]:
    """Use beyond the balance, its price beside the smallest bundle's, and what an amount of money buys in each way."""
    book = current_prices()
    first, price = book.bundles[0], book.overage_price_cents
    return {
        "overage": run_here(overage(viewer.org_id, book)),
        "book": book,
        "first": first,
        "first_price": priced(first, "USD"),
        "dearer": price * first.credits_per_dollar // 100,
        "example": {
            "cents": _EXAMPLE_CENTS,
            "credits": cap_in_credits(_EXAMPLE_CENTS, price),
            "bundled": first.credits_per_dollar * _EXAMPLE_CENTS // 100,
        },
    }
