"""What is repeated, when, and what is not."""

import asyncio
import itertools
import pickle
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime
from typing import Any

import httpx
import msgspec
import pytest

from testkase_client import (
    AsyncClient,
    Client,
    Hold,
    PaymentsNotSetUp,
    Problem,
    TooManyRequests,
    Unavailable,
    Unreachable,
    Unreadable,
)
from testkase_client.client import RETRIES
from testkase_client.driving import MOST_AT_ONCE, Connections
from testkase_client.exchange import Wait, Wire, backoff, wait_before_repeating
from testkase_client.problems import problem_of
from testkase_client.requests import holds, reading

WIRE = Wire(base_url="https://x.test", headers=httpx.Headers({"A": "b"}), timeout=httpx.Timeout(5), retries=2)
BALANCE_LIKE = {"id": "h", "state": "open", "amount": "1.00", "balance": "2.00", "expires_at": "2026-11-22T12:00:00Z"}


def waited(status: int, code: str = "x", retry_after: str | None = None) -> float | None:
    return wait_before_repeating(problem_of({"status": status, "code": code}), retry_after, 0)


def test_the_same_bytes_are_sent_until_an_answer_comes() -> None:
    steps = WIRE.exchange(holds.open_hold(use_case="chat", user="ada", credits="1"))
    first = next(steps)
    assert isinstance(first, httpx.Request)
    assert isinstance(steps.throw(httpx.ConnectError("refused")), Wait)
    second = steps.send(None)
    assert isinstance(second, httpx.Request)
    assert isinstance(steps.send(httpx.Response(503, json={"code": "unavailable"})), Wait)
    third = steps.send(None)
    assert isinstance(third, httpx.Request)
    assert first.content == second.content == third.content != b""
    with pytest.raises(StopIteration) as end:
        steps.send(httpx.Response(201, json={**BALANCE_LIKE, "new": 1}, headers={"Idempotent-Replayed": "true"}))
    assert (end.value.value.id, end.value.value.replayed) == ("h", True)


@pytest.mark.parametrize(
    ("status", "kind"),
    [(503, Unavailable), (408, Unavailable), (500, Unavailable), (429, TooManyRequests), (502, Unreadable)],
)
def test_after_all_retries_the_last_problem_is_raised(status: int, kind: type[Problem]) -> None:
    steps = WIRE.exchange(reading.balance())
    next(steps)
    body: Any = {"text": "<h1>"} if kind is Unreadable else {"json": {"code": "x", "detail": "Busy."}}
    for _ in range(2):
        steps.send(httpx.Response(status, **body))
        steps.send(None)
    with pytest.raises(kind):
        steps.send(httpx.Response(status, **body))


def test_all_retries_outlast_a_restart() -> None:
    """A server that was killed answers again after some seven seconds."""
    assert sum(backoff(failures) for failures in range(RETRIES)) > 7.5


def test_who_says_nothing_is_not_waited_for_all_retries_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each try may take half a minute."""
    now = iter([0.0, 30.0, 61.0, 92.0])
    monkeypatch.setattr("testkase_client.exchange.monotonic", lambda: next(now))
    steps = replace(WIRE, retries=RETRIES).exchange(reading.balance())
    next(steps)
    for _ in range(2):
        steps.throw(httpx.ReadTimeout(""))
        steps.send(None)
    with pytest.raises(Unreachable):
        steps.throw(httpx.ReadTimeout(""))


def test_without_an_answer_it_is_unreachable() -> None:
    steps = Wire(base_url="", headers=WIRE.headers, timeout=WIRE.timeout, retries=0).exchange(reading.balance())
    next(steps)
    with pytest.raises(Unreachable, match="ReadTimeout"):
        steps.throw(httpx.ReadTimeout(""))


def test_what_no_repetition_can_change_is_not_repeated() -> None:
    assert {waited(status) for status in (302, 400, 401, 402, 403, 404, 409, 422)} == {None}
    assert waited(503, "payments_not_set_up") is waited(502, "payment_refused") is None
    assert isinstance(problem_of({"status": 503, "code": "payments_not_set_up"}), PaymentsNotSetUp)
    assert None not in {waited(status) for status in (408, 425, 429, 500, 503)}


def test_a_retry_after_is_honoured_up_to_a_minute() -> None:
    assert waited(503, retry_after="7") == 7
    assert waited(429, retry_after="61") is None
    soon = waited(503, retry_after=format_datetime(datetime.now(UTC) + timedelta(seconds=30)))
    assert soon is not None
    assert 20 < soon <= 30
    assert waited(503, retry_after="whenever") == pytest.approx(0.25, abs=0.13)


def test_waits_double_and_are_bounded() -> None:
    for failures, most in ((0, 0.25), (1, 0.5), (4, 4), (5, 8), (5000, 8)):
        assert most / 2 <= backoff(failures) <= most


def test_an_answer_of_another_program_is_unreadable() -> None:
    steps = WIRE.exchange(reading.balance())
    next(steps)
    with pytest.raises(Unreadable, match="GET /balance"):
        steps.send(httpx.Response(200, text="<html>"))


@pytest.mark.parametrize("body", [b'{"code": "\xe9"}', b'{"a":' * 5_000, b"\xff\xfe"])
@pytest.mark.parametrize("status", [200, 500])
def test_bytes_that_are_no_json_are_unreadable_whatever_they_are(status: int, body: bytes) -> None:
    """A page in Latin-1 came out as UnicodeDecodeError, which nobody who catches a Problem expects."""
    transport = httpx.MockTransport(lambda _: httpx.Response(status, content=body))
    with Client("https://x.test", "k", retries=0, transport=transport) as client, pytest.raises(Unreadable):
        client.balance()


@pytest.mark.parametrize("items", [[], [{"status": 201, "answer": {"id": 7}}]])
def test_a_batch_answered_otherwise_than_agreed_is_unreadable(items: list[Any]) -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json={"items": items}))
    with Client("https://x.test", "k", transport=transport) as client, pytest.raises(Unreadable):
        client.open_holds([holds.HoldItem(use_case="chat", user="ada", credits="1")])


def _a_thousand_then(status: int, failure: dict[str, Any]) -> httpx.MockTransport:
    """Answers the first request of a batch, and the second with a failure."""
    asked = itertools.count()

    def answer(request: httpx.Request) -> httpx.Response:
        items = msgspec.json.decode(request.content)["items"]
        answers = [{"status": 201, "answer": {**BALANCE_LIKE, "id": item["id"]}} for item in items]
        return httpx.Response(status, json=failure) if next(asked) else httpx.Response(200, json={"items": answers})

    return httpx.MockTransport(answer)


@pytest.mark.parametrize(("status", "failure"), [(503, {"code": "unavailable"}), (200, {"items": []})])
@pytest.mark.parametrize("wait", [False, True], ids=["plain", "awaited"])
def test_a_later_part_of_a_batch_that_fails_takes_no_answers_with_it(
    status: int, failure: dict[str, Any], wait: bool
) -> None:
    items = [holds.HoldItem(id=f"h{n}", use_case="chat", user="ada", credits="1") for n in range(2_500)]
    options: Any = {"retries": 0, "transport": _a_thousand_then(status, failure)}

    async def awaited() -> None:
        async with AsyncClient("https://x.test", "k", **options) as client:
            await client.open_holds(items)

    def plain() -> None:
        with Client("https://x.test", "k", **options) as client:
            client.open_holds(items)

    with pytest.raises(Unavailable) as raised:
        asyncio.run(awaited()) if wait else plain()
    for problem in (raised.value, pickle.loads(pickle.dumps(raised.value))):
        assert [one.id for one in problem.answered] == [f"h{n}" for n in range(1_000)]
        assert problem.answered[0].result().amount == Decimal("1.00")
        assert problem.facts["ids"] == [f"h{n}" for n in range(1_000, 2_500)]


def test_whoever_leaves_with_an_exception_is_not_kept_long() -> None:
    hold = Hold(WIRE, Connections(httpx.Client), holds.open_hold(use_case="chat", user="ada", credits="1"))
    fault = LookupError()
    steps = hold._leave(fault)
    next(steps)
    assert isinstance(steps.throw(httpx.ConnectError("refused")), Wait)
    steps.send(None)
    with pytest.raises(StopIteration):
        steps.throw(httpx.ConnectError("refused"))
    assert hold.id in fault.__notes__[0]
    hold.connections.http.close()


def test_an_address_that_redirects_says_where_to_and_is_not_followed() -> None:
    """Plain http is redirected in most places; "HTTP 301 without a problem document" told nobody what to change."""
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(str(request.url))
        return httpx.Response(301, headers={"Location": "https://x.test/api/v1/balance"}, text="<h1>Moved</h1>")

    with (
        Client("http://x.test", "k", transport=httpx.MockTransport(answer)) as client,
        pytest.raises(Unreadable, match=r"redirects to https://x\.test/") as raised,
    ):
        client.balance()
    assert seen == ["http://x.test/api/v1/balance"]
    assert "https://" in raised.value.next


@pytest.mark.requirement("I5")
@pytest.mark.parametrize("answer", [httpx.Response(503), httpx.Response(429), httpx.Response(200, text="<html>")])
def test_a_call_of_unknown_outcome_names_the_id_it_was_sent_with(answer: httpx.Response) -> None:
    """ "Repeat the call with the same id": the client had made it, and told nobody."""
    sent: list[dict[str, str]] = []

    def answering(request: httpx.Request) -> httpx.Response:
        sent.append(msgspec.json.decode(request.content))
        return answer

    with Client("https://x.test", "k", retries=0, transport=httpx.MockTransport(answering)) as client:
        with pytest.raises((TooManyRequests, Unavailable)) as used:
            client.record_usage(use_case="chat", user="ada", credits="1")
        with pytest.raises((TooManyRequests, Unavailable)) as part:
            client.settle_hold("h", credits="1", final=False)
    assert used.value.facts["id"] == sent[0]["id"]
    assert part.value.facts["capture_id"] == sent[1]["capture_id"]


async def test_of_a_thousand_calls_at_once_no_more_are_sent_than_there_are_connections() -> None:
    """The others waited inside httpx, where their time ran out before they were sent, so that they were repeated."""
    under_way: set[int] = set()
    most = 0

    async def answering(request: httpx.Request) -> httpx.Response:
        nonlocal most
        under_way.add(id(request))
        most = max(most, len(under_way))
        await asyncio.sleep(0)
        under_way.remove(id(request))
        return httpx.Response(201, json={"charged": "1", "balance": "2", "receipt": "3"})

    async with AsyncClient("https://x.test", "k", transport=httpx.MockTransport(answering)) as client:
        calls = (client.record_usage(use_case="chat", user="ada", credits="1") for _ in range(1_000))
        assert len(await asyncio.gather(*calls)) == 1_000
    assert most == MOST_AT_ONCE
