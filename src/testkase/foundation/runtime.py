"""How Python runs a process that serves: its event loop and how it looks for garbage. Benches run theirs alike.

The loop is uvloop's: asyncio's own costs a sixth more of every request (docs/decisions/0017-gateway-cost.md).
"""

import asyncio
import gc

import uvloop

_NEW_OBJECTS = 10_000
"""Made and not yet freed, before they are looked through for garbage that holds itself."""


def runner() -> asyncio.Runner:
    """What runs the coroutines of a serving process."""
    return asyncio.Runner(loop_factory=uvloop.new_event_loop)


def collect_less_garbage() -> None:
    """What is loaded by now stays, so it is never looked through again. What comes is freed by itself unless it holds
    itself, which little does: with Python's own threshold, a sixth of a hold's time went into looking for it."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS)
