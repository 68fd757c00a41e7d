"""What differs between providers: how a request is put, and how its answer is understood.

Both sides of a dialect are OpenAI's chat completions, which the product and the gateway's callers speak: a request of
theirs becomes the provider's, and the provider's answer becomes chunks of theirs.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from testkase.services.inference.model import ModelEntry, Provider
from testkase.services.inference.providers.calling.heard import Heard

Headers = list[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A request ready to be sent. `path` is appended to the provider's `base_url`."""

    path: str
    content: bytes


class Reported(Exception):  # noqa: N818 - what the provider said, not what went wrong here
    """An error inside an answer that began with 200."""

    def __init__(self, error: Any) -> None:
        super().__init__()
        self.error = error


class Malformed(ValueError):
    """An answer whose provider says something that cannot be taken for what it stands for. The message names it."""


class Interpreter(Protocol):
    """Understands one answer. `heard` is what it came to so far."""

    @property
    def heard(self) -> Heard: ...

    def whole(self, content: bytes) -> bytes:
        """A chat completion of a whole answer. Raises Reported, and Malformed or UNREADABLE for what is no
        answer."""
        ...

    def event(self, payload: bytes) -> Iterable[bytes]:
        """The chunks for the caller that follow from one event of a stream, each counted in `heard` as it is taken.
        Raises as `whole` does."""
        ...

    def ending(self) -> Iterable[bytes]:
        """What is still to be said at the end of a stream that finished."""
        ...


class Dialect(Protocol):
    """How one kind of provider is spoken to. Stateless; one serves every call."""

    def headers(self, provider: Provider) -> Headers:
        """The headers that carry the provider's key and its version."""
        ...

    def request(self, entry: ModelEntry, body: Mapping[str, Any], *, stream: bool) -> Outgoing:
        """The provider's own form of a prepared chat completion. Raises UnsupportedParameter."""
        ...

    def interpreter(self, *, show_usage: bool) -> Interpreter:
        """For one answer. `show_usage`: the caller wants usage at the end of the stream."""
        ...
