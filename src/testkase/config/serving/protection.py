"""Headers of every answer, whichever door gives it: what a browser must neither guess, embed nor fetch for others.

Pages bring a policy of their own (entrypoints/web/middleware.py). What programs and monitors get is no page at all, and
says so, in case somebody is led to look at it in a browser.
"""

from collections.abc import MutableMapping
from typing import Any

from testkase.config.serving.asgi_types import Send

Headers = tuple[tuple[bytes, bytes], ...]

_ALWAYS: Headers = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'; base-uri 'none'; object-src 'none'"),
)
_OVER_HTTPS: Headers = ((b"strict-transport-security", b"max-age=31536000; includeSubDomains"),)


def protecting(*, https: bool) -> Headers:
    """The headers an answer gets where its door has not set them."""
    return _ALWAYS + (_OVER_HTTPS if https else ())


def protected(send: Send, headers: Headers) -> Send:
    """Sends on, with those of the headers that the answer does not have itself."""

    async def sent(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            own = list(message.get("headers", ()))
            names = {bytes(name).lower() for name, _ in own}
            message["headers"] = own + [pair for pair in headers if pair[0] not in names]
        await send(message)

    return sent
