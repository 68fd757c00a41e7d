"""Two processes of the application on one database, which can be killed while they stream and come back."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from campaigns.streams.plan import COUNTED, PRICE_BOOK, RUNNING, SILENT
from testkase.config.supervising.ports import free_port
from testkase.core.pricing.load import PACKAGED
from tests.support.cluster import TestDatabase
from tests.support.processes import Running, start, wait_until_ready

READ_SECONDS = 1.0
"""How long the gateway bears a provider's silence."""

_MODELS = {COUNTED: "{}", RUNNING: "{ continuous_usage = true }", SILENT: "{ stream_options = false }"}


class Gateways:
    """The processes, by number."""

    def __init__(self, database: TestDatabase, folder: Path, provider_port: int) -> None:
        self._folder = folder
        self._environ = {
            **database.environ(),
            "TESTKASE_PROVIDERS": str(_providers(folder, provider_port)),
            "TESTKASE_PRICE_BOOK": str(_price_book(folder)),
            "LOG_LEVEL": "ERROR",
        }
        self._ports = [free_port(), free_port()]
        self.urls = [f"http://127.0.0.1:{port}" for port in self._ports]
        self._running = [self._start(number) for number in range(len(self._ports))]
        for number in range(len(self._ports)):
            self._wait(number)

    def end(self, number: int, how: signal.Signals) -> None:
        """End one, and start another in its place."""
        self._running[number].stop(how, timeout_seconds=60)
        self._running[number] = self._start(number)
        self._wait(number)

    def stop(self) -> None:
        for running in self._running:
            running.stop()

    def _start(self, number: int) -> Running:
        return start("serve", environ={**self._environ, "PORT": str(self._ports[number])}, folder=self._folder)

    def _wait(self, number: int) -> None:
        wait_until_ready(self._running[number], self._ports[number], "/readyz")


@contextmanager
def gateways(database: TestDatabase, folder: Path, provider_port: int) -> Iterator[Gateways]:
    """Both ready; stopped afterwards."""
    made = Gateways(database, folder, provider_port)
    try:
        yield made
    finally:
        made.stop()


def _providers(folder: Path, port: int) -> Path:
    tables = "".join(
        f"""
[[providers]]
name = "{name}"
base_url = "http://127.0.0.1:{port}/v1"
no_training = true
zero_retention = true
timeouts = {{ read = {READ_SECONDS} }}
capabilities = {capabilities}

[[providers.models]]
name = "{name}"
context_window = 100000
max_output_tokens = 1000
"""
        for name, capabilities in _MODELS.items()
    )
    path = folder / "providers.toml"
    path.write_text(tables, encoding="utf-8")
    return path


def _price_book(folder: Path) -> Path:
    """The packaged book in force, and the campaign's models beside its own."""
    book = min(PACKAGED.glob("*.toml"))
    place = folder / "price-book"
    place.mkdir()
    (place / book.name).write_text(book.read_text(encoding="utf-8") + PRICE_BOOK, encoding="utf-8")
    return place
