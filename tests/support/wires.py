"""One answer as each kind of provider says it, for the scripted upstream."""

import json
from dataclasses import dataclass
from typing import Any

from testkase.services.inference.model import Kind
from tests.support.replies import Reply, completion, events

TEXTS = ("Hello", " from", " there")
INPUT, OUTPUT = 20, 4


@dataclass(frozen=True, kw_only=True)
class Said:
    """What the provider says. `usage`: whether it tells; `finish`: whether it says that it is finished."""

    texts: tuple[str, ...] = TEXTS
    usage: bool = True
    finish: bool = True
    refused: bool = False


def streamed(kind: Kind, said: Said | None = None, **how: Any) -> Reply:
    """The answer as a stream; `how`: cuts and delays, counted in events."""
    said = said or Said()
    made = {"anthropic": _anthropic_events, "gemini": _gemini_chunks}.get(kind, _openai_chunks)(said)
    return Reply(raw_events=tuple(one if isinstance(one, str) else json.dumps(one) for one in made), **how)


def whole(kind: Kind, said: Said | None = None, **how: Any) -> Reply:
    """The answer in one piece."""
    said = said or Said()
    made = {"anthropic": _anthropic_message, "gemini": _gemini_answer}.get(kind, _openai_answer)(said)
    return Reply(raw_body=json.dumps(made).encode(), **how)


def _openai(said: Said) -> Reply:
    usage = {"prompt_tokens": INPUT, "completion_tokens": OUTPUT} if said.usage else None
    finish = ("content_filter" if said.refused else "stop") if said.finish else None
    return Reply(chunks=said.texts, usage=usage, finish_reason=finish)


def _openai_chunks(said: Said) -> list[Any]:
    return [event.decode().removeprefix("data: ").strip() for event in events(_openai(said))]


def _openai_answer(said: Said) -> Any:
    return completion(_openai(said))


def _anthropic_events(said: Said) -> list[Any]:
    start: dict[str, Any] = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m-2026", "content": []}
    if said.usage:
        start["usage"] = {"input_tokens": INPUT, "output_tokens": 1}
    made: list[Any] = [
        {"type": "message_start", "message": start},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "ping"},
    ]
    made += [
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}
        for text in said.texts
    ]
    made.append({"type": "content_block_stop", "index": 0})
    if said.finish:
        reason = "refusal" if said.refused else "end_turn"
        end: dict[str, Any] = {"type": "message_delta", "delta": {"stop_reason": reason, "stop_sequence": None}}
        made += [end | ({"usage": {"output_tokens": OUTPUT}} if said.usage else {}), {"type": "message_stop"}]
    return made


def _anthropic_message(said: Said) -> Any:
    message: dict[str, Any] = {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "m-2026",
        "content": [{"type": "text", "text": "".join(said.texts)}] if said.texts else [],
        "stop_reason": ("refusal" if said.refused else "end_turn") if said.finish else None,
    }  # fmt: skip
    return message | ({"usage": {"input_tokens": INPUT, "output_tokens": OUTPUT}} if said.usage else {})


def _gemini_chunks(said: Said) -> list[Any]:
    made: list[Any] = []
    for number, text in enumerate(said.texts, start=1):
        candidate = {"content": {"role": "model", "parts": [{"text": text}]}, "index": 0}
        made.append(_gemini(said, [candidate], output=number))
    if said.finish:
        made.append(_gemini(said, [{"finishReason": "SAFETY" if said.refused else "STOP", "index": 0}], output=OUTPUT))
    return made


def _gemini_answer(said: Said) -> Any:
    parts = [{"text": "".join(said.texts)}] if said.texts else []
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": parts}, "index": 0}
    if said.finish:
        candidate["finishReason"] = "SAFETY" if said.refused else "STOP"
    return _gemini(said, [candidate], output=OUTPUT)


def _gemini(said: Said, candidates: list[Any], *, output: int) -> dict[str, Any]:
    made: dict[str, Any] = {"candidates": candidates, "modelVersion": "m-2026", "responseId": "resp_1"}
    if said.usage:
        made["usageMetadata"] = {
            "promptTokenCount": INPUT, "candidatesTokenCount": output, "totalTokenCount": INPUT + output,
        }  # fmt: skip
    return made
