"""How far an organization has come: numbers that change when something happens, and nothing of what happened."""

from collections.abc import Mapping

import msgspec

from testkase.core.ledger.credits import format_credits
from testkase.foundation.database import Operation, Statement, named_statements

SQL = named_statements("testkase.services.live.sql", "statements.sql")


class Pulse(msgspec.Struct, frozen=True, kw_only=True):
    """An organization at one moment. `available` in micro-credits; the rest are places in the journal, 0 for none."""

    org_id: int
    last_seq: int
    """The newest entry: anything at all."""
    usage_seq: int
    """The newest AI interaction."""
    off_seq: int
    """The entry that last switched AI off. A hold opened before it was voided with it."""
    notice: int
    """The newest notification of anybody in the organization."""
    available: int
    ai_enabled: bool

    def for_pages(self) -> dict[str, object]:
        """What a page is told, as JSON. The journal's places tell it that something happened, not what."""
        return {
            "seq": self.last_seq,
            "usage": self.usage_seq,
            "notice": self.notice,
            "available": format_credits(self.available),
            "ai": self.ai_enabled,
        }


def pulses(seen: Mapping[int, Pulse | None]) -> Operation[list[Pulse]]:
    """Those of the organizations that changed since they were seen, in one statement; None: never seen.

    Needs no organization's context.
    """
    rows = yield Statement(
        SQL["pulses"],
        {
            "orgs": list(seen),
            "seqs": [pulse.last_seq if pulse else 0 for pulse in seen.values()],
            "notices": [pulse.notice if pulse else 0 for pulse in seen.values()],
        },
    )
    return [Pulse(**row) for row in rows]
