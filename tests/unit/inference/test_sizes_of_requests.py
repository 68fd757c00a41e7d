"""A request made to be heavy is refused from its bytes, before anybody decodes, measures or translates it."""

import json
from typing import Any

import pytest

from testkase.foundation.problems import InvalidInput
from testkase.services.inference import check_size
from testkase.services.inference.providers.translating.conversation import read_conversation
from testkase.services.inference.shapes import MOST_LEVELS, MOST_TOOLS, MOST_VALUES, check_shapes

ASK = {"role": "user", "content": "hi"}


def nested(levels: int) -> Any:
    value: Any = []
    for _ in range(levels - 1):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("messages", [{"role": "user", "content": [{"type": "text", "text": ""}] * MOST_VALUES}]),
        ("messages", [ASK, ASK | {"x": [[]] * MOST_VALUES}]),
        ("messages", [ASK | {"x": nested(MOST_LEVELS)}]),
        ("tools", [{}] * MOST_VALUES),
        ("response_format", {"json_schema": {"schema": {"enum": [1] * MOST_VALUES}}}),
        ("stop", [""] * MOST_VALUES),
        ("logit_bias", {str(token): 1 for token in range(MOST_VALUES)}),
        (None, None),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_too_many_values_or_levels_are_refused_with_the_field(field: str | None, value: Any) -> None:
    """They held the event loop for one to twelve seconds."""
    body = {"model": "m", "messages": [ASK], "x": [] if field else nested(MOST_LEVELS)} | (
        {field: value} if field else {}
    )
    with pytest.raises(InvalidInput) as refused:
        check_size(json.dumps(body).encode())
    assert refused.value.field == (field or "messages")
    assert "more than" in refused.value.detail


def test_a_long_conversation_and_a_long_text_pass() -> None:
    texts = [{"role": "user", "content": [{"type": "text", "text": "One, two, [three] and {four}."}]}] * 9_000
    check_size(json.dumps({"model": "m", "messages": texts}).encode())
    check_size(json.dumps({"model": "m", "messages": [{"role": "user", "content": '[{"a", 1}],' * 200_000}]}).encode())


def test_what_is_no_json_is_left_to_the_decoder_to_name() -> None:
    with pytest.raises(InvalidInput) as refused:
        check_size(b"{" + b"[" * MOST_VALUES)
    assert refused.value.field is None


@pytest.mark.parametrize("arguments", [json.dumps({"a": [[]] * MOST_VALUES}), "[" * 990 + "]" * 990])
def test_arguments_of_tools_are_counted_though_they_are_texts(arguments: str) -> None:
    """JSON in JSON: nine seconds, and nobody had counted what is inside."""
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": arguments}}
    with pytest.raises(InvalidInput, match="arguments") as refused:
        read_conversation([ASK, {"role": "assistant", "tool_calls": [call]}])
    assert refused.value.field == "messages"


def test_arguments_are_counted_together() -> None:
    arguments = json.dumps({"a": [1] * (MOST_VALUES // 2)})
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": arguments}}
    assert read_conversation([ASK, {"role": "assistant", "tool_calls": [call]}]).uses_tools
    with pytest.raises(InvalidInput, match="together"):
        read_conversation([ASK, {"role": "assistant", "tool_calls": [call, call]}])


def test_so_many_tools_are_none_to_choose_from() -> None:
    tool = {"type": "function", "function": {"name": "f"}}
    check_shapes({"messages": [ASK], "tools": [tool] * MOST_TOOLS})
    with pytest.raises(InvalidInput) as refused:
        check_shapes({"messages": [ASK], "tools": [tool] * (MOST_TOOLS + 1)})
    assert refused.value.field == "tools"
