"""What browsers ask: every route of the URL conf as somebody of each role, with forms as they stand on its page."""

import random
import re
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlencode

from django.urls import URLPattern

from campaigns.fuzz import bending, oddities
from campaigns.fuzz.bending import Bend
from campaigns.fuzz.json_text import NUMBERS, TEXTS, Raw
from campaigns.fuzz.request import Request
from campaigns.fuzz.stock import Stock
from campaigns.fuzz.wire import Answer
from tests.support.tenants.book import all_rows, row_for
from tests.support.tenants.pages import address, names_in, page_routes
from tests.support.tenants.roles import ADMIN, ANONYMOUS, GUEST, HOMELESS, MEMBER, OWNER, PROJECT_ADMIN

TOKEN = "f" * 32
"""Of every form and of the cookie beside it."""
_SLOW = re.compile(r"accounts/(login|signup|reauthenticate|password)|staff/login")
"""They hash a password, which takes a while on purpose."""
_BENDS: tuple[Bend, ...] = (
    bending.bent_header,
    bending.bent_path,
    bending.bent_query,
    bending.bent_query,
    bending.bent_method,
)
_BESIDE = (
    "/live",
    "/healthz",
    "/readyz",
    "/metrics",
    "/static/testkase/site.css",
    "/static/x",
    "/favicon.ico",
    "/nothing",
)
"""Addresses that are in no table: answered before Django, or by nobody."""
_WHO = (OWNER,) * 10 + (ADMIN, PROJECT_ADMIN, MEMBER, GUEST, HOMELESS, ANONYMOUS)
Fields = list[tuple[str, str]]


class Pages:
    """Requests of browsers."""

    def __init__(self) -> None:
        self._rows = all_rows()
        routes: dict[str, URLPattern] = page_routes()
        ours = [route for route in routes if not route.startswith(("staff/", "accounts/"))]
        theirs = [route for route in routes if route not in ours and not _SLOW.match(route)]
        self._routes = [*ours * 4, *theirs, *(route for route in routes if _SLOW.match(route))]
        self._forms: dict[str, Fields] = {}
        """As they stand on the page of each route, once it was seen."""

    def request(self, stock: Stock, dice: random.Random) -> Request:
        """One page or form, most often bent."""
        if dice.random() < 0.03:
            return _beside(stock, dice)
        route = dice.choice(self._routes)
        row, role = row_for(route, self._rows), dice.choice(_WHO)
        ids = {name: stock.one(name, dice) for name in names_in(route)}
        request = Request(door="pages", method="GET", path=address(route, ids), who=role)
        cookies = f"csrftoken={TOKEN}" + (f"; sessionid={stock.cookies[role]}" if stock.cookies[role] else "")
        request.set("Cookie", cookies.encode())
        if dice.random() < 0.3:
            request.set("HX-Request", b"true")
        writes = row is not None and row.post is not None
        if writes and dice.random() < 0.7:
            self._fill(request, route, stock, dice)
        elif row is not None and row.asks:
            request.query = urlencode(
                [(name, stock.one(place, dice)) for name, place in row.asks.items() if dice.random() < 0.5]
            )
        for _ in range(dice.choices((0, 1, 2), (35, 50, 15))[0]):
            request.bent.append(dice.choice(_BENDS)(request, dice))
        return request

    def seen(self, request: Request, answer: Answer) -> None:
        """Remember the fields of a page's forms."""
        if request.method == "GET" and answer.status == 200 and answer.content_type == "text/html" and not request.bent:
            found = _Fields(answer.body.decode("utf-8", "replace"))
            if found.fields:
                self._forms[request.path] = found.fields

    def _fill(self, request: Request, route: str, stock: Stock, dice: random.Random) -> None:
        row = row_for(route, self._rows)
        given = stock.filled(row.form) if row is not None else {}
        fields = [(name, str(value)) for name, value in given.items() if isinstance(value, str | int)]
        files = [(name, value.name, value.read()) for name, value in given.items() if hasattr(value, "read")]
        if dice.random() < 0.5 or not fields:
            fields = self._forms.get(request.path) or fields
        request.method, request.value = "POST", _bent_fields(fields, dice, request)
        if dice.random() < 0.95:
            request.value.append(("csrfmiddlewaretoken", TOKEN))
        else:
            request.bent.append("without the token")
        if files or dice.random() < 0.1:
            _multipart(request, files, dice)
        else:
            request.body = urlencode(request.value, errors="surrogatepass").encode()
            request.set("Content-Type", b"application/x-www-form-urlencoded")
        if dice.random() < 0.06:
            bend = dice.choice((bending.bent_bytes, bending.bent_type, bending.bent_length, bending.bent_depth))
            request.bent.append(bend(request, dice))


def _beside(stock: Stock, dice: random.Random) -> Request:
    path = dice.choice(_BESIDE)
    request = Request(door="pages", method="GET", path=path, who=OWNER)
    request.set("Cookie", f"sessionid={stock.cookies[OWNER]}".encode())
    if path == "/live":  # a ticket that is none: a good one would be answered for a minute
        request.query = urlencode({"ticket": dice.choice(TEXTS)}, errors="surrogatepass")
    request.bent.append(dice.choice(_BENDS)(request, dice))
    return request


def _bent_fields(fields: Fields, dice: random.Random, request: Request) -> Fields:
    fields = [(name, value) for name, value in fields if name != "csrfmiddlewaretoken"]
    for _ in range(dice.choices((0, 1, 2), (25, 60, 15))[0] if fields else 0):
        place = dice.randrange(len(fields))
        name, value = fields[place]
        kind = dice.choice(("value", "value", "value", "value", "without", "twice", "name", "more"))
        if kind == "value":
            fields[place] = (name, _hostile(dice))
        elif kind == "without":
            del fields[place]
        elif kind == "twice":
            fields.append((name, _hostile(dice)))
        elif kind == "name":
            fields[place] = (dice.choice(TEXTS), value)
        else:
            fields += [(f"{name}{number}", "1") for number in range(dice.choice((1, 1, 1_200)))]
        request.bent.append(f"{kind} of {name[:40]}")
        if not fields:
            break
    return fields


def _hostile(dice: random.Random) -> str:
    value = dice.choice(dice.choice((TEXTS, TEXTS, NUMBERS)))
    return value.text if isinstance(value, Raw) else str(value)


def _multipart(request: Request, files: list[tuple[str, str, bytes]], dice: random.Random) -> None:
    boundary, parts = b"fuzz", []
    for name, value in request.value:
        parts.append(b'Content-Disposition: form-data; name="%s"\r\n\r\n%s' % (_plain(name), _plain(value)))
    for name, file_name, content in files:
        chosen = dice.choice((file_name, file_name, *oddities.FILE_NAMES))
        contents = (content, content, content * 50, *oddities.FILES)
        parts.append(
            b'Content-Disposition: form-data; name="%s"; filename="%s"\r\nContent-Type: text/plain\r\n\r\n%s'
            % (_plain(name), _plain(chosen), dice.choice(contents))
        )
        request.bent.append(f"file {chosen[:20]!r}")
    end = b"" if dice.random() < 0.05 else b"--fuzz--\r\n"
    request.body = b"".join(b"--%s\r\n%s\r\n" % (boundary, part) for part in parts) + end
    request.set("Content-Type", b"multipart/form-data; boundary=fuzz")


def _plain(text: Any) -> bytes:
    return str(text).encode("utf-8", "surrogatepass")


class _Fields(HTMLParser):
    """Names and values of everything that forms of a page would send."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.fields: Fields = []
        self._select = ""
        self._inside = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Only what stands in a form of the page's main part."""
        given = {name: value or "" for name, value in attrs}
        self._inside = self._inside or tag == "main"
        if not self._inside:
            return
        if tag in ("input", "textarea", "button") and given.get("name"):
            self.fields.append((given["name"], given.get("value", "")))
        elif tag == "select":
            self._select = given.get("name", "")
        elif tag == "option" and self._select:
            self.fields.append((self._select, given.get("value", "")))
            self._select = ""
