"""Working an import off: read the file, take its items over some at a time, write down what became of each.

The effects of some lines, their report and how far the import is are one transaction. A run that is killed, or meets
another one, goes on behind what is done; a line takes effect once.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, LiteralString

import msgspec
import psycopg

from testkase.foundation.database import Database, Operation, Row, Statement
from testkase.foundation.problems import Conflict, InvalidInput, NotFound
from testkase.services.audit import Activity, Actor, record
from testkase.services.workspace.cycles import create_cycle
from testkase.services.workspace.importing.bringing_cases import Place, bring_cases
from testkase.services.workspace.importing.bringing_results import bring_results
from testkase.services.workspace.importing.model import (
    CaseItem,
    ImportOptions,
    Item,
    KeptOptions,
    ReportLine,
    ResultItem,
    Unreadable,
)
from testkase.services.workspace.importing.reading import read_items
from testkase.services.workspace.importing.requests import RESULTS, open_cycle
from testkase.services.workspace.model import CyclePlan

AT_ONCE = 200
"""Items of one transaction: others can write test cases in between."""
AGAIN = (psycopg.OperationalError, psycopg.errors.UniqueViolation)
"""The outcome is unknown, or somebody else was faster: run it again."""

_OURS = "Something went wrong on our side. What the report lists was imported; the rest was not."

_CLAIM: LiteralString = """
UPDATE import_run SET state = 'running'
WHERE org_id = %(org_id)s AND import_id = %(import_id)s AND state IN ('queued', 'running')
RETURNING kind, content
"""
# The project first of all that follows: whoever changes its folders holds it too, before any case.
_LOCK: LiteralString = """
SELECT i.kind, i.project_id, p.key AS project_key, i.done, i.options::text AS options, i.counts::text AS counts,
       i.cycle_id,
       i.requested_by, i.actor_kind, i.actor_ref, i.actor_name, i.file_name
FROM import_run i JOIN project p USING (org_id, project_id)
WHERE i.org_id = %(org_id)s AND i.import_id = %(import_id)s AND i.state = 'running'
FOR NO KEY UPDATE OF i, p
"""
_TAKEN_OVER: LiteralString = """
SELECT position, case_key FROM import_line
WHERE org_id = %(org_id)s AND import_id = %(after)s AND position > %(done)s AND position <= %(done)s + %(some)s
  AND outcome <> 'skipped'
"""
_REPORT: LiteralString = """
INSERT INTO import_line (org_id, import_id, position, line, outcome, title, case_key, reason)
SELECT %(org_id)s, %(import_id)s, made.position, made.line, made.outcome, made.title, made.case_key, made.reason
FROM jsonb_to_recordset(%(lines)s::jsonb) AS made (
    position integer, line integer, outcome text, title text, case_key text, reason text)
"""
_ADVANCE: LiteralString = """
UPDATE import_run SET done = %(done)s, total = %(total)s, counts = %(counts)s::jsonb, cycle_id = %(cycle_id)s
WHERE org_id = %(org_id)s AND import_id = %(import_id)s
"""
_FINISH: LiteralString = """
UPDATE import_run SET state = %(state)s, error = %(error)s, content = NULL, finished_at = now()
WHERE org_id = %(org_id)s AND import_id = %(import_id)s
"""


async def run_import(org_id: int, import_id: int, database: Database, *, last_try: bool = False) -> None:
    """Work it off to the end. Anything of the errors in AGAIN: run it again, unless this was the last try."""
    claimed = await database.run(_claimed(org_id, import_id), org_id=org_id)
    if claimed is None:
        return
    try:
        items = await asyncio.to_thread(read_items, claimed["kind"], bytes(claimed["content"]))
        while await database.run(advance(org_id, import_id, items), org_id=org_id):
            pass
    except (InvalidInput, Conflict, NotFound) as problem:
        await database.run(_failed(org_id, import_id, problem.detail), org_id=org_id)
    except Exception as fault:
        # The file must not be kept for ever because of a mistake of ours.
        if last_try or not isinstance(fault, AGAIN):
            await database.run(_failed(org_id, import_id, _OURS), org_id=org_id)
        raise


def advance(org_id: int, import_id: int, items: Sequence[Item]) -> Operation[bool]:
    """Take the next items over, or finish; answers whether there is more to do."""
    rows = yield Statement(_LOCK, {"org_id": org_id, "import_id": import_id})
    if not rows:
        return False
    run = rows[0]
    if run["done"] >= len(items):
        yield from _succeeded(org_id, import_id, run)
        return False
    some = items[run["done"] : run["done"] + AT_ONCE]
    lines, cycle_id = yield from _brought(org_id, import_id, run, some)
    counts = msgspec.json.decode(run["counts"], type=dict[str, int])
    for line in lines:
        counts[line.outcome] = counts.get(line.outcome, 0) + 1
    numbered = [
        {**msgspec.to_builtins(line), "title": line.title[:300], "position": run["done"] + nth}
        for nth, line in enumerate(lines, start=1)
    ]
    values = {"org_id": org_id, "import_id": import_id, "lines": msgspec.json.encode(numbered).decode()}
    yield Statement(_REPORT, values)
    done = {"done": run["done"] + len(some), "total": len(items), "cycle_id": cycle_id}
    yield Statement(_ADVANCE, {**values, **done, "counts": msgspec.json.encode(counts).decode()})
    return True


def _claimed(org_id: int, import_id: int) -> Operation[Row | None]:
    rows = yield Statement(_CLAIM, {"org_id": org_id, "import_id": import_id})
    return rows[0] if rows else None


def _brought(
    org_id: int, import_id: int, run: Row, items: Sequence[Item]
) -> Operation[tuple[list[ReportLine], int | None]]:
    """What became of these items, in their order, and the cycle that results went into."""
    place = Place(org_id=org_id, project_id=run["project_id"], user_id=run["requested_by"])
    cycle_id: int | None = run["cycle_id"]
    taken: dict[int, str | None] = {}
    numbered = list(enumerate(items, start=run["done"] + 1))
    if run["kind"] in RESULTS:
        options = msgspec.json.decode(run["options"], type=KeptOptions)
        cycle_id = cycle_id or (yield from _cycle_for(place, options))
        taken = yield from _taken_over(org_id, options.after, run["done"], len(items))
        results = [item for at, item in numbered if isinstance(item, ResultItem) and at not in taken]
        readable = yield from bring_results(
            place, results, cycle_id=cycle_id, import_id=import_id, unmatched=options.unmatched
        )
    else:
        readable = yield from bring_cases(place, [item for item in items if isinstance(item, CaseItem)])
    told = iter(readable)
    return [
        _left_out(item) if isinstance(item, Unreadable) else _as_before(item, taken[at]) if at in taken else next(told)
        for at, item in numbered
    ], cycle_id


def _taken_over(org_id: int, after: int | None, done: int, some: int) -> Operation[dict[int, str | None]]:
    """Which of the next items an earlier import of the same results has taken over: their cases by their places."""
    if after is None:
        return {}
    rows = yield Statement(_TAKEN_OVER, {"org_id": org_id, "after": after, "done": done, "some": some})
    return {row["position"]: row["case_key"] for row in rows}


def _as_before(item: Item, case_key: str | None) -> ReportLine:
    reason = "An earlier import of this file recorded it."
    return ReportLine(line=item.line, outcome="unchanged", title=item.title, case_key=case_key, reason=reason)


def _left_out(item: Unreadable) -> ReportLine:
    return ReportLine(line=item.line, outcome="skipped", title=item.title, reason=item.reason[:300])


def _cycle_for(place: Place, options: ImportOptions) -> Operation[int]:
    """The cycle that was chosen; else the newest open one of the name given, or a new one."""
    if options.cycle_id is not None:
        return options.cycle_id
    known = yield from open_cycle(place.org_id, place.project_id, options.cycle_name)
    if known is not None:
        return known
    plan = CyclePlan(name=options.cycle_name)
    return (yield from create_cycle(place.org_id, place.project_id, plan, author_id=place.user_id))


def _succeeded(org_id: int, import_id: int, run: Row) -> Operation[None]:
    yield Statement(_FINISH, {"org_id": org_id, "import_id": import_id, "state": "succeeded", "error": None})
    counts = msgspec.json.decode(run["counts"], type=dict[str, int])
    told = ", ".join(f"{count:,} {outcome}" for outcome, count in counts.items()) or "nothing"
    actor: Any = Actor(kind=run["actor_kind"], ref=run["actor_ref"], name=run["actor_name"])
    change = Activity(
        action="import.finished", actor=actor, target=run["file_name"], project=run["project_key"],
        details={"told": told},
    )  # fmt: skip
    yield from record(org_id, change, event_id=f"import:{import_id}")


def _failed(org_id: int, import_id: int, error: str) -> Operation[None]:
    if (yield Statement(_LOCK, {"org_id": org_id, "import_id": import_id})):
        yield Statement(_FINISH, {"org_id": org_id, "import_id": import_id, "state": "failed", "error": error[:500]})
