"""The embedded model, started once for the session as the product starts it."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from testkase.services.inference.embedded import wait_until_ready

KEY = "key-of-the-embedded-model"


@dataclass(frozen=True, slots=True)
class ModelServer:
    port: int
    process: subprocess.Popen[bytes]


@pytest.fixture(scope="session")
def model_server() -> Iterator[ModelServer]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environ = {**os.environ, "TESTKASE_MODEL_PORT": str(port), "TESTKASE_MODEL_API_KEY": KEY}
    process = subprocess.Popen([sys.executable, "-m", "testkase", "model-server"], env=environ)
    try:
        wait_until_ready(port, KEY, timeout_seconds=120)
        yield ModelServer(port, process)
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
