"""Lanes: each has the organizations of a range into which Citus would hash them."""

import asyncio
import random

import psycopg
import pytest

from testkase.core.ledger.commands import Grant
from testkase.core.ledger.credits import MICRO
from testkase.core.ledger.engine import Engine
from testkase.core.ledger.lanes import hash_of, lane_of
from testkase.core.ledger.queries import balance
from testkase.foundation.database import SyncDatabase
from tests.support.cluster import TestDatabase
from tests.support.ledger import fresh_org, open_account

RANDOM = random.Random(7)
NUMBERS = [0, 1, 2, 31, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**63 - 1, *(RANDOM.randrange(2**63) for _ in range(5_000))]


def test_the_hash_is_the_databases_own(module_database: TestDatabase) -> None:
    with psycopg.connect(module_database.owner_url) as connection:
        rows = connection.execute("SELECT n, hashint8(n) FROM unnest(%s::bigint[]) AS n", [NUMBERS]).fetchall()
    assert {number: hash_of(number) for number, _ in rows} == dict(rows)


@pytest.mark.parametrize("lanes", [1, 2, 7, 32, 128])
def test_lanes_are_equal_ranges_of_the_hash_and_all_are_used(lanes: int) -> None:
    width = 2**32 / lanes
    taken = {number: lane_of(number, lanes) for number in NUMBERS}
    assert set(taken.values()) == set(range(lanes))
    if lanes in {1, 2, 32, 128}:  # as Citus cuts them
        assert all(lane == int((hash_of(number) + 2**31) // width) for number, lane in taken.items())


async def test_many_lanes_keep_the_books_as_one_does(database: TestDatabase) -> None:
    orgs = [fresh_org() for _ in range(24)]
    engine = Engine(database.app_url, lanes=4)
    await engine.start()
    await engine.submit_many([open_account(org) for org in orgs])
    gifts = [Grant(org_id=org, grant_id=f"g{turn}", amount=MICRO) for turn in range(20) for org in orgs]
    answers = await asyncio.gather(*(engine.submit(gift) for gift in gifts), *(engine.submit(gift) for gift in gifts))
    await engine.stop()
    assert sum(answer.replayed for answer in answers) == len(gifts)
    reading = SyncDatabase(database.app_url)
    assert {reading.read(balance(org), org_id=org).available for org in orgs} == {(300 + 20) * MICRO}
    reading.close()
