"""The help pages. They hold nothing of any organization, so everybody may read them, before signing up too."""

from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from testkase.entrypoints.web.help.guidelines import GUIDELINES
from testkase.entrypoints.web.help.prices import price_facts
from testkase.entrypoints.web.help.roles import organization_table, project_table
from testkase.entrypoints.web.help.topics import BY_SLUG, TOPICS
from testkase.entrypoints.web.middleware import without_organization


@login_not_required
@without_organization
@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """All topics."""
    return render(request, "testkase/help/index.html", {"topics": TOPICS})


@login_not_required
@without_organization
@require_safe
def page(request: HttpRequest, topic: str) -> HttpResponse:
    """One topic."""
    if topic not in BY_SLUG:
        raise Http404
    facts = {"topic": BY_SLUG[topic], "topics": TOPICS, **_facts(topic)}
    return render(request, f"testkase/help/{topic}.html", facts)


def _facts(topic: str) -> dict[str, Any]:
    if topic == "roles":
        return {"organization_roles": organization_table(), "project_roles": project_table()}
    if topic == "guidelines":
        return {"guidelines": GUIDELINES}
    if topic == "api":
        return {"address": settings.VALUES.public_url, **price_facts()}
    return price_facts()
