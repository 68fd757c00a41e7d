"""The JSON schemas of the model's answer."""

from typing import Any

from testkase.services.features.reports.model import Facts

WHOLE = "whole"
"""What a recommendation is about when it is about no single case or folder."""
MOST_ADVICE = 5


def large_schema(facts: Facts) -> dict[str, Any]:
    """A summary and recommendations, in the form strict providers accept; lengths are checked afterwards."""
    text = {"type": "string"}
    about = {"type": "string", "enum": [WHOLE, *(item.id for item in facts.items)]}
    advice = {"type": "array", "items": _object({"about": about, "text": text})}
    return _object({"summary": text, "recommendations": advice})


def small_schema(start: str) -> dict[str, Any]:
    """One sentence that begins with `start`, of letters only: this model cannot write a number."""
    return _object({"text": {"type": "string", "pattern": f"^{start}[a-z][a-z ,'-]{{24,130}}[a-z]\\.$"}})


def response_format(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    """The schema as chat completions take it."""
    return {"type": "json_schema", "json_schema": {"name": name, "strict": True, "schema": schema}}


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}
