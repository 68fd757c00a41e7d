"""The auditor's pencil for limits: what the journal says was set, and what each budget should have counted.

Shares nothing with the rules that count: definitions come from the notes of the journal, counters from the usage rows
and the open holds.
"""

from typing import Any

import msgspec

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
        self.pauses: dict[tuple[str, str], bool] = {}

    def read(self, entry: Entry) -> None:
        if entry.kind == "budget":
            note = msgspec.json.decode(entry.note)
            self.budgets[note["budget_id"]] = (entry.at, note)
            if note.get("removed"):
                del self.budgets[note["budget_id"]]
        elif entry.kind in ("pause", "resume"):
            note = msgspec.json.decode(entry.note)
            self.pauses[note["kind"], note["ref"]] = entry.kind == "pause"

    def compare(self, org_id: int, account: Row) -> Operation[list[Found]]:
        """Against the rows as they stand."""
        rows = yield Statement(_SQL["budgets"], {"org_id": org_id})
        found: list[Found] = []
        if {row["budget_id"] for row in rows} != self.budgets.keys():
            found.append(("B8", None, "the budgets are not those of the journal"))
        for row in rows:
            found += self._definition(row)
            found += yield from _counters(org_id, row, account["time_zone"])
        pauses = yield Statement(_SQL["pauses"], {"org_id": org_id})
        if {(row["kind"], row["ref"]): row["paused"] for row in pauses} != self.pauses:
            found.append(("B13", None, "the pauses are not those of the journal"))
        if account["limited"] != bool(rows or any(self.pauses.values())):
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


def _counters(org_id: int, row: Row, time_zone: str) -> Operation[list[Found]]:
    asked = {
        "org_id": org_id, "project": row["project_ref"], "user": row["user_ref"], "use_case": row["use_case"],
        "since": row["period_start"], "first_day": local_day(time_zone, row["period_start"]),
    }  # fmt: skip
    (counted,) = yield Statement(_SQL["counted"], asked)
    if (row["used"], row["held"]) == (counted["used"], counted["held"]) and counted["used"] == counted["used_by_day"]:
        return []
    said = f"budget {row['budget_id']} says used {row['used']}, held {row['held']}"
    return [("B8", None, f"{said}; usage {counted['used']}, days {counted['used_by_day']}, holds {counted['held']}")]
