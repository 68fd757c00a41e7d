"""What is wrong with a field is said in words, and a place without a name has none."""

from typing import Annotated, Any

import msgspec
import pytest
from msgspec import Meta

from testkase.entrypoints.api.body import decode
from testkase.entrypoints.api.fields import RULES
from testkase.entrypoints.api.v1.hold_schemas import SettlementItem
from testkase.entrypoints.api.v1.routes import routes
from testkase.foundation.problems import InvalidInput


def patterns(node: Any) -> set[str]:
    """Every pattern in a schema."""
    if isinstance(node, list):
        return set().union(*map(patterns, node))
    if not isinstance(node, dict):
        return set()
    own = {node["pattern"]} if isinstance(node.get("pattern"), str) else set()
    return own.union(*map(patterns, node.values()))


def test_every_pattern_that_programs_meet_has_its_words() -> None:
    asked = [kind for route in routes() for kind in (route.body, route.query) if kind is not None]
    _, schemas = msgspec.json.schema_components([*asked, SettlementItem])
    assert patterns(schemas) <= RULES.keys()


@pytest.mark.parametrize(
    ("kind", "body", "field"),
    [(dict[str, Annotated[float, Meta(le=5)]], b'{"temperature": 9}', None),
     (dict[str, Any], b'{"temperature": 1e400}', None),
     (dict[str, list[int]], b'{"a": ["b"]}', None)],
    ids=str,
)  # fmt: skip
def test_a_key_of_any_name_is_not_named(kind: Any, body: bytes, field: str | None) -> None:
    with pytest.raises(InvalidInput) as refused:
        decode(msgspec.json.Decoder(kind), body)
    assert refused.value.field == field
