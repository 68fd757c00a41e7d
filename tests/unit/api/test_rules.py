"""What is wrong with a field is said in words, and a place without a name has none."""

from typing import Annotated, Any
from urllib.parse import parse_qsl

import msgspec
import pytest
from msgspec import Meta

from testkase.core.ledger.credits import parse_credits
from testkase.entrypoints.api.body import decode
from testkase.entrypoints.api.fields import RULES, microseconds
from testkase.entrypoints.api.route import parse_query
from testkase.entrypoints.api.v1.audit import AuditQuery
from testkase.entrypoints.api.v1.billing.schemas import PurchaseQuery
from testkase.entrypoints.api.v1.billing.terms import PurchasingSettings
from testkase.entrypoints.api.v1.hold_schemas import SettlementItem, SettlementRequest
from testkase.entrypoints.api.v1.limits.schemas import NewBudget
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


@pytest.mark.parametrize(
    ("kind", "body", "words"),
    [(SettlementRequest, b'{"outcome": "won"}', "This is none of cancelled, completed, failed, refused."),
     (PurchasingSettings, b'{"purchase_roles": "all", "buyer": {}}', "This is none of owner, owner_and_admins."),
     (NewBudget, b'{"name": "n", "limit": "1", "period": "year"}', "This is none of day, month, week.")],
)  # fmt: skip
def test_what_can_be_chosen_is_said(kind: Any, body: bytes, words: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        decode(msgspec.json.Decoder(kind), body)
    assert refused.value.detail == words


@pytest.mark.parametrize(
    ("kind", "field", "words"),
    [(PurchaseQuery, "state", "This is none of closed, created, open, paid."),
     (AuditQuery, "kind", "This is none of ai, keys, money, people, settings.")],
)  # fmt: skip
def test_what_a_query_can_choose_is_said(kind: Any, field: str, words: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_query(f"{field}=bogus".encode(), kind)
    assert (refused.value.field, refused.value.detail) == (field, words)


def test_an_offset_whose_plus_became_a_space_is_told_from_other_times() -> None:
    [(_, text)] = parse_qsl("since=2026-11-29T00:00:00+05:30")
    with pytest.raises(InvalidInput, match="written %2B"):
        microseconds(text, "since")
    with pytest.raises(InvalidInput, match=r"00Z\.$"):
        microseconds("yesterday", "since")


def test_a_time_may_be_written_in_small_letters() -> None:
    assert microseconds("2026-11-29t00:00:00.5z", "since") == microseconds("2026-11-29T00:00:00.500Z", "since")


def test_an_amount_too_large_is_told_how_large_one_can_be() -> None:
    for amount in ("99999999999999999999", "9999999999"):
        with pytest.raises(InvalidInput, match="a billion credits"):
            parse_credits(amount)
