"""A request as bytes, and as a command line with which somebody sees the same."""

from dataclasses import dataclass, field
from typing import Any, Literal

from campaigns.fuzz.operations import Operation

Door = Literal["api", "openai", "webhooks", "pages"]
Header = tuple[str, bytes]
_LONGEST_SHOWN = 4_000


@dataclass(slots=True, kw_only=True)
class Request:
    """One request. What is bent is written into `bent`; what no HTTP server can read is `malformed`."""

    door: Door
    method: str
    path: str
    """Percent-encoded, without a query."""
    query: str = ""
    headers: list[Header] = field(default_factory=list)
    body: bytes | None = None
    value: Any = None
    """The body before it was written as JSON, or the form's fields."""
    operation: Operation | None = None
    """What of the document it asks for; None once the address or the method is another."""
    who: str = ""
    bent: list[str] = field(default_factory=list)
    length: int | None = None
    """Declared instead of the true one."""
    malformed: bool = False

    @property
    def target(self) -> str:
        return f"{self.path}?{self.query}" if self.query else self.path

    def header(self, name: str) -> bytes | None:
        """The first value of a header, by its name in any case."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    def set(self, name: str, value: bytes | None) -> None:
        """One value of a header, or none."""
        self.headers = [pair for pair in self.headers if pair[0].lower() != name.lower()]
        if value is not None:
            self.headers.append((name, value))

    def raw(self, host: str) -> bytes:
        """The bytes to send."""
        head = [f"{self.method} {self.target} HTTP/1.1".encode("utf-8", "replace")]
        if self.header("host") is None:
            head.append(b"Host: " + host.encode())
        head += [name.encode("latin-1") + b": " + value for name, value in self.headers]
        if self.header("transfer-encoding") is None and (self.body is not None or self.length is not None):
            length = len(self.body or b"") if self.length is None else self.length
            head.append(b"Content-Length: " + str(length).encode())
        return b"\r\n".join([*head, b"", self.body or b""])

    def curl(self, url: str) -> str:
        """A command line for the same request."""
        parts = ["curl -sS -i --path-as-is -X", quoted(self.method.encode()), quoted(f"{url}{self.target}".encode())]
        for name, value in self.headers:
            parts += ["-H", quoted(name.encode("latin-1") + b": " + value)]
        if self.length is not None:
            parts += ["-H", quoted(f"Content-Length: {self.length}".encode())]
        if self.body is None:
            return " ".join(parts)
        if len(self.body) > _LONGEST_SHOWN:
            return " ".join([*parts, f"--data-binary @…  # {len(self.body):,} bytes, {quoted(self.body[:200])}…"])
        return " ".join([*parts, "--data-binary", f"@<(printf {quoted(_octal(self.body))})"])


def quoted(text: bytes) -> str:
    """For a shell, in words of $'…'."""
    return "$'" + text.decode("latin-1").encode("unicode_escape").decode("ascii").replace("'", "\\'") + "'"


def _octal(body: bytes) -> bytes:
    """For printf: every byte a shell could lose as an octal number."""
    return b"".join(bytes([one]) if 32 <= one < 127 and one not in b"\\%" else b"\\%03o" % one for one in body)
