"""Who may do what, as tables for people: made from the very tables that decide (core/access/roles.py)."""

from dataclasses import dataclass

from testkase.core.access.roles import BY_POLICY, IF_PERMITTED, ORGANIZATION_TABLE, PROJECT_TABLE, Action
from testkase.entrypoints.web.help.words import ACTIONS, ROLES


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Roles as columns, actions as lines."""

    roles: tuple[str, ...]
    lines: list[tuple[str, tuple[str, ...]]]
    """An action, and for each role "yes", "no" or on what it depends."""


_DEPENDS = {BY_POLICY: "if the Owner allows it", IF_PERMITTED: "with the permission"}


def organization_table() -> Table:
    """Owner, Admin, Member."""
    return _table(("owner", "admin", "member"), ORGANIZATION_TABLE)


def project_table() -> Table:
    """Project admin, User, Guest."""
    return _table(("project_admin", "user", "guest"), PROJECT_TABLE)


def _table(roles: tuple[str, ...], rights: dict[Action, tuple[bool, bool | str, bool]]) -> Table:
    words = {role.value: name for role, name in ROLES.items()}
    lines = [(ACTIONS[action], tuple(_cell(cell) for cell in row)) for action, row in rights.items()]
    return Table(roles=tuple(words[role] for role in roles), lines=lines)


def _cell(cell: bool | str) -> str:
    return _DEPENDS[cell] if isinstance(cell, str) else ("yes" if cell else "no")
