"""A slice of the campaign of canaries, and that one in any place and shape is found."""

import base64
import random
from pathlib import Path

import psycopg
import pytest

from campaigns.canaries.canaries import canaries
from campaigns.canaries.planted import BELONGS, LEARNT, Canary, planted
from campaigns.canaries.searching import Search, Written, asked, files, running, tables
from tests.support.cluster import TestDatabase

QUESTION = Canary("a question", "qz81ndk3lfp02mq")


@pytest.mark.slow
@pytest.mark.requirement("P16", "R73")
def test_a_slice_of_a_run_writes_no_canary_where_it_does_not_belong() -> None:
    outcome = canaries(rounds=1, seed=20_261_128, weathers=("the provider talks",))
    assert outcome.faults == [], outcome.line
    assert outcome.figures["requests"]


def found(*written: Written) -> list[str]:
    return [leak.partition(": ")[0] for leak in Search([QUESTION]).leaks(written)]


@pytest.mark.parametrize("before", [b"", b"a", b"ab", b"abc", b"user:"])
@pytest.mark.parametrize("after", [b"", b"z", b"zz"])
def test_a_canary_is_found_in_whatever_form_it_is_written(before: bytes, after: bytes) -> None:
    plain = before + QUESTION.text.encode() + after
    for form in (plain, plain.upper(), plain.hex().encode(), base64.b64encode(plain), base64.urlsafe_b64encode(plain)):
        assert found(Written("metrics", b"x " + form + b" y")) == ["a question in metrics"], form


def test_where_it_belongs_it_is_no_leak() -> None:
    text = QUESTION.text.encode()
    assert found(Written("table public.chat_turn", text)) == []
    assert found(Written("table public.activity", text), Written("file serve.log", text)) == [
        "a question in table public.activity", "a question in file serve.log",
    ]  # fmt: skip


def test_every_place_is_looked_into(database: TestDatabase, tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "serve-123456789.log").write_bytes(QUESTION.text.encode())
    with psycopg.connect(database.owner_url) as connection:
        connection.execute("INSERT INTO organization (name, slug) VALUES (%s, 'a')", [QUESTION.text])
        connection.commit()
        connection.execute(f"SELECT '{QUESTION.text}'")
        places = {*found(*files(tmp_path), *tables(database.owner_url), *asked(database.owner_url))}
    assert places == {
        "a question in file serve-N.log", "a question in table public.organization", "a question in pg_stat_activity",
    }  # fmt: skip
    assert next(running([1])).content


def test_each_kind_is_planted_or_learnt_and_no_two_alike() -> None:
    made = planted(random.Random(1))
    assert made.keys() | LEARNT == BELONGS.keys()
    assert len({canary.text for canary in made.values()}) == len(made)
    digits = [int(digit) for digit in made["a card's number"].text]
    assert sum(sum(divmod(digit * 2, 10)) if place % 2 == 0 else digit for place, digit in enumerate(digits)) % 10 == 0
