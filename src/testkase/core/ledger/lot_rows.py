"""Lots as their rows tell them, and what each of them gave to an interaction."""

from typing import LiteralString

from testkase.core.ledger.model import OVERAGE, UNTOUCHED, ClawBack, Lot
from testkase.foundation.database import Operation, Row, Statement, named_statements

_SQL: dict[str, LiteralString] = named_statements("testkase.core.ledger.sql", "queries.sql")


def lot_of(org_id: int, row: Row) -> Lot:
    """The lot of one row of the table."""
    fields = dict(row)
    claw = ClawBack(**{name: fields.pop(name) for name in ClawBack.__struct_fields__})
    return Lot(org_id=org_id, claw=None if claw == UNTOUCHED else claw, **fields)


def lots_by_id(org_id: int, lot_ids: list[int]) -> Operation[list[Lot]]:
    """Named lots, spent ones included, by id."""
    rows = yield Statement(_SQL["lots_by_id"], {"org_id": org_id, "lot_ids": lot_ids})
    return [lot_of(org_id, row) for row in rows]


def charged_by_lot(org_id: int, row: Row, moved: list[tuple[int, int, int]]) -> Operation[dict[int, int]]:
    """What each lot gave: what left it and did not come back. Where some of it went elsewhere on release (expired,
    taken back, or lent and not used), lots are charged in the order in which they were held."""
    gave = {lot_id: -(available + held) for lot_id, available, held in moved}
    if row["expired"] or row["reversed"] or row["debt"] or row["overage"]:
        lots = yield from lots_by_id(org_id, list(gave))
        gave |= {lot.lot_id: lot.granted for lot in lots if lot.lot_id == row["seq"] and lot.source == OVERAGE}
        elsewhere = {lot.lot_id for lot in lots if lot.claw or lot.source == OVERAGE or lot.expired_by(row["at"])}
        left = row["charged"] - sum(max(amount, 0) for lot_id, amount in gave.items() if lot_id not in elsewhere)
        for lot_id in (lot_id for lot_id, _, _ in moved if lot_id in elsewhere):
            gave[lot_id] = min(gave[lot_id], left)
            left -= gave[lot_id]
    return {lot_id: amount for lot_id, amount in gave.items() if amount > 0}
