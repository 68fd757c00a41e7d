"""A field given twice in one object: which of the two amounts was meant, nobody can know.

Decoders take the last one, and whoever looked at the request before may have taken the first. A program that hides a
name behind escapes only fools itself, so names are looked for as they are usually written.
"""

import contextlib
import json
from functools import cache
from typing import Any

import msgspec

from testkase.foundation.problems import InvalidInput

_MOST_BYTES = 64 * 1024
"""Longer bodies are batches, whose items are decoded one by one, and files of results, which name no amount."""


def refuse_repeated(kind: Any, body: bytes) -> None:
    """Raises InvalidInput naming the field. The body has been decoded as a value of the type already."""
    if len(body) > _MOST_BYTES:
        return
    for name in _quoted_names(kind):
        if body.count(name) > 1:  # in two objects, or as a value, it may be: only then is it worth reading again
            with contextlib.suppress(ValueError):  # in what is decoded later, and judged then
                json.loads(body, object_pairs_hook=_once, parse_int=str, parse_float=str)
            return


def _once(pairs: list[tuple[str, Any]]) -> None:
    names: set[str] = set()
    for name, _ in pairs:
        if name in names:
            raise InvalidInput("This field is given more than once.", field=name[:100])
        names.add(name)


@cache
def _quoted_names(kind: Any) -> tuple[bytes, ...]:
    """Every field of the type and of those inside it, as JSON writes them; none where it takes any."""
    if not (isinstance(kind, type) and issubclass(kind, msgspec.Struct)):
        return ()
    _, schemas = msgspec.json.schema_components([kind])
    names = {name for schema in schemas.values() for name in schema.get("properties", ())}
    return tuple(f'"{name}"'.encode() for name in sorted(names))
