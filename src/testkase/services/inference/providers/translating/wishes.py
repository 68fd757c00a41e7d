"""What a chat completion wishes beside its messages, in a form every translator understands."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from testkase.foundation.problems import InvalidInput
from testkase.services.inference.problems import UnsupportedParameter
from testkase.services.inference.tools import Tool

NEUTRAL: tuple[Any, ...] = (None, False, 0, 0.0, {}, [])
"""Values that ask for nothing: clients send them whether or not they are wanted."""


def check_translatable(body: Mapping[str, Any], untranslated: Sequence[str], model: str) -> None:
    """A field that could not be put into force is refused, not dropped. Raises UnsupportedParameter."""
    for name in untranslated:
        if body.get(name) not in NEUTRAL:
            raise UnsupportedParameter(f"{name} cannot be had from {model}; leave it out.", field=name)


def tools_of(body: Mapping[str, Any]) -> Iterator[Tool]:
    """The tools offered. Raises UnsupportedParameter for one that is no function."""
    for index, offered in enumerate(body.get("tools") or ()):
        function = offered.get("function") if isinstance(offered, Mapping) else None
        if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
            raise UnsupportedParameter("Only functions can be offered as tools.", field=f"tools[{index}]")
        parameters = function.get("parameters")
        yield Tool(
            name=function["name"],
            description=str(function.get("description") or ""),
            parameters=parameters if isinstance(parameters, Mapping) else {"type": "object", "properties": {}},
        )


def tool_choice(body: Mapping[str, Any]) -> tuple[str, str | None]:
    """(`auto`, `none`, `required` or `named`, the name). Raises UnsupportedParameter."""
    choice = body.get("tool_choice")
    if choice is None:
        return "auto", None
    if choice in ("auto", "none", "required"):
        return str(choice), None
    function = choice.get("function") if isinstance(choice, Mapping) else None
    if isinstance(function, Mapping) and isinstance(function.get("name"), str):
        return "named", function["name"]
    raise UnsupportedParameter("tool_choice must be auto, none, required or name a function.", field="tool_choice")


def schema_of(body: Mapping[str, Any], *, json_mode: bool) -> Mapping[str, Any] | None:
    """The JSON schema an answer must have; {} for any JSON, where `json_mode` says that can be had; None for text.

    Raises UnsupportedParameter.
    """
    wanted = body.get("response_format")
    kind = wanted.get("type") if isinstance(wanted, Mapping) else None
    if wanted is None or kind == "text":
        return None
    if kind == "json_object" and json_mode:
        return {}
    described = wanted.get("json_schema") if kind == "json_schema" and isinstance(wanted, Mapping) else None
    schema = described.get("schema") if isinstance(described, Mapping) else None
    if not isinstance(schema, Mapping):
        raise UnsupportedParameter("This model answers in JSON by a schema only.", field="response_format")
    return schema


def stops_of(body: Mapping[str, Any]) -> list[str]:
    """The texts an answer ends before. Raises InvalidInput."""
    stop = body.get("stop")
    if stop is None:
        return []
    stops = [stop] if isinstance(stop, str) else stop
    if not isinstance(stops, list) or not all(isinstance(one, str) for one in stops):
        raise InvalidInput("stop must be a text or a list of texts.", field="stop")
    return stops


def effort_of(body: Mapping[str, Any]) -> str | None:
    """How much thinking is asked for: `low`, `medium` or `high`; None for none at all. Raises UnsupportedParameter."""
    effort = body.get("reasoning_effort")
    if effort in (None, "none"):
        return None
    if effort in ("minimal", "low"):
        return "low"
    if effort in ("medium", "high"):
        return str(effort)
    raise UnsupportedParameter("reasoning_effort must be none, minimal, low, medium or high.", field="reasoning_effort")
