"""Work between us and a payment provider, written once as a generator and run by two small drivers.

    def look_at(org_id: int, order_id: str) -> Errand[Result]:
        payments = yield ask(lambda provider: provider.payments_of_order(order_id))
        return (yield do(org_id, keep(org_id, payments)))

An errand asks the provider and carries out operations by turns. Each operation is a transaction of its own, and none is
open while the provider is asked: whoever is killed in between has either finished a step or not begun it, and the next
one who comes by (the browser, a report, the reconciler) finds the rest to do.
"""

import asyncio
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, cast

from testkase.foundation.database import Database, Operation
from testkase.services.billing.provider import Provider

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Ask:
    """A question to the provider: blocks for as long as the network takes."""

    question: Callable[[Provider], Any]


@dataclass(frozen=True, slots=True)
class Do:
    """An operation in a transaction of its own, in an organization's context (None: the directories alone)."""

    org_id: int | None
    operation: Operation[Any]


Errand = Generator[Ask | Do, Any, T]


def ask(question: Callable[[Provider], T]) -> Generator[Ask | Do, Any, T]:
    """`answer = yield from ask(…)`: typed. Raises ProviderRefused and ProviderSilent."""
    return cast(T, (yield Ask(question)))


def do(org_id: int | None, operation: Operation[T]) -> Generator[Ask | Do, Any, T]:
    """`result = yield from do(…)`: typed, committed when it answers."""
    return cast(T, (yield Do(org_id, operation)))


class SyncTransactions(Protocol):
    """How a synchronous caller runs one operation in a transaction of its own."""

    def __call__(self, operation: Operation[Any], *, org_id: int | None) -> Any: ...


def run_errand(errand: Errand[T], provider: Provider, transact: SyncTransactions) -> T:
    """For Django's views, the command line and tests. No transaction may be open around it."""

    def take(step: Ask | Do) -> Any:
        if isinstance(step, Ask):
            return step.question(provider)
        return transact(step.operation, org_id=step.org_id)

    try:
        step = next(errand)
        while True:
            try:
                answer = take(step)
            except Exception as fault:  # noqa: BLE001 - the errand decides what an answer or a refusal means
                step = errand.throw(fault)
            else:
                step = errand.send(answer)
    except StopIteration as done:
        return cast(T, done.value)


async def run_errand_async(errand: Errand[T], provider: Provider, database: Database) -> T:
    """On the event loop: the provider is asked in a thread."""

    async def take(step: Ask | Do) -> Any:
        if isinstance(step, Ask):
            return await asyncio.to_thread(step.question, provider)
        return await database.run(step.operation, org_id=step.org_id)

    try:
        step = next(errand)
        while True:
            try:
                answer = await take(step)
            except Exception as fault:  # noqa: BLE001 - as above
                step = errand.throw(fault)
            else:
                step = errand.send(answer)
    except StopIteration as done:
        return cast(T, done.value)
