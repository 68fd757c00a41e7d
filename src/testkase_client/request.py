"""A request as a value: where it goes, what it says, and what its answer is. Each is written once, for both clients."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Generic, Literal, TypeVar
from urllib.parse import quote

import msgspec
from msgspec import Struct

from testkase_client.problems import UNREADABLE, Unreadable

T = TypeVar("T")
JSON = "application/json"
XML = "text/xml"


class Page(Struct, Generic[T], frozen=True, kw_only=True):
    """A list, or one page of it. `next_cursor` is None on the last."""

    items: list[T]
    next_cursor: str | None = None


@dataclass(frozen=True, kw_only=True)
class Request(Generic[T]):
    """`path` is below /api/v1. Whatever changes something carries its id in `body`, so that it can be repeated."""

    method: Literal["GET", "POST", "PUT", "DELETE"]
    path: str
    answer: type[T]
    query: Mapping[str, str | int | None] | None = None
    body: Any = None
    content_type: str = JSON

    @property
    def parameters(self) -> dict[str, str | int]:
        return {name: value for name, value in (self.query or {}).items() if value is not None}

    @property
    def content(self) -> bytes | None:
        """The bytes to send; what is None in the body is left out."""
        if self.body is None or isinstance(self.body, bytes):
            return self.body
        return msgspec.json.encode(self.body)

    def decode(self, content: bytes, *, replayed: bool) -> T:
        """Raises Unreadable. Fields this version does not know are passed over."""
        kind: Any = self.answer
        try:
            found: T = _decoder(kind).decode(content)
        except UNREADABLE as error:
            words = f"The answer to {self.method} {self.path} cannot be read: {error}"
            raise Unreadable(words, code="unreadable", status=200) from None
        if replayed and isinstance(found, Struct) and "replayed" in found.__struct_fields__:
            found = msgspec.structs.replace(found, replayed=True)
        return found


@cache
def _decoder(kind: Hashable) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind)


def given(**fields: Any) -> dict[str, Any]:
    """The fields that were given."""
    return {name: value for name, value in fields.items() if value is not None}


def header_text(text: str) -> str:
    """A header's value. Most HTTP clients send ASCII alone, so anything else is written as in RFC 8187."""
    return text if text.isascii() else "UTF-8''" + quote(text, safe="")


def below(*parts: str) -> str:
    """A path of these parts, each one segment whatever it contains. Raises ValueError for what is no segment."""
    if any(part in {"", ".", ".."} for part in parts):
        raise ValueError("an id must not be empty")
    return "".join("/" + quote(part, safe="~@:") for part in parts)
