"""Budgets and pauses over HTTP: what a refused program is told, and what setting one twice does."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from testkase.core.access import DEFAULT_SCOPES, Scope
from testkase.core.ledger.limits.changing import MAX_PAUSES
from testkase.core.ledger.limits.commands import Pause
from testkase.core.ledger.operations import execute
from tests.support.programs import Organizations

pytestmark = pytest.mark.requirement("B8")
WEB = {"id": "web", "name": "Web team", "limit": "2.00", "period": "week", "project": "WEB"}


@pytest.fixture
def api(base_url: str, organizations: Organizations) -> Iterator[httpx.Client]:
    scopes = DEFAULT_SCOPES | {Scope.SETTINGS_READ, Scope.SETTINGS_WRITE}
    org = organizations.make(scopes=scopes)
    with httpx.Client(base_url=f"{base_url}/api/v1", headers=org.headers, timeout=20) as client:
        yield client


def use(api: httpx.Client, name: str, credits: str, **more: str) -> httpx.Response:
    body = {"id": name, "use_case": "chat", "user": "ada@example.com", "project": "WEB", "credits": credits} | more
    return api.post("/usage", json=body)


def test_a_refusal_names_the_tightest_budget_and_when_it_begins_anew(api: httpx.Client) -> None:
    assert use(api, "before", "0.50").status_code == 201
    for body in (WEB, WEB | {"id": "all", "name": "Everyone", "limit": "100.00", "project": None}):
        assert api.post("/budgets", json=body).status_code == 201
    assert api.get("/budgets/web").json()["used"] == "0.50"
    refused = use(api, "big", "1.51")
    assert (refused.status_code, refused.json()["code"]) == (402, "budget_exceeded")
    facts = refused.json()
    assert (facts["budget_id"], facts["limit"], facts["used"], facts["held"]) == ("web", "2.00", "0.50", "0.00")
    assert facts["resets_at"] == api.get("/budgets/web").json()["resets_at"]
    assert "buy_url" not in facts, "buying credits would not help"
    assert use(api, "elsewhere", "50.00", project="APP").status_code == 201
    assert use(api, "fits", "1.50").status_code == 201


def test_what_costs_nothing_is_never_refused_by_a_budget_that_a_call_overran(api: httpx.Client) -> None:
    assert api.post("/budgets", json=WEB).status_code == 201
    call = {"use_case": "chat", "user": "ada@example.com", "project": "WEB"}
    assert api.post("/holds", json=call | {"id": "h", "credits": "2.00"}).status_code == 201
    assert api.post("/holds/h/settlement", json={"credits": "9.00", "outcome": "completed"}).status_code == 200
    assert use(api, "failed", "3.00", outcome="failed").status_code == 201
    assert api.post("/holds", json=call | {"credits": "0"}).status_code == 201
    assert use(api, "more", "0.01").status_code == 402


def test_setting_changing_and_removing_are_safe_to_repeat(api: httpx.Client) -> None:
    first, again = api.post("/budgets", json=WEB), api.post("/budgets", json=WEB)
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["idempotent-replayed"] == "true"
    other = api.post("/budgets", json=WEB | {"limit": "3.00"})
    assert (other.status_code, other.json()["code"]) == (409, "id_reused")
    wanted = {name: value for name, value in WEB.items() if name != "id"} | {"limit": "3.00", "period": "day"}
    for _ in range(2):
        changed = api.put("/budgets/web", json=wanted)
        assert (changed.status_code, changed.json()["limit"], changed.json()["period"]) == (200, "3.00", "day")
    for _ in range(2):
        assert api.delete("/budgets/web").json() == {"id": "web", "state": "removed"}
    assert api.get("/budgets").json() == {"items": [], "next_cursor": None}
    for answer in (api.get("/budgets/web"), api.put("/budgets/web", json=wanted), api.delete("/budgets/never")):
        assert (answer.status_code, answer.json()["code"]) == (404, "budget_not_found")
    assert api.delete("/budgets/web").headers["idempotent-replayed"] == "true"
    gone = api.post("/budgets", json=WEB)
    assert (gone.status_code, gone.json()["code"], gone.json()["field"]) == (409, "conflict", "id")
    assert "has been removed" in gone.json()["detail"], "it was said that there was no such budget, of one being set"


@pytest.mark.parametrize(
    ("field", "value"),
    [("limit", 2), ("limit", "-1"), ("limit", "2.0000001"), ("period", "year"), ("name", ""), ("use_case", "No Slug"),
     ("user", ""), ("id", "a/b"), ("id", "x" * 65)],
)  # fmt: skip
def test_bad_input_names_the_field_and_sets_nothing(api: httpx.Client, field: str, value: Any) -> None:
    refused = api.post("/budgets", json=WEB | {field: value})
    assert (refused.status_code, refused.json()["field"]) == (422, field)
    assert api.get("/budgets").json() == {"items": [], "next_cursor": None}


@pytest.mark.parametrize("name", ["a%00b", "%ED%A0%80", "..%2Fa", "x" * 65])
def test_an_id_that_no_budget_can_have_is_absent(api: httpx.Client, name: str) -> None:
    wanted = {"name": "Web team", "limit": "2.00", "period": "week"}
    for method, body in (("GET", None), ("DELETE", None), ("PUT", wanted)):
        assert api.request(method, f"/budgets/{name}", json=body).status_code == 404


@pytest.mark.requirement("B13")
def test_as_many_as_can_be_are_paused_and_each_is_found_and_resumed(
    base_url: str, organizations: Organizations
) -> None:
    org = organizations.make(scopes=frozenset({Scope.SETTINGS_READ, Scope.SETTINGS_WRITE}))
    others = [
        Pause(org_id=org.org_id, change_id=f"{n}", kind="user", ref=f"u{n}", reason="A loop.")
        for n in range(MAX_PAUSES - 1)
    ]
    whom = {"kind": "user", "ref": "the  first"}
    with httpx.Client(base_url=f"{base_url}/api/v1", headers=org.headers, timeout=20) as api:
        assert api.post("/pauses", json=whom | {"reason": "A loop."}).json()["ref"] == "the  first"
        organizations.run(org.org_id, execute(others))
        refused = api.post("/pauses", json=whom | {"ref": "another", "reason": "A loop."})
        assert (refused.status_code, refused.json()["code"]) == (409, "too_many_pauses")
        assert "Resume one of them first" in refused.json()["detail"]
        assert api.post("/pauses", json=whom | {"reason": "Said again."}).json()["reason"] == "Said again."
        assert len(api.get("/pauses").json()["items"]) == MAX_PAUSES
        for number in range(2):  # more have been paused by now than the list shows
            resumed = api.post("/resumptions", json=whom | {"ref": f"u{number}"})
            assert (resumed.status_code, resumed.json()["ref"]) == (200, f"u{number}")
            made = api.post("/pauses", json=whom | {"ref": f"later {number}", "reason": "A loop."})
            assert made.status_code == 201
        assert api.post("/resumptions", json=whom | {"id": "r"}).status_code == 200
        assert api.post("/resumptions", json=whom | {"id": "r"}).headers["idempotent-replayed"] == "true"


@pytest.mark.requirement("B13")
def test_a_paused_user_is_refused_until_resumed_and_the_gateway_says_so_in_openais_shape(
    api: httpx.Client, base_url: str
) -> None:
    whom = {"kind": "user", "ref": "ada@example.com"}
    body = whom | {"id": "p1", "reason": "A loop in the nightly job."}
    assert api.post("/pauses", json=body).json()["resumed_at"] is None
    assert api.post("/pauses", json=body).headers["idempotent-replayed"] == "true"
    refused = use(api, "u1", "0.10")
    assert (refused.status_code, refused.json()["code"]) == (403, "paused")
    assert "A loop in the nightly job." in refused.json()["detail"]
    told = httpx.post(
        f"{base_url}/openai/v1/chat/completions",
        headers=dict(api.headers) | {"X-User": "ada@example.com"},
        json={"model": "testkase-demo", "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 8},
    )
    assert (told.status_code, told.json()["error"]["code"]) == (403, "paused")
    assert use(api, "u2", "0.10", user="ben@example.com").status_code == 201
    assert api.post("/resumptions", json=whom).json()["resumed_at"] is not None
    assert use(api, "u3", "0.10").status_code == 201
    assert api.post("/resumptions", json=whom).json()["code"] == "not_paused"


def test_a_use_case_that_no_call_can_have_is_not_paused(api: httpx.Client) -> None:
    """`Chat` was answered 201, and the chat went on spending."""
    refused = api.post("/pauses", json={"kind": "use_case", "ref": "Chat", "reason": "A loop."})
    assert (refused.status_code, refused.json()["field"]) == (422, "ref")
    assert "A slug has" in refused.json()["detail"]
    assert api.get("/pauses").json() == {"items": [], "next_cursor": None}


def test_the_gateway_refuses_beyond_a_budget_in_openais_shape(api: httpx.Client, base_url: str) -> None:
    api.post("/budgets", json=WEB | {"limit": "0.00", "project": None})
    told = httpx.post(
        f"{base_url}/openai/v1/chat/completions",
        headers=dict(api.headers),
        json={"model": "testkase-demo", "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 8},
    )
    error = told.json()["error"]
    assert (told.status_code, error["code"], error["type"]) == (402, "budget_exceeded", "billing_error")
    assert "Web team" in error["message"]
    assert "Buy credits" not in error["message"]


@pytest.mark.parametrize("path", ["/bundles", "/lots", "/budgets", "/pauses"])
def test_every_list_takes_a_page_also_one_that_comes_whole(api: httpx.Client, path: str) -> None:
    for number in range(3):
        budget = {"id": f"b{number}", "name": "Cap", "period": "month", "limit": "10", "user": f"person{number}"}
        assert api.post("/budgets", json=budget).status_code == 201
        assert (
            api.post("/pauses", json={"kind": "user", "ref": f"person{number}", "reason": "Too many"}).status_code
            == 201
        )
    whole = api.get(path).json()
    assert (len(whole["items"]) > 1, whole["next_cursor"]) == (path in ("/bundles", "/budgets", "/pauses"), None)
    paged: list[object] = []
    page = api.get(path, params={"limit": 1}).json()
    while True:
        assert len(page["items"]) <= 1
        paged += page["items"]
        if page["next_cursor"] is None:
            break
        page = api.get(path, params={"limit": 1, "cursor": page["next_cursor"]}).json()
    assert paged == whole["items"]
    assert api.get(path, params={"cursor": "nobody's"}).json()["field"] == "cursor"
