"""Reading what is replayed against a draft price book (B11): every usage row of a period, organization by organization.

Rows come through a cursor of the server, so that memory does not grow with them; a row is rounded by itself, which no
sum in SQL could do. Each organization is read in a transaction of its own that can write nothing.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from psycopg import Connection
from psycopg.rows import tuple_row

from testkase.core.ledger.calendar import to_micros
from testkase.core.ledger.terms import Tokens
from testkase.core.ledger.verify import account_ids
from testkase.core.pricing import PriceBook
from testkase.core.pricing.replay import Replay
from testkase.foundation.database import Operation, Statement, run
from testkase.foundation.problems import InvalidInput

Transaction = Callable[[int | None], AbstractContextManager[Connection[Any]]]
"""Opens a transaction that sees one organization, or with None the directories."""

_AT_ONCE = 10_000
_ROWS = """
SELECT use_case, model, outcome, measurement, input, cached_input, cache_write, output, reasoning, charged, cost
FROM ledger.usage
WHERE org_id = %(org_id)s AND at >= %(since)s AND at < %(until)s
"""
_NAMES = "SELECT id, name FROM organization WHERE id = ANY (%(ids)s)"


def last_month(today: date) -> tuple[date, date]:
    """First and last day of the calendar month before."""
    last = today.replace(day=1) - timedelta(days=1)
    return last.replace(day=1), last


def replay_period(open_transaction: Transaction, book: PriceBook, first: date, last: date) -> Replay:
    """Replay every call from midnight UTC of the first day to the end of the last. Raises InvalidInput."""
    if last < first:
        raise InvalidInput("The last day is before the first one.", field="until")
    if last == date.max:
        raise InvalidInput("The last day is beyond every calendar.", field="until")
    since, until = _midnight(first), _midnight(last + timedelta(days=1))
    replay = Replay(book)
    for org_id in _all_accounts(open_transaction):
        with open_transaction(org_id) as connection:
            connection.execute("SET TRANSACTION READ ONLY")
            _add_all(connection, replay, org_id, since, until)
    return replay


def organization_names(open_transaction: Transaction, ids: list[int]) -> dict[int, str]:
    """Names of organizations by id; those that have none here are left out."""
    with open_transaction(None) as connection:
        return run(connection, _named(ids))


def _named(ids: list[int]) -> Operation[dict[int, str]]:
    rows = yield Statement(_NAMES, {"ids": ids})
    return {row["id"]: row["name"] for row in rows}


def _midnight(day: date) -> int:
    return to_micros(datetime.combine(day, time(), UTC))


def _all_accounts(open_transaction: Transaction) -> Iterator[int]:
    after = 0
    while True:
        with open_transaction(None) as connection:
            found = run(connection, account_ids(after))
        if not found:
            return
        yield from found
        after = found[-1]


def _add_all(connection: Connection[Any], replay: Replay, org_id: int, since: int, until: int) -> None:
    """All calls of one organization. The instant is in the key, so that what was before is not read."""
    params = {"org_id": org_id, "since": since, "until": until}
    with connection.cursor(name="replay", row_factory=tuple_row) as rows:
        rows.itersize = _AT_ONCE
        rows.execute(_ROWS, params)
        add = replay.add
        for use_case, model, outcome, measurement, fresh, cached, written, output, reasoning, charged, cost in rows:
            tokens = Tokens(
                input=fresh, cached_input=cached, cache_write=written, output=output, reasoning=reasoning
            )  # fmt: skip
            add(org_id, use_case, model, tokens, charged, cost=cost, outcome=outcome, measurement=measurement)
