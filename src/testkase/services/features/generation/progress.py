"""Progress, as the page polls it: written while the model writes, at most every few hundred milliseconds."""

import re
import time

import msgspec

from testkase.foundation.database import Database, Operation, Statement
from testkase.services.features.generation.model import Progress
from testkase.services.features.generation.operations import SQL
from testkase.services.features.generation.twins import find_twin
from testkase.services.features.running.job import EVERY_SECONDS, Superseded
from testkase.services.workspace.model import CaseContent

_WRITTEN = re.compile(r'"(?:title|preconditions|action|expected)"\s*:\s*"((?:[^"\\]|\\.)*)')


class Reporter:
    """Writes what one attempt produces. Raises Superseded as soon as the attempt is no longer the current one."""

    def __init__(
        self, database: Database, key: dict[str, int], progress: Progress, *, twins_in: int | None = None
    ) -> None:
        self._database = database
        self._twins_in = twins_in
        self._key = key
        self._org_id = key["org_id"]
        self._written_at = 0.0
        self.progress = progress

    async def begin(self, now: str) -> None:
        """Something new is being worked on."""
        await self._report(msgspec.structs.replace(self.progress, now=now, writing=""))

    async def writing(self, answer: str) -> None:
        """More of the current answer has arrived. Cheap to call for every piece."""
        if time.monotonic() - self._written_at >= EVERY_SECONDS:
            await self._report(msgspec.structs.replace(self.progress, writing=readable(answer)))

    async def draft(self, position: int, content: CaseContent, *, after_step: int | None = None) -> None:
        """A draft is complete: it is kept, whatever happens next. Test cases that say nearly the same are noted."""
        self.progress = msgspec.structs.replace(self.progress, done=self.progress.done + 1, writing="")
        encoded = msgspec.json.encode(content).decode()
        draft: dict[str, object] = {**self._key, "position": position, "content": encoded, "after_step": after_step}
        await self._run(self._keep(self._params(), draft, content))

    async def _report(self, progress: Progress) -> None:
        self.progress = progress
        await self._run(_report(self._params()))

    async def _run(self, operation: Operation[bool]) -> None:
        self._written_at = time.monotonic()
        if not await self._database.run(operation, org_id=self._org_id):
            raise Superseded

    def _keep(self, progress: dict[str, object], draft: dict[str, object], content: CaseContent) -> Operation[bool]:
        current = yield from _report(progress)
        if current:
            twin = None
            if self._twins_in is not None:
                twin = yield from find_twin(self._org_id, self._twins_in, content)
            named = {"twin_key": twin.key if twin else None, "likeness": twin.likeness if twin else None}
            yield Statement(SQL["insert_draft"], {**draft, **named})
        return current

    def _params(self) -> dict[str, object]:
        return {**self._key, "progress": msgspec.json.encode(self.progress).decode()}


def readable(answer: str) -> str:
    """The sentences of an unfinished JSON answer."""
    return " ".join(part.replace('\\"', '"').replace("\\n", " ") for part in _WRITTEN.findall(answer))[-600:]


def _report(params: dict[str, object]) -> Operation[bool]:
    rows = yield Statement(SQL["report_progress"], params)
    return bool(rows)
