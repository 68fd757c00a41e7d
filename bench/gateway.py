"""(d) What the gateway adds: chat completions through it, against the same upstream asked directly."""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from bench.cpu import process_seconds
from bench.measure import Sample, percentiles
from bench.programs import App
from testkase.config.supervising.children import dies_with_parent
from testkase.config.supervising.ports import free_port
from tests.support.programs import wait_for_port
from tests.support.wire import Wire

CALLERS = (1, 16)
_QUESTION = {
    "model": "testkase-demo",
    "messages": [{"role": "user", "content": "Write a test case."}],
    "max_tokens": 64,
}


@dataclass(frozen=True)
class Target:
    """Who is asked for completions, and the process that answers; None where it is not ours to count."""

    name: str
    url: str
    path: str
    pid: int | None = None


@dataclass(frozen=True)
class GatewayCase:
    """Callers asking for one completion after another, of the gateway, of another proxy or of the upstream itself."""

    app: App
    target: Target
    stream: bool
    callers: int
    section: str = "gateway"

    @property
    def name(self) -> str:
        return f"{'stream' if self.stream else 'whole answer'}, {self.target.name}, {self.callers} callers"

    @property
    def key(self) -> str:
        return f"gateway.{self.target.name}.{'stream' if self.stream else 'whole'}.{self.callers}"

    def run(self, seconds: float) -> Sample:
        return self.app.loop.run_until_complete(self._run(seconds))

    async def _run(self, seconds: float) -> Sample:
        app, target = self.app, self.target
        keys = [app.organizations[n % len(app.organizations)].key for n in range(self.callers)]
        wires = [await Wire.connect(target.url, key) for key in keys]
        latencies: list[float] = []
        spent, database, began = _seconds(target), app.server.cpu_seconds(), time.perf_counter()
        await asyncio.gather(
            *(self._caller(wire, number, began + seconds, latencies) for number, wire in enumerate(wires))
        )
        took = time.perf_counter() - began
        spent, database = _seconds(target) - spent, app.server.cpu_seconds() - database
        for wire in wires:
            wire.close()
        count = len(latencies)
        return Sample(
            count,
            took,
            *percentiles(latencies),
            app_cpu=spent / count * 1e6 if target.pid is not None else None,
            database_cpu=database / count * 1e6 if target.pid == app.pid else None,
        )

    async def _caller(self, wire: Wire, number: int, until: float, latencies: list[float]) -> None:
        while (began := time.perf_counter()) < until:
            await complete(wire, self.target.path, stream=self.stream, user=f"user{number}@example.com")
            latencies.append((time.perf_counter() - began) * 1000)


def _seconds(target: Target) -> float:
    return process_seconds(target.pid) if target.pid is not None else 0.0


async def complete(wire: Wire, path: str, *, stream: bool, user: str) -> None:
    """One completion, read to its end."""
    body = json.dumps(_QUESTION | {"stream": stream, "user": user}).encode()
    response = await wire.request("POST", path, body)
    if response.status != 200 or b"upstream" not in response.body:
        raise RuntimeError(f"{path} answered {response.status}: {response.body[:300]!r}")


@contextmanager
def instant_upstream() -> Iterator[int]:
    """A fake provider in a process of its own that answers at once; its port."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.upstream", "--port", str(port)],
        stdout=subprocess.DEVNULL,
        preexec_fn=dies_with_parent(),  # noqa: PLW1509 - it only makes system calls
    )
    try:
        wait_for_port(port)
        yield port
    finally:
        process.terminate()
        process.wait(10)


def gateway_cases(app: App, upstream_port: int) -> Iterator[GatewayCase]:
    """Direct and through the gateway, whole answers and streams, one caller and sixteen."""
    direct = Target("direct", f"http://127.0.0.1:{upstream_port}", "/v1/chat/completions")
    gateway = Target("gateway", app.url, "/openai/v1/chat/completions", app.pid)
    for callers in CALLERS:
        for stream in (False, True):
            for target in (direct, gateway):
                yield GatewayCase(app, target, stream, callers)
