"""A connection on which anything can be sent, and an answer read as far as there is one."""

import http.client
import socket
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from campaigns.fuzz.request import Request

PATIENCE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Answer:
    """Status 0: the connection ended without one. Status -1: nothing came in time."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def content_type(self) -> str:
        """Without parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip()


class Line:
    """One kept-alive connection, renewed where it ended."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._address = (parts.hostname or "", parts.port or 80)
        self.host = parts.netloc
        self._socket: socket.socket | None = None

    def send(self, request: Request) -> Answer:
        """The answer. Once more on a new connection where the old one had ended before this request."""
        was_open = self._socket is not None
        answer = self._try(request)
        return self._try(request) if was_open and answer.status == 0 else answer

    def close(self) -> None:
        """At once."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _try(self, request: Request) -> Answer:
        if self._socket is None:
            self._socket = socket.create_connection(self._address, timeout=PATIENCE_SECONDS)
        try:
            answer, closes = self._exchange(self._socket, request)
        except TimeoutError:
            answer, closes = Answer(-1), True
        except (OSError, http.client.HTTPException):
            answer, closes = Answer(0), True
        if closes or request.malformed or answer.status >= 400:
            self.close()
        return answer

    def _exchange(self, line: socket.socket, request: Request) -> tuple[Answer, bool]:
        try:
            line.sendall(request.raw(self.host))
            if request.malformed:
                line.shutdown(socket.SHUT_WR)
        except (BrokenPipeError, ConnectionResetError):
            pass  # refused before all was sent: the answer may be there all the same
        response = http.client.HTTPResponse(line, method=request.method)
        response.begin()
        body = response.read()
        headers = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, headers, body), response.will_close
