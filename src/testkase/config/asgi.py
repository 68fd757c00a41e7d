"""One ASGI application on one port: programs' addresses go to Litestar, open pages' streams to the live door, health to
health.py, everything else people ask for to Django."""

import os
from collections.abc import MutableMapping
from typing import Any, cast

from django.conf import settings as django_settings
from django.core.asgi import get_asgi_application

from testkase.config import watching
from testkase.config.asgi_types import Application, Receive, Scope, Send
from testkase.config.health import Health
from testkase.config.traced import Traced
from testkase.entrypoints.api.app import create_app
from testkase.entrypoints.api.context import Context
from testkase.entrypoints.live.door import LiveDoor
from testkase.foundation import tracing
from testkase.foundation.settings import Settings

_PROGRAMS = frozenset({"api", "openai", "webhooks"})
_LIVE = "/live"
_HEALTH = frozenset({"/healthz", "/readyz", "/metrics"})
MOST_FORM_BYTES = 2 * 1024 * 1024
"""Of what a person's browser sends; no form comes near. Programs' routes have limits of their own."""


class FormTooLarge(Exception):  # noqa: N818 - an event of the connection, not an error
    """The body has more bytes than any form."""


class LimitedForms:
    """The application with bounded bodies. Django writes a body to disk as it comes, whoever sends it and however long
    it is, before anything asks whether that is allowed; of one that breaks off it answers nothing at all, which the
    server would answer as a fault of ours."""

    def __init__(self, application: Application, most_bytes: int = MOST_FORM_BYTES) -> None:
        self.application = application
        self.most_bytes = most_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        left, whole, answered = self.most_bytes, False, False

        async def receive_within() -> MutableMapping[str, Any]:
            nonlocal left, whole
            message = await receive()
            left -= len(message.get("body", b""))
            whole = whole or (message["type"] == "http.request" and not message.get("more_body", False))
            if left < 0:
                raise FormTooLarge
            return message

        async def noted(message: MutableMapping[str, Any]) -> None:
            nonlocal answered
            answered = True
            await send(message)

        declared = dict(scope["headers"]).get(b"content-length", b"0")
        try:
            if declared.isdigit() and int(declared) > self.most_bytes:
                raise FormTooLarge
            await self.application(scope, receive_within, noted)
            if not (whole or answered):
                await _say(send, 400, b"The form did not arrive in full.\n")
        except FormTooLarge:
            await _say(send, 413, b"That is larger than any form here.\n")


async def _say(send: Send, status: int, text: bytes) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": text})


class Dispatch:
    """Chooses by the first part of the path. The life of the process belongs to the programs' side: Django has none."""

    def __init__(
        self, context: Context, *, programs: Application, people: Application, live: LiveDoor, health: Health
    ) -> None:
        self.context = context
        self.programs = programs
        self.people = people
        self.live = live
        self.health = health

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.programs(scope, receive, send)
            return
        path: str = scope["path"]
        if path in _HEALTH:
            await self.health(scope, receive, send)
            return
        first = path[1 : path.find("/", 1)] if "/" in path[1:] else path[1:]
        if first in _PROGRAMS:
            await self.health.counted("programs", self.programs, scope, receive, send)
        elif path == _LIVE and scope["type"] == "http":
            await self.health.counted("live", self.live, scope, receive, send)
        elif scope["type"] == "http":
            await self.health.counted("people", self.people, scope, receive, send)

    def leave(self) -> None:
        """The process will stop soon: it is no longer ready, and asks for no further request on a connection."""
        self.health.leaving = True

    async def drain(self) -> None:
        """The server is stopping: streams that only listen end at once, calls of the gateway properly."""
        self.live.close()
        await self.context.drain()


def make_application(settings: Settings) -> Dispatch:
    """The application of this process. Needs TESTKASE_APP_DATABASE_URL."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "testkase.config.settings")
    programs = create_app(settings)
    context: Context = programs.state.context

    async def look() -> None:
        await context.look()
        await context.database.run(watching.look(settings.data))

    people = LimitedForms(cast(Application, get_asgi_application()))
    served = cast(Application, programs)
    return Dispatch(
        context,
        programs=Traced(served) if tracing.is_on() else served,
        people=people,
        live=LiveDoor(
            context.watcher,
            secret=django_settings.SECRET_KEY,
            session_cookie=django_settings.SESSION_COOKIE_NAME,
        ),
        health=Health(settings.app_database_url or "", look=look),
    )
