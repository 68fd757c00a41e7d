"""Everything the API has opened: made before the event loop runs, opened and closed with it."""

from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

import structlog

from testkase.core.ledger.engine import Engine
from testkase.core.ledger.neighbours import Neighbours
from testkase.core.pricing import PriceBook, PriceBooks, load_price_books
from testkase.entrypoints.api.keys import KeyRing
from testkase.foundation.clock import utc_now
from testkase.foundation.database import Database
from testkase.foundation.problems import InvalidInput
from testkase.foundation.settings import Settings
from testkase.services.billing.errand import Errand, run_errand_async
from testkase.services.billing.metrics import look as look_at_payments
from testkase.services.billing.model import NotSetUp
from testkase.services.billing.provider import Provider
from testkase.services.billing.providers.choose import provider_from
from testkase.services.billing.seller import Seller, load_seller
from testkase.services.inference import Catalog
from testkase.services.live import Watcher
from testkase.services.metering import Meter
from testkase.services.metering.logbook import Keeper
from testkase.services.notifications.webhooks.metrics import look as look_at_webhooks
from testkase.services.selfaudit.metrics import look as look_at_books

T = TypeVar("T")
_log = structlog.get_logger(__name__)

DRAIN_SECONDS = 10.0
"""How long calls in flight may take to end when the server stops, before they are cut off and settled."""


@dataclass(frozen=True, slots=True)
class Context:
    """One per process."""

    settings: Settings
    database: Database
    engine: Engine
    price_books: PriceBooks
    catalog: Catalog
    meter: Meter
    keeper: Keeper
    keys: KeyRing
    watcher: Watcher
    provider: Provider | None
    """Where credits are bought; None: nowhere."""
    seller: Seller

    @classmethod
    def from_settings(cls, settings: Settings) -> "Context":
        """Raises InvalidInput for settings that cannot be used."""
        if settings.app_database_url is None:
            raise InvalidInput("TESTKASE_APP_DATABASE_URL is not set.", field="TESTKASE_APP_DATABASE_URL")
        database = Database(settings.app_database_url)
        neighbours = Neighbours.from_settings(settings)
        engine = Engine(settings.app_database_url, lanes=settings.ledger_lanes, neighbours=neighbours)
        price_books = load_price_books(settings.price_book)
        catalog = Catalog.from_settings(settings)
        watcher = Watcher(database)
        keeper = Keeper(engine, settings.data / "calls")
        return cls(
            settings=settings,
            database=database,
            engine=engine,
            price_books=price_books,
            catalog=catalog,
            meter=Meter(engine, price_books, catalog, watcher=watcher, database=database, keeper=keeper),
            keeper=keeper,
            keys=KeyRing(database),
            watcher=watcher,
            provider=provider_from(settings),
            seller=load_seller(settings.seller),
        )

    async def open(self) -> None:
        await self.database.open()
        await self.engine.start()
        await self.keys.open()
        self.keeper.open()
        if unpriced := [entry.name for entry in self.catalog.models() if entry.name not in self.book().models()]:
            # Nobody finds them in a list, and whoever wrote them into the file would look for them in vain.
            _log.warning("models without a price are not called", models=unpriced)

    async def drain(self) -> None:
        """Let calls in flight end by themselves for a while; then cut them off, and settle what they delivered."""
        self.meter.turn_away()
        await self.meter.drain(DRAIN_SECONDS)

    async def look(self) -> None:
        """Bring the gauges of payments, webhooks and the self-audit up to date, for /metrics."""
        await self.database.run(look_at_payments())
        await self.database.run(look_at_books())
        await self.database.run(look_at_webhooks())

    async def close(self) -> None:
        """What is in flight is settled before the ledger goes."""
        await self.drain()
        await self.keeper.close()
        await self.engine.stop()
        await self.watcher.close()
        await self.keys.close()
        await self.catalog.close()
        await self.database.close()

    async def run_errand(self, errand: Errand[T]) -> T:
        """Carry out what needs the payment provider. Raises NotSetUp where there is none."""
        if self.provider is None:
            raise NotSetUp("Credits cannot be bought on this installation.")
        return await run_errand_async(errand, self.provider, self.database)

    def book(self, instant: datetime | None = None) -> PriceBook:
        """The price book in force now."""
        return self.price_books.at(instant or utc_now())
