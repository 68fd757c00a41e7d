"""Who asks, and what there is to ask for: an organization with one of everything, renewed as often as it is used up."""

import random
from dataclasses import dataclass, field
from typing import Any

from testkase.core.access import Scope
from testkase.foundation.problems import Problem
from tests.support.tenants.roles import ROLES
from tests.support.tenants.row import Place, Values, filled
from tests.support.tenants.world import Tenant, made_tenant, session_of


@dataclass(slots=True, kw_only=True)
class Stock:
    """One organization, its keys, its people's sessions, and ids by the name they have in addresses."""

    tenant: Tenant
    key: str
    weak_key: str
    """It may read, and nothing else."""
    cookies: dict[str, str]
    ids: dict[str, list[Any]]
    cursors: list[str] = field(default_factory=list)

    def one(self, name: str, dice: random.Random) -> Any:
        """An id that leads somewhere."""
        return dice.choice(self.ids[name])

    def filled(self, values: Values) -> dict[str, Any]:
        """A form or body with which it succeeds; an empty one where the organization no longer can: paused, say."""
        try:
            return filled(values, self.tenant)
        except Problem:
            return {}

    def learn(self, name: str, value: Any) -> None:
        """Something that was made meanwhile."""
        if isinstance(value, str | int) and name in self.ids:
            self.ids[name].append(value)

    def sign_in(self, role: str) -> None:
        """Again: the session was ended."""
        self.cookies[role] = session_of(self.tenant, role)


def stocked(word: str, places: dict[str, Place], before: "Stock | None") -> Stock:
    """A new organization of that name. The one before lends its ids: they lead nowhere now."""
    tenant = made_tenant(word, "SHOP")
    for name, place in places.items():
        tenant.ids[name] = place.make(tenant)
    ids = {name: [tenant.ids[name]] * 3 for name in places}
    for name, foreign in (before.tenant.ids if before else {}).items():
        ids[name].append(foreign)
    for name, place in places.items():
        ids[name] += [] if place.absent is None else [place.absent]
    reading = frozenset(scope for scope in Scope if scope.value.endswith(":read"))
    cookies = {role: session_of(tenant, role) for role in ROLES}
    return Stock(tenant=tenant, key=tenant.key()[1], weak_key=tenant.key(reading)[1], cookies=cookies, ids=ids)
