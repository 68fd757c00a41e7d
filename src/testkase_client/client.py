"""The two clients."""

import re
from typing import Self

import httpx

from testkase_client.driving import Async, Connections, Sync
from testkase_client.exchange import Wire
from testkase_client.holding import Around, AsyncHold, Hold
from testkase_client.operations import Operations
from testkase_client.requests import holds

TIMEOUT_SECONDS = 30.0
RETRIES = 6
"""Over eight to sixteen seconds where the server refuses at once: one that was killed is back by then."""


class Client(Operations, Sync):
    """The API, synchronously. Threads may share one, and forked processes too, but for a `transport` given here.
    Close it, or use it in `with`."""

    hold = Around(holds.open_hold, Hold)

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

    hold = Around(holds.open_hold, AsyncHold)

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
    try:
        url = httpx.URL(base_url)
    except httpx.InvalidURL as fault:
        raise ValueError(f"{base_url!r} is no address: {fault}") from None
    if not url.host or url.userinfo or url.query or url.fragment:  # a name and a password would go instead of the key
        raise ValueError("the address is a host and perhaps a path, without a user, a query or a fragment")
    if not re.fullmatch(r"[!-~]+", api_key):
        raise ValueError("the API key is empty, or a space, a line break or the like came with it")
    headers = httpx.Headers(
        {"Authorization": f"Bearer {api_key}", "Accept": "application/json", "User-Agent": "testkase-client/1"}
    )  # fmt: skip
    return Wire(base_url=base_url.rstrip("/"), headers=headers, timeout=httpx.Timeout(timeout), retries=retries)
