"""Everything the tables say of some organizations, as the ledger's nouns: read as the owner, past all functions."""

from collections.abc import Iterable, Sequence
from typing import Any, LiteralString

import msgspec
import psycopg
from psycopg.rows import dict_row

from testkase.core.ledger.limits.model import Budget, Pause, Scope
from testkase.core.ledger.model import Account, ClawBack, Hold, Lot, Subject
from testkase.core.ledger.terms import Terms

_TABLES: dict[str, LiteralString] = {
    "account": "SELECT * FROM ledger.account WHERE org_id = ANY (%s) ORDER BY org_id",
    "lot": "SELECT * FROM ledger.lot WHERE org_id = ANY (%s) ORDER BY org_id, lot_id",
    "hold": "SELECT * FROM ledger.open_hold WHERE org_id = ANY (%s) ORDER BY org_id, hold_id",
    "budget": "SELECT * FROM ledger.budget WHERE org_id = ANY (%s) ORDER BY org_id, budget_id",
    "pause": "SELECT * FROM ledger.pause WHERE org_id = ANY (%s) AND resumed_at IS NULL ORDER BY org_id, kind, ref",
}

State = dict[str, list[Any]]


def rows(owner: psycopg.Connection[Any], org_ids: Sequence[int]) -> State:
    """What is stored, sorted by key."""
    made = {"account": _account, "lot": _lot, "hold": _hold, "budget": _budget, "pause": _pause}
    with owner.pipeline():
        cursors = {
            name: owner.cursor(row_factory=dict_row).execute(query, [list(org_ids)]) for name, query in _TABLES.items()
        }
        return {name: [made[name](row) for row in cursor] for name, cursor in cursors.items()}


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


def differences(stored: State, expected: State) -> Iterable[str]:
    """What is stored otherwise than it should be."""
    for name, wanted in expected.items():
        found = stored[name]
        yield from (f"{name} {one} is stored, not expected" for one in found if one not in wanted)
        yield from (f"{name} {one} is expected, not stored" for one in wanted if one not in found)
