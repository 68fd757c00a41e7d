"""The requests to the model. Prompts are files; the facts are data between two marks, never instruction.

What people wrote (titles, names of folders and cycles) reaches the model as JSON strings in which neither mark can be
written, so that nothing in them can end the data or begin a message.
"""

from importlib.resources import files
from typing import Any

import msgspec

from testkase.services.features.reports.model import NAMES, PURPOSES, Facts, Kind
from testkase.services.features.reports.narrative.schema import large_schema, response_format, small_schema
from testkase.services.inference import PREFIX_REUSE

SMALL_OUTPUT_TOKENS = 90
"""The schema's longest sentence in a small model's tokens, with room."""
LARGE_OUTPUT_TOKENS = 1_200
TEMPERATURES = (0.3, 0.8)
"""Of a small model's first try and of the next, when the first is refused."""
SMALL_ADVICE = 3
"""Sentences a small model writes for a report, at most."""
LARGE_TRIES = 2
"""A large model's answer, and one repair."""
REPAIR_BYTES = 5_000
"""Of a refused answer and what is said about it."""
DATA_BYTES = 8_000
"""The most facts a prompt holds: what is estimated before the facts are known goes by it."""

_PROMPTS = files("testkase.services.features.reports.narrative.prompts")


def _text(name: str) -> str:
    return _PROMPTS.joinpath(name).read_text(encoding="utf-8").strip()


LARGE_SYSTEM = _text("large_system.txt")
_LARGE_TASK = _text("large_task.txt")
_SMALL_SYSTEM = _text("small_system.txt")
_EXAMPLES: list[dict[str, Any]] = msgspec.json.decode(_text("small_examples.json"))

STARTS: dict[Kind, tuple[str, ...]] = {
    "flaky": ("Check ", "Run ", "Look "),
    "predicted": ("Execute ", "Check ", "Ask "),
    "optimisation": ("Compare ", "Look ", "Ask "),
    "readiness": ("Begin ", "Ask ", "Check "),
    "risk": ("Look ", "Execute ", "Ask "),
}
"""How the small model's sentences of each kind begin, one after the other: it goes on from a verb."""


def large_request(facts: Facts, most: int) -> dict[str, Any]:
    """The whole text in one answer. `most`: the model's own maximum of output tokens."""
    task = _LARGE_TASK % {"name": NAMES[facts.kind], "purpose": PURPOSES[facts.kind], "facts": data_of(facts)}
    return {
        "messages": [{"role": "system", "content": LARGE_SYSTEM}, {"role": "user", "content": task}],
        "max_tokens": min(LARGE_OUTPUT_TOKENS, most),
        "response_format": response_format("report", large_schema(facts)),
    }


def repair_request(body: dict[str, Any], answer: str, objections: list[str]) -> dict[str, Any]:
    """The same once more, with what was wrong. The answer is cut: one that ran on must not make the prompt dearer."""
    kept = answer.encode()[: REPAIR_BYTES - 1_500].decode(errors="ignore")
    said = "Parts of this answer are refused:\n" + "\n".join(f"- {one}" for one in objections[:6])
    turns = [
        {"role": "assistant", "content": kept},
        {"role": "user", "content": f"{said}\nWrite the whole answer again."},
    ]
    return {**body, "messages": [*body["messages"], *turns]}


def small_request(team: int, facts: Facts, number: int, attempt: int) -> dict[str, Any]:
    """One sentence about one thing that was found. Each task is headed by its team's number, which is where prompts of
    different organizations part: what a server has computed beyond that point serves nobody else (R73)."""
    start = STARTS[facts.kind][number % len(STARTS[facts.kind])]
    messages = [{"role": "system", "content": _SMALL_SYSTEM}]
    for place, example in enumerate(_EXAMPLES, start=1):
        answer = msgspec.json.encode(example["answer"]).decode()
        messages.append({"role": "user", "content": _small_task(place, example["finding"])})
        messages.append({"role": "assistant", "content": answer})
    messages.append({"role": "user", "content": _small_task(team, _found(facts, number))})
    return {
        "messages": messages,
        "max_tokens": SMALL_OUTPUT_TOKENS,
        "temperature": TEMPERATURES[min(attempt, len(TEMPERATURES) - 1)],
        "min_p": 0.08,
        "repeat_penalty": 1.05,
        "cache_prompt": PREFIX_REUSE,
        "response_format": response_format("advice", small_schema(start)),
    }


def small_tasks(facts: Facts) -> int:
    """Sentences a small model is asked for: one for each thing found, or one for the whole where there is none."""
    return min(len(facts.items), SMALL_ADVICE) or 1


def data_of(facts: Facts) -> str:
    """The facts as JSON; the last of the things and figures are left out where they are too many for a prompt."""
    items = [{"id": one.id, "title": one.title or one.name, "finding": one.finding} for one in facts.items]
    figures = [{"id": one.id, "what": one.what, "value": one.value} for one in facts.figures]
    whole: dict[str, Any] = {"findings": list(facts.headline), "items": items, "figures": figures}
    whole |= {name: text for name, text in (("verdict", facts.verdict), ("warning", facts.warning)) if text}
    while len(text := _encoded(whole).encode()) > DATA_BYTES and (items or figures):
        (figures if len(figures) > len(items) else items).pop()
    return text.decode()


def _encoded(whole: dict[str, Any]) -> str:
    """JSON in which no angle bracket is left: the marks around it cannot be written inside it."""
    return msgspec.json.encode(whole).decode().replace("<", "\\u003c").replace(">", "\\u003e")


def _found(facts: Facts, number: int) -> str:
    """What a small model is told: our own words only. It is too easily led by a title, and writes no better for it."""
    said = facts.items[number].finding if facts.items else facts.headline[0]
    what = "A folder" if facts.kind == "risk" else "A test case"
    return f"{NAMES[facts.kind]}. {what} {said}." if facts.items else f"{NAMES[facts.kind]}. {said}"


def _small_task(team: int, finding: str) -> str:
    return f"Finding of team {team}: {finding}"
