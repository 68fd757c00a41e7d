"""What fails on the way is repeated with the same id, and happens once."""

from collections.abc import Callable
from contextlib import ExitStack
from decimal import Decimal
from typing import Any

import httpx
import pytest

from testkase.entrypoints.api.app import create_app
from testkase_client import AsyncClient, Client, InsufficientCredits, Unreachable
from tests.support.cluster import TestDatabase
from tests.support.programs import Organization, api_settings, served

CALL: dict[str, Any] = {"use_case": "chat", "user": "ada@example.com"}


class Unlucky(httpx.BaseTransport):
    """The real way there; what `trouble` does to an answer that is on its way back happens to the first few."""

    def __init__(self, times: int, trouble: Callable[[httpx.Response], httpx.Response]) -> None:
        self.inner, self.times, self.trouble = httpx.HTTPTransport(), times, trouble
        self.bodies: list[bytes] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.bodies.append(request.read())
        answer = self.inner.handle_request(request)
        answer.read()
        if len(self.bodies) <= self.times:
            return self.trouble(answer)
        return answer

    def close(self) -> None:
        self.inner.close()


def lost(answer: httpx.Response) -> httpx.Response:
    raise httpx.ReadError("the connection was reset")


def replaced(answer: httpx.Response) -> httpx.Response:
    return httpx.Response(502, text="<h1>Bad gateway</h1>")


@pytest.mark.parametrize("trouble", [lost, replaced])
def test_an_answer_lost_after_the_commit_is_asked_for_again(
    base_url: str, org: Organization, trouble: Callable[[httpx.Response], httpx.Response]
) -> None:
    transport = Unlucky(2, trouble)
    with Client(base_url, org.key, transport=transport) as client:
        recorded = client.record_usage(**CALL, credits="2")
        assert (recorded.charged, recorded.replayed) == (Decimal(2), True)
        assert len(set(transport.bodies)) == 1, "the same id each time"
        assert len(transport.bodies) == 3
        assert client.balance().available == 298
        assert [item.charged for item in client.usage()] == [2]


def test_a_hold_lost_on_its_way_is_the_one_that_is_settled(base_url: str, org: Organization) -> None:
    with (
        Client(base_url, org.key, transport=Unlucky(1, lost)) as client,
        client.hold(**CALL, credits="2") as hold,
    ):
        hold.settle(credits="1")
    with Client(base_url, org.key) as client:
        assert (client.balance().available, client.balance().held) == (Decimal(299), Decimal(0))


def test_when_all_retries_are_used_up_the_same_id_still_answers(base_url: str, org: Organization) -> None:
    with (
        Client(base_url, org.key, retries=1, transport=Unlucky(9, lost)) as client,
        pytest.raises(Unreachable) as raised,
    ):
        client.record_usage(**CALL, id="mine", credits="2")
    assert isinstance(raised.value.__cause__, httpx.ReadError)
    with Client(base_url, org.key) as client:
        assert client.record_usage(**CALL, id="mine", credits="2").replayed
        assert client.balance().available == 298


class Moving(httpx.BaseTransport):
    """To the first server, which stops with its answer unsaid; afterwards to the second."""

    def __init__(self, stack: ExitStack, database: TestDatabase) -> None:
        self.first, self.database = ExitStack(), database
        self.url = self.first.enter_context(served(create_app(api_settings(database))))
        self.stack, self.inner = stack, httpx.HTTPTransport()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.url = httpx.URL(self.url + request.url.raw_path.decode())
        answer = self.inner.handle_request(request)
        answer.read()
        if self.first is not self.stack:
            self.first.close()
            self.first = self.stack
            self.url = self.stack.enter_context(served(create_app(api_settings(self.database))))
            return lost(answer)
        return answer

    def close(self) -> None:
        self.inner.close()


def test_a_server_that_stops_after_the_commit_is_followed_by_one_that_remembers(
    module_database: TestDatabase, org: Organization
) -> None:
    with (
        ExitStack() as stack,
        Client("http://moving.test", org.key, transport=Moving(stack, module_database)) as client,
    ):
        assert client.record_usage(**CALL, credits="2").replayed
        assert [item.charged for item in client.usage()] == [2]


def test_a_refusal_is_not_repeated(base_url: str, org: Organization) -> None:
    transport = Unlucky(0, lost)
    with Client(base_url, org.key, transport=transport) as client, pytest.raises(InsufficientCredits):
        client.open_hold(**CALL, credits="301")
    assert len(transport.bodies) == 1


def test_nobody_listening_is_unreachable() -> None:
    with Client("http://127.0.0.1:9", "tk_live_x", retries=0) as client, pytest.raises(Unreachable):
        client.balance()


async def test_asyncio_repeats_as_well(base_url: str, org: Organization) -> None:
    seen: list[bytes] = []

    async def first_unavailable(request: httpx.Request) -> httpx.Response:
        seen.append(request.content)
        if len(seen) == 1:
            return httpx.Response(503, json={"code": "unavailable"})
        async with httpx.AsyncClient() as through:
            return await through.send(request)

    transport = httpx.MockTransport(first_unavailable)
    async with AsyncClient(base_url, org.key, transport=transport) as client:
        assert (await client.record_usage(**CALL, credits="2")).charged == 2
    assert len(seen) == 2
    assert seen[0] == seen[1]
