"""The requests to the model. Prompts are files in `prompts/`; the requirement is data between them, not instruction."""

from importlib.resources import files
from typing import Any

import msgspec

from testkase.services.features.generation.ideas import Idea
from testkase.services.features.generation.schema import large_schema, response_format, small_schema
from testkase.services.inference import PREFIX_REUSE

SMALL_OUTPUT_TOKENS = 220
"""The schema's longest strings in a model of this size's tokens, with room."""
LARGE_OUTPUT_TOKENS = 700
"""For each test case."""
TEMPERATURES = (0.2, 0.7)
"""Of the first try and of the next, when the validators refuse the first."""

_PROMPTS = files("testkase.services.features.generation.prompts")


def _text(name: str) -> str:
    return _PROMPTS.joinpath(name).read_text(encoding="utf-8").strip()


_SMALL_SYSTEM = _text("small_system.txt")
_LARGE_SYSTEM = _text("large_system.txt")
_EXAMPLES: dict[str, list[dict[str, Any]]] = msgspec.json.decode(_text("small_examples.json"))
EXAMPLE_WORDS = frozenset({
    "librarian", "librarians", "loan", "loans", "book", "books", "reader", "readers", "driver", "drivers", "tour",
    "tours", "parcel", "parcels", "delivery", "reservation", "reservations", "stops",
})  # fmt: skip
"""Words of the worked examples: in a draft they show that the model copied, unless the requirement has them too."""


def small_request(org_id: int, requirement: str, idea: Idea, attempt: int) -> dict[str, Any]:
    """One test idea for a small model: two worked examples of its kind, then the idea; the schema does the rest.

    Each requirement is headed by its team's number, which is where prompts of different organizations part: what the
    server has computed beyond that point can serve nobody else (R73).
    """
    messages = _small_beginning(idea.kind)
    messages.append({"role": "user", "content": _task(org_id, requirement, idea.hint)})
    return {
        "messages": messages,
        "max_tokens": SMALL_OUTPUT_TOKENS,
        "temperature": TEMPERATURES[min(attempt, len(TEMPERATURES) - 1)],
        "min_p": 0.08,
        "repeat_penalty": 1.05,
        "cache_prompt": PREFIX_REUSE,
        "response_format": response_format("test_case", small_schema(idea)),
    }


def small_beginnings() -> list[list[dict[str, str]]]:
    """What the small model's prompts begin with, one for each kind: what a server may compute before anybody asks."""
    return [_small_beginning(kind) for kind in _EXAMPLES]


def large_request(
    requirement: str, ideas: tuple[Idea, ...], known_titles: tuple[str, ...], most: int
) -> dict[str, Any]:
    """All test cases in one answer. `most`: the model's own maximum of output tokens."""
    hints = "\n".join(f"- {idea.kind}: {idea.title}" for idea in ideas)
    task = (
        f"Write exactly {len(ideas)} test cases for this requirement.\n\n"
        f"<requirement>\n{requirement}\n</requirement>\n\n"
        f"Ideas that a program found; use those that fit, replace those that do not:\n{hints}"
    )
    if known_titles:
        task += "\n\nThese exist already, do not repeat them:\n" + "\n".join(f"- {title}" for title in known_titles)
    return {
        "messages": [{"role": "system", "content": _LARGE_SYSTEM}, {"role": "user", "content": task}],
        "max_tokens": min(LARGE_OUTPUT_TOKENS * len(ideas) + LARGE_OUTPUT_TOKENS, most),
        "response_format": response_format("test_cases", large_schema(len(ideas))),
    }


def _small_beginning(kind: str) -> list[dict[str, str]]:
    messages = [{"role": "system", "content": _SMALL_SYSTEM}]
    for number, example in enumerate(_EXAMPLES[kind], start=1):
        answer = msgspec.json.encode(example["answer"]).decode()
        messages.append({"role": "user", "content": _task(number, example["requirement"], example["hint"])})
        messages.append({"role": "assistant", "content": answer})
    return messages


def _task(team: int, requirement: str, hint: str) -> str:
    return f"Requirement of team {team}: {requirement}\nTest idea: {hint}"
