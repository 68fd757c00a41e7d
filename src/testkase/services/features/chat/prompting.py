"""The requests to a large model. Prompts are files in `prompts/`; questions and facts are data beside them."""

from collections.abc import Sequence
from importlib.resources import files
from typing import Any

import msgspec

from testkase.services.features.chat.tools.calling import TOOLS

MAX_ROUNDS = 3
"""Times a model may look things up for one answer; then it has to answer."""
MAX_CALLS = 3
"""Look-ups of one round."""
OUTPUT_TOKENS = 900
"""Of one call of a large model."""
HISTORY_TURNS = 4
HISTORY_CHARACTERS = 800
"""Of each earlier question and answer that is sent again."""
BESIDE_CALLS = 600
"""Characters of what a model says while it looks things up, and of a call's arguments, that are sent again."""

_PROMPTS = files("testkase.services.features.chat.prompts")


def _text(name: str) -> str:
    return _PROMPTS.joinpath(name).read_text(encoding="utf-8").strip()


_LARGE_SYSTEM = _text("large_system.txt")
_TOOLS = [tool.as_field() for tool in TOOLS]


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """An earlier turn of the thread."""

    question: str
    answer: str


def large_messages(project: str, history: Sequence[Said], question: str) -> list[dict[str, Any]]:
    """The conversation so far, and the question. `project` is the key: names are people's words."""
    messages: list[dict[str, Any]] = [{"role": "system", "content": f"{_LARGE_SYSTEM}\n\nThe project's key: {project}"}]
    for said in history:
        messages.append({"role": "user", "content": said.question[:HISTORY_CHARACTERS]})
        messages.append({"role": "assistant", "content": said.answer[:HISTORY_CHARACTERS] or "(no answer)"})
    return [*messages, {"role": "user", "content": question}]


def large_request(messages: list[dict[str, Any]], most: int, *, last: bool) -> dict[str, Any]:
    """One round. `last`: tools stay declared, because the conversation speaks of them, and may not be called."""
    return {
        "messages": messages,
        "tools": _TOOLS,
        "tool_choice": "none" if last else "auto",
        "max_tokens": min(OUTPUT_TOKENS, most),
    }
