"""What Anthropic and Gemini are sent for a chat completion."""

from dataclasses import replace
from typing import Any

import pytest

from testkase.foundation.problems import InvalidInput
from testkase.services.inference import (
    Capabilities,
    ModelEntry,
    ToolCall,
    ToolResult,
    UnsupportedParameter,
    prepare_body,
)
from testkase.services.inference.model import Kind
from testkase.services.inference.providers.anthropic.request import messages_request
from testkase.services.inference.providers.gemini.request import gemini_request

STEP = {"type": "object", "properties": {"kind": {"const": "step"}}}
SCHEMA = {
    "type": "object",
    "properties": {
        "title": {"type": "string", "maxLength": 80, "description": "Short."},
        "steps": {"type": "array", "items": STEP, "maxItems": 3},
    },
    "required": ["title"],
}
FORMAT = {"type": "json_schema", "json_schema": {"name": "case", "strict": True, "schema": SCHEMA}}
PARAMETERS = {"type": "object", "properties": {"q": {"type": "string"}}}
TOOL = {"type": "function", "function": {"name": "find", "description": "Finds.", "parameters": PARAMETERS}}
CALLS = (
    ToolCall(call_id="a", name="find", arguments='{"q": "x"}', signature="c2ln"),
    ToolCall(call_id="b", name="count", arguments=""),
)
TALK = [
    {"role": "system", "content": "Be brief."},
    {"role": "developer", "content": "Be kind."},
    {"role": "user", "content": [{"type": "text", "text": "How many?"}]},
    {"role": "assistant", "content": None, "tool_calls": [call.as_field() for call in CALLS]},
    ToolResult(call_id="a", content="voucher").as_message(),
    ToolResult(call_id="b", content="3").as_message(),
    {"role": "user", "content": "Go on."},
]


def entry(kind: Kind, able: Capabilities | None = None) -> ModelEntry:
    return ModelEntry(
        name="m", provider="p", upstream_model="m-1", context_window=100_000, max_output_tokens=8_192,
        no_training=True, zero_retention=True, kind=kind, capabilities=able or Capabilities(),
    )  # fmt: skip


def anthropic(body: dict[str, Any], able: Capabilities | None = None) -> dict[str, Any]:
    asked = {"messages": TALK[:3], **body}
    model = entry("anthropic", able)
    return messages_request(model.capabilities, prepare_body(model, asked), stream=False)


def gemini(body: dict[str, Any], able: Capabilities | None = None) -> dict[str, Any]:
    asked = {"messages": TALK[:3], **body}
    model = entry("gemini", able)
    return gemini_request(model.capabilities, prepare_body(model, asked))


def test_anthropic_gets_the_least_that_bounds_a_call() -> None:
    assert anthropic({}) == {
        "model": "m-1", "max_tokens": 4_096, "stream": False, "system": "Be brief.\n\nBe kind.",
        "messages": [{"role": "user", "content": [{"type": "text", "text": "How many?"}]}],
    }  # fmt: skip


def test_gemini_gets_the_least_that_bounds_a_call_and_is_told_not_to_think() -> None:
    assert gemini({}) == {
        "contents": [{"role": "user", "parts": [{"text": "How many?"}]}],
        "generationConfig": {
            "maxOutputTokens": 4_096, "candidateCount": 1, "thinkingConfig": {"thinkingBudget": 0},
        },
        "systemInstruction": {"parts": [{"text": "Be brief.\n\nBe kind."}]},
    }  # fmt: skip


def test_tool_calls_and_their_results_go_back_to_anthropic_in_alternating_turns() -> None:
    asked, called, told = anthropic({"messages": TALK})["messages"]
    assert (asked["role"], called["role"], told["role"]) == ("user", "assistant", "user")
    assert called["content"] == [
        {"type": "tool_use", "id": "a", "name": "find", "input": {"q": "x"}},
        {"type": "tool_use", "id": "b", "name": "count", "input": {}},
    ]
    assert told["content"] == [
        {"type": "tool_result", "tool_use_id": "a", "content": "voucher"},
        {"type": "tool_result", "tool_use_id": "b", "content": "3"},
        {"type": "text", "text": "Go on."},
    ]


def test_tool_calls_and_their_results_go_back_to_gemini_with_their_signature() -> None:
    _, called, told = gemini({"messages": TALK})["contents"]
    assert (called["role"], told["role"]) == ("model", "user")
    assert called["parts"] == [
        {"functionCall": {"name": "find", "args": {"q": "x"}}, "thoughtSignature": "c2ln"},
        {"functionCall": {"name": "count", "args": {}}},
    ]
    assert told["parts"] == [
        {"functionResponse": {"name": "find", "response": {"result": "voucher"}}},
        {"functionResponse": {"name": "count", "response": {"result": "3"}}},
        {"text": "Go on."},
    ]


class _Looked(str):
    """An id that counts how often it is compared."""

    __slots__ = ()
    times = 0

    def __eq__(self, other: object) -> bool:
        _Looked.times += 1
        return str.__eq__(self, other)

    __hash__ = str.__hash__


def test_the_call_behind_each_result_is_not_looked_for_among_all_of_them() -> None:
    """A conversation of tens of thousands of calls and results kept the server busy for minutes."""
    calls = [ToolCall(call_id=_Looked(n), name=f"f{n}", arguments="{}") for n in range(300)]
    results = [ToolResult(call_id=_Looked(call.call_id), content="x").as_message() for call in calls]
    called = {"role": "assistant", "tool_calls": [call.as_field() for call in calls]}
    _, _, told = gemini({"messages": [TALK[2], called, *results]})["contents"]
    assert [part["functionResponse"]["name"] for part in told["parts"]] == [call.name for call in calls]
    assert _Looked.times < 10 * len(calls)


def test_a_result_belongs_to_the_last_call_of_its_id() -> None:
    rounds: list[dict[str, Any]] = []
    for name in ("find", "count"):
        call = ToolCall(call_id="a", name=name, arguments="{}").as_field()
        rounds += [{"role": "assistant", "tool_calls": [call]}, ToolResult(call_id="a", content="x").as_message()]
    contents = gemini({"messages": [TALK[2], *rounds]})["contents"]
    told = [part["functionResponse"]["name"] for turn in contents[2::2] for part in turn["parts"]]
    assert told == ["find", "count"]


@pytest.mark.parametrize(
    ("choice", "theirs", "mode"),
    [(None, {"type": "auto"}, {"mode": "AUTO"}), ("auto", {"type": "auto"}, {"mode": "AUTO"}),
     ("none", {"type": "none"}, {"mode": "NONE"}), ("required", {"type": "any"}, {"mode": "ANY"}),
     ({"type": "function", "function": {"name": "find"}}, {"type": "tool", "name": "find"},
      {"mode": "ANY", "allowedFunctionNames": ["find"]})],
)  # fmt: skip
def test_tools_are_offered_as_each_provider_wants_them(choice: Any, theirs: Any, mode: Any) -> None:
    body = {"tools": [TOOL], "tool_choice": choice}
    sent = anthropic(body)
    assert sent["tools"] == [{"name": "find", "description": "Finds.", "input_schema": PARAMETERS}]
    assert sent["tool_choice"] == theirs
    sent = gemini(body)
    declared = {"name": "find", "description": "Finds.", "parametersJsonSchema": PARAMETERS}
    assert sent["tools"] == [{"functionDeclarations": [declared]}]
    assert sent["toolConfig"] == {"functionCallingConfig": mode}


def test_one_tool_at_a_time_can_be_asked_of_anthropic() -> None:
    sent = anthropic({"tools": [TOOL], "parallel_tool_calls": False})
    assert sent["tool_choice"] == {"type": "auto", "disable_parallel_tool_use": True}


def test_a_schema_is_cut_down_to_what_anthropic_knows_and_objects_are_closed() -> None:
    schema = anthropic({"response_format": FORMAT})["output_config"]["format"]["schema"]
    assert schema["additionalProperties"] is False
    assert schema["properties"]["title"] == {"type": "string", "description": "Short. (maxLength: 80)"}
    steps = schema["properties"]["steps"]
    assert steps["description"] == "(maxItems: 3)"
    assert steps["items"] == {
        "type": "object", "properties": {"kind": {"enum": ["step"]}}, "additionalProperties": False,
    }  # fmt: skip
    assert schema["required"] == ["title"]


def test_a_schema_is_cut_down_to_what_gemini_knows() -> None:
    configuration = gemini({"response_format": FORMAT})["generationConfig"]
    assert configuration["responseMimeType"] == "application/json"
    schema = configuration["responseJsonSchema"]
    assert "additionalProperties" not in schema
    assert schema["properties"]["steps"]["maxItems"] == 3
    assert "maxLength" not in schema["properties"]["title"]


def test_any_json_can_be_asked_of_gemini_only() -> None:
    configuration = gemini({"response_format": {"type": "json_object"}})["generationConfig"]
    assert configuration["responseMimeType"] == "application/json"
    assert "responseJsonSchema" not in configuration
    with pytest.raises(UnsupportedParameter, match="by a schema only"):
        anthropic({"response_format": {"type": "json_object"}})


@pytest.mark.parametrize(
    ("able", "effort", "thinking", "output", "levels"),
    [
        ("budget", None, None, None, {"thinkingBudget": 0}),
        ("budget", "none", None, None, {"thinkingBudget": 0}),
        ("budget", "low", {"type": "enabled", "budget_tokens": 1_024}, None, {"thinkingBudget": 1_024}),
        ("budget", "high", {"type": "enabled", "budget_tokens": 2_048}, None, {"thinkingBudget": 2_048}),
        ("level", None, None, None, {"thinkingLevel": "low"}),
        ("level", "high", {"type": "adaptive"}, {"effort": "high"}, {"thinkingLevel": "high"}),
        ("fixed", "high", None, None, None),
    ],
)
def test_thinking_is_off_unless_asked_and_within_the_output_limit(
    able: Any, effort: str | None, thinking: Any, output: Any, levels: Any
) -> None:
    body = {"reasoning_effort": effort, "max_tokens": 4_096, "temperature": 0.2}
    sent = anthropic(body, Capabilities(thinking=able))
    assert (sent.get("thinking"), sent.get("output_config")) == (thinking, output)
    assert ("temperature" in sent) == (thinking is None)  # the two exclude one another
    configuration = gemini(body, Capabilities(thinking=able))["generationConfig"]
    assert configuration.get("thinkingConfig") == levels


def test_a_limit_too_small_to_think_within_is_refused() -> None:
    with pytest.raises(UnsupportedParameter, match="2,048"):
        anthropic({"reasoning_effort": "low", "max_tokens": 2_047})


def test_anthropic_goes_on_without_thinking_once_a_tool_was_called() -> None:
    assert "thinking" not in anthropic({"messages": TALK, "reasoning_effort": "high"})


def test_temperatures_are_kept_within_their_range_or_left_out() -> None:
    body = {"temperature": 1.5, "top_p": 0.9, "stop": "END"}
    assert {"temperature": 1, "top_p": 0.9, "stop_sequences": ["END"]}.items() <= anthropic(body).items()
    assert {"temperature": 1.5, "topP": 0.9, "stopSequences": ["END"]}.items() <= gemini(body)[
        "generationConfig"
    ].items()
    silent = Capabilities(sampling=False)
    assert "temperature" not in anthropic(body, silent)
    assert "temperature" not in gemini(body, silent)["generationConfig"]


def test_a_seed_reaches_gemini() -> None:
    assert gemini({"seed": 7})["generationConfig"]["seed"] == 7


def test_the_operators_own_fields_are_added_last() -> None:
    able = Capabilities(request=(("inference_geo", '"eu"'),))
    assert anthropic({}, able)["inference_geo"] == gemini({}, able)["inference_geo"] == "eu"


@pytest.mark.parametrize("translate", [anthropic, gemini])
@pytest.mark.parametrize(
    "wish",
    [{"logprobs": True}, {"logit_bias": {"5": 1}}, {"functions": [{"name": "f"}]}, {"n": 2},
     {"tools": [{"type": "web_search"}]}, {"tools": [TOOL], "tool_choice": "always"}, {"stop": 7},
     {"reasoning_effort": "enormous"}, {"response_format": {"type": "json_schema"}}, {"response_format": "json"},
     {"messages": [{"role": "system", "content": "Be brief."}]}, {"messages": [{"role": "function", "content": "x"}]},
     {"messages": [{"role": "user", "content": "x"}, {"role": "tool", "tool_call_id": "z", "content": "x"}]},
     {"messages": [{"role": "assistant", "tool_calls": [{"id": "a"}]}]},
     {"messages": [{"role": "assistant", "tool_calls": [{"id": "a", "function": {"name": "f", "arguments": "[1]"}}]}]}],
    ids=str,
)  # fmt: skip
def test_what_cannot_be_translated_is_refused_by_name(translate: Any, wish: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput) as refused:
        translate(wish)
    assert refused.value.field


@pytest.mark.parametrize("translate", [anthropic, gemini])
def test_fields_that_ask_for_nothing_are_no_hindrance(translate: Any) -> None:
    assert translate({"logprobs": False, "logit_bias": {}, "functions": None}) == translate({})


def test_the_prepared_body_of_a_translated_model_is_still_a_chat_completion() -> None:
    prepared = prepare_body(entry("anthropic"), {"messages": TALK[:3], "max_tokens": 9}, stream=True)
    assert prepared == {"messages": TALK[:3], "model": "m-1", "max_tokens": 9}
    assert replace(entry("openai")).kind == "openai"
