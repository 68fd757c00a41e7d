"""The OpenAPI 3.1 document, made of the table of routes: schemas by msgspec, problems by the catalogue."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from testkase.entrypoints.api.body import XML
from testkase.entrypoints.api.catalogue import PROBLEMS
from testkase.entrypoints.api.events import webhooks
from testkase.entrypoints.api.fields import ID_PATTERN
from testkase.entrypoints.api.route import Route

_REF = "#/components/schemas/{name}"
_DESCRIPTION = (
    "Credits for AI calls. Amounts are decimal strings of credits; a JSON number is refused. Times are RFC 3339 in UTC."
    " Lists are paged by `limit` and `cursor`. Every error is an RFC 9457 problem document with a stable `code`. Every"
    " write can be repeated with the same id: the answer is the same and carries `Idempotent-Replayed: true`."
)
_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "The id of the effect, where the body brings none.",
    "schema": {"type": "string", "pattern": f"^{ID_PATTERN}$"},
}
_REPLAYED = {
    "Idempotent-Replayed": {
        "description": "`true` when this is the stored answer to a request made before.",
        "schema": {"type": "string", "const": "true"},
    }
}


def document(
    routes: Sequence[Route], *, prefix: str, server_url: str, version: str, extra: Iterable[type]
) -> dict[str, Any]:
    """The whole document. `extra`: types that appear only inside others, such as the items of a batch."""
    types = {kind for route in routes for kind in (route.body, route.answer) if kind is not None} | set(extra)
    ordered = sorted(types, key=lambda kind: kind.__name__)
    _, schemas = msgspec.json.schema_components(ordered, ref_template=_REF)
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(prefix + route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {"title": "TestKase AI Credits", "version": version, "description": _DESCRIPTION},
        "servers": [{"url": server_url}],
        "security": [{"apiKey": []}],
        "tags": [{"name": tag} for tag in dict.fromkeys([*(route.tag for route in routes), "webhooks"])],
        "paths": paths,
        "webhooks": webhooks(),
        "components": {
            "schemas": _portable(_batch_items(schemas)) | {"Problem": _problem_schema()},
            "securitySchemes": {
                "apiKey": {"type": "http", "scheme": "bearer", "description": "An API key: `tk_live_…`."}
            },
            "responses": {code: _problem_response(code) for code in PROBLEMS},
        },
    }


def _operation(route: Route) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": _operation_id(route),
        "tags": [route.tag],
        "summary": route.summary,
        "parameters": _parameters(route),
        "responses": {str(route.status): _success(route), **_refusals(route.all_refusals)},
    }
    if route.description:
        operation["description"] = route.description
    if route.scope is None:
        operation["security"] = []
    else:
        operation["x-scope"] = route.scope
    if route.body is not None:
        content = {"schema": {"$ref": _REF.format(name=route.body.__name__)}, "example": route.body_example}
        operation["requestBody"] = {
            "description": f"At most {route.body_limit:,} bytes.",
            "required": True,
            "content": {"application/json": content} | _xml(route),
        }
    return operation


def _xml(route: Route) -> dict[str, Any]:
    if route.xml_example is None:
        return {}
    return {kind: {"schema": {"type": "string"}, "example": route.xml_example} for kind in XML}


def _operation_id(route: Route) -> str:
    return str(getattr(route.run, "__name__", route.path))


def _parameters(route: Route) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {"name": part[1:-1], "in": "path", "required": True, "schema": _path_schema(part[1:-1])}
        for part in route.path.split("/")
        if part.startswith("{")
    ]
    if route.query is not None:
        _, schemas = msgspec.json.schema_components([route.query], ref_template=_REF)
        for name, schema in _portable(schemas[route.query.__name__]["properties"]).items():
            description = schema.pop("description", None)
            parameter = {"name": name, "in": "query", "required": False, "schema": _without_null(schema)}
            found.append(parameter | ({"description": description} if description else {}))
    return [*found, _IDEMPOTENCY_KEY] if route.idempotent else found


def _path_schema(name: str) -> dict[str, Any]:
    return {"type": "string", "minLength": 1, "maxLength": 128, "description": name.replace("_", " ")}


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """A query parameter that is absent is absent: it is never null."""
    choices = [choice for choice in schema.get("anyOf", ()) if choice.get("type") != "null"]
    rest = {key: value for key, value in schema.items() if key not in ("anyOf", "default")}
    return rest | choices[0] if len(choices) == 1 else schema


def _success(route: Route) -> dict[str, Any]:
    content: dict[str, Any] = {}
    if route.answer is not None:
        content["schema"] = {"$ref": _REF.format(name=route.answer.__name__)}
    if route.answer_example is not None:
        content["example"] = route.answer_example
    response: dict[str, Any] = {"description": route.summary, "content": {route.media_type: content}}
    if route.method != "GET":
        response["headers"] = _REPLAYED
    return response


def _refusals(codes: Sequence[str]) -> dict[str, Any]:
    """One response a status; the codes it can carry are named."""
    by_status: dict[str, list[str]] = {}
    for code in codes:
        by_status.setdefault(str(PROBLEMS[code].status), []).append(code)
    return {
        status: {"$ref": f"#/components/responses/{group[0]}"} if len(group) == 1 else _several(group)
        for status, group in sorted(by_status.items())
    }


def _several(codes: Sequence[str]) -> dict[str, Any]:
    listed = "; ".join(f"`{code}`: {PROBLEMS[code].title}" for code in codes)
    return {
        "description": listed,
        "content": {
            "application/problem+json": {
                "schema": {"$ref": _REF.format(name="Problem")},
                "examples": {code: {"value": _example(code)} for code in codes},
            }
        },
    }


def _problem_response(code: str) -> dict[str, Any]:
    schema = {"$ref": _REF.format(name="Problem")}
    return {
        "description": PROBLEMS[code].title,
        "content": {"application/problem+json": {"schema": schema, "example": _example(code)}},
    }


def _example(code: str) -> dict[str, Any]:
    row = PROBLEMS[code]
    example: dict[str, Any] = {
        "type": f"https://credits.example.com/api/v1/problems/{code}",
        "title": row.title,
        "status": row.status,
        "detail": f"{row.title}.",
        "code": code,
        "next": row.next,
    }
    if code == "insufficient_credits":
        example |= {
            "detail": "This needs 4.10 credits; 1.24 are available.",
            "balance": "1.24",
            "estimate": "4.10",
            "buy_url": "https://credits.example.com/settings/ai-credits/buy?organization=7",
        }
    return example


def _problem_schema() -> dict[str, Any]:
    return {
        "type": "object",
        "description": "RFC 9457 problem details. Further members carry the facts, such as `balance` and `estimate`.",
        "required": ["type", "title", "status", "detail", "code", "next"],
        "properties": {
            "type": {"type": "string", "format": "uri"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string"},
            "code": {"type": "string", "enum": sorted(PROBLEMS)},
            "field": {"type": "string", "description": "The field that is wrong."},
            "next": {"type": "string", "description": "What to do next."},
            "balance": {"type": "string"},
            "estimate": {"type": "string"},
            "buy_url": {"type": "string", "format": "uri"},
        },
    }


def _portable(node: Any) -> Any:
    """Patterns as ECMA-262 writes them, which JSON Schema follows: `$` is the very end there."""
    if isinstance(node, dict):
        return {key: _ending(value) if key == "pattern" else _portable(value) for key, value in node.items()}
    return [_portable(item) for item in node] if isinstance(node, list) else node


def _ending(pattern: Any) -> Any:
    return pattern.removesuffix("\\Z") + "$" if isinstance(pattern, str) and pattern.endswith("\\Z") else pattern


_ITEMS = {"HoldBatch": "HoldRequest", "SettlementBatch": "SettlementItem"}


def _batch_items(schemas: dict[str, Any]) -> dict[str, Any]:
    """The items of a batch are decoded one by one, so that each can fail alone; the document says what they are."""
    for batch, item in _ITEMS.items():
        if batch in schemas:
            schemas[batch]["properties"]["items"]["items"] = {"$ref": _REF.format(name=item)}
    return schemas
