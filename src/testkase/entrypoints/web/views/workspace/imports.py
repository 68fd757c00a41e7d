"""Bringing files in: choose one, watch it being worked off, read what became of each line."""

from typing import Any, get_args

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from testkase.core.access import Action
from testkase.entrypoints.web.query import number
from testkase.entrypoints.web.viewer import MemberRequest
from testkase.entrypoints.web.views.workspace.doors import project_facts, project_for, visible_project
from testkase.foundation.problems import Conflict, InvalidInput, NotFound
from testkase.services.organizations.tenancy import run_here
from testkase.services.workspace.cycles import list_cycles
from testkase.services.workspace.importing.model import MAX_BYTES, ImportOptions, LineOutcome
from testkase.services.workspace.importing.reading import kind_of
from testkase.services.workspace.importing.requests import find_import, list_imports, report_lines, request_import
from testkase.services.workspace.model import Project

_IMPORTS = 20
_LINES = 100
_CYCLES = 50


@require_http_methods(["GET", "POST"])
def index(request: MemberRequest, project_key: str) -> HttpResponse:
    """The form, and the imports of the project, newest first."""
    viewer = request.viewer
    if request.method == "GET":
        return _page(request, visible_project(viewer, project_key))
    project = project_for(viewer, project_key, Action.RUN_CYCLES)
    try:
        import_id, new = _asked(request, project)
    except (InvalidInput, Conflict) as problem:
        return _page(request, project, problem=problem)
    if not new:
        messages.info(request, "These results were imported into this cycle already. Nothing was changed.")
    return redirect("import", project.key, import_id)


@require_safe
@never_cache
def show(request: MemberRequest, project_key: str, import_id: int) -> HttpResponse:
    """How far an import is, and what became of each line. While it runs, HTMX asks again every second."""
    viewer = request.viewer
    project = visible_project(viewer, project_key)
    run = run_here(find_import(viewer.org_id, import_id))
    if run.project_id != project.project_id:
        raise NotFound("There is no such import.")
    outcome: Any = request.GET.get("outcome") if request.GET.get("outcome") in get_args(LineOutcome) else None
    after = number(request.GET.get("after")) or 0
    lines = run_here(report_lines(viewer.org_id, import_id, limit=_LINES + 1, after=after, outcome=outcome))
    facts = {
        **project_facts(viewer, project, "imports"),
        "run": run,
        "outcome": outcome,
        "lines": lines[:_LINES],
        "next": lines[_LINES - 1].position if len(lines) > _LINES else None,
    }
    if request.headers.get("HX-Request"):
        name = "_import_lines" if after else "_import"
        return render(request, f"testkase/workspace/{name}.html", facts)
    return render(request, "testkase/workspace/import.html", facts)


def _asked(request: MemberRequest, project: Project) -> tuple[int, bool]:
    file = request.FILES.get("file")
    if file is None:
        raise InvalidInput("Choose a file.", field="file")
    kind = kind_of(file.name or "")
    if (file.size or 0) > MAX_BYTES:
        raise InvalidInput(f"The file is larger than {MAX_BYTES // 1024**2} MB. Split it up.", field="file")
    options = ImportOptions(
        cycle_id=number(request.POST.get("cycle")),
        cycle_name=request.POST.get("cycle_name", ""),
        unmatched="create" if request.POST.get("unmatched") == "create" else "skip",
    )
    viewer = request.viewer
    asking = request_import(
        viewer.org_id, project.project_id, kind=kind, file_name=file.name or "", content=file.read(),
        options=options, actor=viewer.actor, user_id=viewer.user.pk,
    )  # fmt: skip
    return run_here(asking)


def _page(request: MemberRequest, project: Project, *, problem: InvalidInput | Conflict | None = None) -> HttpResponse:
    place = (request.viewer.org_id, project.project_id)
    before = number(request.GET.get("before"))
    runs = run_here(list_imports(*place, limit=_IMPORTS + 1, before=before))
    facts = {
        **project_facts(request.viewer, project, "imports"),
        "runs": runs[:_IMPORTS],
        "next": runs[_IMPORTS - 1].import_id if len(runs) > _IMPORTS else None,
        "open_cycles": [cycle for cycle in run_here(list_cycles(*place, limit=_CYCLES)) if cycle.state != "finished"],
        "problem": problem,
        "field": problem.field if problem else None,
        "cycle": number(request.POST.get("cycle")),
        "cycle_name": request.POST.get("cycle_name", ""),
        "unmatched": request.POST.get("unmatched", "skip"),
        "largest": MAX_BYTES // 1024**2,
    }
    return render(request, "testkase/workspace/imports.html", facts, status=422 if problem else 200)
