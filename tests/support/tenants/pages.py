"""The routes of pages, from Django's URL conf, each tried as every role: what is asked, what must be answered."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import quote

from django.db import transaction
from django.http import HttpResponse
from django.urls import URLPattern, URLResolver, get_resolver

from tests.support.tenants.roles import ANONYMOUS, GUEST, HOMELESS, MEMBER, OWNER, ROLES
from tests.support.tenants.row import Place, Row, Who, filled
from tests.support.tenants.world import OTHER, World

_NAMES = re.compile(r"<(?:\w+:)?(\w+)>|\(\?P<(\w+)>[^)]*\)")
_PRIVATE = re.compile(rb'nonce="[^"]+"|data-ticket="[^"]+"|\b[A-Za-z0-9]{64}\b')
"""The nonce, the live stream's ticket and the form's token: different in every answer."""
_OWN_HEADERS = {"content-length", "content-security-policy", "expires", "set-cookie", "x-request-id"}
_GONE = 400
"""The first status that is no success."""


@dataclass(frozen=True, kw_only=True)
class Ask:
    """One request somebody makes."""

    role: str
    method: str
    path: str
    fields: dict[str, Any]
    headers: dict[str, str]

    def __str__(self) -> str:
        return f"{self.role}: {self.method} {self.path} {self.fields or ''}".strip()


def page_routes() -> dict[str, URLPattern]:
    """Every route as the URL conf writes it."""

    def walk(resolver: URLResolver, prefix: str) -> Iterator[tuple[str, URLPattern]]:
        for pattern in resolver.url_patterns:
            route = prefix + str(pattern.pattern)
            if isinstance(pattern, URLResolver):
                yield from walk(pattern, route)
            else:
                yield route, pattern

    return dict(walk(get_resolver(), ""))


def names_in(route: str) -> list[str]:
    """The names of what stands in an address."""
    return [first or second for first, second in _NAMES.findall(route)]


def address(route: str, ids: dict[str, Any]) -> str:
    """The route with these ids in it."""
    plain = route.replace("^", "").replace("$", "")
    return "/" + _NAMES.sub(lambda found: quote(str(ids[found[1] or found[2]]), safe=""), plain)


class Trial:
    """One route before everybody. Each of its three parts answers what was wrong, as sentences; nothing is best."""

    def __init__(self, world: World, route: str, row: Row, places: dict[str, Place]) -> None:
        self.world, self.route, self.row, self.places = world, route, row, places
        self.cases = 0
        self._ours = not route.startswith(("accounts/", "staff/"))
        self._named = [name for name in names_in(route) if places[name].absent is not None]

    def all_faults(self) -> list[str]:
        """Everything wrong with this route. Staff's pages, which nobody here may see, are tried by three; with ids of
        another come who may most and who may least."""
        all_who = (OWNER, MEMBER, GUEST) if self.route.startswith("staff/") else ROLES
        return self.roles(all_who) + self.other_methods() + self.strangers((OWNER, GUEST))

    def roles(self, roles: Iterable[str] = ROLES) -> list[str]:
        """Each role at its own organization's address: in the group it is let in, outside it is refused."""
        faults = []
        for role in roles:
            for method in self._methods():
                ask = self.ask(role, method)
                fault = self._judged(ask, self.sent(ask))
                faults += [f"{ask}: {fault}"] if fault else []
        return faults

    def other_methods(self) -> list[str]:
        """What the row does not name is not taken: 405, whoever asks."""
        if not self._ours:
            return []
        rest = [method for method in ("GET", "POST", "DELETE") if method not in self._methods()]
        asks = [self.ask(OWNER, method) for method in rest]
        return [f"{ask}: {code} instead of 405" for ask in asks if (code := self.sent(ask).status_code) != 405]

    def strangers(self, roles: Iterable[str] = ROLES, *, htmx: bool = False) -> list[str]:
        """An id of the other organization is answered byte for byte as one that exists nowhere."""
        headers = {"HX-Request": "true"} if htmx else {}
        faults = []
        for role in roles:
            for method in self._methods():
                for name in self._named:
                    pair = [self.ask(role, method, ids={name: value}, headers=headers) for value in self._pair(name)]
                    faults += self._compared(name, *pair)
                for field, name in self.row.asks.items():
                    pair = [self.ask(role, method, fields={field: v}, headers=headers) for v in self._pair(name)]
                    faults += self._compared(name, *pair)
        return faults

    def ask(
        self,
        role: str,
        method: str,
        *,
        ids: dict[str, Any] | None = None,
        fields: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
    ) -> Ask:
        """A request at the own organization's address, with these ids and fields instead of its own."""
        own = self.world.own
        if method == "GET":
            given = {field: own.ids[name] for field, name in self.row.asks.items()} if self.row.post is None else {}
        else:
            given = filled(self.row.form, own)
        path = address(self.route, own.ids | (ids or {}))
        return Ask(role=role, method=method, path=path, fields=given | (fields or {}), headers=headers or {})

    def sent(self, ask: Ask) -> HttpResponse:
        """The answer. What a request that is let in writes is rolled back: the next finds everything as it was."""
        self.cases += 1
        client = self.world.client(ask.role)
        send: Callable[[], Any] = partial(
            getattr(client, ask.method.lower()), ask.path, ask.fields if ask.method in ("GET", "POST") else "",
            headers=ask.headers,
        )  # fmt: skip
        if ask.method == "GET" or not self._let_in(ask):
            answer = send()
            answer.getvalue()
            return answer  # type: ignore[no-any-return]
        with transaction.atomic():
            answer = send()
            answer.getvalue()
            transaction.set_rollback(True)
        return answer  # type: ignore[no-any-return]

    def _methods(self) -> list[str]:
        return [name for name, who in (("GET", self.row.get), ("POST", self.row.post)) if who is not None]

    def _who(self, method: str) -> Who:
        return (self.row.get if method == "GET" else self.row.post) or frozenset()

    def _let_in(self, ask: Ask) -> bool:
        return ask.role in self._who(ask.method)

    def _judged(self, ask: Ask, answer: HttpResponse) -> str | None:
        """What is wrong with an answer, or None."""
        status, leads_to = answer.status_code, answer.headers.get("Location", "")
        if _leaks(answer):
            return f"shows something of {OTHER}"
        if exact := self.row.but.get(f"{ask.method} {ask.role}"):
            return None if status == exact else f"{status} instead of {exact}"
        turned_away = _turned_away(leads_to)
        if self._let_in(ask):
            wrong = status >= _GONE or (turned_away and self._ours)
            return f"{status} {leads_to or _first_words(answer)}: the row lets this role in" if wrong else None
        if ask.role == ANONYMOUS or (ask.role == HOMELESS and self._ours):
            return None if turned_away else f"{status} {leads_to}: it should lead to the way in"
        expected = (404,) if ask.role == MEMBER and "project_key" in names_in(self.route) else self.row.refused
        return None if status in expected else f"{status} {leads_to} instead of {expected}"

    def _pair(self, name: str) -> tuple[Any, Any]:
        return self.world.other.ids[name], self.places[name].absent

    def _compared(self, name: str, foreign: Ask, absent: Ask) -> list[str]:
        theirs, nobodys = self.sent(foreign), self.sent(absent)
        if _leaks(theirs):
            return [f"{foreign}: shows something of {OTHER}"]
        values = [str(value) for value in self._pair(name)]
        told, untold = (_without(answer, values) for answer in (theirs, nobodys))
        return [] if told == untold else [f"{foreign}: {_difference(told, untold)}"]


def _leaks(answer: HttpResponse) -> bool:
    return OTHER.encode() in answer.getvalue() or OTHER in str(answer.headers)


def _turned_away(leads_to: str) -> bool:
    return leads_to.startswith(("/accounts/login/", "/organizations/new", "/staff/login/"))


def _without(answer: HttpResponse, values: list[str]) -> tuple[int, bytes, str]:
    """Status, body and headers without what may differ: the id that was asked for, the nonce, the form's token."""
    body = _PRIVATE.sub(b"", answer.getvalue())
    headers = str(sorted((k, v) for k, v in answer.headers.items() if k.lower() not in _OWN_HEADERS))
    for value in sorted(values, key=len, reverse=True):  # a short number may stand in a long one
        for written in (quote(quote(value)), quote(value), value):
            body, headers = body.replace(written.encode(), b"ID"), headers.replace(written, "ID")
    return answer.status_code, body, headers


def _difference(theirs: tuple[int, bytes, str], nobodys: tuple[int, bytes, str]) -> str:
    if theirs[0] != nobodys[0]:
        return f"{theirs[0]}, but {nobodys[0]} where there is nothing"
    lines = zip(theirs[1].splitlines(), nobodys[1].splitlines(), strict=False)
    first = next((pair for pair in lines if pair[0] != pair[1]), (theirs[2], nobodys[2]))
    return f"differs from the absent one: {first[0]!r} / {first[1]!r}"


def _first_words(answer: HttpResponse) -> str:
    text = re.sub(r"<[^>]+>|\s+", " ", answer.getvalue().decode(errors="replace").rpartition("<main")[2])
    return " ".join(text.split())[:160]
