"""The requests to the model. Prompts are files in `prompts/`; the requirement is data between them, not instruction."""

import re
from importlib.resources import files
from typing import Any

import msgspec

from testkase.services.features.generation.ideas.model import Idea
from testkase.services.features.generation.model import CRITERIA_HEADING, ORDINARY_KINDS
from testkase.services.features.generation.schema import large_schema, response_format, small_schema
from testkase.services.inference import PREFIX_REUSE
from testkase.services.workspace.model import CaseKind

SMALL_OUTPUT_TOKENS = 220
"""The schema's longest strings in a model of this size's tokens, with room."""
LARGE_OUTPUT_TOKENS = 700
"""For each test case."""
LARGE_TRIES = 2
"""An answer of a large model that is broken, or of which too little is left, is asked for once more."""
TEMPERATURES = (0.2, 0.7)
"""Of the first try and of the next, when the validators refuse the first."""

_PROMPTS = files("testkase.services.features.generation.prompts")


def prompt_text(name: str) -> str:
    """A prompt's file."""
    return _PROMPTS.joinpath(name).read_text(encoding="utf-8").strip()


_SMALL_SYSTEM = prompt_text("small_system.txt")
_LARGE_SYSTEM = prompt_text("large_system.txt")
_EXAMPLES: dict[str, list[dict[str, Any]]] = msgspec.json.decode(prompt_text("small_examples.json"))
_MARKS = re.compile(
    r"<(?=\||/?s>|/?\s*(?:requirement|acceptance_criteria|ideas|existing|test_case)\b|start_of_turn|end_of_turn)"
    r"|\[(?=/?INST\])",
    re.IGNORECASE,
)
_HEADING = re.compile(r"\b(requirement of team \w+|test idea)\s*:", re.IGNORECASE)
EXAMPLE_WORDS = frozenset({
    "librarian", "librarians", "loan", "loans", "book", "books", "reader", "readers", "driver", "drivers", "tour",
    "tours", "parcel", "parcels", "delivery", "reservation", "reservations", "stops",
})  # fmt: skip
"""Words of the worked examples: in a draft they show that the model copied, unless the requirement has them too."""


def instructions() -> str:
    """Everything the prompts tell a model, in one text: none of it may come back in an answer."""
    names = ("small_system.txt", "large_system.txt", "steps_system.txt", "steps_small_system.txt")
    return "\n".join(prompt_text(name) for name in names)


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
    brief: str,
    ideas: tuple[Idea, ...],
    known_titles: tuple[str, ...],
    most: int,
    *,
    count: int | None = None,
    kinds: tuple[CaseKind, ...] = (),
) -> dict[str, Any]:
    """`count` test cases in one answer, as many as there are ideas unless it is given. `most`: the model's own maximum
    of output tokens."""
    count = len(ideas) if count is None else count
    kinds = kinds or ORDINARY_KINDS
    requirement, _, criteria = brief.partition(f"\n{CRITERIA_HEADING}\n")
    hints = "\n".join(f"- {idea.kind}: {idea.title}" for idea in ideas)
    parts = [
        f"Write exactly {count} test cases for this requirement. Kinds: {', '.join(kinds)}.",
        tagged("requirement", requirement),
        tagged("acceptance_criteria", criteria) if criteria else "",
        f"Ideas that a program found; use those that fit, replace those that do not:\n{tagged('ideas', hints)}",
    ]
    if known_titles:
        titles = "\n".join(f"- {title}" for title in known_titles)
        parts.append(f"These exist already, do not repeat them:\n{tagged('existing', titles)}")
    task = "\n\n".join(filter(None, parts))
    return {
        "messages": [{"role": "system", "content": _LARGE_SYSTEM}, {"role": "user", "content": task}],
        "max_tokens": min(LARGE_OUTPUT_TOKENS * (count + 1), most),
        "response_format": response_format("test_cases", large_schema(count, kinds)),
    }


def tagged(name: str, text: str) -> str:
    """Words of people between tags that they cannot close."""
    return f"<{name}>\n{as_data(text)}\n</{name}>"


def as_data(text: str) -> str:
    """Words of people without what a server or a model would take for more than words: the marks of chat templates,
    which llama.cpp reads in messages too, and our own tags."""
    return _MARKS.sub(lambda mark: f"‹{mark[0][1:]}", text)


def _small_beginning(kind: str) -> list[dict[str, str]]:
    messages = [{"role": "system", "content": _SMALL_SYSTEM}]
    for number, example in enumerate(_EXAMPLES[kind], start=1):
        answer = msgspec.json.encode(example["answer"]).decode()
        messages.append({"role": "user", "content": _task(number, example["requirement"], example["hint"])})
        messages.append({"role": "assistant", "content": answer})
    return messages


def _task(team: int, requirement: str, hint: str) -> str:
    """One line each, so that a requirement cannot begin a test idea of its own."""
    line, idea = (_HEADING.sub(r"\1 -", " ".join(as_data(text).split())) for text in (requirement, hint))
    return f"Requirement of team {team}: {line}\nTest idea: {idea}"
