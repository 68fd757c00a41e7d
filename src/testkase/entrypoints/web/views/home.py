"""The way in, the balance in the navigation bar, and how AI treats data."""

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from testkase.entrypoints.web.viewer import MemberRequest


@require_safe
def home(request: MemberRequest) -> HttpResponse:
    """After signing in: the projects."""
    return redirect("projects")


@require_safe
@never_cache
def balance(request: MemberRequest) -> HttpResponse:
    """The balance in the navigation bar, asked for again after each AI call (R53); empty while AI is off (R59)."""
    return render(request, "testkase/_balance.html")


@require_safe
def privacy(request: MemberRequest) -> HttpResponse:
    """What happens to data that AI features use (R69 to R73)."""
    return render(request, "testkase/privacy.html")
