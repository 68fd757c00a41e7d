"""What is read of an answer: whatever reaches the client is counted, however its server packs it."""

import json
from typing import Any

import pytest

from testkase.services.inference.providers.openai_compatible.reading import DECODER, Reading


def read(*choices: dict[str, Any]) -> Reading:
    reading = Reading()
    for choice in choices:
        reading.take(DECODER.decode(json.dumps({"id": 7, "choices": [choice]})))
    return reading


@pytest.mark.requirement("P17")
@pytest.mark.parametrize(
    "delta",
    [
        {"content": "words"},
        {"content": [{"type": "text", "text": "words"}]},
        {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "words"}]}]},
        {"reasoning_content": "words"},
        {"reasoning": {"text": "words"}},
        {"tool_calls": [{"index": 0, "id": "c1", "function": {"name": "w", "arguments": "ords"}}]},
        {"tool_calls": [{"function": {"name": "w", "arguments": {"a": "ords"}}}]},
        {"tool_calls": [{"index": 0, "id": "c1", "type": "custom", "custom": {"name": "w", "input": "ords"}}]},
        {"function_call": {"name": "words", "arguments": None}},
        {"content": "words", "refusal": 5, "tool_calls": "none"},
    ],
    ids=str,
)
def test_text_is_counted_however_it_is_packed(delta: dict[str, Any]) -> None:
    """An event that could not be decoded was passed on uncounted: without usage, the answer was free."""
    assert read({"index": None, "delta": delta}).text_bytes == 5


def test_an_odd_index_does_not_hide_that_the_answer_is_finished() -> None:
    assert read({"index": "0", "delta": {"content": "x"}}, {"index": None, "finish_reason": "stop"}).finished(1)


def test_an_answer_of_refusals_alone_is_refused() -> None:
    reading = read({"delta": {"refusal": "I will not."}}, {"finish_reason": "stop"})
    assert (reading.refused, reading.text_bytes) == (True, 0)
