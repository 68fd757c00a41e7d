"""One ASGI application on one port: programs' addresses go to Litestar, health to health.py, people's to Django."""

import os
from typing import cast

from django.core.asgi import get_asgi_application

from testkase.config.asgi_types import Application, Receive, Scope, Send
from testkase.config.health import Health
from testkase.entrypoints.api.app import create_app
from testkase.entrypoints.api.context import Context
from testkase.foundation.settings import Settings

_PROGRAMS = frozenset({"api", "openai", "webhooks"})
_HEALTH = frozenset({"/healthz", "/readyz", "/metrics"})


class Dispatch:
    """Chooses by the first part of the path. The life of the process belongs to the programs' side: Django has none."""

    def __init__(self, context: Context, *, programs: Application, people: Application, health: Health) -> None:
        self.context = context
        self.programs = programs
        self.people = people
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
        elif scope["type"] == "http":
            await self.health.counted("people", self.people, scope, receive, send)


def make_application(settings: Settings) -> Dispatch:
    """The application of this process. Needs TESTKASE_APP_DATABASE_URL."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "testkase.config.settings")
    programs = create_app(settings)
    return Dispatch(
        programs.state.context,
        programs=cast(Application, programs),
        people=cast(Application, get_asgi_application()),
        health=Health(settings.app_database_url or ""),
    )
