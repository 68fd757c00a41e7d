"""The worker process: runs jobs and schedules until SIGTERM, then finishes what it has begun."""

import asyncio
import os
import signal

import django
from procrastinate.exceptions import ConnectorException
from prometheus_client import start_http_server

from testkase.core.ledger.engine import Engine
from testkase.core.ledger.neighbours import Neighbours
from testkase.core.pricing import load_price_books
from testkase.entrypoints.worker.guard import Guard
from testkase.entrypoints.worker.payments import Payments
from testkase.entrypoints.worker.post import Post
from testkase.entrypoints.worker.resources import CONTEXT_KEY, Resources
from testkase.entrypoints.worker.selfaudit import SelfAudit
from testkase.entrypoints.worker.watch import BalanceWatch
from testkase.entrypoints.worker.webhooks import Webhooks
from testkase.foundation import logging as log
from testkase.foundation import tracing
from testkase.foundation.database import Database
from testkase.foundation.problems import InvalidInput, Unavailable
from testkase.foundation.sealing import Seal
from testkase.foundation.settings import Settings
from testkase.services.billing.providers.choose import provider_from
from testkase.services.billing.seller import load_seller
from testkase.services.inference import Catalog
from testkase.services.live import Watcher
from testkase.services.notifications.webhooks.secrets import PURPOSE
from testkase.services.notifications.webhooks.sending import Sender

CONCURRENCY = 12
"""Jobs at the same time. They wait for models most of the time, and hold no connection meanwhile."""

CONNECTIONS = 8
"""Of the database, for jobs and what runs beside them."""

GRACE_SECONDS = 20.0
"""How long begun jobs may take after SIGTERM; those cut off are begun again by the next worker."""

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


def work(settings: Settings) -> None:
    """Work until SIGTERM or Ctrl-C."""
    log.configure("worker", settings.log_level)
    tracing.configure(settings, "worker")
    if not settings.app_database_url:
        raise InvalidInput("Set TESTKASE_APP_DATABASE_URL to the database as the application's role.")
    if settings.worker_metrics_port:
        _tell_metrics(settings.host, settings.worker_metrics_port)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "testkase.config.settings")
    django.setup()
    try:
        asyncio.run(_work(settings, settings.app_database_url))
    finally:
        tracing.close()


def _tell_metrics(host: str, port: int) -> None:
    try:
        start_http_server(port, addr=host)
    except OSError as error:
        raise InvalidInput(
            f"TESTKASE_WORKER_METRICS_PORT={port} cannot be used on {host}: {error.strerror}."
        ) from error


async def _until_told(working: "asyncio.Task[None]") -> None:
    """Raises Unavailable where the worker ends without a signal, as it does when the database goes away: whoever starts
    again only what has failed must start it again."""
    loop, told = asyncio.get_running_loop(), asyncio.Event()

    def tell() -> None:
        for number in _SIGNALS:  # whoever asks again while jobs are being finished ends them at once
            loop.remove_signal_handler(number)
        told.set()
        working.cancel()

    for number in _SIGNALS:
        loop.add_signal_handler(number, tell)
    lost = "The worker ended by itself, because its database went away or something else failed: start it again."
    try:
        await working
    except asyncio.CancelledError:
        pass
    except ConnectorException as error:
        raise Unavailable(lost) from error
    if not told.is_set():
        raise Unavailable(lost)


async def _work(settings: Settings, database_url: str) -> None:
    # Django's app registry exists only now, and with it procrastinate's application.
    from procrastinate.contrib.django import app  # noqa: PLC0415

    provider, seller = provider_from(settings), load_seller(settings.seller)
    books, url = load_price_books(settings.price_book), settings.public_url
    catalog = Catalog.from_settings(settings)
    database = Database(database_url, max_size=CONNECTIONS)
    engine = Engine(database_url, neighbours=Neighbours.from_settings(settings, writes=False))
    await database.open()
    await engine.start()
    watcher = Watcher(database)
    watch, post = BalanceWatch(database, settings.price_book), Post(database, settings.public_url)
    beside = [asyncio.create_task(watch.run(), name="watch"), asyncio.create_task(post.run(), name="post")]
    beside.append(asyncio.create_task(Guard(database).run(), name="guard"))
    hooks = Webhooks(database, Sender(url, settings.webhook_networks), Seal([settings.secret_key], purpose=PURPOSE))
    beside.append(asyncio.create_task(hooks.run(), name="webhooks"))
    audit = SelfAudit(database_url, settings.data, settings.public_url)
    beside.append(asyncio.create_task(audit.run(), name="selfaudit"))
    if provider is not None:
        payments = Payments(database, provider, seller=seller, books=books, public_url=url)
        beside.append(asyncio.create_task(payments.run(), name="payments"))
    try:
        with app.replace_connector(app.connector.get_worker_connector()) as worker:  # type: ignore[attr-defined]
            async with worker.open_async():
                working = worker.run_worker_async(
                    concurrency=CONCURRENCY,
                    fetch_job_polling_interval=5.0,
                    shutdown_graceful_timeout=GRACE_SECONDS,
                    update_heartbeat_interval=5.0,
                    install_signal_handlers=False,
                    additional_context={
                        CONTEXT_KEY: Resources(
                            settings=settings, database=database, engine=engine, watcher=watcher, provider=provider,
                            seller=seller, books=books, catalog=catalog,
                        ),
                    },
                )  # fmt: skip
                await _until_told(asyncio.create_task(working))
    finally:
        for task in beside:
            task.cancel()
        await asyncio.gather(*beside, return_exceptions=True)
        await catalog.close()
        await watcher.close()
        await engine.stop()
        await database.close()
