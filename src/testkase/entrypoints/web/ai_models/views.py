"""The page: the Owner chooses, the admins read."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from testkase.core.access import Action
from testkase.entrypoints.web.ai_models.facts import page_facts
from testkase.entrypoints.web.templatetags.testkase import use_case
from testkase.entrypoints.web.viewer import MemberRequest
from testkase.services.metering.quality import change_setting
from testkase.services.organizations.tenancy import run_here


@require_http_methods(["GET", "POST"])
def page(request: MemberRequest) -> HttpResponse:
    """What each feature uses; the form of one feature changes it."""
    viewer = request.viewer
    viewer.must(Action.VIEW_AI_MODELS, "The Owner and the Admins see which models are used.")
    if request.method == "GET":
        return render(request, "testkase/ai_models/page.html", page_facts(viewer))
    viewer.must(Action.SET_QUALITY_LEVELS, "Only the Owner of the organization chooses the levels. Ask your Owner.")
    feature, level = request.POST.get("feature", ""), request.POST.get("level", "")
    free_choice = request.POST.get("free_choice") == "1"
    changed = change_setting(viewer.org_id, viewer.actor, feature=feature, level=level, free_choice=free_choice)
    if run_here(changed):
        messages.success(request, f"{use_case(feature)}: {level} from the next run on.")
    return redirect("ai_models")
