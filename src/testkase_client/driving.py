"""The two drivers, and the descriptors that make one function a method of both clients: plain on the one, awaitable on
the other, typed alike."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from dataclasses import replace
from inspect import Parameter, Signature, signature
from types import MethodType
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, overload

import httpx

from testkase_client.exchange import Steps, Wait, Wire
from testkase_client.request import Page, Request

P = ParamSpec("P")
S = TypeVar("S", bound="Driver")
T = TypeVar("T")
H = TypeVar("H", bound=httpx.Client | httpx.AsyncClient)

MOST_AT_ONCE = 100
"""Requests of an AsyncClient under way at a time: as many as httpx opens connections."""


class Connections(Generic[H]):
    """The connections of this process. A forked one opens its own: two that share one read each other's answers, and
    who was refused could take another's hold for theirs."""

    def __init__(self, make: Callable[[], H]) -> None:
        self._make = make
        self._made: tuple[int, H] = (os.getpid(), make())
        self.turns = asyncio.Semaphore(MOST_AT_ONCE)

    @property
    def http(self) -> H:
        if self._made[0] != os.getpid():
            self._made = (os.getpid(), self._make())
        return self._made[1]


class Driver:
    """Whoever carries steps out."""

    wire: Wire


class Sync(Driver):
    """Carries steps out and blocks."""

    connections: Connections[httpx.Client]

    def run(self, steps: Steps[T]) -> T:
        """The end of the steps. Raises Problem."""
        try:
            step = next(steps)
            while True:
                try:
                    got = self._do(step)
                except Exception as fault:  # noqa: BLE001 - the steps know which it is, and raise the others
                    step = steps.throw(fault)
                else:
                    step = steps.send(got)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]  # a generator's return value
        finally:
            steps.close()  # now, where it was interrupted: what is raised would keep it until nobody looks at it

    def _do(self, step: httpx.Request | Wait) -> httpx.Response | None:
        if isinstance(step, Wait):
            time.sleep(step.seconds)
            return None
        return self.connections.http.send(step)


class Async(Driver):
    """Carries steps out and lets others run meanwhile."""

    connections: Connections[httpx.AsyncClient]

    async def run(self, steps: Steps[T]) -> T:
        """The end of the steps. Raises Problem."""
        try:
            step = next(steps)
            while True:
                try:
                    got = await self._do(step)
                except Exception as fault:  # noqa: BLE001 - the steps know which it is, and raise the others
                    step = steps.throw(fault)
                else:
                    step = steps.send(got)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]  # a generator's return value
        finally:
            steps.close()  # now, where it was interrupted: what is raised would keep it until nobody looks at it

    async def _do(self, step: httpx.Request | Wait) -> httpx.Response | None:
        if isinstance(step, Wait):
            await asyncio.sleep(step.seconds)
            return None
        # What waits for a connection inside httpx is looked through at every answer, and its timeout runs meanwhile: a
        # thousand calls at once took minutes, and were repeated though they had not been sent.
        async with self.connections.turns:
            return await self.connections.http.send(step)


def method(written: Callable[..., Any], does: Callable[..., Any]) -> Callable[..., Any]:
    """What it does, with the name, the words and the parameters of what it is `written` as: `help`, editors and doubles
    in tests know a method by them."""
    taken = [each for each in signature(written).parameters.values() if each.name != "self"]
    named: Any = does
    named.__name__ = named.__qualname__ = written.__name__.lstrip("_")
    named.__doc__ = written.__doc__
    named.written = written
    named.__signature__ = Signature([Parameter("self", Parameter.POSITIONAL_ONLY), *taken])
    return does


def bound(does: Callable[..., Any], driver: Any) -> Callable[..., Any]:
    """Of an instance its method, of the class the function."""
    return does if driver is None else MethodType(does, driver)


class Planned(Generic[S, P, T]):
    """A method written as steps."""

    def __init__(self, plan: Callable[Concatenate[S, P], Steps[T]]) -> None:
        self._does = method(plan, lambda driver, /, *args, **kwargs: driver.run(plan(driver, *args, **kwargs)))

    @overload
    def __get__(self, driver: Sync, owner: type) -> Callable[P, T]: ...
    @overload
    def __get__(self, driver: Async, owner: type) -> Callable[P, Coroutine[Any, Any, T]]: ...
    @overload
    def __get__(self, driver: None, owner: type) -> Callable[..., Any]: ...
    def __get__(self, driver: Any, owner: type) -> Any:
        return bound(self._does, driver)


class Call(Generic[P, T]):
    """A method that is one request."""

    def __init__(self, request: Callable[P, Request[T]]) -> None:
        self._does = method(
            request, lambda driver, /, *args, **kwargs: driver.run(driver.wire.exchange(request(*args, **kwargs)))
        )  # fmt: skip

    @overload
    def __get__(self, driver: Sync, owner: type) -> Callable[P, T]: ...
    @overload
    def __get__(self, driver: Async, owner: type) -> Callable[P, Coroutine[Any, Any, T]]: ...
    @overload
    def __get__(self, driver: None, owner: type) -> Callable[..., Any]: ...
    def __get__(self, driver: Any, owner: type) -> Any:
        return bound(self._does, driver)


class Listed(Generic[P, T]):
    """A method that iterates over a list, asking for one page after the other as it is read."""

    def __init__(self, request: Callable[P, Request[Page[T]]]) -> None:
        def listed(driver: Sync | Async, /, *args: P.args, **kwargs: P.kwargs) -> Any:
            items: Any = _items if isinstance(driver, Sync) else _items_async
            return items(driver, request(*args, **kwargs))

        self._does = method(request, listed)

    @overload
    def __get__(self, driver: Sync, owner: type) -> Callable[P, Iterator[T]]: ...
    @overload
    def __get__(self, driver: Async, owner: type) -> Callable[P, AsyncIterator[T]]: ...
    @overload
    def __get__(self, driver: None, owner: type) -> Callable[..., Any]: ...
    def __get__(self, driver: Any, owner: type) -> Any:
        return bound(self._does, driver)


def _items(driver: Sync, request: Request[Page[T]]) -> Iterator[T]:
    following: Request[Page[T]] | None = request
    while following is not None:
        page = driver.run(driver.wire.exchange(following))
        yield from page.items
        following = _after(following, page)


async def _items_async(driver: Async, request: Request[Page[T]]) -> AsyncIterator[T]:
    following: Request[Page[T]] | None = request
    while following is not None:
        page = await driver.run(driver.wire.exchange(following))
        for item in page.items:
            yield item
        following = _after(following, page)


def _after(request: Request[Page[T]], page: Page[T]) -> Request[Page[T]] | None:
    if page.next_cursor is None:
        return None
    return replace(request, query={**(request.query or {}), "cursor": page.next_cursor})
