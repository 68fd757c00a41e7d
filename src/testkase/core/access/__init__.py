"""Who may do what, and the keys that programs use: one table of roles and actions, no look-ups, no framework."""

from testkase.core.access.keys import (
    MintedKey,
    Scope,
    grantable_scopes,
    hash_key,
    looks_like_key,
    mint_key,
    parse_scopes,
)
from testkase.core.access.roles import (
    Action,
    OrganizationRole,
    ProjectRole,
    PurchaseRoles,
    can,
    can_in_project,
    may_assign,
)

DEFAULT_SCOPES = frozenset({Scope.CREDITS_READ, Scope.CREDITS_WRITE, Scope.MODELS_CALL})
"""What a new key may do unless its maker says otherwise: all a metered program needs, nothing that buys or sets."""

__all__ = [
    "DEFAULT_SCOPES",
    "Action",
    "MintedKey",
    "OrganizationRole",
    "ProjectRole",
    "PurchaseRoles",
    "Scope",
    "can",
    "can_in_project",
    "grantable_scopes",
    "hash_key",
    "looks_like_key",
    "may_assign",
    "mint_key",
    "parse_scopes",
]
