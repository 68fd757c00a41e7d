"""Asking for an import, and looking at what became of it. Every operation needs the organization's tenant context."""

from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any, LiteralString, get_args

import msgspec

from testkase.foundation.database import Operation, Row, Statement
from testkase.foundation.ids import new_id
from testkase.foundation.problems import Conflict, InvalidInput, NotFound
from testkase.foundation.text import in_one_line
from testkase.services.audit import Actor
from testkase.services.workspace.cycles import find_cycle
from testkase.services.workspace.importing.model import (
    ImportKind,
    ImportOptions,
    KeptOptions,
    LineOutcome,
    ReportLine,
    Unmatched,
)
from testkase.services.workspace.importing.reading import check_size
from testkase.services.workspace.names import number_of

TASK = "workspace.import"
MOST_UNDER_WAY = 5
"""Imports of one project that wait or run: their files are kept meanwhile."""
RESULTS: tuple[ImportKind, ...] = ("junit", "json")
"""Kinds that bring results, which go into a cycle."""

_UNDER_WAY: LiteralString = """
SELECT count(*) FROM import_run
WHERE org_id = %(org_id)s AND project_id = %(project_id)s AND state IN ('queued', 'running')
"""
_LOCK: LiteralString = (
    "SELECT 1 FROM project WHERE org_id = %(org_id)s AND project_id = %(project_id)s FOR NO KEY UPDATE"
)
_EARLIER: LiteralString = """
SELECT i.import_id, i.state, i.options->>'unmatched' AS unmatched, i.counts ? 'skipped' AS left_out,
       i.cycle_id IS NOT NULL AND i.cycle_id IS DISTINCT FROM %(known)s::bigint AS closed,
       EXISTS (SELECT FROM test_case t WHERE t.org_id = i.org_id AND t.project_id = i.project_id
               AND t.updated_at > i.finished_at) AS cases_changed
FROM import_run i
WHERE i.org_id = %(org_id)s AND i.project_id = %(project_id)s AND i.digest = ANY(%(digests)s) AND i.state <> 'failed'
  AND (i.cycle_id IS NULL OR EXISTS (
      SELECT FROM test_cycle c WHERE c.org_id = i.org_id AND c.cycle_id = i.cycle_id))
  AND (%(cycle_id)s::bigint IS NULL OR i.cycle_id IS NULL OR i.cycle_id = %(cycle_id)s)
ORDER BY i.import_id DESC LIMIT 1
"""
# Its successor says what is there now; and of a cycle that is gone, nothing is there.
_RETIRE: LiteralString = """
UPDATE import_run SET digest = digest || ':' || import_id
WHERE org_id = %(org_id)s AND project_id = %(project_id)s AND digest = %(digest)s AND state <> 'failed'
"""
_OPEN_CYCLE: LiteralString = """
SELECT cycle_id FROM test_cycle
WHERE org_id = %(org_id)s AND project_id = %(project_id)s AND name = %(name)s AND state <> 'finished'
ORDER BY cycle_id DESC LIMIT 1
"""
_INSERT: LiteralString = """
INSERT INTO import_run (org_id, project_id, kind, file_name, digest, content, options, actor_kind, actor_ref,
                        actor_name, requested_by)
VALUES (%(org_id)s, %(project_id)s, %(kind)s, %(file_name)s, %(digest)s, %(content)s, %(options)s::jsonb,
        %(actor_kind)s, %(actor_ref)s, %(actor_name)s, %(requested_by)s)
RETURNING import_id
"""
# What procrastinate's own client calls; here for both doors, since one of them knows no Django.
_DEFER: LiteralString = """
SELECT procrastinate_defer_jobs_v1(ARRAY[
    ROW('imports', %(task)s, 0, NULL, NULL, %(args)s::jsonb, NULL)::procrastinate_job_to_defer_v1])
"""
_COLUMNS: LiteralString = """
SELECT i.import_id, i.project_id, p.key AS project_key, i.kind, i.file_name, i.state, i.done, i.total,
       i.counts::text AS counts, i.cycle_id, c.name AS cycle_name, i.error,
       coalesce(<number>, i.actor_name) AS actor_name, i.created_at, i.finished_at
FROM import_run i JOIN project p USING (org_id, project_id)
LEFT JOIN test_cycle c ON c.org_id = i.org_id AND c.cycle_id = i.cycle_id
""".replace("<number>", number_of("i", "i.actor_ref"))
_LIST: LiteralString = (
    _COLUMNS + "WHERE i.org_id = %(org_id)s AND i.project_id = %(project_id)s"
    " AND (%(before)s::bigint IS NULL OR i.import_id < %(before)s) ORDER BY i.import_id DESC LIMIT %(limit)s"
)
_FIND: LiteralString = _COLUMNS + "WHERE i.org_id = %(org_id)s AND i.import_id = %(import_id)s"
_LINES: LiteralString = """
SELECT position, line, outcome, title, case_key, reason FROM import_line
WHERE org_id = %(org_id)s AND import_id = %(import_id)s AND position > %(after)s
  AND (%(outcome)s::text IS NULL OR outcome = %(outcome)s)
ORDER BY position LIMIT %(limit)s
"""


class ImportRun(msgspec.Struct, frozen=True, kw_only=True):
    """An import as its page shows it. `counts`: lines by what became of them."""

    import_id: int
    project_id: int
    project_key: str
    kind: ImportKind
    file_name: str
    state: str
    done: int
    total: int
    counts: Mapping[str, int]
    cycle_id: int | None
    cycle_name: str | None
    error: str | None
    actor_name: str
    created_at: datetime
    finished_at: datetime | None

    @property
    def finished(self) -> bool:
        return self.state in ("succeeded", "failed")


class NumberedLine(ReportLine, frozen=True, kw_only=True):
    """A line of the report and its place in it."""

    position: int


def request_import(
    org_id: int,
    project_id: int,
    *,
    kind: ImportKind,
    file_name: str,
    content: bytes,
    options: ImportOptions,
    actor: Actor,
    user_id: int | None = None,
) -> Operation[tuple[int, bool]]:
    """Keep the file and have a job work it off; answers the import's id, and whether it is a new one: the same results
    for the same cycle are the import they were before, unless it left some out that may have a test case now.

    Raises InvalidInput, NotFound for the project or cycle, and Conflict when too many are under way.
    """
    check_size(content)
    place: dict[str, Any] = {"org_id": org_id, "project_id": project_id}
    if not (yield Statement(_LOCK, place)):
        raise NotFound("There is no such project.")
    options = yield from _checked(org_id, project_id, kind, options)
    digest = _digest(kind, options, content)
    earlier = (yield from _earlier(place, kind, options, content)) if kind in RESULTS else None
    if earlier and _brings_nothing(earlier, options):
        return int(earlier["import_id"]), False
    if (yield Statement(_UNDER_WAY, place))[0]["count"] >= MOST_UNDER_WAY:
        raise Conflict(f"{MOST_UNDER_WAY} imports are under way in this project. Wait for one of them to finish.")
    if kind in RESULTS:
        yield Statement(_RETIRE, {**place, "digest": digest})
    after = earlier["import_id"] if earlier and not earlier["closed"] else None
    kept = KeptOptions(**msgspec.structs.asdict(options), after=after)
    values = {
        **place,
        "kind": kind,
        "file_name": in_one_line(file_name)[-200:] or kind,
        "digest": digest,
        "content": content,
        "options": msgspec.json.encode(kept).decode(),
        "actor_kind": actor.kind,
        "actor_ref": actor.ref,
        "actor_name": actor.name,
        "requested_by": user_id,
    }
    (row,) = yield Statement(_INSERT, values)
    args = msgspec.json.encode({"org_id": org_id, "import_id": row["import_id"]}).decode()
    yield Statement(_DEFER, {"task": TASK, "args": args})
    return int(row["import_id"]), True


def list_imports(org_id: int, project_id: int, *, limit: int, before: int | None = None) -> Operation[list[ImportRun]]:
    """A project's imports, newest first. `before`: only older than this id, for the next page."""
    params = {"org_id": org_id, "project_id": project_id, "limit": limit, "before": before}
    return [_run(row) for row in (yield Statement(_LIST, params))]


def find_import(org_id: int, import_id: int) -> Operation[ImportRun]:
    """One import. Raises NotFound."""
    rows = yield Statement(_FIND, {"org_id": org_id, "import_id": import_id})
    if not rows:
        raise NotFound("There is no such import.")
    return _run(rows[0])


def report_lines(
    org_id: int, import_id: int, *, limit: int, after: int = 0, outcome: LineOutcome | None = None
) -> Operation[list[NumberedLine]]:
    """What became of each line, in the file's order. `after`: only those behind this place, for the next page."""
    params = {"org_id": org_id, "import_id": import_id, "limit": limit, "after": after, "outcome": outcome}
    return [NumberedLine(**row) for row in (yield Statement(_LINES, params))]


def _checked(org_id: int, project_id: int, kind: ImportKind, options: ImportOptions) -> Operation[ImportOptions]:
    if kind not in RESULTS:
        return ImportOptions()
    if options.cycle_id is not None:
        cycle = yield from find_cycle(org_id, project_id, options.cycle_id)
        if cycle.state == "finished":
            raise Conflict("This cycle is finished. Take it up again, or choose another.", field="cycle")
        return msgspec.structs.replace(options, cycle_name="")
    name = in_one_line(options.cycle_name)
    if not 1 <= len(name) <= 120:
        raise InvalidInput("Results go into a test cycle: choose one, or name a new one.", field="cycle")
    return msgspec.structs.replace(options, cycle_name=name)


def open_cycle(org_id: int, project_id: int, name: str) -> Operation[int | None]:
    """The newest cycle of this name that is not finished."""
    rows = yield Statement(_OPEN_CYCLE, {"org_id": org_id, "project_id": project_id, "name": name})
    return int(rows[0]["cycle_id"]) if rows else None


def _earlier(place: dict[str, Any], kind: ImportKind, options: ImportOptions, content: bytes) -> Operation[Row | None]:
    """The newest import of these results into this cycle, whether it was named or chosen, and whatever was to become of
    results without a case."""
    name, cycle_id = options.cycle_name, options.cycle_id
    if cycle_id is None:
        known = yield from open_cycle(**place, name=name)
    else:
        known, name = cycle_id, (yield from find_cycle(**place, cycle_id=cycle_id)).plan.name
    asked = [ImportOptions(cycle_name=name), *([ImportOptions(cycle_id=known)] if known else [])]
    digests = [
        _digest(kind, msgspec.structs.replace(one, unmatched=unmatched), content)
        for one in asked
        for unmatched in get_args(Unmatched)
    ]
    rows = yield Statement(_EARLIER, {**place, "digests": digests, "cycle_id": cycle_id, "known": known})
    return rows[0] if rows else None


def _brings_nothing(earlier: Row, options: ImportOptions) -> bool:
    """Whether the same results can only come to the same once more; a finished cycle stays as it is."""
    alike: bool = earlier["unmatched"] == options.unmatched
    if earlier["state"] != "succeeded":
        return alike
    return not earlier["left_out"] or (alike and (earlier["closed"] or not earlier["cases_changed"]))


def _digest(kind: ImportKind, options: ImportOptions, content: bytes) -> str:
    """Test cases may be brought in again, after people have changed them here; results happened once."""
    if kind not in RESULTS:
        return new_id("file")
    made = sha256(msgspec.json.encode([kind, options]))
    made.update(content)
    return made.hexdigest()


def _run(row: Row) -> ImportRun:
    return ImportRun(**{**row, "counts": msgspec.json.decode(row["counts"], type=dict[str, int])})
