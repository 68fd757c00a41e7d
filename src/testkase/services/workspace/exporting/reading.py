"""Whole cases, page by page, for files of any length. Needs the organization's tenant context."""

import msgspec

from testkase.foundation.database import Operation
from testkase.services.workspace.cases import whole_cases
from testkase.services.workspace.folders import list_folders
from testkase.services.workspace.model import TestCase
from testkase.services.workspace.search import Wanted, list_cases


class Exported(msgspec.Struct, frozen=True, kw_only=True):
    """A case and the path of its folder."""

    case: TestCase
    folder: str


def exported_cases(
    org_id: int, project_id: int, wanted: Wanted, *, limit: int, before: int | None = None
) -> Operation[list[Exported]]:
    """Newest first, like the list. `before`: only cases older than this id, for the next page."""
    rows = yield from list_cases(org_id, project_id, limit=limit, before=before, wanted=wanted)
    whole = yield from whole_cases(org_id, project_id, [row.key for row in rows])
    paths = {folder.folder_id: folder.path for folder in (yield from list_folders(org_id, project_id))}
    return [Exported(case=case, folder=paths.get(case.folder_id or 0, "")) for case in whole]
