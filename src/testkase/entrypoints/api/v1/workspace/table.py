"""The routes of the workspace."""

from testkase.core.access import Scope
from testkase.entrypoints.api.route import Route
from testkase.entrypoints.api.v1.lists import ListQuery
from testkase.entrypoints.api.v1.workspace import schemas, views
from testkase.services.workspace.importing.model import MAX_BYTES

_XML = (
    '<testsuite name="shop"><testcase classname="shop.cart.CartTest" name="at_most_50" time="1.2"/></testsuite>'
)  # fmt: skip
_CASE = {
    "key": "SHOP-5", "title": "Cart holds at most 50 pieces of one item", "status": "ready", "priority": "low",
    "kind": "boundary", "tags": ["cart"], "steps": 2, "generated": False,
    "created_at": "2026-11-22T12:00:09.120000Z",
}  # fmt: skip

ROUTES = (
    Route(
        method="GET", path="/projects", run=views.get_projects, scope=Scope.WORKSPACE_READ, tag="Workspace",
        summary="List the projects", query=ListQuery, answer=schemas.ProjectList,
        answer_example={
            "items": [{"key": "SHOP", "name": "Web shop checkout", "test_cases": 25}], "next_cursor": None,
        },
    ),
    Route(
        method="GET", path="/projects/{project_key}/cases", run=views.get_cases, scope=Scope.WORKSPACE_READ,
        tag="Workspace", summary="List a project's test cases, newest first", query=schemas.CaseQuery,
        answer=schemas.CasePage, answer_example={"items": [_CASE], "next_cursor": None}, refusals=("not_found",),
    ),
    Route(
        method="POST", path="/projects/{project_key}/results", run=views.post_results, scope=Scope.WORKSPACE_WRITE,
        tag="Workspace", summary="Take in results of automated tests",
        description="JUnit XML, or a list in JSON. Accepted at once and worked off by and by: the report says what"
        " became of each. The same results for the same cycle change nothing and answer the import they were before."
        " XML with a document type or entities is refused by the report.",
        query=schemas.ResultsQuery, body=schemas.ResultList, body_limit=MAX_BYTES, xml_example=_XML,
        body_example={
            "items": [{
                "automation_id": "shop.cart.CartTest.at_most_50", "title": "Cart holds at most 50 pieces of one item",
                "result": "passed", "duration_ms": 1200,
            }]
        },
        answer=schemas.ImportAccepted, answer_example={"id": "7", "state": "queued"}, status=202,
        refusals=("not_found", "conflict"),
    ),
    Route(
        method="GET", path="/imports/{import_id}", run=views.get_import, scope=Scope.WORKSPACE_READ, tag="Workspace",
        summary="Read what became of an import", query=schemas.ImportQuery, answer=schemas.ImportReport,
        answer_example={
            "id": "7", "state": "succeeded", "project": "SHOP", "kind": "junit", "cycle": "Nightly", "done": 1,
            "total": 1, "counts": {"matched": 1}, "error": None, "created_at": "2026-11-22T12:00:09.120000Z",
            "finished_at": "2026-11-22T12:00:10.020000Z", "next_cursor": None,
            "lines": [{
                "line": 1, "outcome": "matched", "title": "at_most_50", "test_case": "SHOP-5", "reason": "Passed.",
            }],
        },
        refusals=("not_found",),
    ),
)  # fmt: skip
