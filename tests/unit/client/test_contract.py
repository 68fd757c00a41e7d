"""The client knows every route the API has, and every field it answers."""

import inspect
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import msgspec
import pytest

from testkase.entrypoints.api.route import Route
from testkase.entrypoints.api.v1.lists import ListQuery
from testkase.entrypoints.api.v1.routes import routes
from testkase_client import BuyerDetails
from testkase_client.operations import Operations
from testkase_client.request import Request
from testkase_client.requests import billing, holds, limits, reading, workspace

LEFT_OUT = {"GET /openapi.json"}
"""A document for tools, not an answer."""

FILLED: dict[str, Any] = {"results": b"", "buyer": BuyerDetails(), "thresholds": None, "forecast_days": 1}


def filled(function: Any) -> Request[Any]:
    """The request with the least it takes; a parameter of the path is its own name in capitals."""
    parameters = inspect.signature(function).parameters.values()
    needed = [each for each in parameters if each.default is inspect.Parameter.empty]
    values = {each.name: FILLED.get(each.name, "PART") for each in needed}
    positional = [values.pop(each.name) for each in needed if each.kind is not inspect.Parameter.KEYWORD_ONLY]
    request: Request[Any] = function(*positional, **values)
    return request


def functions(module: ModuleType) -> Iterator[Any]:
    for name, value in vars(module).items():
        ours = inspect.isfunction(value) and value.__module__ == module.__name__
        if ours and not name.startswith("_") and name not in {"batch", "hold_body", "settlement_body"}:
            yield value


def name(method: str, path: str) -> str:
    parts = ("PART" if part.startswith("{") else part for part in path.split("/"))
    return f"{method} {'/'.join(parts)}"


MODULES = (holds, reading, limits, billing, workspace)
REQUESTS = {
    name(request.method, request.path): request
    for request in (
        *(filled(function) for module in MODULES for function in functions(module)),
        holds.batch("/holds:batch", []),
        holds.batch("/settlements:batch", []),
    )
}
ROUTES = {name(route.method, route.path): route for route in routes()}


def test_every_route_is_reached_or_left_out_on_purpose() -> None:
    assert ROUTES.keys() - REQUESTS.keys() == LEFT_OUT
    assert REQUESTS.keys() - ROUTES.keys() == set()


def test_every_request_is_a_method_of_the_clients() -> None:
    offered = {getattr(value, "written", None) for _, value in inspect.getmembers(Operations)}
    assert {function for module in MODULES for function in functions(module)} <= offered


def test_every_parameter_of_a_query_can_be_given() -> None:
    for key, request in REQUESTS.items():
        query = ROUTES[key].query
        if query is ListQuery:
            continue  # asked for whole
        known = set(query.__struct_fields__) - {"cursor"} if query is not None else set()  # type: ignore[attr-defined]
        assert set(request.query or {}) - {"cursor"} == known, key


@pytest.mark.parametrize("key", sorted(REQUESTS))
def test_every_field_of_an_answer_is_known(key: str) -> None:
    example, request = _example(ROUTES[key]), REQUESTS[key]
    answer = request.decode(msgspec.json.encode(example), replayed=False)
    assert _missing(example, msgspec.to_builtins(answer)) == set()
    if not (key.endswith(":batch") or request.answer.__module__ == "testkase_client.request"):
        route_fields = set(ROUTES[key].answer.__struct_fields__)  # type: ignore[union-attr]
        assert set(request.answer.__struct_fields__) - {"replayed"} == route_fields


def _example(route: Route) -> Any:
    assert route.answer_example is not None
    return route.answer_example


def _missing(wanted: Any, found: Any) -> set[str]:
    """Names of fields that were passed over."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        inner = (_missing(value, found[key]) for key, value in wanted.items() if key in found)
        return (wanted.keys() - found.keys()).union(*inner)
    if isinstance(wanted, list) and isinstance(found, list):
        assert len(wanted) == len(found)
        return set().union(*(_missing(*pair) for pair in zip(wanted, found, strict=True)))
    return set()
