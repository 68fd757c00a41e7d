"""What is decided on Plans & Billing: who buys, how much may be used beyond the balance, what receipts say of a buyer,
and that a debt is covered from the balance."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from testkase.core.access import Action
from testkase.core.ledger.commands import CoverDebt
from testkase.core.ledger.credits import grouped_credits
from testkase.core.ledger.current import current_balance
from testkase.core.ledger.operations import execute_one
from testkase.core.ledger.refusals import InsufficientCredits, NotOwed
from testkase.core.pricing.money import money
from testkase.entrypoints.web.billing.plans import billing_page
from testkase.entrypoints.web.billing.till import till
from testkase.entrypoints.web.errors import status_of
from testkase.entrypoints.web.offer import current_prices
from testkase.entrypoints.web.query import form_id, typed_cents
from testkase.entrypoints.web.statements.lettering import can_write
from testkase.entrypoints.web.viewer import MemberRequest
from testkase.foundation.problems import InvalidInput, Problem
from testkase.services.audit import Activity, record
from testkase.services.billing.model import NotSetUp
from testkase.services.billing.overage.allowing import CURRENCY, BillUnpaid, set_overage
from testkase.services.billing.settings import set_buyer, set_purchase_roles
from testkase.services.organizations.tenancy import run_here

_OWNER_DECIDES = "Only the Owner of the organization decides this. Ask your Owner."


@require_POST
def purchase_roles(request: MemberRequest) -> HttpResponse:
    """Who buys (R36, R37)."""
    viewer, roles = request.viewer, request.POST.get("purchase_roles", "")
    viewer.must(Action.SET_PURCHASE_ROLES, _OWNER_DECIDES)
    if run_here(set_purchase_roles(viewer.org_id, viewer.actor, roles)):
        who = "Only you buy credits now" if roles == "owner" else "You and the Admins buy credits now"
        messages.success(request, f"{who}. That holds at once.")
    return redirect("billing")


@require_POST
def overage(request: MemberRequest) -> HttpResponse:
    """Allow use beyond the balance up to a typed cap, or switch it off (P7)."""
    viewer, typed = request.viewer, request.POST.get("cap", "")
    viewer.must(Action.SET_OVERAGE, _OWNER_DECIDES)
    try:
        cap = 0 if request.POST.get("off") == "1" else typed_cents(typed, "cap")
        setting_id = form_id(request.POST.get("form", ""), "overage")
        changed = run_here(
            set_overage(
                viewer.org_id,
                viewer.actor,
                setting_id=setting_id,
                cap_cents=cap,
                book=current_prices(),
                billable=till() is not None,
            )
        )
    except (InvalidInput, BillUnpaid, NotSetUp) as problem:
        return _again(request, "overage", problem, typed=typed)
    if changed:
        messages.success(request, _beyond(cap))
    return redirect("billing")


@require_POST
def coverage(request: MemberRequest) -> HttpResponse:
    """Cover a debt from the available credits, as far as they go (P10). It spends the organization's: the Owner's."""
    viewer = request.viewer
    viewer.must(Action.SET_OVERAGE, _OWNER_DECIDES)
    cover_id = form_id(request.POST.get("form", ""), "cover")
    try:
        answer = run_here(execute_one(CoverDebt(org_id=viewer.org_id, cover_id=cover_id)))
    except (NotOwed, InsufficientCredits) as problem:
        messages.error(request, problem.detail)
        return redirect("billing")
    if not answer.replayed:
        covered, after = answer.entry.deltas.debt, run_here(current_balance(viewer.org_id))  # locked by the entry
        details = {"credits": grouped_credits(covered), "left": grouped_credits(after.debt)}
        run_here(record(viewer.org_id, Activity(action="debt.covered", actor=viewer.actor, details=details)))
        messages.success(request, _covered(covered, after.debt))
    return redirect("billing")


@require_POST
def buyer(request: MemberRequest) -> HttpResponse:
    """What receipts from now on say of the buyer. For whoever may buy."""
    viewer = request.viewer
    viewer.must(Action.BUY_CREDITS, "Whoever buys says what receipts name. Ask your Owner.")
    typed = {name: request.POST.get(name, "") for name in ("name", "address", "tax_id")}
    try:
        changed = run_here(set_buyer(viewer.org_id, viewer.actor, **typed))
    except InvalidInput as problem:
        return _again(request, "buyer", problem, typed=typed)
    if changed:
        messages.success(request, "Receipts of further payments say this. Earlier ones stay as they are.")
        if not all(can_write(" ".join(text.split())) for text in typed.values()):
            messages.info(
                request,
                "The PDF of a receipt cannot write every letter of it; the receipt’s page can, and can be printed.",
            )
    return redirect("billing")


def _again(request: MemberRequest, form: str, problem: Problem, *, typed: object) -> HttpResponse:
    """The page with the form as it was sent, and what is wrong with it."""
    return billing_page(request, status=int(status_of(problem)), faulty=form, problem=problem, typed=typed)


def _beyond(cap: int) -> str:
    if not cap:
        return "Use beyond the balance is off: at 0, calls are refused."
    return f"AI may be used beyond the balance for up to {money(cap, CURRENCY)} a month."


def _covered(credits: int, left: int) -> str:
    covered = f"{grouped_credits(credits)} credits of the balance covered what was owed."
    return f"{covered} {grouped_credits(left)} are still owed." if left else f"{covered} AI works again."
