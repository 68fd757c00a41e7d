"""The way in, and the balance in the navigation bar."""

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
