"""The payment history, page by page: a purchase in each line, with what was tried and its receipt (R78)."""

import re
from dataclasses import dataclass
from datetime import datetime

from testkase.core.ledger.calendar import from_micros, to_micros
from testkase.entrypoints.web.billing.standing import Standing, standing_of
from testkase.services.billing.purchasing.rows import list_purchases
from testkase.services.organizations.tenancy import run_here

PAGE = 20
_PLACE = re.compile(r"([0-9]{1,16})-([A-Za-z0-9_]{1,40})", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """Newest first. `next` continues; empty: that was all."""

    lines: list[Standing]
    next: str


def history_of(org_id: int, before: str | None) -> History:
    """What makes no sense as a place shows the newest."""
    rows = run_here(list_purchases(org_id, limit=PAGE + 1, before=_place(before or "")))
    lines = [standing_of(row) for row in rows[:PAGE]]
    last = lines[-1].purchase if len(rows) > PAGE else None
    return History(lines=lines, next=f"{to_micros(last.created_at)}-{last.purchase_id}" if last else "")


def _place(text: str) -> tuple[datetime, str] | None:
    found = _PLACE.fullmatch(text)
    return (from_micros(int(found[1])), found[2]) if found else None
