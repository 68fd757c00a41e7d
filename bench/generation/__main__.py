"""`python -m bench.generation`: test cases of twenty requirements by the embedded model, and how good they are."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from bench.generation.requirements import REQUIREMENTS
from bench.generation.table import row, table
from bench.generation.writing import VARIANTS, Written, write
from testkase.core.pricing import load_price_books
from testkase.foundation.clock import utc_now
from testkase.services.inference import EMBEDDED_MODEL, Catalog
from testkase.services.inference.embedded import embedded_provider, wait_until_ready

KEY = "key-of-the-bench"


@contextmanager
def model_server() -> Iterator[int]:
    """The embedded model, for the length of the block; its port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    environ = {**os.environ, "TESTKASE_MODEL_PORT": str(port), "TESTKASE_MODEL_API_KEY": KEY}
    process = subprocess.Popen([sys.executable, "-m", "testkase", "model-server"], env=environ)
    try:
        wait_until_ready(port, KEY, timeout_seconds=180)
        yield port
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


async def _write(port: int, variant: str, requirements: tuple[str, ...], cases: int) -> Written:
    catalog = Catalog([embedded_provider(port, KEY)])
    try:
        return await write(catalog, variant, requirements, cases)
    finally:
        await catalog.close()


def main(
    *,
    cases: Annotated[int, typer.Option(help="Test cases of each requirement.")] = 2,
    requirements: Annotated[int, typer.Option(help="How many of the twenty.")] = len(REQUIREMENTS),
    variant: Annotated[list[str] | None, typer.Option(help="Only variants with this in their name.")] = None,
) -> None:
    """Write, judge, print the table."""
    terms = load_price_books().at(utc_now()).terms(EMBEDDED_MODEL)
    names = [name for name in VARIANTS if not variant or any(part in name for part in variant)]
    rows = []
    with model_server() as port:
        for name in names:
            began = time.monotonic()
            written = asyncio.run(_write(port, name, REQUIREMENTS[:requirements], cases))
            rows.append(row(name, written, terms, seconds=time.monotonic() - began))
    print(table(rows))


if __name__ == "__main__":
    typer.run(main)
