"""Reports by the clock: set up by project admins, off until then."""

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from testkase.core.access import Action
from testkase.entrypoints.web.reports.doors import must_be_on, project_to, report_facts
from testkase.entrypoints.web.viewer import MemberRequest
from testkase.foundation.problems import InvalidInput
from testkase.services.features.reports.model import KINDS, NAMES, PURPOSES
from testkase.services.features.reports.schedules.setting import EVERY, find_schedule, remove_schedule, set_schedule
from testkase.services.organizations.tenancy import run_here


@require_http_methods(["GET", "POST"])
def page(request: MemberRequest, project_key: str) -> HttpResponse:
    """What is made when, as whom; and setting it up, from then on as the person who does."""
    viewer = request.viewer
    project = project_to(viewer, project_key, Action.SCHEDULE_REPORTS)
    must_be_on(request)
    place = (viewer.org_id, project.project_id)
    found, problem = run_here(find_schedule(*place)), None
    kinds, every = request.POST.getlist("kinds"), request.POST.get("every", "")
    if request.method == "POST":
        wanted = set_schedule(
            *place,
            project_key=project.key,
            every=every,
            kinds=kinds,
            user_id=viewer.user.pk,
            user_ref=viewer.user.ref,
            actor=viewer.actor,
        )
        try:
            run_here(wanted)
            return redirect("report_schedule", project.key)
        except InvalidInput as refused:
            problem = refused
    elif found is not None:
        kinds, every = list(found.kinds), found.every
    facts = {
        **report_facts(viewer, project),
        "schedule": found,
        "problem": problem,
        "kinds": [(kind, NAMES[kind], PURPOSES[kind], kind in kinds) for kind in KINDS],
        "every": [(value, words, value == (every or "cycle")) for value, words in EVERY.items()],
    }
    return render(request, "testkase/reports/schedule.html", facts, status=422 if problem else 200)


@require_POST
def remove(request: MemberRequest, project_key: str) -> HttpResponse:
    """End it."""
    viewer = request.viewer
    project = project_to(viewer, project_key, Action.SCHEDULE_REPORTS)
    run_here(remove_schedule(viewer.org_id, project.project_id, project_key=project.key, actor=viewer.actor))
    return redirect("reports", project.key)
