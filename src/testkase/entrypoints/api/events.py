"""Webhooks in the OpenAPI document: what each kind of event looks like to whoever receives it."""

from typing import Any

from testkase.services.notifications.webhooks.events import EVENTS, FACTS, TEST

_TEXT = {"type": "string"}
_HEADERS = {
    "webhook-id": "The same however often the event is sent: remember it, and do nothing for one you know.",
    "webhook-timestamp": "When it was sent, in seconds since 1970.",
    "webhook-signature": "One or more, with spaces between: `v1,` and base64 of HMAC-SHA256 over id, instant and body.",
}


def webhooks() -> dict[str, Any]:
    """By kind. Each is sent as Standard Webhooks has it, to the endpoints of the organization that want it."""
    return {kind: {"post": _told(kind, meaning)} for kind, meaning in EVENTS.items()} | {
        TEST: {"post": _told(TEST, "Sent from an endpoint's page, to try it.")}
    }


def _told(kind: str, meaning: str) -> dict[str, Any]:
    return {
        "operationId": f"told_{kind.replace('.', '_')}",
        "tags": ["webhooks"],
        "summary": meaning,
        "security": [],
        "parameters": [
            {"name": name, "in": "header", "required": True, "description": text, "schema": _TEXT}
            for name, text in _HEADERS.items()
        ],
        "requestBody": {"required": True, "content": {"application/json": {"schema": _body(kind)}}},
        "responses": {
            "2XX": {"description": "Taken. What the answer says is not read."},
            "410": {"description": "Nothing more is wanted here: the endpoint is switched off."},
        },
    }


def _body(kind: str) -> dict[str, Any]:
    facts = FACTS.get(kind, ())
    data = {
        **dict.fromkeys(facts, _TEXT),
        "organization_id": {"type": "integer"},
        "title": _TEXT | {"description": "For people. It may be worded otherwise tomorrow."},
        "text": _TEXT | {"description": "For people."},
        "url": _TEXT | {"format": "uri", "description": "The page it leads to, where there is one."},
    }
    return {
        "type": "object",
        "required": ["type", "timestamp", "data"],
        "properties": {
            "type": {"const": kind},
            "timestamp": _TEXT | {"format": "date-time"},
            "data": {"type": "object", "required": [*facts, "organization_id", "title", "text"], "properties": data},
        },
    }
