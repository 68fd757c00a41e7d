"""What jobs share in one worker process."""

from dataclasses import dataclass
from typing import cast

from procrastinate import JobContext

from testkase.core.ledger.engine import Engine
from testkase.core.pricing import PriceBooks
from testkase.foundation.database import Database
from testkase.foundation.settings import Settings
from testkase.services.billing.provider import Provider
from testkase.services.billing.seller import Seller
from testkase.services.inference import Catalog
from testkase.services.live import Watcher

CONTEXT_KEY = "resources"


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """Opened when the worker starts, closed when it stops."""

    settings: Settings
    database: Database
    engine: Engine
    watcher: Watcher
    provider: Provider | None
    """Where credits are bought; None: nowhere."""
    seller: Seller
    books: PriceBooks
    catalog: Catalog
    """As its file was when the worker started, like the prices: the gateway and the pages keep theirs too. A file that
    is being edited must neither stop what runs nor have jobs call what nobody else does."""


def resources(context: JobContext) -> Resources:
    """The worker's resources, from a task declared with `pass_context=True`."""
    return cast(Resources, context.additional_context[CONTEXT_KEY])
