"""The application process: granian inside our own event loop, one process, stopped by SIGTERM after its last answer."""

import asyncio
import logging
import resource
import signal

from granian.constants import HTTPModes, Interfaces
from granian.errors import FatalError
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.embed import Server

from testkase.config.failures import CannotStart
from testkase.config.serving.asgi import make_application
from testkase.config.supervising.ports import address_of, check_free
from testkase.config.upgrading.check_database import check_database
from testkase.foundation import logging as log
from testkase.foundation import runtime, tracing
from testkase.foundation.settings import Settings

_BACKLOG = 1024
_MOST_CONNECTIONS = 10_000
"""At once. Every open page listens on one; with the server's own limit of a thousand, so many slow callers shut out all
others, and even whoever asks for its health."""
_SPARE_FILES = 256
"""Of those the process may have open: for the database, model providers and itself."""
_HEADER_SECONDS = 15
"""In which a request's head must have come, and an idle connection the next one."""
_LONGEST_ANSWER_SECONDS = 25
"""How long answers under way may take after SIGTERM: longer than calls of the gateway may (Context.drain), so that all
of those end properly, settled for what they delivered."""


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or Ctrl-C. Raises CannotStart when the application does not start."""
    log.configure("app", settings.log_level)
    tracing.configure(settings, "app")
    if not settings.app_database_url:
        raise CannotStart("Set TESTKASE_APP_DATABASE_URL to the database as the application's role.")
    check_database(settings.app_database_url)
    check_free(settings.host, settings.port)
    try:
        with runtime.runner() as runner:
            runner.run(_serve(settings))
    finally:
        tracing.close()


def _most_connections() -> int:
    """As many as the process may have files open, which is more than it is given unless it asks."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_CONNECTIONS + _SPARE_FILES
    allowed = wanted if hard == resource.RLIM_INFINITY else min(hard, wanted)
    if soft != resource.RLIM_INFINITY and soft < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    return max(1, allowed - _SPARE_FILES)


async def _serve(settings: Settings) -> None:
    application = make_application(settings)
    runtime.collect_less_garbage()
    server = Server(
        application,
        address=address_of(settings.host),
        port=settings.port,
        interface=Interfaces.ASGI,
        websockets=False,
        backlog=_BACKLOG,
        backpressure=_most_connections(),
        http=HTTPModes.http1,  # while it waits to learn which version comes, the server waits for ever
        http1_settings=HTTP1Settings(header_read_timeout=_HEADER_SECONDS * 1000),
        # Its messages take the way of all others; left alone it would write its own format beside them.
        log_dictconfig={"loggers": {"_granian": {"propagate": True}}},
        log_level=LogLevels.error,
    )
    server.workers_kill_timeout = _LONGEST_ANSWER_SECONDS
    loop = asyncio.get_running_loop()
    stopping: list[asyncio.Task[None]] = []

    async def stop_in_order() -> None:
        """First no longer ready, so that others are asked. Then take no more connections, and end requests of the
        gateway and of pages that listen: the server waits for their answers, and closes the application (which would
        end them as well) only when it has them all."""
        application.leave()
        await asyncio.sleep(settings.stop_delay_seconds)
        server.stop()  # type: ignore[no-untyped-call]
        await application.drain()

    def stop() -> None:
        stopping.append(loop.create_task(stop_in_order()))

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    try:
        await server.serve()
    except TimeoutError:
        # Somebody holds a connection beyond all patience. The server has given up without closing the application.
        await application.context.close()
    except FatalError as error:
        raise CannotStart("The application did not start; its log says why.") from error
    logging.getLogger(__name__).info("stopped")
