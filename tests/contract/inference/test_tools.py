"""Tools in both directions, with every provider: calls are put together, and results find their way back."""

import json
from typing import Any

import pytest

from testkase.services.inference import Answer, Tool, ToolCall, ToolCallUnreadable, ToolResult
from testkase.services.inference.model import Kind
from tests.contract.inference.conftest import Lab
from tests.support.upstream import Reply, Upstream

FIND = Tool(
    name="find", description="Finds test cases.", parameters={"type": "object", "properties": {"q": {"type": "string"}}}
)
QUESTION = {"role": "user", "content": "Which cases are about vouchers?"}


def anthropic_events() -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = [{"type": "message_start", "message": {"id": "msg_1", "usage": {}}}]
    for index, (name, pieces) in enumerate((("find", ['{"q": "vou', 'cher"}']), ("count", []))):
        block = {"type": "tool_use", "id": f"call_{index + 1}", "name": name, "input": {}}
        events.append({"type": "content_block_start", "index": index, "content_block": block})
        events += [
            {
                "type": "content_block_delta",
                "index": index,
                "delta": {"type": "input_json_delta", "partial_json": piece},
            }
            for piece in pieces
        ]
    return [*events, {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 9}}]


def gemini_chunks() -> list[dict[str, Any]]:
    find = {"functionCall": {"name": "find", "args": {"q": "voucher"}}, "thoughtSignature": "c2ln"}
    count = {"functionCall": {"name": "count", "args": {}}}
    return [
        {"candidates": [{"content": {"parts": [find]}}]},
        {"candidates": [{"content": {"parts": [count]}, "finishReason": "STOP"}]},
    ]


def openai_chunks() -> list[dict[str, Any]]:
    pieces: list[dict[str, Any]] = [
        {"index": 0, "id": "call_1", "type": "function", "function": {"name": "find", "arguments": ""}},
        {"index": 0, "function": {"arguments": '{"q": "vou'}},
        {"index": 0, "function": {"arguments": 'cher"}'}},
        {"index": 1, "id": "call_2", "type": "function", "function": {"name": "count", "arguments": ""}},
    ]
    chunks: list[dict[str, Any]] = [{"choices": [{"index": 0, "delta": {"tool_calls": [piece]}}]} for piece in pieces]
    return [*chunks, {"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]}]


CALLING: dict[Kind, Any] = {
    "openai": openai_chunks, "azure": openai_chunks, "anthropic": anthropic_events, "gemini": gemini_chunks,
}  # fmt: skip


@pytest.mark.parametrize("kind", CALLING)
async def test_calls_are_put_together_and_their_results_sent_back(lab: Lab, upstream: Upstream, kind: Kind) -> None:
    upstream.script(Reply(raw_events=tuple(json.dumps(event) for event in CALLING[kind]())), Reply())
    catalog, answer = lab.catalog(kind=kind), Answer()
    body: dict[str, Any] = {"messages": [QUESTION], "tools": [FIND.as_field()], "max_tokens": 99}
    async with catalog.open("m", body, stream=True) as call:
        async for event in call.events():
            answer.take(event)
    find, count = answer.tool_calls
    assert (answer.finish_reason, find.name, count.name) == ("tool_calls", "find", "count")
    assert (find.parsed(), count.parsed()) == ({"q": "voucher"}, {})
    assert call.result().delivered_text_bytes > 0

    results = [ToolResult(call_id=one.call_id, content="WEB-1").as_message() for one in answer.tool_calls]
    body["messages"] = [QUESTION, answer.as_message(), *results]
    async with catalog.open("m", body, stream=True):
        pass
    sent = json.dumps(upstream.requests[-1].body)
    assert "voucher" in sent
    assert sent.count("WEB-1") == 2
    assert ("c2ln" in sent) == (kind == "gemini")


async def test_results_of_several_rounds_keep_the_names_of_their_own_calls(lab: Lab, upstream: Upstream) -> None:
    """Gemini gives its calls no ids: numbered anew by answer, a second round's results bore the first's name."""
    catalog, messages = lab.catalog(kind="gemini"), [QUESTION]
    for name in ("find", "count"):
        part: dict[str, Any] = {"functionCall": {"name": name, "args": {}}}
        chunk = {"candidates": [{"content": {"parts": [part]}, "finishReason": "STOP"}]}
        upstream.script(Reply(raw_events=(json.dumps(chunk),)))
        answer = Answer()
        async with catalog.open("m", {"messages": messages}, stream=True) as call:
            async for event in call.events():
                answer.take(event)
        results = [ToolResult(call_id=one.call_id, content=name).as_message() for one in answer.tool_calls]
        messages = [*messages, answer.as_message(), *results]
    assert len({message["tool_call_id"] for message in messages if message["role"] == "tool"}) == 2
    async with catalog.open("m", {"messages": messages}, stream=True):
        pass
    parts = [part for content in upstream.requests[-1].body["contents"] for part in content["parts"]]
    told = [part["functionResponse"] for part in parts if "functionResponse" in part]
    assert told == [{"name": name, "response": {"result": name}} for name in ("find", "count")]


@pytest.mark.parametrize("kind", ["anthropic", "gemini"])
async def test_a_whole_answer_has_its_calls_too(lab: Lab, upstream: Upstream, kind: Kind) -> None:
    blocks = [
        {"type": "text", "text": "I look."},
        {"type": "tool_use", "id": "t1", "name": "find", "input": {"q": "x"}},
    ]
    message = {"type": "message", "stop_reason": "tool_use", "content": blocks}
    parts = [{"text": "I look."}, {"functionCall": {"id": "t1", "name": "find", "args": {"q": "x"}}}]
    answer = {"candidates": [{"content": {"parts": parts}, "finishReason": "STOP"}]}
    upstream.script(Reply(raw_body=json.dumps(message if kind == "anthropic" else answer).encode()))
    async with lab.catalog(kind=kind).open("m", {"messages": [QUESTION]}, stream=False) as call:
        choice = json.loads(await call.read())["choices"][0]
    assert (choice["finish_reason"], choice["message"]["content"]) == ("tool_calls", "I look.")
    (made,) = choice["message"]["tool_calls"]
    assert (made["id"], made["function"]["name"], json.loads(made["function"]["arguments"])) == (
        "t1", "find", {"q": "x"},
    )  # fmt: skip


@pytest.mark.parametrize("arguments", ['{"q": ', "[1]", "7"])
def test_arguments_that_are_no_object_can_be_told_from_those_that_are(arguments: str) -> None:
    with pytest.raises(ToolCallUnreadable, match="find"):
        ToolCall(call_id="a", name="find", arguments=arguments).parsed()
