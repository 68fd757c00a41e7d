"""(e) Memory of the application process: idle, and after calls without end. Growth would be a leak."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from bench.cpu import resident_megabytes
from bench.gateway import complete
from bench.programs import App, single_pair
from tests.support.wire import Wire

CALLERS = 32


@dataclass(frozen=True, slots=True)
class Memory:
    """Resident megabytes after so many calls; 0: idle."""

    calls: int
    megabytes: float


def measure_memory(app: App, steps: Sequence[int]) -> list[Memory]:
    """After each number of calls: half of them metered pairs over the API, half completions through the gateway."""
    done, measured = 0, []
    for step in steps:
        app.loop.run_until_complete(_calls(app, step - done))
        done = step
        measured.append(Memory(step, resident_megabytes(app.pid)))
    return measured


async def _calls(app: App, count: int) -> None:
    wires = [await Wire.connect(app.url, app.organizations[n % len(app.organizations)].key) for n in range(CALLERS)]
    left = iter(range(count))

    async def caller(number: int, wire: Wire) -> None:
        for each in left:
            if each % 2:
                await single_pair(wire)
            else:
                await complete(
                    wire, "/openai/v1/chat/completions", stream=each % 4 == 0, user=f"user{number}@example.com"
                )

    await asyncio.gather(*(caller(number, wire) for number, wire in enumerate(wires)))
    for wire in wires:
        wire.close()
