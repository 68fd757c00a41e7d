"""A project's reports: the list, one report while it is written and afterwards, Cancel, on paper, and deleting it."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import trigger_client_event

from testkase.core.access import Action
from testkase.entrypoints.web.names import names_of_people, shown_ref
from testkase.entrypoints.web.offer import entry_of
from testkase.entrypoints.web.query import number
from testkase.entrypoints.web.reports.doors import must_be_on, project_to, report_facts
from testkase.entrypoints.web.reports.drawing import Drawing, lines_of
from testkase.entrypoints.web.reports.pdf_file import pdf_of
from testkase.entrypoints.web.viewer import MemberRequest, Viewer
from testkase.entrypoints.web.views.workspace.doors import visible_project
from testkase.foundation.clock import utc_now
from testkase.services.features.reports.facts.reading import has_cycle
from testkase.services.features.reports.model import NAMES, ReportRow, ReportView
from testkase.services.features.reports.requests import ask_to_cancel, delete_report, report, reports
from testkase.services.features.reports.schedules.setting import find_schedule
from testkase.services.metering.problems import SWITCHED_OFF
from testkase.services.organizations.tenancy import run_here
from testkase.services.workspace.cycles import list_cycles
from testkase.services.workspace.model import Cycle, Project

PAGE = 30
_FRESH_DAYS = 7
"""For so long after its end a cycle is offered for a batch of reports."""


@require_safe
@never_cache
def index(request: MemberRequest, project_key: str) -> HttpResponse:
    """The reports of a project, newest first; HTMX asks for further rows."""
    viewer = request.viewer
    project = visible_project(viewer, project_key)
    place, before = (viewer.org_id, project.project_id), number(request.GET.get("before"))
    rows = run_here(reports(*place, limit=PAGE + 1, before=before))
    people = names_of_people(viewer.org_id, {row.user_ref for row in rows})
    facts = {
        **report_facts(viewer, project),
        "reports": [_line(row, people.get(row.user_ref, row.user_ref)) for row in rows[:PAGE]],
        "next": rows[PAGE - 1].report_id if len(rows) > PAGE else None,
    }
    if request.headers.get("HX-Request") and before:
        return render(request, "testkase/reports/_rows.html", facts)
    facts |= {"any_cycle": run_here(has_cycle(*place)), "schedule": run_here(find_schedule(*place))}
    facts["ended"] = _just_ended(viewer, project) if facts["may_report"] else None
    return render(request, "testkase/reports/index.html", facts)


@require_safe
@never_cache
def show(request: MemberRequest, project_key: str, report_id: int) -> HttpResponse:
    """A report. While its run goes on, HTMX asks every 600 ms; the last answer also renews the balance."""
    project = visible_project(request.viewer, project_key)
    view = run_here(report(request.viewer.org_id, project.project_id, report_id))
    facts = _report_facts(request.viewer, project, view)
    if not request.headers.get("HX-Request"):
        return render(request, "testkase/reports/report.html", facts)
    response = render(request, "testkase/reports/_watched.html", facts)
    return trigger_client_event(response, "balance-changed") if view.finished else response


@require_POST
def cancel(request: MemberRequest, project_key: str, report_id: int) -> HttpResponse:
    """End the run a report belongs to, with all its reports. What has ended stays as it is."""
    viewer = request.viewer
    project = project_to(viewer, project_key, Action.CREATE_REPORT)
    place = (viewer.org_id, project.project_id, report_id)
    run_here(ask_to_cancel(viewer.org_id, run_here(report(*place)).run_id))
    if not request.headers.get("HX-Request"):
        return redirect("report", project.key, report_id)
    facts = {"project": project, "may_report": True, "report": run_here(report(*place))}
    return render(request, "testkase/reports/_cancel.html", facts)


@require_safe
def as_pdf(request: MemberRequest, project_key: str, report_id: int) -> HttpResponse:
    """The same on paper, for whoever may read it."""
    project = visible_project(request.viewer, project_key)
    view = run_here(report(request.viewer.org_id, project.project_id, report_id))
    name = names_of_people(request.viewer.org_id, {view.user_ref}).get(view.user_ref, view.user_ref)
    content = pdf_of(view, project, name, zone=timezone.get_current_timezone_name())
    response = HttpResponse(content, content_type="application/pdf")
    file = f"{project.key.lower()}-{view.kind}-{view.report_id}.pdf"
    response.headers["Content-Disposition"] = f'attachment; filename="{file}"'
    return response


@require_POST
def remove(request: MemberRequest, project_key: str, report_id: int) -> HttpResponse:
    """Delete a report. What it cost stays in the usage."""
    viewer = request.viewer
    project = project_to(viewer, project_key, Action.CREATE_REPORT)
    must_be_on(request, "While AI is off, reports can be read but not deleted.")
    gone = delete_report(viewer.org_id, project.project_id, report_id, project_key=project.key, actor=viewer.actor)
    run_here(gone)
    messages.success(request, "The report is gone. What it cost stays in the usage.")
    return redirect("reports", project.key)


def _line(row: ReportRow, name: str) -> tuple[ReportRow, str, str]:
    """A row, who asked, and the reference that says so more exactly: not that of a person who was erased."""
    return row, name, shown_ref(row.user_ref, name)


def _report_facts(viewer: Viewer, project: Project, view: ReportView) -> dict[str, Any]:
    entry = entry_of(view.options.model)
    people = names_of_people(viewer.org_id, {view.user_ref})
    return {
        **report_facts(viewer, project),
        "report": view,
        "drawing": Drawing(view.facts.chart) if view.facts and view.facts.chart else None,
        "tables": [(table, lines_of(table)) for table in view.facts.tables] if view.facts else [],
        "others": [(one, NAMES[one.kind]) for one in view.siblings] if len(view.siblings) > 1 else [],
        "person": people.get(view.user_ref, view.user_ref),
        "demonstration": entry is not None and entry.small,
        "seconds": max(0, int((utc_now() - view.created_at).total_seconds())),
        "switched_off": view.error == SWITCHED_OFF,
    }


def _just_ended(viewer: Viewer, project: Project) -> Cycle | None:
    """The cycle that was finished lately, if no report was made since: the moment for a batch (R67)."""
    place = (viewer.org_id, project.project_id)
    ended = [one for one in run_here(list_cycles(*place, limit=10, state="finished")) if one.finished_at]
    newest = max(ended, key=lambda cycle: cycle.finished_at or cycle.created_at, default=None)
    if newest is None or newest.finished_at is None or (utc_now() - newest.finished_at).days >= _FRESH_DAYS:
        return None
    made = run_here(reports(*place, limit=1))
    return None if made and made[0].created_at > newest.finished_at else newest
