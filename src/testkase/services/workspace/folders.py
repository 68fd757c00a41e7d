"""Folders of a project: a tree that people shape. Every operation needs the organization's tenant context.

Whoever changes the tree holds the project's row: two moves at once cannot make a folder its own ancestor.
"""

from collections.abc import Iterable
from typing import LiteralString

from testkase.foundation.database import Operation, Row, Statement
from testkase.foundation.problems import Conflict, InvalidInput, NotFound
from testkase.foundation.text import in_one_line
from testkase.services.workspace.content import folded
from testkase.services.workspace.history import NewChange, add_changes
from testkase.services.workspace.model import Folder

DEEPEST = 8
"""Folders inside each other."""
MOST = 1_000
"""Folders of one project."""

# Counted once, whatever the planner knows of a project that has just been imported.
_LIST: LiteralString = """
WITH c AS MATERIALIZED (
    SELECT folder_id, count(*) AS case_count FROM test_case
    WHERE org_id = %(org_id)s AND project_id = %(project_id)s AND folder_id IS NOT NULL
    GROUP BY folder_id)
SELECT f.folder_id, f.parent_id, f.name, coalesce(c.case_count, 0) AS case_count
FROM case_folder f LEFT JOIN c USING (folder_id)
WHERE f.org_id = %(org_id)s AND f.project_id = %(project_id)s
ORDER BY f.name_key, f.folder_id
"""
_BARE: LiteralString = """
SELECT f.folder_id, f.parent_id, f.name, 0 AS case_count FROM case_folder f
WHERE f.org_id = %(org_id)s AND f.project_id = %(project_id)s
ORDER BY f.name_key, f.folder_id
"""
_LOCK: LiteralString = (
    "SELECT 1 FROM project WHERE org_id = %(org_id)s AND project_id = %(project_id)s FOR NO KEY UPDATE"
)
_SAME: LiteralString = """
SELECT folder_id FROM case_folder
WHERE org_id = %(org_id)s AND project_id = %(project_id)s
  AND coalesce(parent_id, 0) = coalesce(%(parent_id)s::bigint, 0) AND name_key = %(name_key)s
"""
_HOLD: LiteralString = """
SELECT name, parent_id FROM case_folder
WHERE org_id = %(org_id)s AND project_id = %(project_id)s AND folder_id = %(folder_id)s
FOR KEY SHARE
"""
_HOLD_ALL: LiteralString = """
SELECT folder_id FROM case_folder
WHERE org_id = %(org_id)s AND project_id = %(project_id)s AND folder_id = ANY(%(folders)s)
ORDER BY folder_id FOR KEY SHARE
"""
_INSERT: LiteralString = """
INSERT INTO case_folder (org_id, project_id, parent_id, name, name_key)
VALUES (%(org_id)s, %(project_id)s, %(parent_id)s, %(name)s, %(name_key)s)
RETURNING folder_id
"""
_CHANGE: LiteralString = """
UPDATE case_folder SET parent_id = %(parent_id)s, name = %(name)s, name_key = %(name_key)s
WHERE org_id = %(org_id)s AND project_id = %(project_id)s AND folder_id = %(folder_id)s
"""
_EMPTY: LiteralString = """
WITH moved AS (
    SELECT case_id, folder_id FROM test_case
    WHERE org_id = %(org_id)s AND project_id = %(project_id)s AND folder_id = ANY(%(folders)s)
    ORDER BY case_id FOR NO KEY UPDATE
)
UPDATE test_case c SET folder_id = %(parent_id)s, updated_at = now(), updated_by = %(editor_id)s
FROM moved WHERE c.org_id = %(org_id)s AND c.case_id = moved.case_id
RETURNING c.case_id, moved.folder_id
"""
_DELETE: LiteralString = """
DELETE FROM case_folder WHERE org_id = %(org_id)s AND project_id = %(project_id)s AND folder_id = ANY(%(folders)s)
"""


def list_folders(org_id: int, project_id: int) -> Operation[list[Folder]]:
    """The whole tree, each folder before what is in it, siblings by name."""
    rows = yield Statement(_LIST, {"org_id": org_id, "project_id": project_id})
    return _tree(rows)


def create_folder(org_id: int, project_id: int, name: str, *, parent_id: int | None = None) -> Operation[int]:
    """A new folder; answers its id. Raises InvalidInput, NotFound for its parent, Conflict for a name that is taken."""
    name = _name(name)
    folders = yield from _locked(org_id, project_id)
    if len(folders) >= MOST:
        raise Conflict(f"A project takes at most {MOST:,} folders.")
    _check_depth(folders, parent_id, height=1)
    return (yield from _placed(_INSERT, org_id, project_id, name, parent_id))


def change_folder(org_id: int, project_id: int, folder_id: int, *, name: str, parent_id: int | None) -> Operation[None]:
    """Another name, another place. Raises InvalidInput for a place inside the folder itself, NotFound, Conflict."""
    name = _name(name)
    folders = yield from _locked(org_id, project_id)
    if folder_id not in folders:
        raise NotFound("There is no such folder.")
    inside = _inside(folders, folder_id)
    if parent_id in inside:
        raise InvalidInput("A folder cannot be moved into itself.", field="parent")
    height = max(folders[one].depth for one in inside) - folders[folder_id].depth + 1
    _check_depth(folders, parent_id, height=height)
    yield from _placed(_CHANGE, org_id, project_id, name, parent_id, folder_id=folder_id)


def delete_folder(org_id: int, project_id: int, folder_id: int, *, editor_id: int | None) -> Operation[int]:
    """Take a folder away with those inside it; their cases move to the folder above. Answers how many moved."""
    folders = yield from _locked(org_id, project_id)
    if folder_id not in folders:
        raise NotFound("There is no such folder.")
    inside = _inside(folders, folder_id)
    above = folders.get(folders[folder_id].parent_id or 0)
    values = {"org_id": org_id, "project_id": project_id, "folders": sorted(inside), "editor_id": editor_id}
    moved = yield Statement(_EMPTY, {**values, "parent_id": folders[folder_id].parent_id})
    to = above.path if above else ""
    changes = [
        NewChange(case_id=row["case_id"], fields={"folder": (folders[row["folder_id"]].path, to)}) for row in moved
    ]
    yield from add_changes(org_id, changes, by=editor_id, origin="person")
    yield Statement(_DELETE, values)
    return len(moved)


def folder_at(org_id: int, project_id: int, path: str) -> Operation[int | None]:
    """The folder a path such as "Checkout / Vouchers" names, made where it is missing; None for an empty path."""
    names = [_name(part) for part in path.split("/") if part.strip()]
    parent: int | None = None
    if len(names) > DEEPEST:
        raise InvalidInput(f"Folders can be {DEEPEST} deep.", field="folder")
    for name in names:
        rows = yield Statement(_SAME, _place(org_id, project_id, name, parent))
        if rows:
            parent = int(rows[0]["folder_id"])
        else:
            parent = yield from create_folder(org_id, project_id, name, parent_id=parent)
    return parent


def folders_at(org_id: int, project_id: int, paths: Iterable[str]) -> Operation[dict[str, int | None]]:
    """The folders that many paths name, made where they are missing. A path that cannot be a folder, for its names, its
    depth or the number of folders there are, leads to the top: None."""
    folders = yield from _locked(org_id, project_id)
    known = {(folder.parent_id, folded(folder.name)): folder.folder_id for folder in folders.values()}
    found: dict[str, int | None] = {}
    for path in paths:
        found[path] = yield from _made_at(org_id, project_id, path, known)
    return found


def _made_at(
    org_id: int, project_id: int, path: str, known: dict[tuple[int | None, str], int]
) -> Operation[int | None]:
    try:
        names = [_name(part) for part in path.split("/") if part.strip()]
    except InvalidInput:
        return None
    if len(names) > DEEPEST or len(known) + len(names) > MOST:
        return None
    parent: int | None = None
    for name in names:
        place = (parent, folded(name))
        if place not in known:
            (row,) = yield Statement(_INSERT, _place(org_id, project_id, name, parent))
            known[place] = int(row["folder_id"])
        parent = known[place]
    return parent


def hold_folders(org_id: int, project_id: int, folder_ids: Iterable[int]) -> Operation[None]:
    """Keep these folders where they are until the transaction ends. Raises NotFound where one is not there."""
    wanted = sorted(set(folder_ids))
    if wanted:
        rows = yield Statement(_HOLD_ALL, {"org_id": org_id, "project_id": project_id, "folders": wanted})
        if len(rows) < len(wanted):
            raise NotFound("There is no such folder.")


def folder_path(org_id: int, project_id: int, folder_id: int | None) -> Operation[str]:
    """A folder's path, for people; "" for the top. Holds the folder where it is. Raises NotFound."""
    path: list[str] = []
    while folder_id is not None:
        rows = yield Statement(_HOLD, {"org_id": org_id, "project_id": project_id, "folder_id": folder_id})
        if not rows:
            raise NotFound("There is no such folder.")
        path.insert(0, rows[0]["name"])
        folder_id = rows[0]["parent_id"]
    return " / ".join(path)


def with_those_inside(folders: list[Folder], folder_id: int) -> list[int]:
    """A folder and all in it; nothing for one that is not there."""
    known = {folder.folder_id: folder for folder in folders}
    return sorted(_inside(known, folder_id)) if folder_id in known else []


def _locked(org_id: int, project_id: int) -> Operation[dict[int, Folder]]:
    """The tree, its folders not counted, held until the transaction ends. Raises NotFound."""
    if not (yield Statement(_LOCK, {"org_id": org_id, "project_id": project_id})):
        raise NotFound("There is no such project.")
    rows = yield Statement(_BARE, {"org_id": org_id, "project_id": project_id})
    return {folder.folder_id: folder for folder in _tree(rows)}


def _placed(
    sql: LiteralString, org_id: int, project_id: int, name: str, parent_id: int | None, *, folder_id: int | None = None
) -> Operation[int]:
    values = {**_place(org_id, project_id, name, parent_id), "folder_id": folder_id}
    same = yield Statement(_SAME, values)
    if same and same[0]["folder_id"] != folder_id:
        raise Conflict(f'There is already a folder "{name}" in this place.', field="name")
    rows = yield Statement(sql, values)
    return int(rows[0]["folder_id"]) if rows else 0


def _place(org_id: int, project_id: int, name: str, parent_id: int | None) -> dict[str, object]:
    key = folded(name)
    return {"org_id": org_id, "project_id": project_id, "name": name, "name_key": key, "parent_id": parent_id}


def _check_depth(folders: dict[int, Folder], parent_id: int | None, *, height: int) -> None:
    if parent_id is not None and parent_id not in folders:
        raise NotFound("There is no such folder.")
    above = folders[parent_id].depth + 1 if parent_id is not None else 0
    if above + height > DEEPEST:
        raise InvalidInput(f"Folders can be {DEEPEST} deep.", field="parent")


def _inside(folders: dict[int, Folder], folder_id: int) -> set[int]:
    found = {folder_id}
    for folder in folders.values():  # parents come before what is in them
        if folder.parent_id in found:
            found.add(folder.folder_id)
    return found


def _tree(rows: list[Row]) -> list[Folder]:
    below: dict[int | None, list[Row]] = {}
    for row in rows:
        below.setdefault(row["parent_id"], []).append(row)
    made: list[Folder] = []
    waiting = [(row, 0, "") for row in reversed(below.get(None, []))]
    while waiting:
        row, depth, above = waiting.pop()
        path = f"{above} / {row['name']}" if above else row["name"]
        made.append(Folder(**row, depth=depth, path=path))
        waiting += [(one, depth + 1, path) for one in reversed(below.get(row["folder_id"], []))]
    return made


def _name(text: str) -> str:
    name = in_one_line(text)
    if not 1 <= len(name) <= 120 or "/" in name:
        raise InvalidInput("A folder needs a name of 1 to 120 characters, without a slash.", field="name")
    return name
