"""The routes of programs, from the API's route table, each tried with every key: right, lacking, revoked, none."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx
from litestar import Litestar
from litestar.routes import HTTPRoute

from testkase.core.access import Scope, hash_key
from tests.support.tenants.row import KeyRow, Place, filled
from tests.support.tenants.world import OTHER, Tenant, World

_NAMES = re.compile(r"\{(\w+)\}")
_SUCCESS = range(200, 300)
_OWN_HEADERS = {"content-length", "date", "x-request-id"}
NO_KEYS = ("", "Bearer", "Basic dGs6", "Bearer tk_live_" + "a" * 40)
"""Authorization headers that open nothing."""


def key_routes(app: Litestar) -> list[str]:
    """Every route as "METHOD /path", with plain names in braces."""
    return [
        f"{method} {re.sub(r':[a-z]+}', '}', route.path)}"
        for route in app.routes
        if isinstance(route, HTTPRoute)
        for method in sorted(route.methods - {"HEAD", "OPTIONS"})
    ]


def names_in_path(route: str) -> list[str]:
    """The names of what stands in an address."""
    return _NAMES.findall(route)


@dataclass(frozen=True, kw_only=True)
class Keys:
    """Keys of one organization. A scope's name: everything but that."""

    whole: str
    revoked: str
    without: dict[str, str]
    only: dict[str, str]

    @classmethod
    def of(cls, tenant: Tenant) -> "Keys":
        """Made now, so that no server has seen one of them in another state."""
        from testkase.services.organizations.models import ApiKey

        revoked = tenant.key()[1]
        ApiKey.objects.filter(hash=hash_key(revoked)).update(revoked_at="2026-01-01T00:00:00Z")
        return cls(
            whole=tenant.key()[1],
            revoked=revoked,
            without={scope.value: tenant.key(frozenset(Scope) - {scope})[1] for scope in Scope},
            only={scope.value: tenant.key(frozenset({scope}))[1] for scope in Scope},
        )


class KeyTrial:
    """One route before every key. Each part answers what was wrong, as sentences; nothing is best."""

    def __init__(
        self, world: World, keys: Keys, http: httpx.Client, route: str, row: KeyRow, places: dict[str, Place]
    ) -> None:
        self.world, self.keys, self.http, self.row, self.places = world, keys, http, row, places
        self.method, self.path = route.split(" ", 1)
        self.cases = 0

    def all_faults(self) -> list[str]:
        """Everything wrong with this route."""
        return [*self.doors(), *self.scopes(), *self.strangers()]

    def doors(self) -> Iterator[str]:
        """Without a key that counts: 401, unless the route is open to all."""
        for authorization in (*NO_KEYS, f"Bearer {self.keys.revoked}"):
            answer = self.sent(authorization)
            expected = (self.row.keyless,) if self.row.scope is None else (401,)
            if answer.status_code not in expected or (answer.status_code == 401 and not _asks_for_a_key(answer)):
                yield self.told(f"{authorization[:16]!r}", answer)

    def scopes(self) -> Iterator[str]:
        """The scope of the row, and it alone, opens the route; every other one may be missing."""
        if self.row.scope is None:
            return
        for scope in self.keys.without:
            refused = scope == self.row.scope
            answer = self.sent(f"Bearer {self.keys.without[scope]}")
            if refused != (answer.status_code == 403 and _code(answer) == "missing_scope"):
                yield self.told(f"a key without {scope}", answer)
        answer = self.sent(f"Bearer {self.keys.only[self.row.scope]}")
        if answer.status_code not in _SUCCESS:
            yield self.told("a key with the right scope alone", answer)

    def strangers(self) -> Iterator[str]:
        """An id of the other organization is answered byte for byte as one that exists nowhere."""
        for name in names_in_path(self.path):
            if self.places[name].absent is None:
                continue
            values = [self.world.other.ids[name], self.places[name].absent]
            theirs, nobodys = (self.sent(f"Bearer {self.keys.whole}", {name: value}) for value in values)
            told, untold = (_without(answer, [str(value) for value in values]) for answer in (theirs, nobodys))
            if told != untold:
                yield self.told(f"another organization's {name}", theirs) + f", but {untold} where there is nothing"

    def sent(self, authorization: str, ids: dict[str, Any] | None = None) -> httpx.Response:
        """The answer. What is written stays, so each request that could succeed gets ids made for it alone."""
        self.cases += 1
        own, names = self.world.own, names_in_path(self.path)
        fresh = self.method != "GET" and self.row.scope is not None
        made = {name: self.places[name].make(own) if fresh else own.ids[name] for name in names}
        path = _NAMES.sub(lambda found: quote(str((made | (ids or {}))[found[1]]), safe=""), self.path)
        body = None if self.row.body is None else json.dumps(filled(self.row.body, own))
        headers = {"Authorization": authorization, "Content-Type": "application/json"}
        return self.http.request(self.method, path, content=body, headers=headers)

    def told(self, who: str, answer: httpx.Response) -> str:
        """A fault as a sentence."""
        return f"{self.method} {self.path} with {who}: {answer.status_code} {answer.text[:200]}"


def leaks(answer: httpx.Response) -> bool:
    """Whether an answer says anything of the neighbour."""
    return OTHER in answer.text or OTHER.lower() in answer.text


def _asks_for_a_key(answer: httpx.Response) -> bool:
    return str(answer.headers.get("www-authenticate", "")).startswith("Bearer")


def _code(answer: httpx.Response) -> Any:
    found = answer.json()
    return found["error"]["code"] if "error" in found else found.get("code")


def _without(answer: httpx.Response, values: list[str]) -> tuple[int, str, str]:
    body, headers = answer.text, str(sorted(h for h in answer.headers.items() if h[0] not in _OWN_HEADERS))
    for value in sorted(values, key=len, reverse=True):  # a short number may stand in a long one
        body, headers = body.replace(value, "ID"), headers.replace(value, "ID")
    return answer.status_code, body, headers
