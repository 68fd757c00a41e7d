"""API keys: made once, shown once, stored as a hash, told from a typing error without asking the database.

    tk_live_ + 34 random base-62 digits (202 bits) + 6 digits of CRC-32 over what precedes

The prefix lets secret scanners find a leaked key; the checksum lets us refuse nonsense before any query, and catches a
wrong or swapped character. The first six random digits are stored as well, so that people can tell their keys apart:
166 bits stay unknown to whoever reads the table, which is why one round of SHA-256 is enough.
"""

import secrets
import string
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from zlib import crc32

from testkase.core.access.roles import Action, can
from testkase.foundation.ids import new_id
from testkase.foundation.problems import InvalidInput

KEY_PREFIX = "tk_live_"
_DIGITS = string.digits + string.ascii_uppercase + string.ascii_lowercase
_RANDOM = 34
_CHECKSUM = 6
_SHOWN = 6
KEY_LENGTH = len(KEY_PREFIX) + _RANDOM + _CHECKSUM


class Scope(StrEnum):
    """What a key may be used for. A key never does more than its scopes say, whoever made it."""

    CREDITS_READ = "credits:read"  # balance, usage, receipts, lots, bundles
    CREDITS_WRITE = "credits:write"  # holds, settlements, usage after the fact
    MODELS_CALL = "models:call"  # the OpenAI-compatible gateway
    BILLING_READ = "billing:read"  # purchases, statements
    BILLING_WRITE = "billing:write"  # start a purchase
    SETTINGS_READ = "settings:read"
    SETTINGS_WRITE = "settings:write"
    AUDIT_READ = "audit:read"
    WORKSPACE_READ = "workspace:read"  # projects, test cases, reports of imports
    WORKSPACE_WRITE = "workspace:write"  # results of automated tests


_NEEDED: dict[Scope, Action] = {
    Scope.CREDITS_READ: Action.VIEW_USAGE,
    Scope.CREDITS_WRITE: Action.MANAGE_API_KEYS,
    Scope.MODELS_CALL: Action.MANAGE_API_KEYS,
    Scope.BILLING_READ: Action.VIEW_BILLING,
    Scope.BILLING_WRITE: Action.BUY_CREDITS,
    Scope.SETTINGS_READ: Action.MANAGE_API_KEYS,
    Scope.SETTINGS_WRITE: Action.SWITCH_AI,
    Scope.AUDIT_READ: Action.VIEW_ACTIVITY,
    Scope.WORKSPACE_READ: Action.MANAGE_PROJECTS,
    Scope.WORKSPACE_WRITE: Action.MANAGE_PROJECTS,
}
"""A scope is given only by someone who may do the thing in person: a key must not lift its maker above their rank."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MintedKey:
    """A new key. `text` is shown once and kept nowhere; it stays out of `repr`, so that a log line cannot hold it."""

    key_id: str
    text: str = field(repr=False)
    hash: bytes
    prefix: str


def mint_key() -> MintedKey:
    """A new key from the operating system's randomness."""
    body = KEY_PREFIX + "".join(secrets.choice(_DIGITS) for _ in range(_RANDOM))
    text = body + _checksum(body)
    return MintedKey(key_id=new_id("key"), text=text, hash=hash_key(text), prefix=text[: len(KEY_PREFIX) + _SHOWN])


def looks_like_key(text: str) -> bool:
    """Whether prefix, length, alphabet and checksum are right. Says nothing of whether the key exists."""
    body, checksum = text[:-_CHECKSUM], text[-_CHECKSUM:]
    return (
        len(text) == KEY_LENGTH
        and text.startswith(KEY_PREFIX)
        and all(digit in _DIGITS for digit in text[len(KEY_PREFIX) :])
        and secrets.compare_digest(checksum, _checksum(body))
    )


def hash_key(text: str) -> bytes:
    """The 32 bytes under which a key is stored and looked up."""
    return sha256(text.encode()).digest()


def grantable_scopes(role: str | None, *, purchase_roles: str = "owner") -> frozenset[Scope]:
    """The scopes a role may put on a key: none at all without the right to manage keys."""
    if not can(role, Action.MANAGE_API_KEYS):
        return frozenset()
    return frozenset(scope for scope, action in _NEEDED.items() if can(role, action, purchase_roles=purchase_roles))


def parse_scopes(texts: Iterable[str]) -> frozenset[Scope]:
    """Scopes from their texts. Raises InvalidInput for an unknown one and for none at all."""
    scopes = set()
    for text in texts:
        try:
            scopes.add(Scope(text))
        except ValueError:
            known = ", ".join(scope.value for scope in Scope)
            raise InvalidInput(f"There is no scope {text[:64]!r}. Scopes are: {known}.", field="scopes") from None
    if not scopes:
        raise InvalidInput("A key needs at least one scope.", field="scopes")
    return frozenset(scopes)


def _checksum(body: str) -> str:
    value = crc32(body.encode())
    digits = ""
    for _ in range(_CHECKSUM):
        value, digit = divmod(value, len(_DIGITS))
        digits = _DIGITS[digit] + digits
    return digits
