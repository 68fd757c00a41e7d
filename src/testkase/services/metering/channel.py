"""A bounded hand-over of stream events from the task that reads the provider to the task that answers the client."""

import asyncio
from collections import deque


class Channel:
    """One writer, one reader. When the reader has left, the writer is never made to wait again."""

    def __init__(self, limit: int) -> None:
        self._items: deque[bytes] = deque()
        self._limit = limit
        self._ended = False
        self._abandoned = False
        self._reader: asyncio.Future[None] | None = None
        self._writer: asyncio.Future[None] | None = None

    @property
    def full(self) -> bool:
        return len(self._items) >= self._limit and not self._abandoned

    def put(self, item: bytes) -> None:
        """Never waits: the writer asks `full` and `room` first."""
        if not self._abandoned:
            self._items.append(item)
            _wake(self._reader)

    async def room(self) -> None:
        """Wait until the reader has taken something, or left."""
        while self.full:
            self._writer = asyncio.get_running_loop().create_future()
            await self._writer

    def end(self) -> None:
        """Nothing more will come."""
        self._ended = True
        _wake(self._reader)

    def abandon(self) -> None:
        """The reader has left: what was kept for it is forgotten."""
        self._abandoned = True
        self._items.clear()
        _wake(self._writer)

    async def get(self) -> bytes | None:
        """The next event; None after the last."""
        while not self._items:
            if self._ended:
                return None
            self._reader = asyncio.get_running_loop().create_future()
            await self._reader
        item = self._items.popleft()
        _wake(self._writer)
        return item


def _wake(waiter: "asyncio.Future[None] | None") -> None:
    if waiter is not None and not waiter.done():
        waiter.set_result(None)
