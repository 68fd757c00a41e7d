"""Amounts, times, ids, paths and problems."""

import inspect
import pickle
from datetime import UTC, datetime
from decimal import Decimal
from unittest.mock import Mock, create_autospec

import httpx
import pytest

from testkase_client import AsyncClient, Client, InsufficientCredits
from testkase_client.amounts import amount_text, new_id, time_text
from testkase_client.problems import problem_of
from testkase_client.request import below
from testkase_client.requests import billing, holds, limits


@pytest.mark.parametrize(
    ("amount", "text"),
    [("1.50", "1.50"), (Decimal("1.50"), "1.5"), (Decimal("1E+2"), "100"), (Decimal("0.000001"), "0.000001")],
)
def test_amounts_are_sent_as_decimals(amount: Decimal | str, text: str) -> None:
    assert amount_text(amount) == text


def test_no_amount_is_a_float() -> None:
    for wrong in (0.1, 1, True, None):
        with pytest.raises(TypeError, match="Decimal"):
            amount_text(wrong)
    for none in ("NaN", "Infinity"):
        with pytest.raises(ValueError, match="no amount"):
            amount_text(Decimal(none))
    with pytest.raises(TypeError):
        billing.set_overage(cap_usd=1.5)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        limits.set_alerts(thresholds=[1.5], forecast_days=1)  # type: ignore[list-item]
    with pytest.raises(TypeError):
        holds.hold_body(holds.HoldItem(use_case="chat", user="ada", credits=0.5))  # type: ignore[arg-type]


def test_a_time_has_an_offset() -> None:
    assert time_text(datetime(2026, 11, 1, tzinfo=UTC)) == "2026-11-01T00:00:00+00:00"
    with pytest.raises(ValueError, match="offset"):
        time_text(datetime(2026, 11, 1))  # noqa: DTZ001 - that is the point


def test_ids_are_never_the_same() -> None:
    assert len({new_id("hold") for _ in range(1000)}) == 1000


def test_whatever_an_id_contains_it_is_one_segment() -> None:
    assert below("holds", "a/../b?c#d") == "/holds/a%2F..%2Fb%3Fc%23d"
    url = httpx.Request("GET", "https://x.test" + below("usage", "a/b ")).url
    assert url.raw_path == b"/usage/a%2Fb%20"
    with pytest.raises(ValueError, match="empty"):
        below("holds", "..")


def test_a_problem_survives_the_way_to_another_process() -> None:
    problem = problem_of({"code": "insufficient_credits", "status": 402, "detail": "No.", "balance": "1.00"})
    again = pickle.loads(pickle.dumps(problem))
    assert isinstance(again, InsufficientCredits)
    assert (again.detail, again.facts, again.status) == ("No.", {"balance": "1.00"}, 402)


def test_a_client_never_shows_its_key() -> None:
    with Client("https://x.test/", "tk_live_secret") as client:
        assert "secret" not in repr(client) + repr(client.wire)
        assert client.openai(user="ada") == {
            "base_url": "https://x.test/openai/v1", "api_key": "tk_live_secret", "default_headers": {"X-User": "ada"},
        }  # fmt: skip


@pytest.mark.parametrize("key", ["tk_live_secret\n", " tk_live_secret", "tk_live_secret\u00e9", ""])
def test_what_cannot_be_a_key_is_said_at_once_and_not_quoted(key: str) -> None:
    """Read from a file with its line break, it stood in the message of "no answer came", and the call was repeated."""
    for kind in (Client, AsyncClient):
        with pytest.raises(ValueError, match="the API key is empty, or a space") as refused:
            kind("https://x.test", key)
        assert "secret" not in str(refused.value)


def test_an_address_says_how_to_speak_to_it() -> None:
    for wrong in ("127.0.0.1:8000", "x.test", "ftp://x.test", ""):
        with pytest.raises(ValueError, match="begins with http"):
            Client(wrong, "k")


@pytest.mark.parametrize(
    "wrong", ["https://x.test\n", "https://x.test:port", "https://", "https://ada:secret@x.test", "https://x.test?a=b"]
)
def test_what_no_call_could_be_sent_to_is_said_at_once(wrong: str) -> None:
    """The first call raised InvalidURL, which is no Problem; a name and a password went instead of the key."""
    for kind in (Client, AsyncClient):
        with pytest.raises(ValueError, match="address") as refused:
            kind(wrong, "k")
        assert "secret" not in str(refused.value)


def test_methods_have_their_words_and_parameters_and_doubles_have_their_methods() -> None:
    """`help` showed a lambda without a word, and a double took whatever it was given."""
    with Client("https://x.test", "k") as client:
        for method in (client.hold, client.record_usage, client.usage, client.open_holds):
            assert inspect.getdoc(method)
        assert list(inspect.signature(client.hold).parameters)[:3] == ["use_case", "user", "id"]
        assert list(inspect.signature(client.open_holds).parameters) == ["items"]
        assert client.call_receipt.__name__ == "call_receipt"
        double = create_autospec(client)
    double.record_usage(use_case="chat", user="ada", credits="1")
    with pytest.raises(TypeError):
        double.record_usage(use_case="chat", credit="1")
    assert Mock(spec=Client).hold
