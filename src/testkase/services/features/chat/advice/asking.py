"""The request for the small model's sentence. Examples are about things no finding is about: it copies what is near."""

from importlib.resources import files
from typing import Any

import msgspec

from testkase.services.features.chat.advice.findings import Finding
from testkase.services.inference import PREFIX_REUSE

OUTPUT_TOKENS = 90
TEMPERATURES = (0.3, 0.6)
"""Of the first try and of the next, when the first is refused."""

_PROMPTS = files("testkase.services.features.chat.prompts")
SYSTEM = _PROMPTS.joinpath("small_system.txt").read_text(encoding="utf-8").strip()
EXAMPLES: list[dict[str, Any]] = msgspec.json.decode(_PROMPTS.joinpath("small_examples.json").read_bytes())


def small_request(team: int, finding: Finding, attempt: int) -> dict[str, Any]:
    """One sentence of advice. The schema leaves no room for figures, addresses or marks.

    Headed by the team's number, which is where prompts of different organizations part (R73).
    """
    messages = [{"role": "system", "content": SYSTEM}]
    for place, example in enumerate(EXAMPLES, start=1):
        messages.append({"role": "user", "content": _task(place, example["finding"])})
        messages.append({"role": "assistant", "content": msgspec.json.encode(example["answer"]).decode()})
    messages.append({"role": "user", "content": _task(team, finding.said)})
    return {
        "messages": messages,
        "max_tokens": OUTPUT_TOKENS,
        "temperature": TEMPERATURES[attempt],
        "min_p": 0.08,
        "repeat_penalty": 1.05,
        "cache_prompt": PREFIX_REUSE,
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "answer", "strict": True, "schema": _schema(finding.start)},
        },
    }


def _task(team: int, said: str) -> str:
    return f"Finding of team {team}: {said}"


def _schema(start: str) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {"answer": {"type": "string", "pattern": f"^{start}[a-z][a-z ,'-]{{14,100}}[a-z]\\.$"}},
        "required": ["answer"],
        "additionalProperties": False,
    }
