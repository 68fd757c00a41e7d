"""Requests as spans: of what callers write, only what the product knows is said."""

from collections.abc import MutableMapping
from typing import Any

import pytest

from testkase.config.serving.asgi_types import Receive, Scope, Send
from testkase.config.serving.traced import Traced
from tests.support.spans import traced


async def answering(_scope: Scope, _receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 405})


async def nothing(*_: object) -> MutableMapping[str, Any]:
    return {}


async def sent(_message: MutableMapping[str, Any]) -> None:
    return


@pytest.mark.parametrize(
    ("method", "path", "name"),
    [
        ("POST", "/api/v1/holds/secret-1/settlement", "POST /api/v1/holds"),
        ("GET", "/api/v1/secret-2", "GET"),
        ("SECRET-3", "/api/v1/holds", "OTHER /api/v1/holds"),
    ],
)
async def test_neither_a_path_nor_a_method_of_somebodys_own_gets_into_a_span(method: str, path: str, name: str) -> None:
    with traced() as spans:
        scope = {"type": "http", "method": method, "path": path, "headers": [(b"traceparent", b"secret-4")]}
        await Traced(answering)(scope, nothing, sent)
    assert spans.facts(name)["status"] == 405
    assert "secret" not in spans.text().lower()
