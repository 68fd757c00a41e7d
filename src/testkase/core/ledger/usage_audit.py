"""The auditor's pencil for interactions: each agrees with its entry, and the days that pages read add up to them."""

from collections.abc import Sequence
from typing import Any

from testkase.core.ledger.calendar import local_day
from testkase.core.ledger.model import Entry

Found = tuple[str, int | None, str]
Row = dict[str, Any]
Subject = tuple[str, str, str, str]
"""Day, use case, user and project."""

MOST = 10
"""So many days that differ say enough."""


class UsageAudit:
    """Feed it every entry, in order, with its row of usage."""

    def __init__(self, time_zone: str) -> None:
        self.found: list[Found] = []
        self.rows = 0
        """Interactions that an entry charged at their instant."""
        self._zone = time_zone
        self._days: dict[Subject, list[int]] = {}

    def read(self, entry: Entry, row: Row) -> None:
        """`row`: the entry as it was read, with what its usage says of itself, all None where it has none."""
        charged, usage = row["charged"], entry.usage
        if charged is not None and row["used_at"] == entry.at:
            self.rows += 1
        if charged is not None and charged != entry.deltas.used:
            self._note(entry, f"usage says {charged} charged, the entry {entry.deltas.used}")
        if entry.deltas.used and charged is None:
            self._note(entry, "credits were used but no usage is recorded")
        if usage is None:
            return
        rate_card = usage.terms.rate_card if usage.terms is not None else None
        if (row["used_at"], row["rate_card"]) != (entry.at, rate_card):
            self._note(entry, f"usage says it was at {row['used_at']} by {row['rate_card']}")
        subject, tokens = usage.subject, usage.tokens
        place = (local_day(self._zone, entry.at), subject.use_case, subject.user, subject.project or "")
        sums = self._days.setdefault(place, [0, 0, 0, 0])
        sums[0] += 1
        sums[1] += entry.deltas.used
        sums[2] += tokens.input + tokens.cached_input + tokens.cache_write
        sums[3] += tokens.output + tokens.reasoning

    def compare(self, rows: Sequence[Row]) -> list[Found]:
        """Against the days as they stand, those of closed months too (I11)."""
        said = {
            (row["day"], row["use_case"], row["user_ref"], row["project_ref"]): [
                row["interactions"], row["charged"], row["input_tokens"], row["output_tokens"],
            ]
            for row in rows
        }  # fmt: skip
        wrong = sorted(place for place in said.keys() | self._days.keys() if said.get(place) != self._days.get(place))
        for place in wrong[:MOST]:
            words = (
                f"{place} says {said.get(place)} calls, credits, tokens in and out; its calls {self._days.get(place)}"
            )
            self.found.append(("I11", None, words))
        return self.found

    def _note(self, entry: Entry, found: str) -> None:
        self.found.append(("I11", entry.seq, found))
