"""The two drivers, and the descriptors that make one function a method of both clients: plain on the one, awaitable on
the other, typed alike."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from dataclasses import replace
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, overload

import httpx

from testkase_client.exchange import Steps, Wait, Wire
from testkase_client.request import Page, Request

P = ParamSpec("P")
S = TypeVar("S", bound="Driver")
T = TypeVar("T")
H = TypeVar("H", bound=httpx.Client | httpx.AsyncClient)


class Connections(Generic[H]):
    """The connections of this process. A forked one opens its own: two that share one read each other's answers, and
    who was refused could take another's hold for theirs."""

    def __init__(self, make: Callable[[], H]) -> None:
        self._make = make
        self._made: tuple[int, H] = (os.getpid(), make())

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
                except httpx.RequestError as fault:
                    step = steps.throw(fault)
                else:
                    step = steps.send(got)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]  # a generator's return value

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
                except httpx.RequestError as fault:
                    step = steps.throw(fault)
                else:
                    step = steps.send(got)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]  # a generator's return value

    async def _do(self, step: httpx.Request | Wait) -> httpx.Response | None:
        if isinstance(step, Wait):
            await asyncio.sleep(step.seconds)
            return None
        return await self.connections.http.send(step)


class Planned(Generic[S, P, T]):
    """A method written as steps."""

    def __init__(self, plan: Callable[Concatenate[S, P], Steps[T]]) -> None:
        self.plan, self.__doc__ = plan, plan.__doc__

    @overload
    def __get__(self, driver: Sync, owner: type) -> Callable[P, T]: ...
    @overload
    def __get__(self, driver: Async, owner: type) -> Callable[P, Coroutine[Any, Any, T]]: ...
    @overload
    def __get__(self, driver: None, owner: type) -> "Planned[S, P, T]": ...
    def __get__(self, driver: Any, owner: type) -> Any:
        if driver is None:
            return self
        return lambda *args, **kwargs: driver.run(self.plan(driver, *args, **kwargs))


class Call(Generic[P, T]):
    """A method that is one request."""

    def __init__(self, request: Callable[P, Request[T]]) -> None:
        self.request, self.__doc__ = request, request.__doc__

    @overload
    def __get__(self, driver: Sync, owner: type) -> Callable[P, T]: ...
    @overload
    def __get__(self, driver: Async, owner: type) -> Callable[P, Coroutine[Any, Any, T]]: ...
    @overload
    def __get__(self, driver: None, owner: type) -> "Call[P, T]": ...
    def __get__(self, driver: Any, owner: type) -> Any:
        if driver is None:
            return self
        return lambda *args, **kwargs: driver.run(driver.wire.exchange(self.request(*args, **kwargs)))


class Listed(Generic[P, T]):
    """A method that iterates over a list, asking for one page after the other as it is read."""

    def __init__(self, request: Callable[P, Request[Page[T]]]) -> None:
        self.request, self.__doc__ = request, request.__doc__

    @overload
    def __get__(self, driver: Sync, owner: type) -> Callable[P, Iterator[T]]: ...
    @overload
    def __get__(self, driver: Async, owner: type) -> Callable[P, AsyncIterator[T]]: ...
    @overload
    def __get__(self, driver: None, owner: type) -> "Listed[P, T]": ...
    def __get__(self, driver: Any, owner: type) -> Any:
        if driver is None:
            return self
        items = _items if isinstance(driver, Sync) else _items_async
        return lambda *args, **kwargs: items(driver, self.request(*args, **kwargs))


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
