"""How the AI switch stands, for the card that shows it: since when, by whom, and what switching off would cut."""

import msgspec

from testkase.foundation.database import Operation, Statement
from testkase.services.live.pulse import SQL


class SwitchState(msgspec.Struct, frozen=True, kw_only=True):
    """The last switch and the calls of this moment. `at` in microseconds; None: never switched since the beginning."""

    at: int | None
    by: str | None
    """What whoever did it was called then; None where it was no person of the organization."""
    open_calls: int


def switch_state(org_id: int) -> Operation[SwitchState]:
    """Needs the organization's context."""
    calls = yield Statement(SQL["open_calls"], {"org_id": org_id})
    rows = yield Statement(SQL["last_switch"], {"org_id": org_id})
    last = rows[0] if rows else {"at": None, "by": None}
    return SwitchState(at=last["at"], by=last["by"], open_calls=calls[0]["open_calls"])
