"""All content of the organization as one file: asked for by the Owner, packed by the worker, downloaded for a day."""

import re
from collections.abc import Iterator

from django.contrib import messages
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST
from procrastinate.contrib.django import app as jobs

from testkase.core.access import Action
from testkase.entrypoints.web.download import file_response, in_its_own_transaction
from testkase.entrypoints.web.viewer import MemberRequest
from testkase.foundation.ids import new_id
from testkase.foundation.problems import Conflict
from testkase.services.organizations.tenancy import run_here
from testkase.services.privacy.export.asking import Export, ask_export, part, take_export

_REFUSAL = "Only the Owner of the organization takes all of its content away."
_FORM_ID = re.compile(r"[A-Za-z0-9_-]{1,60}")


@require_POST
def ask(request: MemberRequest) -> HttpResponse:
    """Have the file made."""
    viewer = request.viewer
    viewer.must(Action.GOVERN_DATA, _REFUSAL)
    export_id = request.POST.get("form", "")
    if not _FORM_ID.fullmatch(export_id):
        export_id = new_id("export")
    try:
        new = run_here(ask_export(viewer.org_id, export_id=export_id, actor=viewer.actor))
    except Conflict as problem:
        messages.error(request, problem.detail)
        return redirect("privacy")
    if new:
        jobs.configure_task("privacy.export", queue="schedule").defer(org_id=viewer.org_id, export_id=export_id)
        messages.success(request, "The file is being made. Reload this page in a moment.")
    return redirect("privacy")


@require_POST
def download(request: MemberRequest, export_id: str) -> StreamingHttpResponse:
    """The file, part by part. A POST, because it is recorded who took it."""
    viewer = request.viewer
    viewer.must(Action.GOVERN_DATA, _REFUSAL)
    found = run_here(take_export(viewer.org_id, export_id, actor=viewer.actor))
    chunks = _parts(viewer.org_id, found)
    response = file_response(request, chunks, name=viewer.organization.slug, ending="zip", kind="application/zip")
    response.headers["Content-Type"] = "application/zip"
    response.headers["Content-Length"] = str(found.size_bytes)
    return response


def _parts(org_id: int, export: Export) -> Iterator[bytes]:
    position = 0
    while True:
        with in_its_own_transaction(org_id):
            content = run_here(part(org_id, export, position))
        if not content:
            return
        yield content
        position += 1
