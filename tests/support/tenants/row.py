"""A row says what each role may at one route; a place says how an id in its address is made."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.support.tenants.world import Tenant

Who = frozenset[str]
Values = Mapping[str, Any] | Callable[[Tenant], Mapping[str, Any]]
"""A form's or a body's fields, or how to make them for an organization."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """An id in an address or a form: how one is made in an organization, and one that exists nowhere.

    `absent=None`: not an id that belongs to an organization, so there is no other's and no absent one to try.
    """

    make: Callable[[Tenant], Any]
    absent: Any = None


@dataclass(frozen=True, kw_only=True)
class Row:
    """Who may do what at a route of pages. A method without a group is answered 405."""

    get: Who | None = None
    post: Who | None = None
    form: Values = field(default_factory=dict)
    """Fields with which a POST succeeds for everyone in `post`: the same form is then tried by everyone else."""
    asks: Mapping[str, str] = field(default_factory=dict)
    """Fields of the form, or of the query, that name something by an id: field → place."""
    but: Mapping[str, int] = field(default_factory=dict)
    """Roles that are answered otherwise, with the exact status: `{"POST owner": 409}` where the owner cannot leave."""
    refused: tuple[int, ...] = (403,)
    """What members outside the group get. In a project's address those outside the project always get 404."""


@dataclass(frozen=True, kw_only=True)
class KeyRow:
    """Which scope a route of programs wants. None: open to anyone, without a key."""

    scope: str | None
    body: Values | None = None
    """A body with which it succeeds."""
    keyless: int = 200
    """What a route that wants no key answers without one."""


def filled(values: Values, tenant: Tenant) -> dict[str, Any]:
    """The fields for this organization."""
    return dict(values(tenant) if callable(values) else values)
