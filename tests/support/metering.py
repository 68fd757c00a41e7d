"""A meter under a policy of the test's own, and what the ledger says of it."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from testkase.core.ledger import queries
from testkase.core.ledger.engine import Engine
from testkase.core.ledger.model import Subject
from testkase.core.pricing import PriceBooks
from testkase.services.inference import Catalog
from testkase.services.metering import Interaction, Meter, Policy
from tests.support.programs import MODEL, Organization, Organizations

SUBJECT = Subject(use_case="test_generation", user="ada@example.com", project="DEMO")
BODY: dict[str, Any] = {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 1000}
TOKENS = {"prompt_tokens": 1000, "completion_tokens": 200, "total_tokens": 1200}
COST = 500_000


class Bench:
    """A meter under a policy, and what the ledger says of it."""

    def __init__(self, engine: Engine, books: PriceBooks, catalog: Catalog, organizations: Organizations) -> None:
        self.engine, self.books, self.catalog, self.organizations = engine, books, catalog, organizations

    def meter(self, **policy: Any) -> Meter:
        return Meter(self.engine, self.books, self.catalog, policy=Policy(**policy))

    def balance(self, org: Organization) -> queries.Balance:
        found: queries.Balance = self.organizations.run(org.org_id, queries.balance(org.org_id))
        return found

    def usage(self, org: Organization, *, before: int | None = None) -> list[queries.UsageRow]:
        """At most fifty interactions, newest first."""
        page = queries.usage_page(org.org_id, limit=50, before_seq=before)
        found: list[queries.UsageRow] = self.organizations.run(org.org_id, page)
        return found


async def opened(meter: Meter, org: Organization, **size: Any) -> Interaction:
    size = {"input_tokens": 5_000, "output_tokens": 2_000} | size
    return await meter.open(org.org_id, SUBJECT, model=MODEL, **size)


async def ask(interaction: Interaction) -> list[bytes]:
    async with interaction.call(BODY, stream=True) as call:
        return [event async for event in call.events()]


async def until(holds: Callable[[], bool], seconds: float = 60) -> None:
    """Wait for something to become true."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        await asyncio.sleep(0.02)
