"""What a failed call to Razorpay is called on our side.

Refused: it understood and said no. Silent: it may have happened, or may happen yet: ask again. A body without
Razorpay's error object comes from something in between, which knows nothing of the call.
"""

from typing import Any

import requests

from testkase.services.billing.provider import ProviderRefused, ProviderSilent
from testkase.services.billing.providers.razorpay.text import bounded

_LATER = frozenset({408, 425, 429})
_CREDENTIALS = frozenset({401, 403})
_CONFLICT = 409
_THEIR_FAULT = frozenset({"SERVER_ERROR", "GATEWAY_ERROR"})
_LONGEST_SENTENCE, _LONGEST_WORD = 300, 80


def from_transport(error: requests.RequestException) -> ProviderSilent:
    """The problem behind a call without an answer."""
    if isinstance(error, requests.ConnectTimeout):
        return ProviderSilent("Razorpay cannot be reached.")
    if isinstance(error, requests.Timeout):
        return ProviderSilent("Razorpay did not answer in time.")
    return ProviderSilent(f"The connection to Razorpay failed ({type(error).__name__}).")


def from_response(response: requests.Response) -> ProviderRefused | ProviderSilent:
    """The problem behind an answer that is not 200."""
    status, error = response.status_code, _error(response)
    if error is None or status < 400 or status >= 500 or status in _LATER or error.get("code") in _THEIR_FAULT:
        return _silent(response)
    said = bounded(error.get("description"), _LONGEST_SENTENCE) or "It gave no reason"
    if status == _CONFLICT and "different request" not in said.lower():
        return _silent(response)  # the same call is still being worked on
    detail = "Razorpay does not accept this account's keys." if status in _CREDENTIALS else f"Razorpay refused: {said}"
    return ProviderRefused(
        detail,
        field=bounded(error.get("field"), _LONGEST_WORD) or None,
        status=status,
        provider_code=bounded(error.get("code"), _LONGEST_WORD),
        reason=bounded(error.get("reason"), _LONGEST_WORD),
        description=said,
    )


def check_not_there(problem: ProviderRefused | ProviderSilent, words: str) -> None:
    """For a thing that could not be made and cannot be found. Refused as a duplicate it is there, and will be listed
    soon: then this raises ProviderSilent, for that is no refusal."""
    if isinstance(problem, ProviderRefused) and words in str(problem.facts.get("description")):
        raise ProviderSilent("Razorpay has this already, and does not list it yet.") from problem


def _silent(response: requests.Response) -> ProviderSilent:
    facts: dict[str, Any] = {"status": response.status_code}
    if (pause := response.headers.get("Retry-After", "")).isdecimal():
        facts["retry_after_seconds"] = min(int(pause[:9]), 3_600)
    return ProviderSilent(f"Razorpay could not answer just now (HTTP {response.status_code}).", **facts)


def _error(response: requests.Response) -> dict[str, Any] | None:
    try:
        body = response.json()
    except (ValueError, RecursionError):
        return None
    error = body.get("error") if isinstance(body, dict) else None
    return error if isinstance(error, dict) else None
