"""Connections of the ledger's own, and what becomes of those that PostgreSQL has ended."""

import asyncio
import time

import psycopg
import pytest
from psycopg.pq.abc import PGresult

from testkase.core.ledger.conversation import _PARAMETERS, Conversation, _Exchange
from testkase.core.ledger.engine import Engine
from testkase.core.ledger.lines import Lines
from testkase.core.ledger.writing import APPEND_ONE
from testkase.foundation.database import Statement
from tests.support.cluster import TestDatabase
from tests.support.ledger import hold, organization

pytestmark = pytest.mark.anyio


async def test_a_connection_that_is_gone_does_not_take_the_ears_of_the_one_that_has_its_socket_now(
    database: TestDatabase,
) -> None:
    gone = await Conversation.open(database.app_url)
    number = gone._socket
    with psycopg.connect(database.owner_url, autocommit=True) as operator:
        operator.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s", [_NAME])
        while gone.is_open:
            await asyncio.sleep(0.01)
        others = [await Conversation.open(database.app_url)]
        while others[-1]._socket != number and len(others) < 10:  # lower numbers may have become free meanwhile
            others.append(await Conversation.open(database.app_url))
        assert others[-1]._socket == number, "nothing is tried where nobody has the number"
        await gone.close()
        async with asyncio.timeout(10):
            await others[-1].append(None)
        for other in others:
            await other.close()


async def test_a_line_that_is_lost_is_opened_again_once_for_all_who_ask(database: TestDatabase) -> None:
    lines = Lines(database.app_url)
    await lines.open()
    lost = await lines.known()
    await lost.close()
    with pytest.raises(psycopg.OperationalError):
        await lost.append(None)
    first, *others = await asyncio.gather(*(lines.known() for _ in range(3)))
    assert first is not lost
    assert all(other is first for other in others)
    async with lines.loading() as one, lines.loading() as other:
        assert one is not other
    assert await _connections(database) == 3
    with pytest.raises(psycopg.Error, match="what went wrong"):
        async with lines.loading():
            raise psycopg.Error("what went wrong")
    assert await _connections(database) == 2, "what has a transaction begun is not used again"
    await lines.close()
    assert await _connections(database) == 0


async def test_what_was_lost_while_nobody_used_it_is_not_handed_out(database: TestDatabase) -> None:
    """A batch that is taken apart tries its last parts once: it would be told as not known what was never sent."""
    lines = Lines(database.app_url)
    async with lines.loading() as one, lines.loading() as other:
        pass
    with psycopg.connect(database.owner_url, autocommit=True) as operator:
        operator.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s", [_NAME])
    while one.is_open or other.is_open:
        await asyncio.sleep(0.01)
    async with lines.loading() as another:
        await another.append(None)
    await lines.close()


async def test_a_connection_lost_while_much_is_being_sent_is_let_go_of(database: TestDatabase) -> None:
    """Its socket is closed already, which asyncio's own loop takes amiss where it is watched both ways."""
    conversation, amiss = await Conversation.open(database.app_url), list[object]()
    asyncio.get_running_loop().set_exception_handler(lambda _, context: amiss.append(context))
    with psycopg.connect(database.owner_url, autocommit=True) as operator:
        conversation._libpq.send_query_params(b"SELECT pg_sleep(30)", None)
        first = asyncio.create_task(conversation._synchronize())
        await asyncio.sleep(0.1)
        conversation._libpq.send_query_params(b"SELECT $1::text", [b"x" * 20_000_000])
        second = asyncio.create_task(conversation._synchronize())
        await asyncio.sleep(0.1)
        assert conversation._writing
        operator.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s", [_NAME])
        async with asyncio.timeout(5):
            found = await asyncio.gather(first, second, return_exceptions=True)
    assert [type(one) for one in found] == [psycopg.OperationalError] * 2
    assert amiss == []
    await conversation.close()


async def test_an_answer_that_comes_while_much_is_being_sent_is_told_at_once(database: TestDatabase) -> None:
    """libpq takes in what has come when the socket takes no more: nothing is left there to be heard of."""
    conversation = await Conversation.open(database.app_url)
    first = asyncio.create_task(conversation.append(None))
    await asyncio.sleep(0)  # it is sent
    time.sleep(0.1)  # its answer comes while nobody listens
    conversation._libpq.send_query_params(b"SELECT pg_sleep(2), $1::text", [b"x" * 20_000_000])
    second = asyncio.create_task(conversation._synchronize())
    async with asyncio.timeout(1):
        await first
    assert not second.done()
    await second
    await conversation.close()


async def test_a_line_on_which_nothing_can_be_written_any_more_is_given_up_for_another(
    engine: Engine, database: TestDatabase
) -> None:
    """The server it leads to has become another's copy; or its types are those from before a migration."""
    org_id = await organization(engine)
    line = await engine._lanes[0]._lines.known()
    line._libpq.send_query_params(b"SET default_transaction_read_only = on", None)
    await line._synchronize()
    assert (await engine.submit(hold(org_id, "a"))).entry.kind == "hold", "it was loaded, on another connection"
    assert not line.is_open
    assert engine.heads.confirmed == 0
    await engine.submit(hold(org_id, "b"))
    assert engine.heads.confirmed == 1
    assert await _connections(database) == 2


async def test_a_line_that_was_given_up_stays_so_whatever_is_answered_behind_it(
    database: TestDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = await Conversation.open(database.app_url)
    faults = iter([psycopg.errors.ReadOnlySqlTransaction(), psycopg.errors.NumericValueOutOfRange()])

    async def answer(_: Conversation) -> list[PGresult]:
        raise next(faults)

    monkeypatch.setattr(Conversation, "_synchronize", answer)
    behind = _Exchange(asyncio.get_running_loop().create_future(), [], ends=True)
    line._under_way.append(behind)
    for _ in range(2):
        with pytest.raises(psycopg.Error):
            await line.append_known(Statement(APPEND_ONE, dict.fromkeys(_PARAMETERS[b"append_one"])))
        assert line.is_open
        assert not line.takes_more
    await line.close()
    with pytest.raises(psycopg.OperationalError):
        await behind.answered


async def _connections(database: TestDatabase) -> int:
    """Once those that were closed are gone."""
    found, before = -1, -2
    with psycopg.connect(database.owner_url, autocommit=True) as operator:
        while found != before:
            before = found
            await asyncio.sleep(0.1)
            row = operator.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE application_name = %s AND datname = current_database()",
                [_NAME],
            ).fetchone()
            assert row is not None
            found = row[0]
    return found


_NAME = "testkase-ledger"
