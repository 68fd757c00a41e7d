"""How many tokens a request can come to, without a tokenizer.

The hold needs a bound that cannot be beaten, and any tokenizer's vocabulary is a download away. Byte-level tokenizers
never make more tokens than there are bytes, so the bytes of everything the prompt is made of, plus what chat templates
add around it, is such a bound. An estimate, for providers that say nothing, uses the usual figure of English text.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

TEMPLATE_TOKENS = 96
"""What a chat template may put around the whole conversation: markers and a default system message."""
MESSAGE_TOKENS = 12
"""What it may put around one message: role, markers, name."""
TOOLS_TOKENS = 512
"""The instructions a template adds when tools are offered."""
PRETTY_PRINTED = 2
"""Templates print tool definitions indented; that at most doubles compact JSON in practice."""
BYTES_PER_TOKEN = 4
"""Of text whose tokens nobody counted: the usual figure for English, and in doubt in the customer's favour."""

SCHEMA_TOKENS = 64
"""What announces an output schema."""

_TOOL_FIELDS = ("tools", "functions", "tool_choice")


def input_token_bound(body: Mapping[str, Any]) -> int:
    """The most prompt tokens the request can come to, whatever the model's tokenizer."""
    overhead, text, tools = _measure(body)
    return overhead + text + tools * PRETTY_PRINTED


def input_token_estimate(body: Mapping[str, Any]) -> int:
    """Roughly the prompt tokens of the request. For charging where the provider did not say, never for a hold."""
    overhead, text, tools = _measure(body)
    return overhead // BYTES_PER_TOKEN + -(-(text + tools) // BYTES_PER_TOKEN)


def text_token_estimate(text_bytes: int) -> int:
    """Roughly the tokens of so many bytes of text; at least one where there is any."""
    return -(-text_bytes // BYTES_PER_TOKEN)


def _measure(body: Mapping[str, Any]) -> tuple[int, int, int]:
    """Tokens of markup, bytes of conversation and output schema, bytes of tool definitions."""
    messages = body.get("messages")
    count = len(messages) if isinstance(messages, list) else 1
    text = sum(_text_bytes(message) for message in messages) if isinstance(messages, list) else 0
    tools = sum(len(msgspec.json.encode(body[name])) for name in _TOOL_FIELDS if body.get(name) is not None)
    overhead = TEMPLATE_TOKENS + count * MESSAGE_TOKENS + (TOOLS_TOKENS if tools else 0)
    if (schema := body.get("response_format")) is not None:
        text += len(msgspec.json.encode(schema))
        overhead += SCHEMA_TOKENS
    return overhead, text, tools


def _text_bytes(value: Any) -> int:
    """UTF-8 bytes of every string anywhere in a message; of keys too, because templates print structured arguments.

    Without recursion: JSON may be nested deeper than Python's stack.
    """
    size, waiting = 0, [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, str):
            size += len(part.encode("utf-8", "surrogatepass"))
        elif isinstance(part, dict):
            waiting += part.keys()
            waiting += part.values()
        elif isinstance(part, list):
            waiting += part
        elif part is not None:
            size += len(str(part))
    return size
