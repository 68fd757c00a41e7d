"""The meter: every AI request of the product and of the gateway goes through here, and nothing else opens a model.

    meter = Meter(engine, price_books, catalog)
    interaction = await meter.open(org_id, subject, model="testkase-demo", input_tokens=9_000, output_tokens=2_400)
    async with interaction:
        async with interaction.call(body, stream=True) as call:      # as many calls as the feature needs
            async for event in call.events():
                ...
    interaction.settlement.charged

One interaction is one hold and one row of the usage table, whatever number of model calls it makes. Leaving the block
(by its end, an error or a disconnect) settles it in a task of its own.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import msgspec

from testkase.core.ledger.commands import OpenHold
from testkase.core.ledger.engine import Engine
from testkase.core.ledger.model import Subject
from testkase.core.ledger.terms import Terms, price_ceiling
from testkase.core.pricing import PriceBooks
from testkase.foundation.clock import utc_now
from testkase.foundation.database import Database
from testkase.foundation.ids import new_id
from testkase.foundation.problems import Unavailable
from testkase.foundation.tracing import span
from testkase.services.inference import Catalog
from testkase.services.live import Watcher
from testkase.services.metering.attempts import keep_failures
from testkase.services.metering.background import in_background
from testkase.services.metering.call import Drains
from testkase.services.metering.interaction import Interaction
from testkase.services.metering.logbook import Keeper
from testkase.services.metering.metrics import FAILED_MODELS, OPEN
from testkase.services.metering.policy import Policy
from testkase.services.metering.problems import AlreadyCalled, CutOff, TooManyOpenCalls
from testkase.services.metering.request import Bounds, clamp
from testkase.services.metering.settle import OpenedHold, is_metered, metered_id, settle

log = logging.getLogger(__name__)


class Meter:
    """Opens interactions and knows those that are not settled yet. One per process."""

    def __init__(
        self,
        engine: Engine,
        price_books: PriceBooks,
        catalog: Catalog,
        *,
        policy: Policy | None = None,
        clock: Callable[[], datetime] = utc_now,
        watcher: Watcher | None = None,
        database: Database | None = None,
        keeper: Keeper | None = None,
    ) -> None:
        """`watcher`: what cuts calls off within a second of the switch; without it the renewal of their holds does.
        `database`: where failed attempts are written down; without it they are only counted.
        `keeper`: the logbook that lets what a killed process delivered be charged, for interactions of a single call;
        without it their holds lapse."""
        self.engine = engine
        self.catalog = catalog
        self.watcher = watcher
        self.keeper = keeper
        self.policy = policy or Policy()
        self.drains = Drains(self.policy.max_drains)
        self._database = database
        self._price_books = price_books
        self._clock = clock
        self._open_calls: Counter[tuple[int, str]] = Counter()
        self._live: set[Interaction] = set()
        self._stopping = False

    def terms(self, model: str) -> Terms:
        """Today's rates of a model. Raises UnknownModel."""
        return self._price_books.at(self._clock()).terms(model)

    def clamp(self, model: str, body: Mapping[str, Any]) -> tuple[dict[str, Any], Bounds]:
        """The request as it will be sent, and the most it can use. Raises ModelNotServed, UnsupportedParameter."""
        return clamp(body, self.catalog.find(model))

    def estimate(self, model: str, *, input_tokens: int, output_tokens: int) -> int:
        """Micro-credits that calls of this size cost at most. Raises UnknownModel."""
        return price_ceiling(self.terms(model), input_tokens=input_tokens, output_tokens=output_tokens)

    async def open(
        self,
        org_id: int,
        subject: Subject,
        *,
        model: str,
        input_tokens: int,
        output_tokens: int,
        hold_id: str | None = None,
        asked: bytes = b"",
    ) -> Interaction:
        """Hold the most that an interaction of this size can cost.

        Calls beyond the size extend the hold, if the balance allows. A `hold_id`, made by `metered_id`, that was used
        before raises AlreadyCalled: the model is never called twice under one id. `asked` is what makes a repetition
        the same input, where that is more than the size of the call. Raises InsufficientCredits, AiDisabled,
        TooManyOpenCalls and UnknownModel, and Unavailable while the process stops.
        """
        if self._stopping:
            raise Unavailable("The server is stopping. Repeat the call with the same id.")
        if hold_id is not None and not is_metered(hold_id):
            raise ValueError("the hold of a metered call needs an id that no caller of the API can use")
        terms = self.terms(model)
        hold = OpenedHold(
            org_id=org_id,
            hold_id=hold_id or metered_id(new_id("call")),
            amount=price_ceiling(terms, input_tokens=input_tokens, output_tokens=output_tokens),
            subject=msgspec.structs.replace(subject, model=model),
            terms=terms,
        )
        slot = self._take_slot(org_id, subject.user)
        try:
            with span("hold", org_id=org_id, hold_id=hold.hold_id, model=model, amount_microcredits=hold.amount):
                opened = await self._open_hold(hold, asked, minted=hold_id is None)
        except BaseException:
            self._give_back(slot)
            raise
        interaction = Interaction(self, hold, opened_seq=opened, on_settled=lambda done: self._forget(done, slot))
        self._live.add(interaction)
        OPEN.inc()
        return interaction

    async def _open_hold(self, hold: OpenedHold, asked: bytes, *, minted: bool) -> int:
        """Answers the hold's place in the journal."""
        command = OpenHold(
            org_id=hold.org_id,
            hold_id=hold.hold_id,
            amount=hold.amount,
            ttl_seconds=self.policy.hold_ttl_seconds,
            subject=hold.subject,
            terms=hold.terms,
            asked=asked,
        )
        try:
            answer = await self.engine.submit(command)
        except (asyncio.CancelledError, Unavailable):
            # It may be open all the same. An id of the caller's own may belong to an earlier call that is still
            # running: that hold is not ours to void, and if it is ours after all it lapses.
            if minted:
                in_background(
                    settle(
                        self.engine,
                        hold,
                        None,
                        opened_seq=0,
                        patience_seconds=self.policy.hold_ttl_seconds,
                    )
                )
            raise
        if answer.replayed:
            raise AlreadyCalled(
                "A call was already made under this id. Read its charge from the hold; use a new id for a new call.",
                hold_id=hold.hold_id,
            )
        return answer.entry.seq

    def _take_slot(self, org_id: int, user: str) -> tuple[int, str]:
        slot = (org_id, user)
        if self._open_calls[slot] >= self.policy.max_open_calls_per_user:
            raise TooManyOpenCalls(
                f"{user} has {self._open_calls[slot]} calls in progress. Wait for one of them to end.",
                limit=self.policy.max_open_calls_per_user,
            )
        self._open_calls[slot] += 1
        return slot

    def _give_back(self, slot: tuple[int, str]) -> None:
        self._open_calls[slot] -= 1
        if not self._open_calls[slot]:
            del self._open_calls[slot]

    def _forget(self, interaction: Interaction, slot: tuple[int, str]) -> None:
        self._live.discard(interaction)
        OPEN.dec()
        self._give_back(slot)

    async def keep_failures(self, interaction: Interaction) -> None:
        """Write down which models were asked in vain. Never raises: the interaction is settled, and that is what
        counts."""
        failures = interaction.failures
        for failure in failures:
            FAILED_MODELS.labels(failure.model).inc()
        if not failures or self._database is None:
            return
        hold = interaction.hold
        try:
            async with asyncio.timeout(self.policy.note_patience_seconds):
                await self._database.run(keep_failures(hold.org_id, hold.hold_id, failures), org_id=hold.org_id)
        except Exception as error:  # noqa: BLE001 - see above
            log.warning("failed attempts of hold %s were not written down: %s", hold.hold_id, type(error).__name__)

    def turn_away(self) -> None:
        """The process is about to end: open no more."""
        self._stopping = True

    async def drain(self, timeout_seconds: float) -> None:
        """Before the process ends: let what is in flight settle, then cut the providers off and settle that."""
        await self._wait_for_all(timeout_seconds)
        for interaction in list(self._live):
            interaction.abort(CutOff("The server is stopping."))
            in_background(interaction.close())
        await self._wait_for_all(timeout_seconds)

    async def _wait_for_all(self, timeout_seconds: float) -> None:
        if self._live:
            await asyncio.wait([one.done for one in self._live], timeout=timeout_seconds)
