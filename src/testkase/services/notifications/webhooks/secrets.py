"""What an endpoint's messages are signed with: made here, shown once, kept encrypted; several may be in force."""

import secrets
from base64 import b64encode

from testkase.foundation.database import Operation, Statement, named_statements
from testkase.foundation.problems import Conflict
from testkase.foundation.sealing import CannotOpen, Seal

_SQL = named_statements("testkase.services.notifications.webhooks.sql", "endpoints.sql")

PURPOSE = "webhook secrets"
"""What the key that encrypts them is derived for."""

_PREFIX, _RANDOM_BYTES = "whsec_", 32
OVERLAP_HOURS = 24
"""How long the secret before goes on signing."""
MOST_IN_FORCE = 5


def new_secret(org_id: int, endpoint_id: str, seal: Seal) -> Operation[str]:
    """A new secret, which exists only in this answer and encrypted. Those before it go on signing for a day. Needs the
    endpoint locked. Raises Conflict where too many are in force."""
    place = {"org_id": org_id, "endpoint_id": endpoint_id}
    (found,) = yield Statement(_SQL["secrets_in_force"], place)
    if found["in_force"] >= MOST_IN_FORCE:
        raise Conflict(
            f"{MOST_IN_FORCE} secrets are in force already, the older ones for a day each. Use the newest you have, or"
            " remove the endpoint and add it again.",
            field="secret",
        )
    text = _PREFIX + b64encode(secrets.token_bytes(_RANDOM_BYTES)).decode()
    number = found["newest"] + 1
    yield Statement(_SQL["end_secrets"], {**place, "hours": OVERLAP_HOURS})
    sealed = seal.close(text, owner=_owner(org_id, endpoint_id, number))
    yield Statement(_SQL["add_secret"], {**place, "number": number, "sealed": sealed})
    return text


def secrets_in_force(org_id: int, endpoint_id: str, seal: Seal) -> Operation[list[str]]:
    """All that sign now, the newest first. Raises CannotOpen where that one cannot be read, as the installation's key
    has changed; an older one that cannot be read signs no more, and keeps the newest from nothing."""
    found: list[str] = []
    for row in (yield Statement(_SQL["secrets"], {"org_id": org_id, "endpoint_id": endpoint_id})):
        try:
            found.append(seal.open(row["sealed"], owner=_owner(org_id, endpoint_id, row["number"])))
        except CannotOpen:
            if not found:
                raise
    return found


def _owner(org_id: int, endpoint_id: str, number: int) -> str:
    """Whose it is, as associated data: copied to another row, it opens nothing."""
    return f"webhook:{org_id}:{endpoint_id}:{number}"
