"""One answer as its bytes come in. llhttp, the parser of Node.js, says where head, body and end are."""

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

MOST_BYTES_BETWEEN = 64 * 1024
"""Of head, trailers and framing between two pieces of a body: whoever sends more is not answering."""
_FINAL = 200


class NotHttp(Exception):
    """What came is no answer in HTTP/1.1."""


class Incoming:
    """An answer that is being read."""

    def __init__(self) -> None:
        self.status = 0
        """0 until the head has come; interim answers are passed over."""
        self.headers: dict[str, str] = {}
        """By name in lower case."""
        self.complete = False
        self.buffered = 0
        """Bytes of the body that nobody has taken yet."""
        self._pieces: list[bytes] = []
        self._parser: HttpResponseParser | None = HttpResponseParser(self)
        """None once it is complete, for the two hold each other."""
        self._came_between = 0
        self._kept_alive = False
        self._went_on = False

    @property
    def leaves_the_connection_usable(self) -> bool:
        """It was read to its end, nothing came after it, and the server does not close."""
        return self.complete and self._kept_alive and not self._went_on

    def feed(self, data: bytes) -> None:
        """Raises NotHttp."""
        if self._parser is None:
            self._went_on = True
            return
        buffered, self._came_between = self.buffered, self._came_between + len(data)
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade) as error:
            raise NotHttp from error
        if self.buffered > buffered:
            self._came_between = 0
        elif self._came_between > MOST_BYTES_BETWEEN:
            raise NotHttp

    def end(self) -> None:
        """The server has closed the connection, which ends a body whose length nobody told."""
        chunked = self.headers.get("transfer-encoding", "").lower().endswith("chunked")
        if self.status and not chunked and "content-length" not in self.headers:
            self.complete = True

    def take(self) -> bytes:
        """What has come of the body since the last time."""
        taken = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
        self._pieces.clear()
        self.buffered = 0
        return taken

    def on_message_begin(self) -> None:
        self._went_on = self.complete

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.status:
            self.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        if self._parser is None:
            return
        status = self._parser.get_status_code()
        if status >= _FINAL:
            self.status = status
        else:
            self.headers.clear()

    def on_body(self, body: bytes) -> None:
        if self._parser is not None:
            self._pieces.append(body)
            self.buffered += len(body)

    def on_message_complete(self) -> None:
        if self._parser is not None and self.status:
            self.complete = True
            self._kept_alive = self._parser.should_keep_alive()
            self._parser = None
