"""A connection of the ledger's own, once PostgreSQL has ended it."""

import asyncio

import psycopg
import pytest

from testkase.core.ledger.conversation import Conversation
from tests.support.cluster import TestDatabase

pytestmark = pytest.mark.anyio


async def test_a_connection_that_is_gone_does_not_take_the_ears_of_the_one_that_has_its_socket_now(
    database: TestDatabase,
) -> None:
    gone = await Conversation.open(database.app_url)
    number = gone._socket
    with psycopg.connect(database.owner_url, autocommit=True) as operator:
        operator.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s", [_NAME])
        while gone._listening:
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


_NAME = "testkase-ledger"
