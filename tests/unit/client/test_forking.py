"""A client made before a fork, as servers make it that load a program once and fork their workers from it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

import testkase_client

PROGRAM = """
import os
import sys
from testkase_client import Client

with Client(sys.argv[1], "k") as client:
    print(client.problem_meaning("paused").title, flush=True)
    child = os.fork()
    if child:
        os.waitpid(child, 0)
    print(client.problem_meaning("paused").title, flush=True)
"""


class Connected(BaseHTTPRequestHandler):
    """Answers over which connection it was asked."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = f'{{"code": "paused", "status": 403, "title": "{self.client_address[1]}", "next": ""}}'.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


@pytest.fixture
def address() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Connected) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_forked_process_asks_over_a_connection_of_its_own(address: str) -> None:
    """On one connection each took the other's answers: who was refused could be told of a hold."""
    source = str(Path(testkase_client.__file__).parents[1])
    command = [sys.executable, "-c", PROGRAM, address]
    ran = subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=True, env={**os.environ, "PYTHONPATH": source}
    )  # fmt: skip
    before, child, after = ran.stdout.split()
    assert child not in {before, after}
