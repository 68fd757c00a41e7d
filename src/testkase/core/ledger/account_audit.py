"""The auditor's pencil for what an account says of itself beside its sums: the switch, its months, when it is due."""

from datetime import date
from typing import Any

from testkase.core.ledger.bounds import is_period, month_of
from testkase.core.ledger.calendar import local_day
from testkase.core.ledger.commands import OpenAccount
from testkase.core.ledger.model import Entry, Lot

Found = tuple[str, int | None, str]


class AccountAudit:
    """Feed it every entry, in order."""

    def __init__(self) -> None:
        self.opened: Entry | None = None
        self.switched: str | None = None
        self.off_seq = 0
        self.months: list[Entry] = []
        """The entry that began each billing month."""

    def read(self, entry: Entry) -> None:
        if entry.kind == "open":
            self.opened = entry
        elif entry.kind == "switch":
            self.switched = entry.note
            self.off_seq = entry.seq if entry.note == "off" else self.off_seq
        elif entry.kind == "allowance":
            self.months.append(entry)

    def compare(self, account: dict[str, Any], lots: list[Lot], hold_expiries: list[int]) -> list[Found]:
        """Against the account as it stands."""
        if self.opened is None or not self.months:
            return [("I9", None, "the account was never opened")]
        wrong = [*self._opening(account), *self._month(account), *_due(account, lots, hold_expiries)]
        return [(invariant, None, found) for invariant, found in wrong]

    def _opening(self, account: dict[str, Any]) -> list[tuple[str, str]]:
        """What the account was opened with is known by the fingerprint of the opening."""
        assert self.opened is not None
        given = {name: account[name] for name in ("org_id", "monthly_allowance", "anchor_day", "time_zone")}
        possible = [on for on in (True, False) if self._asked(OpenAccount(**given, ai_enabled=on))]
        if not possible:
            return [("I9", f"the account says {given}, it was opened with something else")]
        enabled = possible[0] if self.switched is None else self.switched == "on"
        if account["ai_enabled"] is not enabled:
            return [("I14", f"the account says AI enabled = {account['ai_enabled']}, its entries {enabled}")]
        if account["off_seq"] != self.off_seq:
            return [("I14", f"AI went off with {account['off_seq']}, says the account; its entries say {self.off_seq}")]
        return []

    def _asked(self, command: OpenAccount) -> bool:
        return self.opened is not None and command.fingerprint() == self.opened.fingerprint

    def _month(self, account: dict[str, Any]) -> list[tuple[str, str]]:
        latest, number = self.months[-1], len(self.months) - 1
        start, end, zone = account["period_start"], account["period_end"], account["time_zone"]
        begun = start <= latest.at if number == 0 else start == latest.at == self.months[-2].expires_at
        genuine = is_period("month", account["anchor_day"], zone, start, end)
        month = month_of(date.fromisoformat(local_day(zone, start)))
        stands = (account["period_number"], end, account["anchor_month"] + number)
        if not begun or not genuine or stands != (number, latest.expires_at, month):
            return [
                ("I9", f"the account says month {account['period_number']} is {start} to {end}; its entries differ")
            ]
        if -latest.deltas.issued != account["monthly_allowance"]:
            return [("I9", f"the account says {account['monthly_allowance']} a month, {-latest.deltas.issued} came")]
        return []


def _due(account: dict[str, Any], lots: list[Lot], hold_expiries: list[int]) -> list[tuple[str, str]]:
    """Nothing may fall due before anybody looks; to look too early is harmless."""
    expiries = [lot.expires_at for lot in lots if lot.available and lot.expires_at is not None]
    soonest = min([account["period_end"], *hold_expiries, *expiries])
    if account["due_at"] > soonest:
        return [("I9", f"the account says nothing is due before {account['due_at']}, but {soonest} is")]
    return []
