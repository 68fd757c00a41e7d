"""Forms that are too long, or break off, are answered; whoever is gone after a whole one is not."""

import asyncio
from collections.abc import MutableMapping
from typing import Any

import pytest

from testkase.config.serving.asgi import LimitedForms
from testkase.config.serving.asgi_types import Receive, Scope, Send

Message = MutableMapping[str, Any]
GONE: Message = {"type": "http.disconnect"}


def piece(body: bytes, *, more: bool) -> Message:
    return {"type": "http.request", "body": body, "more_body": more}


async def as_django_does(scope: Scope, receive: Receive, send: Send) -> None:
    """Read all of the body; say nothing to whoever hangs up, then or while the answer is made."""
    message = await receive()
    while message["type"] == "http.request" and message["more_body"]:
        message = await receive()
    if message["type"] == "http.disconnect" or (await receive())["type"] == "http.disconnect":
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})


async def statuses(*messages: Message) -> list[int]:
    arriving, sent = iter(messages), list[Message]()

    async def receive() -> Message:
        for message in arriving:
            return message
        return await asyncio.Future[Message]()

    async def send(message: Message) -> None:
        sent.append(message)

    await LimitedForms(as_django_does, most_bytes=10, most_seconds=0.05)({"type": "http", "headers": []}, receive, send)
    return [message["status"] for message in sent if "status" in message]


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        ([piece(b"a=1", more=False), piece(b"", more=False)], [200]),
        ([piece(b"a=1", more=True), GONE], [400]),
        ([GONE], [400]),
        ([piece(b"a" * 6, more=True), piece(b"a" * 6, more=True)], [413]),
        ([piece(b"a=1", more=False), GONE], []),
        ([piece(b"a=1", more=True)], [408]),
        ([], [408]),
    ],
    ids=["whole", "broken off", "nothing came", "too long", "whole, and then gone", "slow", "silent"],
)
async def test_a_form_that_does_not_arrive_in_full_is_no_fault_of_ours(
    messages: list[Message], expected: list[int]
) -> None:
    assert await statuses(*messages) == expected
