"""A hold around a call."""

import asyncio
import contextlib
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import anyio
import httpx
import pytest

from testkase_client import (
    AsyncClient,
    AsyncHold,
    CaptureUnknown,
    Client,
    Hold,
    HoldResolved,
    InsufficientCredits,
    InvalidRequest,
    MissingScope,
    Problem,
    Tokens,
    Unreachable,
)
from testkase_client.driving import Connections
from tests.support.programs import MODEL, Organization
from tests.support.shop import Shop

CALL: dict[str, Any] = {"use_case": "chat", "user": "ada@example.com"}


def available(client: Client) -> Decimal:
    found = client.balance()
    assert found.held == 0
    return found.available


def raise_after(doing: Callable[[], object]) -> None:
    doing()
    raise LookupError("the stream broke")


def breaking(hold: Hold, usage: Tokens) -> None:
    """A call that breaks when so much was used."""
    with hold:
        raise_after(lambda: hold.used(usage=usage))


async def breaking_async(hold: AsyncHold, credits: str) -> None:
    async with hold:
        raise_after(lambda: hold.used(credits=credits))


def test_a_settled_hold_charges_what_was_used_and_has_a_receipt(client: Client) -> None:
    with client.hold(**CALL, project="DEMO", model=MODEL, input_tokens=1200, max_output_tokens=400) as hold:
        assert client.get_hold(hold.id).amount == hold.amount
        hold.settle(usage=Tokens(input_tokens=1180, output_tokens=212))
    assert hold.settlement is not None
    assert hold.receipt is not None
    receipt = client.call_receipt(hold.receipt)
    assert (receipt.call_id, receipt.charged, receipt.project) == (hold.id, hold.settlement.charged, "DEMO")
    assert receipt.usage == Tokens(input_tokens=1180, output_tokens=212)
    assert available(client) == 300 - hold.settlement.charged


def test_leaving_without_settling_gives_everything_back(client: Client) -> None:
    with client.hold(**CALL, credits="5") as hold:
        assert client.balance().held == 5
    assert client.get_hold(hold.id).state == "voided"
    assert available(client) == 300


def test_an_exception_gives_everything_back_and_passes_through(client: Client) -> None:
    with pytest.raises(LookupError, match="the model"), client.hold(**CALL, credits="5") as hold:
        raise LookupError("the model failed")
    assert client.get_hold(hold.id).state == "voided"
    assert available(client) == 300


def test_an_exception_settles_what_was_told_to_be_used(client: Client) -> None:
    hold = client.hold(**CALL, model=MODEL, input_tokens=1000, max_output_tokens=1000)
    with pytest.raises(LookupError):
        breaking(hold, Tokens(input_tokens=1000, output_tokens=200))
    (interaction,) = client.usage()
    assert (interaction.call_id, interaction.charged) == (hold.id, Decimal("0.50"))
    assert (interaction.outcome, interaction.measurement) == ("cancelled", "partial")


def test_what_was_told_is_settled_by_leaving(client: Client) -> None:
    with client.hold(**CALL, credits="5") as hold:
        hold.used(credits="1")
        hold.used(credits="2")
    assert hold.settlement is not None
    assert hold.settlement.charged == 2
    assert available(client) == 298


def test_a_hold_is_extended_and_charged_in_parts(client: Client) -> None:
    with client.hold(**CALL, credits="5", ttl_seconds=60) as hold:
        before = hold.expires_at
        extended = hold.extend(ttl_seconds=900, credits="1")
        assert before is not None
        assert hold.expires_at is not None
        assert (extended.added, hold.expires_at > before) == (Decimal(1), True)
        assert hold.settle(credits="2", final=False).charged == 2
        assert hold.settle(credits="2", final=False).charged == 2, "another part, not the same again"
        assert hold.settlement is None
        hold.settle(credits="0.5")
    assert available(client) == Decimal("295.5")


def test_a_hold_that_somebody_else_resolved_is_not_voided_again(client: Client) -> None:
    with client.hold(**CALL, credits="5") as hold:
        client.settle_hold(hold.id, credits="1")
    assert available(client) == 299
    with client.hold(**CALL, credits="5") as late:
        client.void_hold(late.id)
        with pytest.raises(HoldResolved):
            late.settle(credits="1")
    assert available(client) == 299


def test_a_hold_voided_inside_stays_voided(client: Client) -> None:
    with client.hold(**CALL, credits="5") as hold:
        assert hold.void().released == 5
    assert available(client) == 300


def test_where_credits_are_missing_the_block_is_never_entered(client: Client) -> None:
    with pytest.raises(InsufficientCredits) as refused, client.hold(**CALL, credits="301"):
        pytest.fail("the model would have been called")
    assert (refused.value.status, refused.value.facts["balance"]) == (402, "300.00")
    assert refused.value.facts["buy_url"].startswith("https://credits.test/")


@pytest.mark.parametrize("end", ["settled", "voided"])
def test_the_block_of_a_hold_that_was_resolved_before_is_never_entered(client: Client, end: str) -> None:
    """A program that is started again repeats its ids: it called the model once more, and nobody paid for that."""
    with client.hold(**CALL, id="job-7", credits="5") as first:
        if end == "settled":
            first.settle(credits="1")
    with pytest.raises(HoldResolved) as refused, client.hold(**CALL, id="job-7", credits="5"):
        pytest.fail("the model would have been called")
    assert refused.value.facts["state"] == end


def test_a_hold_that_is_still_open_is_taken_up_again_and_lives_on(client: Client) -> None:
    before = client.open_hold(**CALL, id="job-7", credits="5", ttl_seconds=60)
    with client.hold(**CALL, id="job-7", credits="5", ttl_seconds=60) as hold:
        assert hold.expires_at is not None
        assert hold.expires_at > before.expires_at
        hold.settle(credits="1")
    assert available(client) == 299


def test_a_hold_that_cannot_be_given_back_never_hides_why(client: Client) -> None:
    hold = client.hold(**CALL, credits="5")
    elsewhere = httpx.MockTransport(lambda _: httpx.Response(404, json={"code": "not_found"}))
    with httpx.Client(transport=elsewhere) as nowhere, pytest.raises(LookupError) as raised, hold:
        raise_after(lambda: setattr(hold, "connections", Connections(lambda: nowhere)))
    assert hold.id in raised.value.__notes__[0]


def test_what_an_exception_left_unpaid_is_said_with_it(client: Client) -> None:
    """A hold that had lapsed when the call broke charged nothing, and nobody heard of it."""
    hold = client.hold(**CALL, credits="5")
    hold.used(credits="2")
    with pytest.raises(LookupError) as raised, hold:
        raise_after(lambda: client.void_hold(hold.id))
    assert f"What was used of the hold {hold.id} could not be charged" in raised.value.__notes__[0]


def test_a_client_that_was_closed_meanwhile_never_hides_why(base_url: str, org: Organization) -> None:
    """A task cancelled while its program stops ended in RuntimeError, which looked like a fault of its own."""
    closing = Client(base_url, org.key)
    hold = closing.hold(**CALL, credits="5")
    with pytest.raises(LookupError) as raised, hold:
        raise_after(closing.close)
    assert hold.id in raised.value.__notes__[0]


class Astray(httpx.HTTPTransport):
    """The real way there, on which so many settlements are lost before they arrive."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.times = times

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/settlement") and self.times:
            self.times -= 1
            raise httpx.ConnectError("nobody is there")
        return super().handle_request(request)


def test_a_settlement_that_could_not_be_told_is_told_by_leaving(
    base_url: str, org: Organization, client: Client
) -> None:
    """The hold was given back instead, and what had been used was free."""
    with (
        Client(base_url, org.key, retries=0, transport=Astray(1)) as unlucky,
        pytest.raises(Unreachable),
        unlucky.hold(**CALL, model=MODEL, input_tokens=1000, max_output_tokens=1000) as hold,
    ):
        hold.settle(usage=Tokens(input_tokens=1000, output_tokens=200), measurement="estimated")
    (interaction,) = client.usage()
    assert (interaction.call_id, interaction.charged) == (hold.id, Decimal("0.50"))
    assert (interaction.outcome, interaction.measurement) == ("completed", "estimated")
    assert hold.settlement is not None


@pytest.mark.parametrize("status", [404, 408])
@pytest.mark.parametrize("final", [True, False], ids=["in full", "a part"])
def test_a_settlement_that_something_in_between_refused_is_told_by_leaving(
    base_url: str, org: Organization, client: Client, status: int, final: bool
) -> None:
    """A proxy with no server behind it answers 404: the hold was given back, and what had been used was free."""

    class Between(Astray):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            try:
                return super().handle_request(request)
            except httpx.ConnectError:
                return httpx.Response(status, text="default backend")

    with (
        Client(base_url, org.key, retries=0, transport=Between(1)) as unlucky,
        pytest.raises(Problem, match="without a problem document"),
        unlucky.hold(**CALL, credits="5") as hold,
    ):
        hold.settle(credits="2", final=final)
    assert available(client) == 298


def test_whoever_hides_that_a_settlement_was_lost_hears_of_it_by_leaving(
    base_url: str, org: Organization, client: Client
) -> None:
    with Client(base_url, org.key, retries=0, transport=Astray(2)) as unlucky:
        hold = unlucky.hold(**CALL, credits="5")
        with pytest.raises(Unreachable), hold, contextlib.suppress(Unreachable):
            hold.settle(credits="2")
    assert client.get_hold(hold.id).state == "open", "to be settled, not given back"


def test_a_settlement_that_was_refused_gives_everything_back(client: Client) -> None:
    with pytest.raises(InvalidRequest), client.hold(**CALL, credits="5") as hold:
        hold.settle(credits="-1")
    assert client.get_hold(hold.id).state == "voided"


def test_a_key_without_the_scope_is_told_which(base_url: str, shop: Shop, org: Organization) -> None:
    key = shop.organizations.make_key(org.org_id, scopes=frozenset())
    with Client(base_url, key) as client, pytest.raises(MissingScope) as refused:
        client.balance()
    assert refused.value.facts["scope"] == "credits:read"


async def test_the_same_holds_with_asyncio(base_url: str, org: Organization) -> None:
    async with AsyncClient(base_url, org.key) as client:
        async with client.hold(**CALL, credits="5") as settled:
            await settled.extend(ttl_seconds=900)
            await settled.settle(credits="1.50")
        async with client.hold(**CALL, credits="5"):
            pass
        broken = client.hold(**CALL, credits="5")
        with pytest.raises(LookupError):
            await breaking_async(broken, "0.50")
        assert (await client.balance()).available == 298
        pages = [item.call_id async for item in client.usage(page_size=1)]
        assert pages == [broken.id, settled.id]


async def test_a_task_that_is_cancelled_while_it_settles_has_settled(base_url: str, org: Organization) -> None:
    settling = asyncio.Event()

    class Slow(httpx.AsyncHTTPTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if request.url.path.endswith("/settlement") and not settling.is_set():
                settling.set()
                await asyncio.Event().wait()
            return await super().handle_async_request(request)

    async with AsyncClient(base_url, org.key, transport=Slow()) as client:

        async def call() -> None:
            async with client.hold(**CALL, id="long", credits="5") as hold:
                await hold.settle(credits="2")

        task = asyncio.create_task(call())
        await settling.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (await client.get_hold("long")).charged == 2


async def test_a_cancelled_task_gives_its_hold_back(base_url: str, org: Organization) -> None:
    async with AsyncClient(base_url, org.key) as client:
        inside = asyncio.Event()

        async def call() -> None:
            async with client.hold(**CALL, id="long", credits="5"):
                inside.set()
                await asyncio.Event().wait()

        task = asyncio.create_task(call())
        await inside.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (await client.get_hold("long")).state == "voided"


async def test_a_scope_cancelled_around_a_hold_leaves_it_as_any_other_way_out(base_url: str, org: Organization) -> None:
    """Streams whose reader hangs up are ended so by Starlette: their holds stayed open, and what they used was free."""
    async with AsyncClient(base_url, org.key) as client:

        async def call(scope: anyio.CancelScope, name: str, used: str | None) -> None:
            async with client.hold(**CALL, id=name, credits="5") as hold:
                if used is not None:
                    hold.used(credits=used)
                scope.cancel()
                await asyncio.Event().wait()

        for name, used in (("cut", "2"), ("unused", None)):
            with anyio.CancelScope() as scope:
                await call(scope, name, used)
        cut, unused = await client.get_hold("cut"), await client.get_hold("unused")
        assert (cut.state, cut.charged, unused.state) == ("settled", Decimal(2), "voided")


class Deaf(httpx.HTTPTransport):
    """Settlements arrive and are carried out; so many answers are lost on the way back."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.times = times

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response = super().handle_request(request)
        if request.url.path.endswith("/settlement") and self.times:
            self.times -= 1
            response.close()
            raise httpx.ReadTimeout("no answer came")
        return response


@pytest.mark.requirement("I5")
@pytest.mark.parametrize("again", ["2", "2.00", Decimal("2.0")], ids=str)
def test_a_part_without_an_answer_is_charged_once_when_it_is_repeated_by_hand(
    base_url: str, org: Organization, client: Client, again: Any
) -> None:
    """It was sent under a new id, and charged twice."""
    with Client(base_url, org.key, retries=0, transport=Deaf(1)) as unlucky, unlucky.hold(**CALL, credits="9") as hold:
        with pytest.raises(Unreachable):
            hold.settle(credits="2", final=False)
        assert hold.settle(credits=again, final=False).charged == 2
        assert hold.settle(credits="2", final=False).charged == 2, "the outcome is known: another part"
    assert available(client) == 296


@pytest.mark.requirement("I5")
def test_another_part_waits_until_that_of_unknown_outcome_is_known(
    base_url: str, org: Organization, client: Client
) -> None:
    with Client(base_url, org.key, retries=0, transport=Deaf(1)) as unlucky, unlucky.hold(**CALL, credits="9") as hold:
        with pytest.raises(Unreachable):
            hold.settle(credits="2", final=False)
        with pytest.raises(CaptureUnknown) as refused:
            hold.settle(credits="3", final=False)
        assert refused.value.facts["capture_id"].startswith("part")
        assert hold.settle(credits="3", final=False, capture_id="a-new-part").charged == 3
        assert hold.settle(credits="2", final=False).charged == 2
    assert available(client) == 295


@pytest.mark.requirement("I5")
@pytest.mark.parametrize("lost", [Deaf, Astray], ids=["the answer", "the request"])
def test_leaving_repeats_a_part_of_unknown_outcome(
    base_url: str, org: Organization, client: Client, lost: Callable[[int], httpx.BaseTransport]
) -> None:
    """What never arrived was given back, though it had been used."""
    with (
        Client(base_url, org.key, retries=0, transport=lost(1)) as unlucky,
        pytest.raises(Unreachable),
        unlucky.hold(**CALL, credits="9") as hold,
    ):
        hold.settle(credits="2", final=False)
    assert client.get_hold(hold.id).state == "voided"
    assert available(client) == 298


def test_whoever_hides_that_a_part_was_lost_hears_of_it_by_leaving(
    base_url: str, org: Organization, client: Client
) -> None:
    def losing(hold: Hold) -> None:
        with hold, contextlib.suppress(Unreachable):
            client.void_hold(hold.id)
            hold.settle(credits="2", final=False)

    with Client(base_url, org.key, retries=0, transport=Astray(1)) as unlucky, pytest.raises(HoldResolved):
        losing(unlucky.hold(**CALL, credits="5"))
    assert available(client) == 300


def test_a_part_that_was_refused_is_forgotten(client: Client) -> None:
    with client.hold(**CALL, credits="5") as hold:
        with pytest.raises(InvalidRequest):
            hold.settle(credits="-1", final=False)
        assert hold.settle(credits="1", final=False).charged == 1
    assert available(client) == 299


@pytest.mark.requirement("I5")
async def test_a_cancelled_part_is_the_same_when_it_is_told_again(base_url: str, org: Organization) -> None:
    arrived = asyncio.Event()

    class Hanging(httpx.AsyncHTTPTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            response = await super().handle_async_request(request)
            if request.url.path.endswith("/settlement") and not arrived.is_set():
                arrived.set()
                await response.aclose()
                await asyncio.Event().wait()
            return response

    async with AsyncClient(base_url, org.key, transport=Hanging()) as client:
        async with client.hold(**CALL, credits="9") as hold:
            told = asyncio.create_task(hold.settle(credits="2", final=False))
            await arrived.wait()
            told.cancel()
            await asyncio.wait([told])
            assert (await hold.settle(credits="2", final=False)).charged == 2
            with contextlib.suppress(asyncio.CancelledError):
                await told
        assert (await client.balance()).available == 298


async def test_parts_told_beside_one_another_are_each_charged(base_url: str, org: Organization) -> None:
    """Of two equal ones the second was taken for the first repeated, and another one was refused."""
    async with AsyncClient(base_url, org.key) as client:
        async with client.hold(**CALL, credits="9") as hold:
            await asyncio.gather(*(hold.settle(credits=each, final=False) for each in ("2", "2", "3")))
        assert (await client.balance()).available == 293
