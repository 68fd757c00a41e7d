"""What a provider's failure is called on our side. The provider's own sentence is kept for the caller alone."""

import re
from typing import Any

import msgspec

from testkase.services.inference.problems import ProviderError, ProviderTimeout
from testkase.services.inference.providers.calling.client import Endpoint, Response
from testkase.services.inference.providers.calling.connection import Silent, TransportError, Unreachable

UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What decoding bytes of a provider, and writing them anew, can raise."""
MOST_ERROR_BYTES = 64 * 1024
MESSAGE_LENGTH = 500
_SECONDS = re.compile(r"[0-9]{1,9}")
_TELLING = 8
"""So many characters of the operator's key in a row give it away."""


async def from_response(endpoint: Endpoint, response: Response) -> ProviderError:
    """The problem behind an answer other than 200."""
    status, provider = response.status, endpoint.provider.name
    if status in (401, 403):
        # The provider's sentence quotes part of the operator's key; the caller can do nothing with it.
        return ProviderError(f"{provider} refused the operator's credentials (HTTP {status}).", status=status)
    if 300 <= status < 400:
        return ProviderError(f"{provider} answered with a redirect, which is never followed.", status=status)
    message = _without_key(_message(await _beginning(response)), endpoint)
    facts: dict[str, Any] = {}
    retry_after = response.headers.get("retry-after", "")
    if _SECONDS.fullmatch(retry_after):
        facts["retry_after_seconds"] = int(retry_after)
    return ProviderError(_sentence(provider, status), status=status, upstream_message=message, **facts)


def from_transport(provider: str, error: TransportError) -> ProviderError:
    """The problem behind a connection that failed."""
    if isinstance(error, Unreachable):
        return ProviderError(f"The provider {provider} cannot be reached.")
    if isinstance(error, Silent):
        return ProviderTimeout(f"The provider {provider} sent nothing for too long.")
    return ProviderError(f"The connection to {provider} broke off ({error}).")


def from_event(endpoint: Endpoint, error: Any) -> ProviderError:
    """The problem behind an error inside an answer that began with 200."""
    code = error.get("code") if isinstance(error, dict) else None
    status = code if isinstance(code, int) and 400 <= code < 600 else None
    message = _without_key(_said(error), endpoint)
    detail = f"The provider {endpoint.provider.name} reported an error in its answer."
    return ProviderError(detail, status=status, upstream_message=message)


def _sentence(provider: str, status: int) -> str:
    if status == 429:
        return f"The provider {provider} is asked too often (HTTP 429). Nothing was charged; try again later."
    if status < 500:
        return f"The provider {provider} did not accept the request (HTTP {status}). Nothing was charged."
    return f"The provider {provider} failed (HTTP {status}). Nothing was charged."


async def _beginning(response: Response) -> bytes:
    body = b""
    try:
        while len(body) < MOST_ERROR_BYTES and (piece := await response.piece()):
            body += piece
    except TransportError:
        return b""
    return body


def _message(body: bytes) -> str | None:
    try:
        answer = msgspec.json.decode(body)
    except UNREADABLE:
        return None
    return _said(answer.get("error", answer)) if isinstance(answer, dict) else None


def _said(error: Any) -> str | None:
    message = error.get("message") if isinstance(error, dict) else error
    return message[:MESSAGE_LENGTH] if isinstance(message, str) and message else None


def _without_key(message: str | None, endpoint: Endpoint) -> str | None:
    """Nothing, where the provider quotes the key it was sent. The caller of a gateway is not its operator."""
    key = endpoint.provider.api_key
    if message is None or not key:
        return message
    last = max(1, len(key) - _TELLING + 1)
    return None if any(key[start : start + _TELLING] in message for start in range(last)) else message
