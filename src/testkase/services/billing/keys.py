"""API keys and buying (R36, R37): a key buys by the right of whoever made it, and keeps no more than that right."""

import msgspec

from testkase.core.access import grantable_scopes
from testkase.foundation.database import Operation, Statement, named_statements
from testkase.services.audit import Activity, Actor, record

SQL = named_statements("testkase.services.billing.sql", "keys.sql")


class Maker(msgspec.Struct, frozen=True, kw_only=True):
    """Who made a key, and what they are now; neither is there where they are gone."""

    user_id: int | None = None
    role: str | None = None


def maker_of(org_id: int, key_id: str) -> Operation[Maker]:
    """Read live: a role that was taken away is gone with the next request."""
    rows = yield Statement(SQL["maker"], {"org_id": org_id, "key_id": key_id})
    return Maker(**rows[0]) if rows else Maker()


def lock_people(org_id: int) -> Operation[None]:
    """Until the transaction ends, roles and keys of the organization stay as they are."""
    yield Statement(SQL["people_locked"], {"org_id": org_id})


def narrow_to_policy(org_id: int, actor: Actor, purchase_roles: str) -> Operation[list[str]]:
    """Take from every key what its maker may not give under this policy; a key left with nothing is revoked. Recorded.

    Answers the ids of the keys it changed. Call after `lock_people`, in the transaction of the change.
    """
    rows = yield Statement(SQL["working"], {"org_id": org_id})
    changed = []
    for row in rows:
        allowed = grantable_scopes(row["role"], purchase_roles=purchase_roles)
        kept = sorted(scope for scope in row["scopes"] if scope in allowed)
        if kept == sorted(row["scopes"]):
            continue
        place = {"org_id": org_id, "key_id": row["key_id"]}
        yield Statement(SQL["narrow" if kept else "revoke"], {**place, "scopes": kept})
        details = {"prefix": row["prefix"], "scopes": ", ".join(kept or row["scopes"])}
        action = "api_key.narrowed" if kept else "api_key.revoked"
        yield from record(org_id, Activity(action=action, actor=actor, target=row["name"], details=details))
        changed.append(row["key_id"])
    return changed
