"""One route: what it does, who may, what it takes and answers. The table of routes is what is served, what the OpenAPI
document describes and what the tests walk through."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar
from urllib.parse import parse_qsl

import msgspec
from litestar import Request
from litestar.handlers import HTTPRouteHandler
from litestar.response.base import ASGIResponse

from testkase.entrypoints.api.body import XML, AnyRequest, declared, decode, header, invalid, read_bytes, read_json
from testkase.entrypoints.api.context import Context
from testkase.entrypoints.api.fields import checked_id
from testkase.entrypoints.api.keys import Caller
from testkase.entrypoints.api.refusals import as_problem, refuse
from testkase.entrypoints.api.reply import Reply
from testkase.foundation.problems import InvalidInput, NotFound
from testkase.services.audit import Actor

Method = Literal["GET", "HEAD", "POST", "PUT", "DELETE"]
B = TypeVar("B")
Q = TypeVar("Q")

BODY_LIMIT = 2 * 1024 * 1024
"""Bytes, where the route names no other limit; no single object with fields within theirs comes near it."""

EVERY_ROUTE = ("invalid_api_key", "missing_scope", "unavailable")
WITH_BODY = ("invalid_json", "invalid_body", "too_slow", "too_large", "unsupported_media_type", "invalid_input")


@dataclass(frozen=True, slots=True)
class Ask(Generic[B]):
    """A request that has passed the door: authenticated, its body decoded."""

    context: Context
    caller: Caller
    request: AnyRequest
    body: B

    @property
    def org_id(self) -> int:
        return self.caller.org_id

    @property
    def actor(self) -> Actor:
        """The key, as the activity history names it."""
        return Actor(kind="api_key", ref=self.caller.key_id, name=self.caller.key_name)

    def path(self, name: str) -> str:
        """A part of the address. Raises NotFound for one with a NUL: the database cannot even be asked for that."""
        part = str(self.request.scope["path_params"][name])
        if "\x00" in part:
            raise NotFound("There is nothing at this address.")
        return part

    def effect_id(self, given: str | None) -> str | None:
        """The id of the effect: the body's, else the Idempotency-Key. Raises InvalidInput for a key that is no id."""
        if given is not None:
            return given
        key = header(self.request, b"idempotency-key")
        return checked_id(key.strip().strip('"'), "Idempotency-Key") if key is not None else None

    def query(self, kind: type[Q]) -> Q:
        """The query string as a typed value. Raises InvalidInput for anything unknown, repeated or malformed."""
        return parse_query(self.request.scope["query_string"], kind)


Run = Callable[[Ask[Any]], Awaitable[Reply]]


@dataclass(frozen=True, kw_only=True)
class Route:
    """A row of the table. `summary` to `refusals` are what the document says."""

    method: Literal["GET", "POST", "PUT", "DELETE"]
    path: str
    """Below the prefix; parameters in braces."""
    run: Run
    scope: str | None
    """The scope the key needs; None: open to anyone, without a key."""
    summary: str
    description: str = ""
    tag: str
    body: type | None = None
    body_limit: int = BODY_LIMIT
    body_example: Any = None
    xml_example: str | None = None
    """An XML file that is taken as well as the JSON: the body is its bytes then."""
    query: type | None = None
    answer: type | None
    answer_example: Any = None
    status: int = 200
    idempotent: bool = False
    """An Idempotency-Key header is read where the body brings no id."""
    refusals: tuple[str, ...] = ()
    media_type: str = "application/json"

    @property
    def all_refusals(self) -> tuple[str, ...]:
        """Codes of every problem the route can answer."""
        door = EVERY_ROUTE if self.scope else ()
        query = ("invalid_input",) if self.scope or self.query is not None else ()
        return tuple(dict.fromkeys((*door, *(WITH_BODY if self.body else ()), *query, *self.refusals)))


def serve(route: Route, prefix: str, context: Context) -> HTTPRouteHandler:
    """The Litestar handler of a route. It takes the bare request: no dependency injection on the hot path."""
    decoder: msgspec.json.Decoder[Any] | None = msgspec.json.Decoder(route.body) if route.body is not None else None
    run, scope, limit = route.run, route.scope, route.body_limit
    public_url = context.settings.public_url

    async def read(request: Request[Any, Any, Any]) -> Any:
        if decoder is None:
            return None
        takes_xml = route.xml_example is not None
        if takes_xml and declared(request) in XML:
            return await read_bytes(request, limit)
        return decode(decoder, await read_json(request, limit, or_xml=takes_xml))

    async def handle(request: Request[Any, Any, Any]) -> ASGIResponse:
        try:
            caller = NOBODY
            if scope is not None:
                caller = await context.keys.caller(header(request, b"authorization"))
                caller.require(scope)
                if route.query is None and request.scope["query_string"]:
                    refuse_query(request.scope["query_string"])
            return (await run(Ask(context, caller, request, await read(request)))).response()
        except Exception as error:  # noqa: BLE001 - whatever it is, the caller gets a problem document
            return refuse(as_problem(error), public_url)

    path = (prefix + route.path).replace("}", ":str}")
    name = f"{route.method} {prefix}{route.path}"
    return HTTPRouteHandler(path, http_method=answered(route.method), status_code=route.status, name=name)(handle)


def answered(method: Method) -> list[Method]:
    """What is read can be asked for without its body as well, which the server then leaves out."""
    return ["GET", "HEAD"] if method == "GET" else [method]


NOBODY = Caller(0, "", "", frozenset())
"""The caller of an open route. No organization has the id 0."""


def refuse_query(query_string: bytes) -> None:
    """Where an address takes none: a filter that is passed over in silence answers other figures than were asked for.
    Raises InvalidInput."""
    for name, _ in parse_qsl(query_string.decode("latin-1"), keep_blank_values=True):
        raise InvalidInput("This address takes no query parameters.", field=name[:100])


def parse_query(query_string: bytes, kind: type[Q]) -> Q:
    """A query string as a typed value; every field is given at most once."""
    try:
        pairs = parse_qsl(query_string.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=50)
    except (ValueError, UnicodeDecodeError):
        raise InvalidInput("The query string cannot be read: it must be percent-encoded UTF-8.") from None
    values = dict(pairs)
    if len(values) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise InvalidInput("This query parameter is given more than once.", field=twice[:100])
    for name, value in pairs:
        if "\x00" in value:  # the database cannot even be asked for that
            raise InvalidInput("There is a character in it that no text here can have.", field=name[:100])
    try:
        return msgspec.convert(values, kind, strict=False)
    except msgspec.ValidationError as error:
        raise invalid(str(error), kind) from None
