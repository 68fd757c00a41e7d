"""What a request may hold is what the documents say."""

from pathlib import Path

import pytest

from testkase.entrypoints.api.openai.chat import BODY_LIMIT as GATEWAY_BYTES
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
        f"{MOST_LEVELS} lists and objects in one another and {MOST_TOOLS:,} tools",
    ],
)
def test_limits_are_those_of_the_documents(limit: str) -> None:
    assert limit in API
