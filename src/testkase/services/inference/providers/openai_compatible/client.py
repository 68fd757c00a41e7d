"""One HTTP client per provider, bound to its host.

The key is a header of requests this client builds for its own base URL; redirects are answers, not instructions; the
environment's proxies and netrc are not consulted. A connection that was never made is tried once more. Nothing else is:
a request that has been sent may have been billed.
"""

import httpx

from testkase.services.inference.model import Provider

KEEP_ALIVE_SECONDS = 3.0
"""Shorter than any server's own patience (llama.cpp: 5 s), so that a request never meets a connection being closed."""


class Endpoint:
    """A provider's chat completions, with the pool of connections to it. Belongs to one event loop."""

    def __init__(self, provider: Provider) -> None:
        self.provider = provider
        self.url = httpx.URL(f"{provider.base_url}/chat/completions")
        headers = {"accept-encoding": "identity", "user-agent": "testkase", "content-type": "application/json"}
        if provider.api_key:
            headers["authorization"] = f"Bearer {provider.api_key}"
        self._headers = httpx.Headers(headers)
        limits = httpx.Limits(max_connections=1_000, max_keepalive_connections=200, keepalive_expiry=KEEP_ALIVE_SECONDS)
        times = provider.timeouts
        self._client = httpx.AsyncClient(
            transport=httpx.AsyncHTTPTransport(retries=1, limits=limits, trust_env=False),
            timeout=httpx.Timeout(connect=times.connect, read=times.read, write=times.write, pool=times.pool),
            follow_redirects=False,
            trust_env=False,
        )

    async def send(self, content: bytes) -> httpx.Response:
        """POST a request and return its response once the headers are there; its body is still to be read."""
        request = self._client.build_request("POST", self.url, content=content, headers=self._headers)
        return await self._client.send(request, stream=True)

    async def close(self) -> None:
        await self._client.aclose()
