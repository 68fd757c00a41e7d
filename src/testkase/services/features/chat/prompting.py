"""The requests to the model. Prompts are files in `prompts/`; questions and facts are data beside them."""

from collections.abc import Sequence
from importlib.resources import files
from typing import Any

import msgspec

from testkase.services.features.chat.tools.calling import TOOLS
from testkase.services.features.chat.tools.model import plain

MAX_ROUNDS = 3
"""Times a model may look things up for one answer; then it has to answer."""
MAX_CALLS = 3
"""Look-ups of one round."""
OUTPUT_TOKENS = 900
"""Of one call of a large model."""
SMALL_OUTPUT_TOKENS = 90
HISTORY_TURNS = 4
HISTORY_CHARACTERS = 800
"""Of each earlier question and answer that is sent again."""
BESIDE_CALLS = 600
"""Characters of what a model says while it looks things up, and of a call's arguments, that are sent again."""
SMALL_FACTS = 1_200
"""Characters of facts the small model is shown: it reads no more with profit."""

_PROMPTS = files("testkase.services.features.chat.prompts")


def _text(name: str) -> str:
    return _PROMPTS.joinpath(name).read_text(encoding="utf-8").strip()


_LARGE_SYSTEM = _text("large_system.txt")
_SMALL_SYSTEM = _text("small_system.txt")
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


def small_request(org_id: int, question: str, facts: str) -> dict[str, Any]:
    """One sentence over facts that code found. The schema leaves no room for figures, addresses or marks.

    Headed by the team's number, which is where prompts of different organizations part (R73).
    """
    asked, known = plain(question, 400), plain(facts, SMALL_FACTS)
    return {
        "messages": [
            {"role": "system", "content": _SMALL_SYSTEM},
            {"role": "user", "content": f"Team {org_id}. Facts: {known}\nQuestion: {asked}\nWhat do the facts show?"},
        ],
        "max_tokens": SMALL_OUTPUT_TOKENS,
        "temperature": 0.2,
        "min_p": 0.08,
        "repeat_penalty": 1.1,
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "answer", "strict": True, "schema": _SENTENCE},
        },
    }


_SENTENCE: dict[str, Any] = {
    "type": "object",
    "properties": {"answer": {"type": "string", "pattern": "^[A-Z][A-Za-z ,'-]{20,150}[a-z]\\.$"}},
    "required": ["answer"],
    "additionalProperties": False,
}
