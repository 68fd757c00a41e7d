"""Server-sent events: bytes in, `data:` payloads out, byte for byte as they came."""

import codecs
from collections.abc import Iterator

MAX_EVENT_BYTES = 8 * 1024 * 1024
"""A single event larger than this is no chat chunk."""


class EventTooLarge(ValueError):
    """The stream sent more than 8 MiB without ending an event."""


class EventReader:
    """Feeds on pieces of any size. Comments, which servers send to keep a connection alive, are dropped."""

    def __init__(self) -> None:
        self._rest = b""
        self._begun = False

    def feed(self, piece: bytes) -> Iterator[bytes]:
        """The payloads that are complete now. Chat chunks are single lines, so every `data:` line is an event."""
        *lines, self._rest = (self._rest + piece).split(b"\n")
        if len(self._rest) > MAX_EVENT_BYTES:
            raise EventTooLarge
        for line in lines:
            if not self._begun:
                self._begun, line = True, line.removeprefix(codecs.BOM_UTF8)  # noqa: PLW2901 - one line in a stream
            if line.startswith(b"data:"):
                payload = line[5:].strip(b" \r")
                if payload:
                    yield payload
