"""Whether the runaway guard watches an organization: its Owner's choice; it does until they say otherwise."""

from testkase.foundation.database import Operation, Statement
from testkase.services.audit import Activity, Actor, record


def guard_enabled(org_id: int) -> Operation[bool]:
    """Needs the organization's context."""
    rows = yield Statement("SELECT enabled FROM guard_setting WHERE org_id = %(org_id)s", {"org_id": org_id})
    return bool(rows[0]["enabled"]) if rows else True


def set_guard(org_id: int, actor: Actor, *, enabled: bool) -> Operation[None]:
    """Switch it on or off; nothing where it is so already."""
    if (yield from guard_enabled(org_id)) is enabled:
        return
    yield Statement(
        "INSERT INTO guard_setting (org_id, enabled) VALUES (%(org_id)s, %(enabled)s)"
        " ON CONFLICT (org_id) DO UPDATE SET enabled = excluded.enabled, changed_at = now()",
        {"org_id": org_id, "enabled": enabled},
    )
    yield from record(org_id, Activity(action="guard.switched_on" if enabled else "guard.switched_off", actor=actor))
