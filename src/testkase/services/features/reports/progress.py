"""What one attempt at a run writes down, as the page polls it: at most every few hundred milliseconds."""

import time

import msgspec

from testkase.core.ledger.terms import Tokens
from testkase.foundation.database import Database, Operation, Statement
from testkase.services.features.reports.model import NAMES, Facts, Kind, Narrative, Progress
from testkase.services.features.reports.requests import SQL
from testkase.services.features.running.job import EVERY_SECONDS, Superseded


class Journal:
    """Writes what one attempt produces. Raises Superseded as soon as the attempt is no longer the current one."""

    def __init__(self, database: Database, key: dict[str, int], progress: Progress) -> None:
        self._database = database
        self._org_id = key["org_id"]
        self._key = key
        self._written_at = 0.0
        self.progress = progress
        self.texts = 0
        """Texts that were kept."""

    async def facts(self, report_id: int, facts: Facts) -> None:
        """Facts are kept as soon as they are known: they do not depend on the model."""
        encoded = msgspec.json.encode(facts).decode()
        await self._write(Statement(SQL["keep_facts"], self._report(report_id) | {"facts": encoded}))

    async def begin(self, kind: Kind) -> None:
        """The text of another report is being written."""
        self.progress = msgspec.structs.replace(self.progress, now=NAMES[kind], writing="")
        await self._write()

    async def writing(self, shown: str) -> None:
        """More of the current text has arrived. Cheap to call for every piece."""
        if time.monotonic() - self._written_at >= EVERY_SECONDS:
            self.progress = msgspec.structs.replace(self.progress, writing=shown)
            await self._write()

    async def text(self, report_id: int, narrative: Narrative, used: Tokens) -> None:
        """A text that may be shown, and what it took."""
        self.texts += 1
        kept = {
            "narrative": msgspec.json.encode(narrative).decode(),
            "input": used.input + used.cache_write,
            "cached": used.cached_input,
            "output": used.output + used.reasoning,
        }
        await self._done(Statement(SQL["keep_text"], self._report(report_id) | kept))

    async def no_text(self, report_id: int, error: str) -> None:
        """A report that stays without a text, and why."""
        await self._done(Statement(SQL["fail_report"], self._report(report_id) | {"error": error}))

    async def _done(self, statement: Statement) -> None:
        self.progress = msgspec.structs.replace(self.progress, done=self.progress.done + 1, writing="")
        await self._write(statement)

    async def _write(self, *statements: Statement) -> None:
        self._written_at = time.monotonic()
        params = {**self._key, "progress": msgspec.json.encode(self.progress).decode()}
        if not await self._database.run(_written(params, statements), org_id=self._org_id):
            raise Superseded

    def _report(self, report_id: int) -> dict[str, object]:
        return {"org_id": self._org_id, "report_id": report_id}


def _written(progress: dict[str, object], statements: tuple[Statement, ...]) -> Operation[bool]:
    """The progress first: it holds the run's row, so that no other attempt can begin before the rest is written."""
    current = bool((yield Statement(SQL["report_progress"], progress)))
    for statement in statements if current else ():  # noqa: UP028 - answers are sent back, which no tuple takes
        yield statement
    return current
