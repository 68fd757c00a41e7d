"""Reading the history of one project. Needs the organization's tenant context; every statement names it as well."""

from collections.abc import Mapping
from typing import Any

from testkase.foundation.database import Operation, Row, Statement, named_statements
from testkase.services.features.reports.facts.history import NO_FOLDER, Execution, History, PastCase, PastCycle
from testkase.services.workspace.folders import list_folders

_SQL = named_statements("testkase.services.features.reports.sql", "history.sql")

MOST_CASES = 20_000
"""Of a project, the newest: as many as a cycle takes."""

_Found = Mapping[int, Row]


def read_history(
    org_id: int, project_id: int, *, cycles: int, cycle_id: int | None = None, texts: bool = False
) -> Operation[History]:
    """The last so many finished cycles and the cycle whose release is looked at. `texts`: with what cases say."""
    place: dict[str, Any] = {"org_id": org_id, "project_id": project_id}
    finished = yield Statement(_SQL["finished_cycles"], {**place, "limit": cycles})
    window = tuple(PastCycle(row["cycle_id"], row["name"]) for row in finished)
    found = yield Statement(_SQL["target_cycle"], {**place, "cycle_id": cycle_id})
    target = PastCycle(found[0]["cycle_id"], found[0]["name"], found[0]["finished"]) if found else None
    rows = yield Statement(_SQL["cases"], {**place, "limit": MOST_CASES, "texts": texts})
    paths = {folder.folder_id: folder.path for folder in (yield from list_folders(org_id, project_id))}
    ids = [cycle.cycle_id for cycle in window]
    entries = yield from _by_case("entries", org_id, cycles=[*ids, *([target.cycle_id] if target else [])])
    executions = yield from _by_case("executions", org_id, cycles=ids)
    edits = yield from _by_case("edits", org_id, cases=list(executions))
    places = {cycle: number for number, cycle in enumerate(ids)}
    cases = tuple(
        PastCase(
            case_id=row["case_id"],
            key=row["key"],
            title=row["title"],
            priority=row["priority"],
            status=row["status"],
            folder=paths.get(row["folder_id"], NO_FOLDER),
            text=row["text"],
            edits=tuple(edits[row["case_id"]]["instants"]) if row["case_id"] in edits else (),
            executions=_executions(executions.get(row["case_id"]), places),
            **_ended(entries.get(row["case_id"]), ids, target),
        )
        for row in rows
    )
    return History(cycles=window, target=target, cases=cases, left_out=rows[0]["of"] - len(rows) if rows else 0)


def has_cycle(org_id: int, project_id: int, cycle_id: int | None = None) -> Operation[bool]:
    """Whether there is the cycle named, or any that was begun."""
    params = {"org_id": org_id, "project_id": project_id, "cycle_id": cycle_id}
    return bool((yield Statement(_SQL["target_cycle"], params)))


def _by_case(name: str, org_id: int, **params: list[int]) -> Operation[_Found]:
    return {row["case_id"]: row for row in (yield Statement(_SQL[name], {"org_id": org_id, **params}))}


def _executions(row: Row | None, places: Mapping[int, int]) -> tuple[Execution, ...]:
    if row is None:
        return ()
    told = zip(row["cycles"], row["passed"], row["instants"], strict=True)
    return tuple(Execution(places[cycle], passed, at) for cycle, passed, at in told)


def _ended(row: Row | None, window: list[int], target: PastCycle | None) -> dict[str, Any]:
    """How the case ended in each cycle of the window, and where it stands in the one looked at."""
    told = zip(row["cycles"], row["results"], row["durations"], strict=True) if row else ()
    by_cycle = {cycle: (result, duration) for cycle, result, duration in told}
    nothing = (None, None)
    return {
        "results": tuple(by_cycle.get(cycle, nothing)[0] for cycle in window),
        "durations_ms": tuple(by_cycle.get(cycle, nothing)[1] for cycle in window),
        "now": by_cycle.get(target.cycle_id, nothing)[0] if target else None,
    }
