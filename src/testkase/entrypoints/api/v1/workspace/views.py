"""Reading projects and cases; taking results in. What is heavy is accepted here and done by the worker."""

from testkase.entrypoints.api.reply import Reply, encode
from testkase.entrypoints.api.route import Ask
from testkase.entrypoints.api.v1.lists import ListQuery, page_of
from testkase.entrypoints.api.v1.usage_views import sequence
from testkase.entrypoints.api.v1.workspace import schemas
from testkase.foundation.database import Operation
from testkase.foundation.problems import InvalidInput, NotFound
from testkase.services.workspace.importing.model import ImportKind, ImportOptions
from testkase.services.workspace.importing.requests import find_import, report_lines, request_import
from testkase.services.workspace.model import Project
from testkase.services.workspace.projects import find_project, list_projects
from testkase.services.workspace.search import Wanted, list_cases

_NOBODY = 0
"""In place of a person: a key sees every project of its organization."""


async def get_projects(ask: Ask[None]) -> Reply:
    """200 with all projects."""
    reading = list_projects(ask.org_id, user_id=_NOBODY, sees_all=True)
    found = await ask.context.database.run(reading, org_id=ask.org_id)
    shown, more = page_of(found, ask.query(ListQuery), lambda project: project.key)
    return Reply(schemas.ProjectList(items=[schemas.ProjectItem.of(one) for one in shown], next_cursor=more))


async def get_cases(ask: Ask[None]) -> Reply:
    """200 with a page. One row more than asked for is read, to know whether there is another page."""
    query = ask.query(schemas.CaseQuery)
    wanted = Wanted(
        text=query.text, status=query.status or "", priority=query.priority or "", kind=query.kind or "",
        type=query.type or "", tag=query.tag,
    )  # fmt: skip
    before = sequence(query.cursor, "cursor") if query.cursor is not None else None
    project = await _project(ask)
    reading = list_cases(ask.org_id, project.project_id, limit=query.limit + 1, before=before, wanted=wanted)
    rows = await ask.context.database.run(reading, org_id=ask.org_id)
    following = str(rows[query.limit - 1].case_id) if len(rows) > query.limit else None
    items = [schemas.CaseItem.of(row) for row in rows[: query.limit]]
    return Reply(schemas.CasePage(items=items, next_cursor=following))


async def post_results(ask: Ask[schemas.ResultList | bytes]) -> Reply:
    """202 with the import's id; the same results for the same cycle are the import they were before."""
    query = ask.query(schemas.ResultsQuery)
    kind: ImportKind = "junit" if isinstance(ask.body, bytes) else "json"
    content = ask.body if isinstance(ask.body, bytes) else encode(ask.body.items)
    options = ImportOptions(cycle_name=query.cycle, unmatched=query.unmatched)

    def asking() -> Operation[tuple[int, bool]]:
        project = yield from find_project(ask.org_id, ask.path("project_key"), user_id=_NOBODY, sees_all=True)
        return (
            yield from request_import(
                ask.org_id, project.project_id, kind=kind, file_name=f"{query.cycle} ({kind})", content=content,
                options=options, actor=ask.actor,
            )
        )  # fmt: skip

    import_id, new = await ask.context.database.run(asking(), org_id=ask.org_id)
    run = await ask.context.database.run(find_import(ask.org_id, import_id), org_id=ask.org_id)
    return Reply(schemas.ImportAccepted(id=str(import_id), state=run.state), status=202, replayed=not new)


async def get_import(ask: Ask[None]) -> Reply:
    """200 with how far it is and a page of its report."""
    query = ask.query(schemas.ImportQuery)
    after = sequence(query.cursor, "cursor") if query.cursor is not None else 0
    try:
        import_id = sequence(ask.path("import_id"), "id")
    except InvalidInput:
        raise NotFound("There is no such import.") from None
    run = await ask.context.database.run(find_import(ask.org_id, import_id), org_id=ask.org_id)
    reading = report_lines(
        ask.org_id, import_id, limit=query.limit + 1, after=min(after, 2**31 - 1), outcome=query.outcome
    )
    lines = await ask.context.database.run(reading, org_id=ask.org_id)
    following = str(lines[query.limit - 1].position) if len(lines) > query.limit else None
    return Reply(schemas.ImportReport.of(run, lines[: query.limit], following))


async def _project(ask: Ask[None]) -> Project:
    finding = find_project(ask.org_id, ask.path("project_key"), user_id=_NOBODY, sees_all=True)
    return await ask.context.database.run(finding, org_id=ask.org_id)
