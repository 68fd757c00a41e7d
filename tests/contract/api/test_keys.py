"""API keys at the door: who is let in, for what, and how soon a revoked key is not."""

import time
from typing import Any

import httpx
import pytest

from testkase.core.access import Scope, hash_key
from testkase.entrypoints.api.v1.routes import routes
from tests.support.programs import Organization, Organizations

OPEN_TO_ALL = {"/openapi.json", "/problems/{code}"}


def path_of(template: str) -> str:
    return template.replace("{hold_id}", "h").replace("{usage_id}", "1").replace("{code}", "not_found")


@pytest.mark.requirement("I13")
@pytest.mark.parametrize("route", routes(), ids=lambda route: f"{route.method} {route.path}")
def test_every_route_needs_a_key_with_its_scope(
    base_url: str, organizations: Organizations, org: Organization, route: Any
) -> None:
    address = f"{base_url}/api/v1{path_of(route.path)}"
    if route.path in OPEN_TO_ALL:
        assert httpx.get(address).status_code == 200
        return
    without = httpx.request(route.method, address)
    assert (without.status_code, without.json()["code"]) == (401, "invalid_api_key")
    assert without.headers["www-authenticate"].startswith("Bearer")
    weak = organizations.make_key(org.org_id, scopes=frozenset({Scope.AUDIT_READ}))
    refused = httpx.request(route.method, address, headers={"Authorization": f"Bearer {weak}"})
    assert (refused.status_code, refused.json()["code"]) == (403, "missing_scope")
    assert refused.json()["scope"] == route.scope


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
    assert api.get("/balance").status_code == 200
    with organizations.database.transaction() as connection:
        connection.execute("UPDATE api_key SET revoked_at = now() WHERE hash = %s", (hash_key(org.key),))
    revoked_at = time.monotonic()
    while (answer := api.get("/balance")).status_code == 200:
        assert time.monotonic() - revoked_at < 1
    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_api_key")


def test_a_new_key_works_at_once_even_if_it_was_tried_before(
    base_url: str, org: Organization, organizations: Organizations
) -> None:
    key = organizations.make_key(org.org_id)
    assert httpx.get(f"{base_url}/api/v1/balance", headers={"Authorization": f"bearer {key}"}).status_code == 200


@pytest.mark.requirement("B14")
def test_the_gateway_needs_its_own_scope(base_url: str, organizations: Organizations, org: Organization) -> None:
    key = organizations.make_key(org.org_id, scopes=frozenset({Scope.CREDITS_READ, Scope.CREDITS_WRITE}))
    answer = httpx.get(f"{base_url}/openai/v1/models", headers={"Authorization": f"Bearer {key}"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "missing_scope")


def test_no_answer_and_no_problem_contains_a_key(api: httpx.Client, org: Organization) -> None:
    answers = [api.get("/balance"), api.get("/nothing"), api.post("/holds", json={"user": org.key})]
    assert all(org.key not in answer.text for answer in answers)
