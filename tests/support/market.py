"""Programs that buy: keys made by people of every role, and the programs that hold them."""

from dataclasses import dataclass

import httpx

from testkase.core.access import Scope
from tests.support.shop import Shop


@dataclass(frozen=True, kw_only=True)
class Program:
    """A program with a key, of an organization that buys."""

    org_id: int
    maker: int
    http: httpx.Client


class Market:
    """Makes programs that knock at one address."""

    def __init__(self, shop: Shop, base_url: str) -> None:
        self.shop, self.base_url = shop, base_url
        self._clients: list[httpx.Client] = []

    def program(
        self, role: str = "owner", *, org_id: int | None = None, scopes: frozenset[Scope] = frozenset(Scope)
    ) -> Program:
        """Its key was made by somebody new with that role, in a new organization unless one is named."""
        organizations = self.shop.organizations
        org_id = organizations.make().org_id if org_id is None else org_id
        maker = organizations.make_person(org_id, role)
        key = organizations.make_key(org_id, scopes=scopes, name=f"{role} key", maker=maker)
        headers = {"Authorization": f"Bearer {key}"}
        client = httpx.Client(base_url=f"{self.base_url}/api/v1", headers=headers, timeout=20)
        self._clients.append(client)
        return Program(org_id=org_id, maker=maker, http=client)

    def close(self) -> None:
        for client in self._clients:
            client.close()
