"""Monthly statements over HTTP."""

import time

import httpx
import pytest

from testkase.core.ledger.commands import Grant, RecordUsage, Touch
from testkase.core.ledger.credits import parse_credits
from testkase.core.ledger.model import Subject
from testkase.core.ledger.operations import execute_one
from tests.support.programs import Organization, Organizations

DAY = 86_400 * 1_000_000
NAMES = ("opening", "allowance", "bought", "used", "expired", "closing")


@pytest.fixture
def sleeper(organizations: Organizations) -> Organization:
    """An organization that bought and used credits a hundred days ago, and was not looked at since."""
    opened = int(time.time() * 1_000_000) - 100 * DAY
    made = organizations.make(opened_at=opened)
    bought = Grant(org_id=made.org_id, grant_id="p", amount=50_000_000, source="purchase", paid=True)
    organizations.run(made.org_id, execute_one(bought, clock=opened))
    subject = Subject(use_case="chat", user="ada@example.com")
    used = RecordUsage(org_id=made.org_id, usage_id="u", credits=120_500_000, subject=subject)
    organizations.run(made.org_id, execute_one(used, clock=opened))
    return made


@pytest.mark.requirement("B12")
def test_periods_are_listed_and_paged_and_each_adds_up(base_url: str, sleeper: Organization) -> None:
    with httpx.Client(base_url=f"{base_url}/api/v1", headers=sleeper.headers) as api:
        everything = api.get("/statements").json()
        assert everything["next_cursor"] is None
        items = everything["items"]
        assert len(items) >= 3
        for one in items:
            amount = {name: parse_credits(text) for name, text in one.items() if name in NAMES}
            came = amount["opening"] + amount["allowance"] + amount["bought"]
            assert amount["closing"] == came - amount["used"] - amount["expired"]
        paged, cursor = [], None
        while True:
            page = api.get("/statements", params={"limit": 2} | ({"cursor": cursor} if cursor else {})).json()
            paged += page["items"]
            if (cursor := page["next_cursor"]) is None:
                break
        assert paged == items
        assert api.get("/statements", params={"cursor": items[-1]["period"]}).json()["items"] == []
        assert api.get("/balance").json()["available"] == items[0]["closing"]


@pytest.mark.requirement("B12")
def test_one_period_shows_who_used_what_and_which_credits_expired(base_url: str, sleeper: Organization) -> None:
    with httpx.Client(base_url=f"{base_url}/api/v1", headers=sleeper.headers) as api:
        first = api.get("/statements").json()["items"][-1]
        told = api.get(f"/statements/{first['period']}").json()
        assert {name: told[name] for name in first} == first
        assert told["closed"] is True
        assert told["by_use_case"] == [{"name": "chat", "interactions": 1, "charged": "120.50"}]
        assert told["by_project"] == [{"name": None, "interactions": 1, "charged": "120.50"}]
        assert [(one["expired"], one["source"]) for one in told["expiries"]] == [("179.50", "allowance")]
        assert (told["used"], told["expired"], told["closing"]) == ("120.50", "179.50", "50.00")


@pytest.mark.requirement("I13")
@pytest.mark.parametrize("period", ["1999-01", "2026-13", "nonsense", "9" * 400])
def test_a_period_it_never_had_answers_like_any_absent_one(api: httpx.Client, period: str) -> None:
    answer = api.get(f"/statements/{period}")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert api.get("/statements", params={"cursor": "1999-01"}).json()["items"] == []


def test_a_key_that_may_not_read_credits_reads_no_statement(base_url: str, organizations: Organizations) -> None:
    caller = organizations.make(scopes=frozenset({"models:call"}))
    organizations.run(caller.org_id, execute_one(Touch(org_id=caller.org_id)))
    for path in ("/api/v1/statements", "/api/v1/statements/2026-11"):
        assert httpx.get(base_url + path, headers=caller.headers).status_code == 403
