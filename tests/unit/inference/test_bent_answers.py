"""A broken or hostile provider: whatever it answers is its own fault, and costs nothing where nothing was delivered."""

import asyncio
import json
from collections.abc import Callable
from typing import Any, cast

import pytest
from hypothesis import given, settings

from testkase.services.inference import Answer, ProviderError
from testkase.services.inference.model import Kind
from testkase.services.inference.providers.anthropic.interpreter import MessagesInterpreter
from testkase.services.inference.providers.calling.call import ChatCall
from testkase.services.inference.providers.calling.dialect import Interpreter, Malformed, Outgoing
from testkase.services.inference.providers.calling.heard import text_bytes
from testkase.services.inference.providers.gemini.interpreter import GeminiInterpreter
from testkase.services.inference.providers.openai_compatible import PassedOn
from testkase.services.metering.charge import NOTHING, Charge, charge_for_call
from testkase.services.metering.request import Bounds
from tests.support.bent import Recorded, bent

INTERPRETERS: dict[Kind, Callable[..., Interpreter]] = {
    "openai": PassedOn, "azure": PassedOn, "anthropic": MessagesInterpreter, "gemini": GeminiInterpreter,
}  # fmt: skip
BODY = {"model": "m", "messages": [{"role": "user", "content": "Say hello."}], "max_tokens": 64}
BOUNDS = Bounds(input_tokens=1_000, output_tokens=64)


class Answered:
    """An endpoint and its response, without a socket."""

    status = 200
    provider = type("Named", (), {"name": "scripted", "api_key": ""})

    def __init__(self, pieces: list[bytes]) -> None:
        self.pieces = pieces

    async def connect(self) -> None:
        return None

    async def send(self, *_: object) -> "Answered":
        return self

    async def piece(self) -> bytes:
        return self.pieces.pop(0) if self.pieces else b""

    def close(self) -> None:
        self.pieces.clear()


async def called(kind: Kind, pieces: list[bytes], *, stream: bool) -> tuple[list[bytes], Charge]:
    """What the caller gets, and what it costs. Raises what is no fault of the provider."""
    got: list[bytes] = []
    interpreter = INTERPRETERS[kind](show_usage=True)
    endpoint, asked = cast(Any, Answered(pieces)), Outgoing(path="", content=b"")
    call = ChatCall(endpoint, asked, interpreter, BODY, context_window=100_000, stream=stream)
    try:
        async with call:
            if stream:
                async for chunk in call.events():
                    got.append(chunk)  # noqa: PERF401 - what came before a fault counts too
            else:
                got.append(await call.read())
    except ProviderError:
        pass
    return got, charge_for_call(call.result(), BOUNDS, reader_left=False)


def run(kind: Kind, sent: list[bytes], *, stream: bool) -> tuple[list[bytes], Charge]:
    pieces = [b"data: %b\n\n" % one for one in sent] if stream else sent
    return asyncio.run(called(kind, pieces, stream=stream))


@pytest.mark.requirement("P17", "B10")
@settings(max_examples=250, deadline=None)
@given(bent())
def test_whatever_a_provider_answers_is_its_own_fault(case: tuple[Recorded, list[bytes]]) -> None:
    recorded, sent = case
    got, charge = run(recorded.kind, sent, stream=recorded.stream)
    if not got:
        assert charge.tokens == NOTHING
    if recorded.kind in ("anthropic", "gemini"):
        assert all(isinstance(json.loads(chunk), dict) for chunk in got if chunk != b"[DONE]")


USE = {"type": "tool_use", "id": "t", "name": "find", "input": {"q": "x"}}
PIECE = {"type": "input_json_delta", "partial_json": "{}"}
BENT: list[tuple[Kind, Any]] = [
    ("anthropic", {"type": "message_delta", "delta": {"stop_reason": ["end_turn"]}}),
    ("anthropic", {"type": "content_block_start", "index": [0], "content_block": USE}),
    ("anthropic", {"type": "content_block_delta", "index": {}, "delta": PIECE}),
    ("gemini", {"candidates": [{"finishReason": ["STOP"]}]}),
    ("gemini", {"candidates": [{"finishReason": {}}]}),
]


@pytest.mark.parametrize(("kind", "event"), BENT, ids=str)
@pytest.mark.requirement("B10")
def test_a_value_of_another_form_is_named_and_costs_nothing(kind: Kind, event: dict[str, Any]) -> None:
    """Each was answered as a fault of ours."""
    interpreter = INTERPRETERS[kind](show_usage=True)
    with pytest.raises(Malformed, match=r"(stop_reason|index|finishReason) is no"):
        list(interpreter.event(json.dumps(event).encode()))
    assert run(kind, [json.dumps(event).encode()], stream=True) == (
        [],
        Charge(tokens=NOTHING, outcome="failed", measurement="partial"),
    )


@pytest.mark.parametrize(
    ("kind", "answer"),
    [
        ("anthropic", {"content": [{"type": "text", "text": "Hello."}], "stop_reason": {}, "usage": {}}),
        (
            "anthropic",
            {"content": [{"type": "text", "text": "Hello."}], "usage": {"input_tokens": 9, "output_tokens": 5}},
        ),
        ("gemini", {"candidates": [{"content": {"parts": [{"text": "Hello."}]}, "finishReason": []}]}),
        ("gemini", {"candidates": [{"content": {"parts": [{"text": "Hello."}]}}]}),
    ],
    ids=str,
)
@pytest.mark.requirement("P17", "B10")
def test_a_whole_answer_that_is_not_handed_over_costs_nothing(kind: Kind, answer: dict[str, Any]) -> None:
    """Its text was charged, though the caller got an error instead."""
    got, charge = run(kind, [json.dumps(answer).encode()], stream=False)
    assert (got, charge.tokens, charge.outcome) == ([], NOTHING, "failed")


def test_text_is_counted_however_deep_it_lies() -> None:
    deep: Any = "words"
    for _ in range(5_000):
        deep = [deep]
    assert text_bytes(deep) == 5


@pytest.mark.parametrize("event", [b"{", b"[]", b'"\xff"', b'{"choices": [{"delta": {"content": [7]}}]}', b"[" * 9_000])
def test_an_event_a_feature_cannot_read_is_the_providers_fault(event: bytes) -> None:
    """People were told that something went wrong on our side."""
    with pytest.raises(ProviderError):
        Answer().take(event)
