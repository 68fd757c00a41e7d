"""Attempts to sign in and used codes are counted in one place for all processes."""

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from tests.support.cluster import TestDatabase
from tests.support.django import django_on

_ANOTHER = """
import django
django.setup()
from django.core.cache import cache
print(cache.add("code of a second step", "y", 60), cache.get("attempts"))
cache.set("attempts", [1.5, *cache.get("attempts", [])], 60)
"""


@pytest.fixture(scope="module")
def counting(module_database: TestDatabase) -> Iterator[TestDatabase]:
    with django_on(module_database):
        yield module_database


def in_another_process(database: TestDatabase) -> str:
    command = [sys.executable, "-c", _ANOTHER]
    return subprocess.run(command, env=database.environ(), capture_output=True, text=True, check=True).stdout.strip()


def test_a_code_that_opened_one_process_opens_no_other_and_attempts_add_up(counting: TestDatabase) -> None:
    assert in_another_process(counting) == "True None"
    assert in_another_process(counting) == "False [1.5]"


def test_of_many_who_ask_at_once_one_is_first(counting: TestDatabase) -> None:
    from django.core.cache import cache
    from django.db import connection

    def add(_: int) -> bool:
        try:
            return cache.add("at once", True, 60)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(add, range(16))) == 1


def test_what_is_over_is_gone_and_its_place_is_free(counting: TestDatabase) -> None:
    from django.core.cache import cache

    cache.set("over", [1], 0)
    assert cache.get("over", "gone") == "gone"
    assert cache.add("over", [2], 60)
    assert not cache.add("over", [3], 60)
    assert cache.get("over") == [2]
    assert cache.delete("over")
    assert not cache.delete("over")
    cache.set("over", [4], 0)
    cache.set("later", [5], 60)
    cache.set("later", [6], 60)
    with psycopg.connect(counting.owner_url) as connection:
        assert connection.execute("SELECT count(*) FROM throttle WHERE expires_at < now()").fetchone() == (0,)
    cache.set("for ever", True, None)
    assert cache.get("for ever") is True


def test_no_address_is_kept_with_what_is_counted(counting: TestDatabase) -> None:
    from django.core.cache import cache

    cache.set("allauth:rl:account:login:ip:203.0.113.7", [1.0], 60)
    with psycopg.connect(counting.owner_url) as connection:
        rows = connection.execute("SELECT throttle::text FROM throttle").fetchall()
    assert rows
    assert "203.0.113.7" not in str(rows)
    assert b"203.0.113.7".hex() not in str(rows)
