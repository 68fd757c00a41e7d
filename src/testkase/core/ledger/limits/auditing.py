"""The auditor's pencil for limits: what the journal says was set, and what each budget should have counted.

Shares nothing with the rules that count: definitions come from the notes of the journal, counters from the usage rows
and the open holds.
"""

from typing import Any

import msgspec

from testkase.core.ledger.bounds import is_period
from testkase.core.ledger.calendar import local_day
from testkase.core.ledger.model import Entry
from testkase.foundation.database import Operation, Row, Statement, named_statements

_SQL = named_statements("testkase.core.ledger.limits.sql", "auditing.sql")

Found = tuple[str, int | None, str]


class LimitsAudit:
    """Feed it every entry, in order."""

    def __init__(self) -> None:
        self.budgets: dict[str, tuple[int, dict[str, Any]]] = {}
        """Budget id → when it was last set, and as what."""
        self.pauses: dict[tuple[str, str], dict[str, Any]] = {}
        """Each pause as the journal last told it, resumed or not."""

    def read(self, entry: Entry) -> None:
        if entry.kind == "budget":
            note = msgspec.json.decode(entry.note)
            self.budgets[note["budget_id"]] = (entry.at, note)
            if note.get("removed"):
                del self.budgets[note["budget_id"]]
        elif entry.kind in ("pause", "resume"):
            note = msgspec.json.decode(entry.note)
            self.pauses[note["kind"], note["ref"]] = note

    def compare(self, org_id: int, account: Row) -> Operation[list[Found]]:
        """Against the rows as they stand."""
        rows = yield Statement(_SQL["budgets"], {"org_id": org_id})
        found: list[Found] = []
        if {row["budget_id"] for row in rows} != self.budgets.keys():
            found.append(("B8", None, "the budgets are not those of the journal"))
        for row in rows:
            found += self._definition(row)
            found += yield from self._counters(org_id, row, account)
        pauses = yield Statement(_SQL["pauses"], {"org_id": org_id})
        if {(row["kind"], row["ref"]): dict(row) for row in pauses} != self.pauses:
            found.append(("B13", None, "the pauses are not those of the journal"))
        if account["limited"] != bool(rows or any(pause["resumed_at"] is None for pause in self.pauses.values())):
            found.append(("B8", None, f"the account says limited = {account['limited']}"))
        return found

    def _definition(self, row: Row) -> list[Found]:
        at, said = self.budgets.get(row["budget_id"], (0, {}))
        scope = said.get("scope", {})
        extra = said.get("extra", 0) if at >= row["period_start"] else 0
        noted = (said.get("name"), said.get("period"), said.get("limit", 0), extra,
                 scope.get("project"), scope.get("user"), scope.get("use_case"))  # fmt: skip
        stands = (row["name"], row["period"], row["limit_amount"], row["extra_amount"],
                  row["project_ref"], row["user_ref"], row["use_case"])  # fmt: skip
        if said and noted != stands:
            return [("B8", None, f"budget {row['budget_id']} is {stands}, the journal says {noted}")]
        return []

    def _counters(self, org_id: int, row: Row, account: Row) -> Operation[list[Found]]:
        asked = {
            "org_id": org_id, "project": row["project_ref"], "user": row["user_ref"], "use_case": row["use_case"],
            "since": row["period_start"], "first_day": local_day(account["time_zone"], row["period_start"]),
        }  # fmt: skip
        (counted,) = yield Statement(_SQL["counted"], asked)
        found: list[Found] = []
        said = f"budget {row['budget_id']} says"
        if (row["used"], row["held"]) != (counted["used"], counted["held"]) or counted["used"] != counted[
            "used_by_day"
        ]:
            sums = f"usage {counted['used']}, days {counted['used_by_day']}, holds {counted['held']}"
            found.append(("B8", None, f"{said} used {row['used']}, held {row['held']}; {sums}"))
        set_at, _ = self.budgets.get(row["budget_id"], (0, {}))
        if not _genuine(row, account, touched_at=max(set_at, counted["last_used_at"])):
            found.append(("B8", None, f"{said} its {row['period']} is {row['period_start']} to {row['period_end']}"))
        return found


def _genuine(row: Row, account: Row, *, touched_at: int) -> bool:
    """Whether a budget's period is one of its calendar, and not one that was over when the budget was last touched nor
    one that had not begun at the account's last entry."""
    start, end = row["period_start"], row["period_end"]
    current = touched_at < end and start <= account["last_at"]
    return current and is_period(row["period"], account["anchor_day"], account["time_zone"], start, end)
