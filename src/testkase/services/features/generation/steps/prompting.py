"""The requests for further steps. What the case says is data, also where it was imported."""

from typing import Any

import msgspec

from testkase.services.features.generation.ideas.model import Idea
from testkase.services.features.generation.prompting import (
    SMALL_OUTPUT_TOKENS,
    TEMPERATURES,
    as_data,
    prompt_text,
    tagged,
)
from testkase.services.features.generation.schema import large_steps_schema, response_format, small_step_schema
from testkase.services.inference import PREFIX_REUSE
from testkase.services.workspace.model import CaseContent

LARGE_OUTPUT_TOKENS = 250
"""For each step."""
LONGEST_CASE = 6_000
"""Characters of a case that are shown to a model."""

_SYSTEM = prompt_text("steps_system.txt")
_SMALL_SYSTEM = prompt_text("steps_small_system.txt")
_EXAMPLES: list[dict[str, Any]] = msgspec.json.decode(prompt_text("steps_examples.json"))


def small_step_request(org_id: int, case: CaseContent, idea: Idea, attempt: int) -> dict[str, Any]:
    """One further step from a small model; headed by the team's number, as in generation (R73)."""
    messages = [{"role": "system", "content": _SMALL_SYSTEM}]
    for number, example in enumerate(_EXAMPLES, start=1):
        messages.append({"role": "user", "content": _task(number, example["case"], example["hint"])})
        messages.append({"role": "assistant", "content": msgspec.json.encode(example["answer"]).decode()})
    messages.append({"role": "user", "content": _task(org_id, _line(case), idea.hint)})
    return {
        "messages": messages,
        "max_tokens": SMALL_OUTPUT_TOKENS // 2,
        "temperature": TEMPERATURES[min(attempt, len(TEMPERATURES) - 1)],
        "min_p": 0.08,
        "repeat_penalty": 1.05,
        "cache_prompt": PREFIX_REUSE,
        "response_format": response_format("test_step", small_step_schema(idea)),
    }


def large_step_request(case: CaseContent, count: int, most: int) -> dict[str, Any]:
    """At most `count` further steps in one answer."""
    task = (
        f"Suggest at most {count} further steps for this test case. It has {len(case.steps)} steps.\n\n"
        f"{tagged('test_case', case_text(case))}"
    )
    return {
        "messages": [{"role": "system", "content": _SYSTEM}, {"role": "user", "content": task}],
        "max_tokens": min(LARGE_OUTPUT_TOKENS * (count + 1), most),
        "response_format": response_format("test_steps", large_steps_schema(count, len(case.steps))),
    }


def case_text(case: CaseContent) -> str:
    """A case as a model reads it."""
    lines = [f"Title: {case.title}"]
    if case.preconditions:
        lines.append(f"Preconditions: {case.preconditions}")
    lines += [
        f"{number}. {step.action}" + (f" Expected: {step.expected}" if step.expected else "")
        for number, step in enumerate(case.steps, start=1)
    ]
    return "\n".join(lines)[:LONGEST_CASE]


def _line(case: CaseContent) -> str:
    return " ".join(case_text(case)[: LONGEST_CASE // 2].split())


def _task(team: int, case: str, hint: str) -> str:
    return f"Test case of team {team}: {as_data(case)}\nFurther step: {' '.join(as_data(hint).split())}"
