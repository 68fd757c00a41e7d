"""What a request may hold is what the documents say."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from testkase.entrypoints.api.openai.chat import BODY_LIMIT as GATEWAY_BYTES
from testkase.entrypoints.api.route import BODY_LIMIT
from testkase.entrypoints.api.v1.hold_schemas import MOST_ITEMS, HoldRequest, SettlementItem
from testkase.entrypoints.api.v1.holds_table import BATCH_LIMIT
from testkase.services.inference.shapes import MOST_LEVELS, MOST_TOOLS, MOST_VALUES

API = (Path(__file__).parents[3] / "docs" / "api.md").read_text(encoding="utf-8")


def mebibytes(limit: int) -> str:
    whole, rest = divmod(limit, 1024 * 1024)
    assert rest == 0
    return f"{whole} MiB"


@pytest.mark.parametrize(
    "limit",
    [
        f"at most {mebibytes(GATEWAY_BYTES)}, {MOST_VALUES:,} values",
        f"at most {mebibytes(BODY_LIMIT)} where nothing else is said",
        f"a thousand always fit the {mebibytes(BATCH_LIMIT)} such",
        f"{MOST_LEVELS} lists and objects in one another and {MOST_TOOLS:,} tools",
    ],
)
def test_limits_are_those_of_the_documents(limit: str) -> None:
    assert limit in API


ID, MODEL, NAME = "i" * 128, "m" * 128, "\U0001f600" * 200
LONGEST_HOLD: dict[str, Any] = {
    "use_case": "u" * 64, "user": NAME, "id": ID, "project": NAME, "model": MODEL, "input_tokens": 10**8,
    "max_output_tokens": 10**8, "credits": "9999999999.999999", "ttl_seconds": 86_400,
}  # fmt: skip
COUNTS = ("input_tokens", "cached_input_tokens", "cache_write_tokens", "output_tokens", "reasoning_tokens")
LONGEST_SETTLEMENT: dict[str, Any] = {
    "id": ID, "usage": dict.fromkeys(COUNTS, 10**8), "credits": "9999999999.999999", "outcome": "completed",
    "measurement": "estimated", "final": False, "capture_id": ID,
}  # fmt: skip


@pytest.mark.parametrize(("kind", "item"), [(HoldRequest, LONGEST_HOLD), (SettlementItem, LONGEST_SETTLEMENT)])
def test_a_thousand_of_the_longest_items_fit_one_batch(kind: type[msgspec.Struct], item: dict[str, Any]) -> None:
    """Each of a thousand names of two hundred letters was allowed, and together they were too large."""
    assert set(item) == set(kind.__struct_fields__)
    msgspec.convert(item, kind)
    assert len(json.dumps({"items": [item] * MOST_ITEMS}, indent=1)) <= BATCH_LIMIT
