"""Everything the tables say of some organizations, as the ledger's nouns: read as the owner, past all functions."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, LiteralString

import msgspec
import psycopg

from testkase.core.ledger.limits.model import Budget, Pause, Scope
from testkase.core.ledger.model import Account, ClawBack, Hold, Lot, Subject
from testkase.core.ledger.terms import Terms

_TABLES: dict[str, LiteralString] = {
    "account": "SELECT * FROM ledger.account WHERE org_id = ANY (%s)",
    "lot": "SELECT * FROM ledger.lot WHERE org_id = ANY (%s)",
    "hold": "SELECT * FROM ledger.open_hold WHERE org_id = ANY (%s)",
    "budget": "SELECT * FROM ledger.budget WHERE org_id = ANY (%s)",
    "pause": "SELECT * FROM ledger.pause WHERE org_id = ANY (%s) AND resumed_at IS NULL",
}
_KEYS = {"account": 1, "lot": 2, "hold": 2, "budget": 2, "pause": 3}
"""How many columns, the first ones, are the key."""

State = dict[str, dict[tuple[Any, ...], Any]]
"""By table and key."""


class Rows:
    """What one database stores. A row that is as it was when it was read last is not made into a noun again."""

    def __init__(self, owner: psycopg.Connection[Any]) -> None:
        self._owner = owner
        self._read: dict[str, dict[tuple[Any, ...], tuple[tuple[Any, ...], Any]]] = {name: {} for name in _TABLES}

    def of(self, org_ids: Sequence[int]) -> State:
        """All rows of these organizations."""
        with self._owner.pipeline():
            asked = [list(org_ids)]
            cursors = {name: self._owner.cursor().execute(query, asked) for name, query in _TABLES.items()}
            return {name: self._nouns(name, cursor) for name, cursor in cursors.items()}

    def forget(self) -> None:
        """Every row is new to it again."""
        for read in self._read.values():
            read.clear()

    def _nouns(self, name: str, cursor: psycopg.Cursor[Any]) -> dict[tuple[Any, ...], Any]:
        read, key_length, make, found = self._read[name], _KEYS[name], _MADE[name], {}
        rows = cursor.fetchall()
        columns = [column.name for column in cursor.description or ()]
        for row in rows:
            key = row[:key_length]
            known = read.get(key)
            if known is None or known[0] != row:
                known = read[key] = row, make(dict(zip(columns, row, strict=True)))
            found[key] = known[1]
        return found


def _account(row: dict[str, Any]) -> Account:
    return Account(**row)


def _lot(row: dict[str, Any]) -> Lot:
    claw = ClawBack(**{name: row.pop(name) for name in ClawBack.__struct_fields__})
    live = row.pop("live")
    assert live is (row["available"] > 0 or row["held"] > 0)
    return Lot(claw=None if claw == ClawBack() else claw, **row)


def _hold(row: dict[str, Any]) -> Hold:
    subject = Subject(
        use_case=row.pop("use_case"), user=row.pop("user_ref"), project=row.pop("project_ref"), model=row.pop("model")
    )
    terms = row.pop("terms")
    lots = tuple((lot, amount) for lot, amount in row.pop("lots"))
    told = msgspec.json.decode(terms, type=Terms) if terms is not None else None
    return Hold(subject=subject, terms=told, lots=lots, **row)


def _budget(row: dict[str, Any]) -> Budget:
    scope = Scope(project=row.pop("project_ref"), user=row.pop("user_ref"), use_case=row.pop("use_case"))
    return Budget(scope=scope, limit=row.pop("limit_amount"), extra=row.pop("extra_amount"), **row)


def _pause(row: dict[str, Any]) -> Pause:
    return Pause(**row)


_MADE: dict[str, Callable[[dict[str, Any]], Any]] = {
    "account": _account, "lot": _lot, "hold": _hold, "budget": _budget, "pause": _pause,
}  # fmt: skip


def differences(stored: State, expected: State) -> Iterable[str]:
    """What is stored otherwise than it should be."""
    for name, wanted in expected.items():
        found = stored[name]
        yield from (f"{name} {one} is stored, not expected" for key, one in found.items() if wanted.get(key) != one)
        yield from (f"{name} {one} is expected, not stored" for key, one in wanted.items() if found.get(key) != one)
