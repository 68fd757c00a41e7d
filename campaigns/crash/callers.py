"""Callers who keep their own books: what they asked for, what was acknowledged, what they do not know.

An error does not mean that it did not happen. A caller that gets no answer repeats the request under the same id until
there is one, and notes only answers; what a caller has noted must stand in the ledger, once.
"""

import asyncio
import itertools
import json
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from tests.support.programs import Organization
from tests.support.wire import Response, Wire

BROKEN = (OSError, EOFError, ValueError)
"""What a connection may die of, in the middle of an answer too."""

_ACCOUNTING = re.compile(rb"^: testkase (\{.*\})$", re.MULTILINE)
"""The comment behind a stream's last event."""

_CALL = {"use_case": "report", "user": "ada@example.com"}
_QUESTION = {"model": "testkase-demo", "messages": [{"role": "user", "content": "A test?"}], "max_tokens": 32}


@dataclass(slots=True)
class Notes:
    """Everything acknowledged, by (organization, id). Amounts as the answers said them."""

    held: dict[tuple[int, str], Decimal] = field(default_factory=dict)
    charged: dict[tuple[int, str], Decimal] = field(default_factory=dict)
    answered: dict[tuple[int, str], Decimal] = field(default_factory=dict)
    """Completions that arrived whole, by the id of their hold, with the charge they told."""
    cut: set[tuple[int, str]] = field(default_factory=set)
    """Completions that broke off, or could not say their charge."""
    unknown: int = 0
    """Requests that got no answer and were repeated."""
    committed_unheard: int = 0
    """Of these, how many had happened."""
    faults: list[str] = field(default_factory=list)


class Caller:
    """One program with a connection, a seed and a habit: pairs, abandoned holds, or completions. Where a connection
    broke it goes on with another process."""

    def __init__(self, urls: Sequence[str], organization: Organization, number: int, seed: int, notes: Notes) -> None:
        self._urls = itertools.cycle([*urls[number % len(urls) :], *urls[: number % len(urls)]])
        self._organization = organization
        self._dice = random.Random(f"{seed} {number}")
        self._ids = (f"c{number}-{n}" for n in itertools.count(1))
        self._notes = notes
        self._streams = number % 3 == 0
        self._wire: Wire | None = None

    def turn_to(self, url: str) -> None:
        """Where to go on once the connection of now has broken."""
        self._urls = itertools.cycle([url])

    async def work(self, stop: asyncio.Event) -> None:
        """Until told to stop; what was begun is brought to an answer."""
        while not stop.is_set():
            await (self._complete() if self._streams else self._pair())
        self._drop()

    async def _pair(self) -> None:
        hold_id, amount = next(self._ids), Decimal(self._dice.randrange(10, 300)) / 100
        ttl = self._dice.choice((5, 60, 300))
        hold = _CALL | {"id": hold_id, "credits": str(amount), "ttl_seconds": ttl}
        answer = await self._until_answered("/api/v1/holds", hold)
        key = (self._organization.org_id, hold_id)
        if answer.status != 201:
            self._notes.faults.append(f"hold {key} answered {answer.status} {answer.body[:200]!r}")
            return
        self._notes.held[key] = Decimal(answer.json()["amount"])
        if self._dice.random() < 0.1:
            return  # left to lapse
        charge = Decimal(self._dice.randrange(0, int(amount * 100) + 1)) / 100
        answer = await self._until_answered(f"/api/v1/holds/{hold_id}/settlement", {"credits": str(charge)})
        if answer.status == 200:
            self._notes.charged[key] = Decimal(answer.json()["charged"])
            if self._notes.charged[key] != charge:
                self._notes.faults.append(f"settlement {key} of {charge} charged {answer.json()['charged']}")
        elif not (answer.status == 409 and b"lapsed" in answer.body):
            self._notes.faults.append(f"settlement {key} answered {answer.status} {answer.body[:200]!r}")

    async def _complete(self) -> None:
        """A streamed completion under an id of our own. It is never repeated: the model is called once."""
        call_id = next(self._ids)
        key = (self._organization.org_id, call_id)
        try:
            wire = await self._connected()
        except OSError:
            await self._pause()
            return
        try:
            answer = await wire.post(
                "/openai/v1/chat/completions", _QUESTION | {"stream": True}, headers=f"Idempotency-Key: {call_id}\r\n"
            )
        except BROKEN:
            self._notes.cut.add(key)
            await self._pause()
            return
        accounting = _ACCOUNTING.search(answer.body)
        told = json.loads(accounting[1]) if answer.status == 200 and accounting is not None else {}
        if "charged" in told:
            self._notes.answered[self._organization.org_id, told["hold"]] = Decimal(told["charged"])
        elif answer.status == 200 or answer.status >= 500:
            self._notes.cut.add(key)
        else:
            self._notes.faults.append(f"completion {key} answered {answer.status} {answer.body[:200]!r}")

    async def _until_answered(self, path: str, body: dict[str, Any]) -> Response:
        repeated = False
        while True:
            try:
                answer = await (await self._connected()).post(path, body)
            except BROKEN:
                answer = None
            if answer is not None and answer.status < 500:
                self._notes.committed_unheard += repeated and answer.replayed
                return answer
            self._notes.unknown += not repeated
            repeated = True
            await self._pause()

    async def _connected(self) -> Wire:
        if self._wire is None:
            self._wire = await Wire.connect(next(self._urls), self._organization.key)
        return self._wire

    async def _pause(self) -> None:
        self._drop()
        await asyncio.sleep(0.05 + self._dice.random() / 10)

    def _drop(self) -> None:
        if self._wire is not None:
            self._wire.close()
            self._wire = None
