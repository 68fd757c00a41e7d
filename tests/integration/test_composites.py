"""Rows sent in PostgreSQL's binary form are the rows that their text says, and both are what was meant."""

import psycopg
import pytest

from testkase.core.ledger.conversation import _TYPES
from testkase.foundation.composites import (
    FLAG,
    N,
    Record,
    array,
    blob,
    first_numbers,
    iso_date,
    lines,
    number,
    numbers,
    record,
    small,
    text,
    word,
)

MOST, LEAST = 2**63 - 1, -(2**63)
TEXTS = ["plain", "", "null", "NULL", 'a "q" \\ {,} ()', "é ☃ 🙂\n\t", "\\x00", "'; --", " "]


def named(org_id: int, name: str | None) -> Record:
    return "named", record((first_numbers(1)(2, N, org_id), text(name)))


def with_lines(rows: list[tuple[int, ...]], expires_at: int | None) -> Record:
    return "posted_entry", record((
        first_numbers(2)(21, N, 1, N, 2), text("o"), word("k"), numbers(9)(*[N, 7] * 9), lines(rows),
        numbers(2)(N, 5, N, 6), text(None), number(expires_at), blob(b""), word(""), blob(b'\x00\xff\\"'),
    ))  # fmt: skip


def on(day: str) -> Record:
    return "added_day", record((
        first_numbers(1)(9, N, 1), iso_date(day), word("chat"), word("ada"), word(""), numbers(4)(*[N, 3] * 4)
    ))  # fmt: skip


def account(*, flag: bool) -> Record:
    return "known_account", record((
        first_numbers(7)(20, *[N, 1] * 7), small(-(2**31)), numbers(4)(*[N, 2] * 4), FLAG[flag], number(3),
        FLAG[not flag], numbers(2)(N, 4, N, 5), blob(b"h" * 32), blob(b"k" * 32), number(6),
    ))  # fmt: skip


@pytest.mark.parametrize(
    ("rows", "meant"),
    [
        ([named(1, name) for name in TEXTS], [(1, name) for name in TEXTS]),
        ([named(MOST, None), named(LEAST, "a"), named(0, "b")], [(MOST, None), (LEAST, "a"), (0, "b")]),
    ],
)
def test_both_forms_say_what_was_meant(app_url: str, rows: list[Record], meant: list[tuple[object, ...]]) -> None:
    for form in both_forms(app_url, rows, "SELECT org_id, name FROM unnest($1::ledger.named[])"):
        assert form == [tuple(None if value is None else str(value) for value in row) for row in meant]


@pytest.mark.parametrize(
    "rows",
    [
        [account(flag=True), account(flag=False)],
        [with_lines([], None), with_lines([(1, 2, MOST)], 0), with_lines([(1, 2), (3, LEAST)], MOST)],
        [on("2026-02-28"), on("1999-12-31"), on("9999-12-31")],
    ],
    ids=["account", "entry", "day"],
)
def test_both_forms_say_the_same(app_url: str, rows: list[Record]) -> None:
    as_text, in_binary = both_forms(app_url, rows, f"SELECT r::text FROM unnest($1::ledger.{rows[0][0]}[]) AS r")
    assert as_text == in_binary
    assert len(as_text) == len(rows)


def both_forms(url: str, rows: list[Record], query: str) -> list[list[tuple[str | None, ...]]]:
    """What a query says of the rows, sent as text and in binary."""
    told = array(rows)
    assert told is not None
    with psycopg.connect(url) as connection:
        types: dict[str, int] = dict(connection.execute(_TYPES).fetchall())
        found = []
        for value, form in ((str(told).encode(), 0), (told.binary(types[told.type]), 1)):
            result = connection.pgconn.exec_params(query.encode(), [value], param_formats=[form])
            assert result.error_message == b""
            cells = [
                [result.get_value(row, column) for column in range(result.nfields)] for row in range(result.ntuples)
            ]
            found.append([tuple(None if cell is None else cell.decode() for cell in row) for row in cells])
    return found


def test_nothing_is_no_array() -> None:
    assert array([]) is None
