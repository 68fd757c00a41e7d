"""The activity history over HTTP."""

from collections.abc import Iterator

import httpx
import pytest

from testkase.core.access import Scope
from testkase.core.ledger.commands import RecordUsage
from testkase.core.ledger.model import Subject
from testkase.core.ledger.operations import execute_one
from testkase.services.audit import Activity, Actor, record
from tests.support.programs import Organization, Organizations

pytestmark = pytest.mark.requirement("R74", "R75")
ANA = Actor(kind="person", ref="ana@example.com", name="Ana")
BUILD = Actor(kind="api_key", ref="key_1", name="Build server")


@pytest.fixture
def org(organizations: Organizations) -> Organization:
    """Two AI actions and two changes, in turn."""
    made = organizations.make(scopes=frozenset({Scope.AUDIT_READ}))
    org_id = made.org_id
    for number, actor in enumerate((ANA, BUILD)):
        subject = Subject(use_case="chat", user="ana@example.com", project="SHOP" if number else None)
        used = RecordUsage(org_id=org_id, usage_id=f"u{number}", credits=500_000, subject=subject)
        organizations.run(org_id, execute_one(used))
        details = {"limit": "50.00", "per": "day"}
        change = Activity(action="budget.created", actor=actor, target="Chat", use_case="chat", details=details)
        organizations.run(org_id, record(org_id, change))
    return made


@pytest.fixture
def api(base_url: str, org: Organization) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{base_url}/api/v1", headers=org.headers, timeout=20) as client:
        yield client


def ids(api: httpx.Client, **params: str | int) -> list[str]:
    """What these filters find."""
    answer = api.get("/audit", params=params)
    assert answer.status_code == 200, answer.text
    return [item["id"] for item in answer.json()["items"]]


def test_actions_and_changes_come_newest_first_in_words(api: httpx.Client) -> None:
    newest, action, *_ = api.get("/audit").json()["items"]
    assert newest["id"] == "change-2"
    assert newest["summary"] == "API key Build server set the budget Chat: 50.00 credits a day"
    assert newest["actor"] == {"kind": "api_key", "ref": "key_1", "name": "Build server"}
    assert (newest["kind"], newest["credits"], len(newest["hash"])) == ("money", None, 64)
    assert action["summary"] == "ana@example.com asked the chat assistant"
    assert (action["kind"], action["credits"], action["project"]) == ("ai", "0.50", "SHOP")
    assert action["id"] == f"ai-{action['receipt']}"


def test_filters_find_what_they_name(api: httpx.Client) -> None:
    everything = ids(api)
    assert [name.partition("-")[0] for name in everything] == ["change", "ai", "change", "ai"]
    assert ids(api, kind="money") == ["change-2", "change-1"]
    assert ids(api, kind="ai") == everything[1::2]
    assert ids(api, user="ana@example.com") == everything[1:]
    assert ids(api, user="key_1") == ["change-2"]
    assert ids(api, project="SHOP") == everything[1:2]
    assert ids(api, use_case="chat", kind="keys") == []
    assert ids(api, since="2999-01-01T00:00:00Z") == []
    assert ids(api, until="2999-01-01T00:00:00Z") == everything


def test_pages_follow_each_other_without_a_gap(api: httpx.Client) -> None:
    paged: list[str] = []
    params: dict[str, str | int] = {"limit": 1}
    while True:
        page = api.get("/audit", params=params).json()
        paged += [item["id"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        params["cursor"] = page["next_cursor"]
    assert paged == ids(api)


@pytest.mark.parametrize(
    "params", [{"cursor": "17"}, {"cursor": "x.y"}, {"kind": "gossip"}, {"since": "yesterday"}, {"limit": 0}], ids=str
)
def test_what_cannot_be_names_its_field(api: httpx.Client, params: dict[str, str]) -> None:
    answer = api.get("/audit", params=params)
    assert (answer.status_code, answer.json()["field"]) == (422, next(iter(params)))
