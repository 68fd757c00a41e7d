"""Receipts of payments: as a page and as PDF (R78)."""

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from testkase.core.access import Action
from testkase.entrypoints.web.billing.purchases import ONLY_THEY
from testkase.entrypoints.web.billing.receipt_pdf import WENT_BACK, receipt_pdf
from testkase.entrypoints.web.statements.lettering import can_write
from testkase.entrypoints.web.viewer import MemberRequest
from testkase.services.billing.purchasing.rows import attempts_at
from testkase.services.billing.receipts import Receipt, receipt_by_number
from testkase.services.organizations.tenancy import run_here


@require_safe
def page(request: MemberRequest, number: str) -> HttpResponse:
    """Seller, buyer, what was bought, the taxes in it, how it was paid, and what of it went back since: the receipt
    itself goes on saying what it said."""
    found = _receipt(request, number)
    facts = {
        "section": "billing",
        "receipt": found,
        "went_back": _went_back(request, found),
        "went_back_words": WENT_BACK,
    }
    return render(request, "testkase/billing/receipt.html", facts)


@require_safe
def as_pdf(request: MemberRequest, number: str) -> HttpResponse:
    """The same on paper, what went back included."""
    found = _receipt(request, number)
    organization = request.viewer.organization
    content = receipt_pdf(
        found, reference=organization.name if can_write(organization.name) else organization.slug,
        page=settings.VALUES.public_url + reverse("payment_receipt", args=[found.number]),
        went_back=_went_back(request, found),
    )  # fmt: skip
    response = HttpResponse(content, content_type="application/pdf")
    response.headers["Content-Disposition"] = f'attachment; filename="receipt-{found.number}.pdf"'
    return response


def _went_back(request: MemberRequest, receipt: Receipt) -> int:
    """What of its payment refunds and lost disputes took since, in minor units."""
    attempts = run_here(attempts_at(request.viewer.org_id, receipt.target_id))
    return sum(one.went_back for one in attempts if one.payment_id == receipt.payment_id)


def _receipt(request: MemberRequest, number: str) -> Receipt:
    request.viewer.must(Action.VIEW_BILLING, ONLY_THEY)
    return run_here(receipt_by_number(request.viewer.org_id, number))
