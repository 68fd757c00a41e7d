"""Test cases as files: CSV, safe to open in a spreadsheet, and Gherkin. Read page by page while they are sent."""

from collections.abc import Iterator

from django.http import StreamingHttpResponse
from django.views.decorators.http import require_safe

from testkase.entrypoints.web.download import CHUNK, csv_response, file_response, in_its_own_transaction, paged
from testkase.entrypoints.web.query import number
from testkase.entrypoints.web.spreadsheet import safe
from testkase.entrypoints.web.viewer import MemberRequest
from testkase.entrypoints.web.views.workspace.doors import visible_project
from testkase.entrypoints.web.views.workspace.filters import CaseFilters
from testkase.services.organizations.tenancy import run_here
from testkase.services.workspace.exporting.csv_rows import HEADINGS, case_rows
from testkase.services.workspace.exporting.feature import feature_head, scenario
from testkase.services.workspace.exporting.reading import Exported, exported_cases
from testkase.services.workspace.folders import list_folders
from testkase.services.workspace.model import Folder, Project
from testkase.services.workspace.search import Wanted


@require_safe
def as_csv(request: MemberRequest, project_key: str) -> StreamingHttpResponse:
    """The list as it is filtered, one row a step."""
    project, wanted, _ = _asked(request, project_key)
    org_id = request.viewer.org_id

    def read(before: int | None) -> tuple[list[tuple[str, ...]], int | None]:
        found, following = _page(org_id, project, wanted, before)
        return [tuple(safe(cell) for cell in row) for one in found for row in case_rows(one)], following

    return csv_response(request, paged(org_id, HEADINGS, read), name=f"{project.key}-test-cases")


@require_safe
def as_feature(request: MemberRequest, project_key: str) -> StreamingHttpResponse:
    """The same as a feature file, named after the folder or else the project."""
    project, wanted, folder = _asked(request, project_key)
    name = folder.path if folder else project.name
    chunks = _scenarios(request.viewer.org_id, project, wanted, name)
    return file_response(request, chunks, name=f"{project.key}-test-cases", ending="feature", kind="text/plain")


def _asked(request: MemberRequest, project_key: str) -> tuple[Project, Wanted, Folder | None]:
    project = visible_project(request.viewer, project_key)
    folders = run_here(list_folders(request.viewer.org_id, project.project_id))
    filters = CaseFilters.asked(request.GET)
    folder = next((one for one in folders if one.folder_id == number(filters.folder)), None)
    return project, filters.wanted(folders), folder


def _page(org_id: int, project: Project, wanted: Wanted, before: int | None) -> tuple[list[Exported], int | None]:
    found = run_here(exported_cases(org_id, project.project_id, wanted, limit=CHUNK + 1, before=before))
    more = len(found) > CHUNK
    return found[:CHUNK], found[CHUNK - 1].case.case_id if more else None


def _scenarios(org_id: int, project: Project, wanted: Wanted, name: str) -> Iterator[bytes]:
    yield feature_head(name).encode()
    before: int | None = None
    while True:
        with in_its_own_transaction(org_id):
            found, before = _page(org_id, project, wanted, before)
        yield "".join(map(scenario, found)).encode()
        if before is None:
            return
