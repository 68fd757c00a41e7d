"""Folders, test cases, cycles and what is executed in them."""

from django.core.files.uploadedfile import SimpleUploadedFile

from testkase.foundation.database import Operation
from testkase.services.audit import Actor
from testkase.services.workspace.cycles import add_to_cycle, create_cycle
from testkase.services.workspace.folders import create_folder, list_folders
from testkase.services.workspace.importing.model import ImportOptions
from testkase.services.workspace.importing.requests import request_import
from testkase.services.workspace.model import CyclePlan
from tests.support.tenants.roles import EDITORS, IN_PROJECT, OWNER, PROJECT_ADMINS
from tests.support.tenants.row import KeyRow, Place, Row
from tests.support.tenants.world import Tenant


def a_folder(tenant: Tenant) -> int:
    """With the organization's word in its name."""
    return int(tenant.run(_folder(tenant)))


def _folder(tenant: Tenant) -> Operation[int]:
    place = (tenant.org_id, tenant.project_id)
    count = len((yield from list_folders(*place)))
    return (yield from create_folder(*place, f"{tenant.word} {count}"))


def a_cycle(tenant: Tenant) -> int:
    """Planned, with the project's case in it, not executed yet."""
    return int(tenant.run(_cycle(tenant)))


def _cycle(tenant: Tenant) -> Operation[int]:
    place = (tenant.org_id, tenant.project_id)
    made = yield from create_cycle(*place, CyclePlan(name=tenant.word), author_id=tenant.people[OWNER])
    yield from add_to_cycle(*place, made, [f"{tenant.project_key}-1"])
    return made


def an_import(tenant: Tenant) -> int:
    """Of a file named after the organization; nobody works it off."""
    return int(tenant.run(_import(tenant)))


def _import(tenant: Tenant) -> Operation[int]:
    import_id, _ = yield from request_import(
        tenant.org_id,
        tenant.project_id,
        kind="csv",
        file_name=f"{tenant.word}.csv",
        content=b"Title,Steps\nNew,Do\n",
        options=ImportOptions(),
        actor=Actor(kind="person", ref=tenant.emails[OWNER], name=tenant.word),
    )
    return import_id


def _file(tenant: Tenant) -> dict[str, object]:
    return {"file": SimpleUploadedFile("results.xml", b"<testsuite/>"), "cycle_name": "Nightly"}


_PROJECT = "projects/<slug:project_key>"
_CASE = f"{_PROJECT}/cases/<slug:case_key>"
_CYCLE = f"{_PROJECT}/cycles/<int:cycle_id>"
_WRITTEN = {
    "title": "New", "status": "ready", "priority": "low", "kind": "positive", "type": "smoke", "action": "Do it",
    "expected": "It is done",
}  # fmt: skip

ROWS = {
    _PROJECT: Row(get=IN_PROJECT, asks={"folder": "folder_id"}),
    f"{_PROJECT}/changes": Row(
        post=EDITORS,
        form=lambda tenant: {"do": "move", "case": f"{tenant.project_key}-1", "folder": tenant.ids["folder_id"]},
        asks={"folder": "folder_id", "case": "case_key"},
    ),
    f"{_PROJECT}/cases/new": Row(get=EDITORS, post=EDITORS, form=_WRITTEN, asks={"folder": "folder_id"}),
    _CASE: Row(get=IN_PROJECT),
    f"{_CASE}/edit": Row(get=EDITORS, post=EDITORS, form=_WRITTEN, asks={"folder": "folder_id"}),
    f"{_CASE}/history": Row(get=IN_PROJECT),
    f"{_PROJECT}/folders/new": Row(get=EDITORS, post=EDITORS, form={"name": "New"}, asks={"parent": "folder_id"}),
    f"{_PROJECT}/folders/<int:folder_id>": Row(get=EDITORS, post=EDITORS, form={"name": "Another"}),
    f"{_PROJECT}/folders/<int:folder_id>/removal": Row(post=PROJECT_ADMINS),
    f"{_PROJECT}/cases.csv": Row(get=IN_PROJECT, asks={"folder": "folder_id"}),
    f"{_PROJECT}/cases.feature": Row(get=IN_PROJECT, asks={"folder": "folder_id"}),
    f"{_PROJECT}/imports": Row(get=IN_PROJECT, post=EDITORS, form=_file, asks={"cycle": "cycle_id"}),
    f"{_PROJECT}/imports/<int:import_id>": Row(get=IN_PROJECT),
    f"{_PROJECT}/cycles": Row(get=IN_PROJECT),
    f"{_PROJECT}/cycles/new": Row(get=EDITORS, post=EDITORS, form={"name": "New", "with_ready": "1"}),
    _CYCLE: Row(get=IN_PROJECT),
    f"{_CYCLE}/edit": Row(get=EDITORS, post=EDITORS, form={"name": "Another"}),
    f"{_CYCLE}/state": Row(post=EDITORS, form={"state": "running"}),
    f"{_CYCLE}/additions": Row(post=EDITORS, form={"folder": "top"}, asks={"folder": "folder_id"}),
    f"{_CYCLE}/removal": Row(post=PROJECT_ADMINS),
    f"{_CYCLE}/cases/<slug:case_key>": Row(get=IN_PROJECT, post=EDITORS, form={"result": "passed"}),
    f"{_CYCLE}/cases/<slug:case_key>/removal": Row(post=EDITORS),
}

KEY_ROWS = {
    "GET /api/v1/projects": KeyRow(scope="workspace:read"),
    "GET /api/v1/projects/{project_key}/cases": KeyRow(scope="workspace:read"),
    "POST /api/v1/projects/{project_key}/results": KeyRow(
        scope="workspace:write", body={"items": [{"title": "Pays", "result": "passed"}]}
    ),
    "GET /api/v1/imports/{import_id}": KeyRow(scope="workspace:read"),
}

PLACES = {
    "folder_id": Place(make=a_folder, absent=999_999),
    "import_id": Place(make=an_import, absent=999_999),
    "cycle_id": Place(make=a_cycle, absent=999_999),
}
