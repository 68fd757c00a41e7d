"""The JSON schemas that make a draft valid by construction.

For the small model the grammar is tight: number of steps, length of every string, and how the decisive step begins.
llama.cpp turns `pattern` into grammar only when it is anchored, and silently drops one it cannot read, so literals are
escaped by hand and reduced to characters it can.
"""

import re
from typing import Any

from testkase.services.features.generation.ideas.model import Idea
from testkase.services.features.generation.model import ORDINARY_KINDS
from testkase.services.workspace.model import CaseKind

_LETTERS = "[A-Za-z0-9 ,'-]"
_LITERAL = re.compile(r"[^\w ,.'%$€£-]")
_SPECIAL = re.compile(r"([.$])")


def small_schema(idea: Idea) -> dict[str, Any]:
    """Two steps: the way there, and the decisive one."""
    return _object({
        "preconditions": _sentence("", 10, 70),
        "steps": {
            "type": "array",
            "prefixItems": [
                _object({"action": _sentence(idea.setup, 6, 60), "expected": _sentence("", 15, 80)}),
                _object({"action": _sentence(idea.key_step, 6, 70), "expected": _sentence(idea.expected, 10, 80)}),
            ],
            "minItems": 2,
            "maxItems": 2,
        },
    })  # fmt: skip


def large_schema(count: int, kinds: tuple[CaseKind, ...] = ORDINARY_KINDS) -> dict[str, Any]:
    """`count` test cases of these kinds in one answer, in the form strict providers accept: everything required,
    nothing additional.

    Lengths are checked afterwards: strict mode knows no length keywords.
    """
    text = {"type": "string"}
    step = _object({"action": text, "expected": text})
    case = _object({
        "title": text,
        "kind": {"type": "string", "enum": list(kinds)},
        "priority": {"type": "string", "enum": ["low", "medium", "high", "critical"]},
        "preconditions": text,
        "steps": {"type": "array", "items": step},
    })  # fmt: skip
    cases = {"type": "array", "items": case, "description": f"Exactly {count} test cases."}
    return _object({"cases": cases})


def small_step_schema(idea: Idea) -> dict[str, Any]:
    """One further step of a case, begun as the idea says."""
    return _object({"action": _sentence(idea.key_step, 6, 70), "expected": _sentence(idea.expected, 10, 80)})


def large_steps_schema(count: int, steps: int) -> dict[str, Any]:
    """At most `count` further steps of a case that has `steps`."""
    text = {"type": "string"}
    after = {"type": "integer", "description": f"Number of the step it follows, 0 to {steps}."}
    step = _object({"action": text, "expected": text, "after": after})
    return _object({"steps": {"type": "array", "items": step, "description": f"At most {count} steps."}})


def response_format(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    """The schema as chat completions take it."""
    return {"type": "json_schema", "json_schema": {"name": name, "strict": True, "schema": schema}}


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _sentence(start: str, least: int, most: int) -> dict[str, Any]:
    """A sentence that begins with `start` and goes on for `least` to `most` characters before its full stop."""
    literal = _SPECIAL.sub(r"\\\1", _LITERAL.sub("", start))
    first = "[A-Z]" if not literal else "[A-Za-z0-9']"
    return {"type": "string", "pattern": f"^{literal}{first}{_LETTERS}{{{least},{most}}}[a-z0-9]\\.$"}
