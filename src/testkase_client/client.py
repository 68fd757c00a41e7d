"""The two clients."""

import re
from collections.abc import Callable
from typing import ParamSpec, Self, TypeVar

import httpx

from testkase_client.answers.holds import OpenedHold
from testkase_client.driving import Async, Connections, Sync
from testkase_client.exchange import Wire
from testkase_client.holding import AsyncHold, Hold, Holding
from testkase_client.operations import Operations
from testkase_client.request import Request
from testkase_client.requests import holds

P = ParamSpec("P")
H = TypeVar("H", bound=Holding)

TIMEOUT_SECONDS = 30.0
RETRIES = 4


def _holds(request: Callable[P, Request[OpenedHold]], kind: Callable[[Request[OpenedHold]], H]) -> Callable[P, H]:
    """A context manager with the parameters of the request that opens it."""

    def hold(*args: P.args, **kwargs: P.kwargs) -> H:
        return kind(request(*args, **kwargs))

    return hold


class Client(Operations, Sync):
    """The API, synchronously. Threads may share one, and forked processes too, but for a `transport` given here.
    Close it, or use it in `with`."""

    def __init__(
        self,
        base_url: str,
        api_key: str,
        *,
        timeout: float | httpx.Timeout = TIMEOUT_SECONDS,
        retries: int = RETRIES,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.wire = _wire(base_url, api_key, timeout, retries)
        self.connections = Connections(lambda: httpx.Client(transport=transport))
        self.hold = _holds(holds.open_hold, lambda opening: Hold(self.wire, self.connections, opening))

    def close(self) -> None:
        self.connections.http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Client({self.wire.base_url!r})"


class AsyncClient(Operations, Async):
    """The API for asyncio, in one event loop. Close it with `aclose`, or use it in `async with`."""

    def __init__(
        self,
        base_url: str,
        api_key: str,
        *,
        timeout: float | httpx.Timeout = TIMEOUT_SECONDS,
        retries: int = RETRIES,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.wire = _wire(base_url, api_key, timeout, retries)
        self.connections = Connections(lambda: httpx.AsyncClient(transport=transport))
        self.hold = _holds(holds.open_hold, lambda opening: AsyncHold(self.wire, self.connections, opening))

    async def aclose(self) -> None:
        await self.connections.http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        return f"AsyncClient({self.wire.base_url!r})"


def _wire(base_url: str, api_key: str, timeout: float | httpx.Timeout, retries: int) -> Wire:
    """Raises ValueError for what is no address or no key: sent, it would look like a server that does not answer, and
    the words for a header that cannot be sent would quote the key."""
    if not re.match("https?://", base_url, re.IGNORECASE):
        raise ValueError(f"the address begins with http:// or https://, not {base_url!r}")
    if not re.fullmatch(r"[!-~]+", api_key):
        raise ValueError("the API key is empty, or a space, a line break or the like came with it")
    headers = httpx.Headers(
        {"Authorization": f"Bearer {api_key}", "Accept": "application/json", "User-Agent": "testkase-client/1"}
    )  # fmt: skip
    return Wire(base_url=base_url.rstrip("/"), headers=headers, timeout=httpx.Timeout(timeout), retries=retries)
