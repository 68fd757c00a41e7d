"""JSON schemas cut down to what a provider accepts: one keyword too many and it refuses the whole request.

What is cut is said in the schema's description, where the model can still read it, and whoever asked checks the answer
in any case.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

_SCHEMAS = ("properties", "$defs", "definitions")
"""Keywords whose values are schemas by name."""


def cut_down(schema: Any, keywords: frozenset[str], *, closed: bool) -> Any:
    """The schema with only these keywords. `closed`: objects say that they have no other properties."""
    if isinstance(schema, list):
        return [cut_down(one, keywords, closed=closed) for one in schema]
    if not isinstance(schema, Mapping):
        return schema
    kept: dict[str, Any] = {}
    lost: list[str] = []
    for name, value in schema.items():
        if name in _SCHEMAS and name in keywords and isinstance(value, Mapping):
            kept[name] = {key: cut_down(one, keywords, closed=closed) for key, one in value.items()}
        elif name == "const":
            kept["enum"] = [value]
        elif name in ("enum", "required"):
            kept[name] = value
        elif name in keywords:
            kept[name] = cut_down(value, keywords, closed=closed)
        else:
            lost.append(f"{name}: {msgspec.json.encode(value).decode()}")
    if closed and kept.get("type") == "object":
        kept["additionalProperties"] = False
    if lost:
        kept["description"] = " ".join(filter(None, (str(kept.get("description", "")), f"({', '.join(lost)})")))
    return kept
