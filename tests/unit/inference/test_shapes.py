"""What a provider would answer with a fault of its own is refused before it is asked, and named."""

from typing import Any

import pytest

from testkase.foundation.problems import InvalidInput
from testkase.services.inference.problems import UnsupportedParameter
from testkase.services.inference.shapes import check_shapes

ASK: dict[str, Any] = {"role": "user", "content": "Say hello."}
TOOL: dict[str, Any] = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
CALL: dict[str, Any] = {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}


@pytest.mark.parametrize(
    ("wish", "field"),
    [({"messages": "hello"}, "messages"),
     ({"messages": []}, "messages"),
     ({}, "messages"),
     ({"messages": ["hello"]}, "messages[0]"),
     ({"messages": [{"content": "x"}]}, "messages[0]"),
     ({"messages": [{"role": 5, "content": "x"}]}, "messages[0].role"),
     ({"messages": [ASK | {"name": 5}]}, "messages[0].name"),
     ({"messages": [ASK | {"content": 5}]}, "messages[0].content"),
     ({"messages": [ASK, ASK | {"content": [{"type": "text", "text": 5}]}]}, "messages[1].content[0].text"),
     ({"messages": [ASK | {"content": [{"type": "text"}]}]}, "messages[0].content[0].text"),
     ({"messages": [ASK | {"content": [{"type": "image_url"}]}]}, "messages[0].content"),
     ({"messages": [ASK | {"reasoning_content": 5}]}, "messages[0].reasoning_content"),
     ({"messages": [ASK | {"tool_calls": 5}]}, "messages[0].tool_calls"),
     ({"messages": [ASK | {"tool_calls": [{}]}]}, "messages[0].tool_calls[0].function"),
     ({"messages": [ASK | {"tool_calls": [CALL | {"function": {"name": "f"}}]}]}, "messages[0].tool_calls[0].function"),
     ({"messages": [ASK], "tools": {}}, "tools"),
     ({"messages": [ASK], "tools": [{}]}, "tools[0]"),
     ({"messages": [ASK], "tools": [{"type": "function"}]}, "tools[0].function"),
     ({"messages": [ASK], "tools": [TOOL, {"type": "function", "function": {"name": 5}}]}, "tools[1].function.name"),
     ({"messages": [ASK], "functions": 5}, "functions"),
     ({"messages": [ASK], "tools": [TOOL, {"type": "web_search"}]}, "tools[1].type"),
     ({"messages": [ASK], "tools": [{"type": "builtin_function", "function": {"name": "$web_search"}}]},
      "tools[0].type")],
    ids=str,
)  # fmt: skip
def test_a_shape_no_provider_understands_is_refused_by_its_place(wish: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        check_shapes(wish)
    assert refused.value.field == field
    assert "`$" not in refused.value.detail


def test_the_sentence_names_the_place_for_clients_that_show_nothing_else() -> None:
    with pytest.raises(InvalidInput, match=r"^messages: expected `array` of length >= 1\.$"):
        check_shapes({"messages": []})


@pytest.mark.parametrize(
    ("wish", "offered"),
    [({"messages": []}, True), ({"messages": [ASK | {"content": 5}]}, True),
     ({"messages": [ASK | {"content": [{"type": "text"}]}]}, True), ({"messages": [ASK], "tools": [{}]}, True),
     ({"messages": [ASK | {"content": [{"type": "image_url"}]}]}, False),
     ({"messages": [ASK], "tools": [{"type": "web_search"}]}, False)],
    ids=str,
)  # fmt: skip
def test_only_what_is_not_offered_is_to_be_left_out(wish: dict[str, Any], offered: bool) -> None:
    """`unsupported_parameter` says: leave out the field. Nobody can leave out the messages."""
    with pytest.raises(InvalidInput) as refused:
        check_shapes(wish)
    assert isinstance(refused.value, UnsupportedParameter) != offered


@pytest.mark.parametrize(
    "wish",
    [{"messages": [ASK, {"role": "assistant", "content": None, "tool_calls": [CALL]},
                   {"role": "tool", "tool_call_id": "a", "content": [{"type": "text", "text": "ok"}]}]},
     {"messages": [{"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]}, ASK]},
     {"messages": [ASK | {"tool_calls": None, "name": None, "something": 5}], "tools": None},
     {"messages": [ASK], "tools": [TOOL, {"type": "custom", "custom": {"name": "f"}}], "tool_choice": 5}],
    ids=str,
)  # fmt: skip
def test_what_providers_judge_themselves_is_left_to_them(wish: dict[str, Any]) -> None:
    check_shapes(wish)
