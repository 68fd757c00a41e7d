"""One ASGI application on one port: programs' addresses go to Litestar, open pages' streams to the live door, health to
health.py, everything else people ask for to Django."""

import asyncio
import os
from collections.abc import MutableMapping
from typing import Any, cast

from django.conf import settings as django_settings
from django.core.asgi import get_asgi_application
from django.core.exceptions import SuspiciousOperation

from testkase.config.serving import watching
from testkase.config.serving.asgi_types import Application, Receive, Scope, Send
from testkase.config.serving.health import Health
from testkase.config.serving.protection import Headers, protected, protecting
from testkase.config.serving.traced import Traced
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


FORM_SECONDS = 60.0
"""In which a form must have come: whoever sends a byte now and then would keep a connection for ever."""


class FormRefused(Exception):  # noqa: N818 - an event of the connection, not an error
    """The body is more than any form, or comes too slowly. Its status and words."""

    def __init__(self, status: int, text: bytes) -> None:
        super().__init__(status)
        self.status = status
        self.text = text


class LimitedForms:
    """The application with bounded bodies. Django writes a body to disk as it comes, whoever sends it, however long it
    is and takes, before anything asks whether that is allowed; of one that breaks off it answers nothing at all, which
    the server would answer as a fault of ours."""

    def __init__(
        self, application: Application, most_bytes: int = MOST_FORM_BYTES, most_seconds: float = FORM_SECONDS
    ) -> None:
        self.application = application
        self.most_bytes = most_bytes
        self.most_seconds = most_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body, answered = _Body(receive, self.most_bytes, self.most_seconds), False

        async def noted(message: MutableMapping[str, Any]) -> None:
            nonlocal answered
            answered = True
            await send(message)

        declared = dict(scope["headers"]).get(b"content-length", b"0")
        try:
            if declared.isdigit() and int(declared) > self.most_bytes:
                raise _too_large()
            await self.application(scope, body.receive, noted)
            if not (body.whole or answered):
                await _say(send, 400, b"The form did not arrive in full.\n")
        except FormRefused as refused:
            await _say(send, refused.status, refused.text)
        except SuspiciousOperation:  # of an address with too many fields, which Django reads before it can answer
            await _say(send, 400, b"That cannot be read.\n")


class _Body:
    """One request's body on its way in."""

    def __init__(self, receive: Receive, most_bytes: int, most_seconds: float) -> None:
        self._receive = receive
        self._left = most_bytes
        self._until = asyncio.get_running_loop().time() + most_seconds
        self.whole = False

    async def receive(self) -> MutableMapping[str, Any]:
        """The next message. Raises FormRefused."""
        try:
            async with asyncio.timeout_at(None if self.whole else self._until):
                message = await self._receive()
        except TimeoutError:
            raise FormRefused(408, b"The form came too slowly.\n") from None
        self._left -= len(message.get("body", b""))
        if self._left < 0:
            raise _too_large()
        self.whole = self.whole or (message["type"] == "http.request" and not message.get("more_body", False))
        return message


def _too_large() -> FormRefused:
    return FormRefused(413, b"That is larger than any form here.\n")


async def _say(send: Send, status: int, text: bytes) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": text})


class Dispatch:
    """Chooses by the first part of the path. The life of the process belongs to the programs' side: Django has none."""

    def __init__(
        self,
        context: Context,
        *,
        programs: Application,
        people: Application,
        live: LiveDoor,
        health: Health,
        headers: Headers = (),
    ) -> None:
        self.context = context
        self.headers = headers
        self.programs = programs
        self.people = people
        self.live = live
        self.health = health

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.programs(scope, receive, send)
            return
        send = protected(send, self.headers)
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

    async def ask() -> None:
        async with context.database.transaction():
            pass

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
        health=Health(settings.app_database_url or "", look=look, ask=ask),
        headers=protecting(https=settings.public_url.startswith("https://")),
    )
