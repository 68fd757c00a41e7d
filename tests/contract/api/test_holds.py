"""Holds over HTTP: open, settle, extend, release, read."""

import httpx
import pytest

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
