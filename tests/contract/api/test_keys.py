"""API keys at the door: who is let in, and how soon a revoked key is not. Which scope opens which route: see
`tests/integration/tenants`."""

import time

import httpx
import pytest

from testkase.core.access import hash_key
from tests.support.programs import Organization, Organizations


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer",
        "Basic dGs6",
        "Bearer tk_live_x",
        "Bearer tk_test_" + "a" * 40,
        "Bearer ä",
        "tk_live_" + "a" * 40,
    ],
)
def test_what_is_no_key_is_refused(base_url: str, authorization: str) -> None:
    answer = httpx.get(f"{base_url}/api/v1/balance", headers=[(b"Authorization", authorization.encode())])
    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_api_key")


def test_a_key_with_one_wrong_character_is_refused(base_url: str, org: Organization) -> None:
    wrong = org.key[:-1] + ("a" if org.key[-1] != "a" else "b")
    answer = httpx.get(f"{base_url}/api/v1/balance", headers={"Authorization": f"Bearer {wrong}"})
    assert answer.status_code == 401


def test_a_revoked_key_stops_working_within_a_second(
    api: httpx.Client, org: Organization, organizations: Organizations
) -> None:
    """What was held with it is settled with another one."""
    held = {"id": "before", "use_case": "chat", "user": "ada@example.com", "credits": "5"}
    assert api.post("/holds", json=held).status_code == 201
    with organizations.database.transaction() as connection:
        connection.execute("UPDATE api_key SET revoked_at = now() WHERE hash = %s", (hash_key(org.key),))
    revoked_at = time.monotonic()
    asked_at = revoked_at
    while (answer := api.get("/balance")).status_code == 200:
        assert asked_at - revoked_at < 1
        asked_at = time.monotonic()
    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_api_key")
    other = {"Authorization": f"Bearer {organizations.make_key(org.org_id)}"}
    settled = api.post("/holds/before/settlement", json={"credits": "2"}, headers=other)
    assert (settled.status_code, settled.json()["charged"]) == (200, "2.00")


def test_a_new_key_works_at_once_even_if_it_was_tried_before(
    base_url: str, org: Organization, organizations: Organizations
) -> None:
    key = organizations.make_key(org.org_id)
    assert httpx.get(f"{base_url}/api/v1/balance", headers={"Authorization": f"bearer {key}"}).status_code == 200


def test_no_answer_and_no_problem_contains_a_key(api: httpx.Client, org: Organization) -> None:
    answers = [api.get("/balance"), api.get("/nothing"), api.post("/holds", json={"user": org.key})]
    assert all(org.key not in answer.text for answer in answers)
