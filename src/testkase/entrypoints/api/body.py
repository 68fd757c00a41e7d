"""Reading a request's body: bounded, declared as JSON, decoded into a typed value with the faulty field named."""

import asyncio
import re
from collections.abc import Iterator
from functools import cache
from typing import Any, ClassVar, TypeVar

import msgspec
from litestar import Request

from testkase.entrypoints.api.fields import AMOUNT_RULE, RULES
from testkase.entrypoints.api.repeated import refuse_repeated
from testkase.foundation.problems import InvalidInput, Problem

T = TypeVar("T")
AnyRequest = Request[Any, Any, Any]

XML = ("text/xml", "application/xml")
"""As which XML is declared."""
BODY_SECONDS = 60.0
"""In which a body must have come. Whoever sends a byte now and then would keep a connection for ever, and there are
only so many of them."""
_AMOUNTS = frozenset({"credits"})
_PATTERN = " matching regex "
_NO_CHOICE = "Invalid enum value"
_INDEX = re.compile(r"\[[0-9]+\]")
_PLACE = re.compile(r"^(?P<what>.*?)(?: - at `(?P<place>[^`]*)`)?$", re.DOTALL)
_UNKNOWN_FIELD = re.compile(r"^Object contains unknown field `(?P<name>.*)`$", re.DOTALL)
_MISSING_FIELD = re.compile(r"^Object missing required field `(?P<name>.*)`$", re.DOTALL)


class TooLarge(Problem):
    """Facts: `limit_bytes`."""

    code = "too_large"
    title = "The body is too large"


class TooSlow(Problem):
    """The body had not arrived after BODY_SECONDS."""

    code = "too_slow"
    title = "The body came too slowly"


class UnsupportedMediaType(Problem):
    """The body is not declared as what the address takes, or compressed."""

    code = "unsupported_media_type"
    title = "The body is not of a kind taken here"


class InvalidJson(InvalidInput):
    """The body cannot be parsed."""

    code: ClassVar[str] = "invalid_json"


class InvalidBody(InvalidInput):
    """The body did not arrive in full."""

    code: ClassVar[str] = "invalid_body"


def header(request: AnyRequest, name: bytes) -> str | None:
    """A request header by its lower-case name, decoded as UTF-8 where it is that, else as Latin-1."""
    for key, value in request.scope["headers"]:
        if key == name:
            try:
                return value.decode("utf-8")
            except UnicodeDecodeError:
                return value.decode("latin-1")
    return None


async def read_json(request: AnyRequest, limit_bytes: int, *, or_xml: bool = False) -> bytes:
    """The body's bytes. `or_xml`: where XML is taken too, which is not JSON. Raises UnsupportedMediaType, TooLarge,
    TooSlow, InvalidBody."""
    kind = declared(request)
    if kind != "application/json" and not (kind.startswith("application/") and kind.endswith("+json")):
        if or_xml:
            raise UnsupportedMediaType("Declare what the body is: Content-Type: text/xml, or application/json.")
        raise UnsupportedMediaType("The body must be JSON and be declared so: Content-Type: application/json.")
    return await read_bytes(request, limit_bytes)


def declared(request: AnyRequest) -> str:
    """What the body is said to be, without parameters."""
    return (header(request, b"content-type") or "").partition(";")[0].strip().lower()


async def read_bytes(request: AnyRequest, limit_bytes: int) -> bytes:
    """The body's bytes, whatever they are. Raises UnsupportedMediaType, TooLarge, TooSlow, InvalidBody."""
    if (header(request, b"content-encoding") or "identity").lower() != "identity":
        raise UnsupportedMediaType("The body is compressed. Send it as it is, without Content-Encoding.")
    length = header(request, b"content-length")
    if length is not None and length.isascii() and length.isdigit() and int(length) > limit_bytes:
        raise _too_large(limit_bytes)
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await _arrived(request, limit_bytes)
    except TimeoutError:
        raise TooSlow(f"The body had not arrived after {BODY_SECONDS:.0f} seconds.") from None


async def _arrived(request: AnyRequest, limit_bytes: int) -> bytes:
    body = bytearray()  # appended to in place: a body sent in a hundred thousand pieces must not be copied each time
    while True:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise InvalidBody("The body did not arrive in full.")
        if message["type"] == "http.request":
            body += message["body"]
            if len(body) > limit_bytes:
                raise _too_large(limit_bytes)
            if not message["more_body"]:
                return bytes(body)


def decode(decoder: msgspec.json.Decoder[T], body: bytes | msgspec.Raw) -> T:
    """A typed value. Raises InvalidJson, or InvalidInput naming the field."""
    try:
        value = decoder.decode(body)
        refuse_repeated(decoder.type, bytes(body))
        return value
    except msgspec.ValidationError as error:
        raise invalid(str(error), decoder.type, amounts=_AMOUNTS | {"limit"}) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidJson(f"The body is not valid JSON: {str(error) or type(error).__name__}.") from None


def invalid(message: str, kind: Any, *, amounts: frozenset[str] = _AMOUNTS) -> InvalidInput:
    """InvalidInput from msgspec's sentence about a value that should be of that type, with the field's path as callers
    write it: `usage.input_tokens`."""
    match = _PLACE.match(message)
    what, place = (match["what"], match["place"] or "") if match else (message, "")
    field = place.partition("[...]")[0].removeprefix("$").removeprefix(".")  # a key of any name has no name to tell
    inside = field
    for pattern in (_UNKNOWN_FIELD, _MISSING_FIELD):
        if named := pattern.match(what):
            field = f"{field}.{named['name'][:100]}" if field else named["name"][:100]
    if field and _UNKNOWN_FIELD.match(what) and (fields := _fields(kind, _INDEX.sub("", inside))):
        return InvalidInput(f"There is no such field; there are {', '.join(fields)}.", field=field)
    if field.rpartition(".")[2] in amounts and what.startswith("Expected"):
        return InvalidInput(f"{AMOUNT_RULE}.", field=field)
    if what.startswith(_NO_CHOICE) and (choices := _choices(kind, field.rpartition(".")[2])):
        return InvalidInput(f"This is none of {', '.join(choices)}.", field=field)
    return InvalidInput(f"{_in_words(what)[:300]}.", field=field or None)


@cache
def _choices(kind: Any, name: str) -> tuple[str, ...]:
    """What a field of that name can be, in the type or in those inside it; nothing where it can be anything."""
    _, schemas = msgspec.json.schema_components([kind])
    for schema in schemas.values():
        if found := tuple(_enumerated(schema.get("properties", {}).get(name, {}), schemas)):
            return found
    return ()


def _enumerated(asked: dict[str, Any], schemas: dict[str, Any]) -> Iterator[str]:
    """What the schema of one field enumerates, in whichever alternative."""
    named = schemas.get(asked.get("$ref", "").rpartition("/")[2], asked)
    yield from map(str, named.get("enum", ()))
    for part in named.get("anyOf", ()):
        yield from _enumerated(part, schemas)


@cache
def _fields(kind: Any, place: str) -> tuple[str, ...]:
    """The fields of the object at a place of the type: `usage`, or "" for all of it."""
    (schema,), schemas = msgspec.json.schema_components([kind])
    found = _object_of(schema, schemas)
    for name in filter(None, place.split(".")):
        inner = found.get("properties", {}).get(name, {})
        found = _object_of(inner.get("items", inner), schemas)
    return tuple(found.get("properties", ()))


def _object_of(schema: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    """The object that a part of a schema is, can be, or refers to."""
    for part in schema.get("anyOf", [schema]):
        named: dict[str, Any] = schemas.get(part.get("$ref", "").rpartition("/")[2], part)
        if "properties" in named:
            return named
    return {}


def _in_words(what: str) -> str:
    """A pattern is said as what it asks for."""
    quoted = what.partition(_PATTERN)[2]
    return next((rule for pattern, rule in RULES.items() if repr(pattern) == quoted), what) if quoted else what


def _too_large(limit_bytes: int) -> TooLarge:
    return TooLarge(f"The body may have at most {limit_bytes:,} bytes.", limit_bytes=limit_bytes)
