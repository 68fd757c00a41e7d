"""Holds over HTTP: open, settle, extend, release, read."""

import time

import httpx
import pytest
import time_machine

from tests.support.programs import MODEL, Organization, Organizations

HOLD = {"use_case": "chat", "user": "ada@example.com", "project": "DEMO"}


def hold(api: httpx.Client, **fields: object) -> httpx.Response:
    return api.post("/holds", json=HOLD | fields)


@pytest.mark.requirement("R1", "P17", "B1")
def test_a_hold_is_taken_from_the_balance_and_settled_for_what_was_used(api: httpx.Client) -> None:
    held = hold(api, id="call-1", credits="10")
    assert held.status_code == 201
    assert held.json() | {"expires_at": ""} == {
        "id": "call-1", "state": "open", "amount": "10.00", "expires_at": "", "balance": "290.00",
    }  # fmt: skip
    settled = api.post("/holds/call-1/settlement", json={"credits": "2.5", "outcome": "completed"})
    assert settled.status_code == 200
    assert settled.json() | {"receipt": ""} == {
        "charged": "2.50", "released": "7.50", "balance": "297.50", "receipt": "",
    }  # fmt: skip
    balance = api.get("/balance").json()
    assert (balance["available"], balance["held"], balance["this_month"]) == ("297.50", "0.00", "2.50")


@pytest.mark.requirement("I5")
def test_repeating_a_hold_answers_the_same_and_says_so(api: httpx.Client) -> None:
    first, again = hold(api, id="call-1", credits="10"), hold(api, id="call-1", credits="10")
    assert (again.status_code, again.json()) == (201, first.json())
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert api.get("/balance").json()["held"] == "10.00"


@pytest.mark.requirement("I5")
def test_a_settlement_repeated_answers_the_same_and_another_one_is_refused(api: httpx.Client) -> None:
    hold(api, id="call-1", credits="10")
    first = api.post("/holds/call-1/settlement", json={"credits": "2"})
    again = api.post("/holds/call-1/settlement", json={"credits": "2"})
    assert again.json() == first.json()
    assert again.headers["idempotent-replayed"] == "true"
    other = api.post("/holds/call-1/settlement", json={"credits": "3"})
    assert (other.status_code, other.json()["code"]) == (409, "id_reused")
    assert api.delete("/holds/call-1").json()["code"] == "hold_resolved"
    assert api.get("/balance").json()["available"] == "298.00"


@pytest.mark.requirement("I5")
def test_the_same_id_with_another_input_is_a_conflict(api: httpx.Client) -> None:
    hold(api, id="call-1", credits="10")
    other = hold(api, id="call-1", credits="11")
    assert (other.status_code, other.json()["code"]) == (409, "id_reused")


@pytest.mark.requirement("I5")
@pytest.mark.parametrize("path", ["/holds", "/usage"])
def test_equal_amounts_are_the_same_input_however_they_are_written(api: httpx.Client, path: str) -> None:
    """Read from a database after a restart "0.5" is "0.50", and the hold was refused as another one's."""
    first, again = (api.post(path, json=HOLD | {"id": "call-1", "credits": each}) for each in ("0.5", "0.50"))
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["idempotent-replayed"] == "true"


def test_the_idempotency_key_is_the_id_where_the_body_brings_none(api: httpx.Client) -> None:
    headers = {"Idempotency-Key": '"key-1"'}
    first = api.post("/holds", json=HOLD | {"credits": "1"}, headers=headers)
    again = api.post("/holds", json=HOLD | {"credits": "1"}, headers=headers)
    assert first.json()["id"] == again.json()["id"] == "key-1"
    assert again.headers["idempotent-replayed"] == "true"


def test_without_any_id_the_server_makes_one(api: httpx.Client) -> None:
    assert hold(api, credits="1").json()["id"].startswith("hold_")


@pytest.mark.requirement("P17", "P19")
def test_a_hold_for_tokens_covers_the_most_the_call_can_cost_and_is_settled_at_its_rates(api: httpx.Client) -> None:
    held = hold(api, id="call-1", model=MODEL, input_tokens=10_000, max_output_tokens=5_000).json()
    usage = {"input_tokens": 10_000, "output_tokens": 5_000}
    settled = api.post("/holds/call-1/settlement", json={"usage": usage}).json()
    assert settled["charged"] == held["amount"]
    assert settled["released"] == "0.00"


def test_without_a_maximum_of_output_the_models_own_counts(api: httpx.Client) -> None:
    bounded = hold(api, model=MODEL, input_tokens=10_000, max_output_tokens=1).json()["amount"]
    unbounded = hold(api, model=MODEL, input_tokens=10_000).json()["amount"]
    assert float(unbounded) > float(bounded)


@pytest.mark.requirement("P17", "B10")
@pytest.mark.parametrize("outcome", ["failed", "refused"])
def test_a_call_that_failed_costs_nothing(api: httpx.Client, outcome: str) -> None:
    """QuantumNous/new-api#4199: 99 users charged in a day for calls that failed."""
    hold(api, id="call-1", credits="10")
    settled = api.post("/holds/call-1/settlement", json={"credits": "10", "outcome": outcome}).json()
    assert (settled["charged"], settled["released"]) == ("0.00", "10.00")


@pytest.mark.requirement("B1")
def test_a_part_can_be_charged_while_the_rest_stays_held(api: httpx.Client) -> None:
    hold(api, id="call-1", credits="10")
    part = api.post("/holds/call-1/settlement", json={"credits": "4", "final": False, "capture_id": "part-1"})
    assert part.json()["charged"] == "4.00"
    again = api.post("/holds/call-1/settlement", json={"credits": "4", "final": False, "capture_id": "part-1"})
    assert again.headers["idempotent-replayed"] == "true"
    other = api.post("/holds/call-1/settlement", json={"credits": "5", "final": False, "capture_id": "part-1"}).json()
    assert (other["code"], other["field"]) == ("id_reused", "capture_id")
    assert "a new partial settlement" in other["detail"]
    assert api.get("/holds/call-1").json()["amount"] == "6.00"
    assert api.post("/holds/call-1/settlement", json={"credits": "1"}).json()["released"] == "5.00"
    assert api.get("/balance").json()["this_month"] == "5.00"


@pytest.mark.requirement("B1")
def test_a_hold_grows_and_lives_longer(api: httpx.Client) -> None:
    before = hold(api, id="call-1", credits="10", ttl_seconds=60).json()
    after = api.post("/holds/call-1/extension", json={"id": "x1", "credits": "5", "ttl_seconds": 600}).json()
    assert (after["added"], after["balance"]) == ("5.00", "285.00")
    assert after["expires_at"] > before["expires_at"]
    assert api.get("/holds/call-1").json()["amount"] == "15.00"


def test_a_released_hold_gives_everything_back_once(api: httpx.Client) -> None:
    hold(api, id="call-1", credits="10")
    first, again = api.delete("/holds/call-1"), api.delete("/holds/call-1")
    assert first.json() == again.json() == {
        "id": "call-1", "state": "voided", "released": "10.00", "balance": "300.00",
    }  # fmt: skip
    assert again.headers["idempotent-replayed"] == "true"


def test_a_resolved_hold_names_a_receipt_only_where_there_is_one(api: httpx.Client) -> None:
    for name in ("settled", "voided"):
        hold(api, id=name, credits="2")
    receipt = api.post("/holds/settled/settlement", json={"credits": "1"}).json()["receipt"]
    api.delete("/holds/voided")
    settled, voided = api.delete("/holds/settled"), api.post("/holds/voided/settlement", json={"credits": "1"})
    assert (settled.status_code, settled.json()["state"], settled.json()["receipt"]) == (409, "settled", receipt)
    assert (voided.status_code, voided.json()["state"], voided.json().get("receipt")) == (409, "voided", None)


def test_a_hold_can_be_read_in_each_of_its_states(api: httpx.Client) -> None:
    for name in ("open", "settled", "voided"):
        hold(api, id=name, credits="1")
    hold(api, id="lapsed", credits="1", ttl_seconds=1)
    opened = {name: api.get(f"/holds/{name}").json()["opened_at"] for name in ("open", "settled", "voided", "lapsed")}
    receipt = api.post("/holds/settled/settlement", json={"credits": "0.5"}).json()["receipt"]
    api.delete("/holds/voided")
    time.sleep(1.1)
    states = {name: api.get(f"/holds/{name}").json() for name in ("open", "settled", "voided", "lapsed")}
    assert {name: found["state"] for name, found in states.items()} == {name: name for name in states}
    assert {name: found["opened_at"] for name, found in states.items()} == opened
    assert [name for name, found in states.items() if found["resolved_at"] is None] == ["open"]
    assert all(opened[name] < states[name]["resolved_at"] for name in ("settled", "voided", "lapsed"))
    assert states["settled"] | {"resolved_at": None} == {
        "id": "settled", "state": "settled", "amount": "1.00", "charged": "0.50", "opened_at": opened["settled"],
        "expires_at": None, "resolved_at": None, "receipt": receipt,
    }  # fmt: skip
    late = api.post("/holds/lapsed/settlement", json={"credits": "0.5"})
    assert (late.status_code, late.json()["code"], late.json()["state"]) == (409, "hold_resolved", "lapsed")
    assert late.json()["detail"] == "The hold has already lapsed."


@pytest.mark.requirement("P18", "R34", "I6")
def test_what_the_balance_does_not_cover_is_refused_with_balance_estimate_and_the_way_to_buy(
    api: httpx.Client, org: Organization
) -> None:
    """The way says for whom: whoever follows it may be at work in another organization."""
    refused = hold(api, id="call-1", credits="300.01")
    assert refused.status_code == 402
    assert refused.headers["content-type"] == "application/problem+json"
    problem = refused.json()
    assert problem | {"detail": "", "next": ""} == {
        "type": "https://credits.test/api/v1/problems/insufficient_credits",
        "title": "Not enough credits",
        "status": 402,
        "detail": "",
        "code": "insufficient_credits",
        "balance": "300.00",
        "estimate": "300.01",
        "buy_url": f"https://credits.test/settings/ai-credits/buy?organization={org.org_id}",
        "next": "",
    }
    assert hold(api, id="call-1", credits="300").status_code == 201, "a refusal leaves nothing behind"


@pytest.mark.requirement("R60", "P18", "I14")
def test_while_ai_is_off_nothing_is_admitted_and_what_was_held_is_free(
    api: httpx.Client, org: Organization, organizations: Organizations
) -> None:
    hold(api, id="call-1", credits="10")
    organizations.switch_ai(org.org_id, enabled=False)
    refused = hold(api, id="call-2", credits="1")
    assert (refused.status_code, refused.json()["code"]) == (403, "ai_disabled")
    settled = api.post("/holds/call-1/settlement", json={"credits": "10"})
    assert (settled.status_code, settled.json()["state"]) == (409, "voided")
    balance = api.get("/balance").json()
    assert (balance["available"], balance["ai_enabled"]) == ("300.00", False)


@pytest.mark.requirement("I13", "R73")
def test_another_organizations_hold_answers_exactly_like_an_absent_one(
    api: httpx.Client, organizations: Organizations
) -> None:
    """Helicone/helicone#5597, getlago/lago-api#5233: a tenant filter missing in one query."""
    hold(api, id="call-1", credits="10")
    stranger = organizations.make()
    with httpx.Client(base_url=api.base_url, headers=stranger.headers) as other:
        for method, path, body in (
            ("GET", "/holds/{}", None),
            ("DELETE", "/holds/{}", None),
            ("POST", "/holds/{}/settlement", {"credits": "1"}),
            ("POST", "/holds/{}/extension", {"id": "x"}),
        ):
            foreign = other.request(method, path.format("call-1"), json=body)
            absent = other.request(method, path.format("call-0"), json=body)
            assert foreign.status_code == 404
            assert (foreign.status_code, foreign.content) == (absent.status_code, absent.content)
        assert other.post("/holds", json=HOLD | {"id": "call-1", "credits": "3"}).status_code == 201
    assert api.get("/holds/call-1").json()["amount"] == "10.00"


@pytest.mark.parametrize("text", ["%00", "a%20b", "ü", "x" * 129, "-first", "a%0Ab", "..%2F..", "%F0%9F%92%A5"])
def test_what_cannot_be_an_id_names_no_hold(api: httpx.Client, text: str) -> None:
    found = api.get(f"/holds/{text}")
    assert found.status_code == 404
    assert found.headers["content-type"] == "application/problem+json"


@pytest.mark.requirement("I5", "P19")
def test_a_hold_repeated_after_the_rate_card_changed_is_still_the_same(api: httpx.Client, base_url: str) -> None:
    """The amount follows from rates; what the caller asked did not change."""
    body = HOLD | {"id": "call-1", "model": MODEL, "input_tokens": 100, "max_output_tokens": 10}
    first = api.post("/holds", json=body)
    with time_machine.travel("2027-01-15T00:00:00Z"):
        again = api.post("/holds", json=body)
        newer = api.post("/holds", json=body | {"id": "call-2"})
    assert again.json() == first.json()
    assert newer.status_code == 201
