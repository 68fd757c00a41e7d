"""A server on loopback that answers as a test says: good answers, bad ones, none.

with scripted_razorpay() as server:
    server.script(Answer(429), Hang(), Answer(200, order()))
    ...  # point RAZORPAY_API_URL, or the SDK itself, at server.url
    assert server.requests[0].path == "/v1/orders"
"""

import base64
import json
import socket
import struct
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from testkase.foundation.razorpay_account import RazorpayAccount

KEY_ID, KEY_SECRET, WEBHOOK_SECRET = "rzp_test_scripted000001", "scripted-key-secret", "scripted-webhook-secret"


@dataclass(frozen=True)
class Answer:
    """A status and a body: an object as JSON, bytes as they are."""

    status: int = 200
    body: Any = b""
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def content(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


@dataclass(frozen=True)
class Hang:
    """Nothing, until the server is closed."""


@dataclass(frozen=True)
class Reset:
    """The connection is reset where an answer was due."""


@dataclass(frozen=True)
class Request:
    """A call as it arrived."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any
    thread: int

    @property
    def credentials(self) -> str:
        return base64.b64decode(self.headers["authorization"].removeprefix("Basic ")).decode()


class Server:
    """What it was asked, and what it will answer. Without a script it answers 404 in Razorpay's words."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.closing = threading.Event()
        self.url = ""
        self._script: deque[Answer | Hang | Reset] = deque()

    def script(self, *answers: Answer | Hang | Reset) -> None:
        self._script.extend(answers)

    def next(self) -> Answer | Hang | Reset:
        return self._script.popleft() if self._script else refusal("The requested URL was not found on the server.")

    def account(self, **facts: Any) -> RazorpayAccount:
        keys = {"key_id": KEY_ID, "key_secret": KEY_SECRET, "webhook_secret": WEBHOOK_SECRET, "api_url": self.url}
        return RazorpayAccount(**{**keys, **facts})

    @property
    def asked(self) -> list[str]:
        return [f"{request.method} {request.path}" for request in self.requests]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 65_536  # head and body in one piece: two would wait for each other's acknowledgement
    ours: Server

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):  # one way to answer, whatever the method
            return self.answer
        raise AttributeError(name)

    def answer(self) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = urlsplit(self.path)
        self.ours.requests.append(
            Request(
                method=self.command,
                path=parts.path,
                query={name: values[-1] for name, values in parse_qs(parts.query).items()},
                headers={name.lower(): value for name, value in self.headers.items()},
                body=json.loads(content) if content else None,
                thread=self.client_address[1],
            )
        )
        answer = self.ours.next()
        if isinstance(answer, Answer):
            self.send_response(answer.status)
            for name, value in {"Content-Length": str(len(answer.content)), **answer.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.content)
            return
        if isinstance(answer, Hang):
            self.ours.closing.wait(30)
        else:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.shutdown(socket.SHUT_RD)
        self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@contextmanager
def scripted_razorpay() -> Iterator[Server]:
    """A running server, closed with everything it kept waiting."""
    ours = Server()
    http = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"ours": ours}))
    http.daemon_threads = True
    ours.url = f"http://127.0.0.1:{http.server_address[1]}"
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield ours
    finally:
        ours.closing.set()
        http.shutdown()
        http.server_close()
        thread.join()


def refusal(description: str, status: int = 400, **facts: Any) -> Answer:
    """Razorpay's error object."""
    error = {"code": "BAD_REQUEST_ERROR", "description": description, "reason": "input_validation_failed", **facts}
    return Answer(status, {"error": error})


def listing(*entities: dict[str, Any], key: str = "items") -> Answer:
    return Answer(200, {"entity": "collection", "count": len(entities), key: list(entities)})


def order(**facts: Any) -> dict[str, Any]:
    about = {"id": "order_A00000000000001", "entity": "order", "amount": 1000, "amount_paid": 0, "amount_due": 1000}
    more = {"currency": "USD", "receipt": "purchase_1", "status": "created", "notes": [], "created_at": 1_700_000_000}
    return {**about, **more, **facts}


def payment(**facts: Any) -> dict[str, Any]:
    about = {"id": "pay_A00000000000001", "entity": "payment", "amount": 1000, "currency": "USD", "status": "captured"}
    card = {"id": "card_A1", "last4": "1111", "network": "Visa"}
    more = {"order_id": "order_A00000000000001", "method": "card", "card": card, "captured": True, "amount_refunded": 0}
    return {**about, **more, "fee": 30, "tax": 5, "notes": [], "created_at": 1_700_000_000, **facts}


def refund(**facts: Any) -> dict[str, Any]:
    about = {"id": "rfnd_A00000000000001", "entity": "refund", "amount": 400, "currency": "USD", "status": "processed"}
    more: dict[str, Any] = {
        "payment_id": "pay_A00000000000001",
        "receipt": None,
        "notes": [],
        "created_at": 1_700_000_000,
    }
    return {**about, **more, **facts}


def link(**facts: Any) -> dict[str, Any]:
    about: dict[str, Any] = {
        "id": "plink_A00000000000001",
        "amount": 1000,
        "amount_paid": 0,
        "currency": "USD",
        "status": "created",
    }
    more: dict[str, Any] = {"reference_id": "bill_1", "short_url": "https://rzp.io/i/a", "created_at": 1_700_000_000}
    return {**about, **more, "payments": None, **facts}
