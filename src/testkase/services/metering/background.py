"""Tasks nobody waits for. The event loop keeps only weak references to tasks; these are kept until they end."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

_running: set[asyncio.Task[Any]] = set()


def in_background(coroutine: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
    """Start a coroutine that goes on whatever happens to its starter."""
    task = asyncio.get_running_loop().create_task(coroutine)
    _running.add(task)
    task.add_done_callback(_running.discard)
    return task
