"""The HTTP session under the SDK: it never waits for ever, and it says what the SDK would lose.

The SDK has no timeouts, keeps only the description of a refusal, raises a JSON error for a page of HTML, and prints to
standard output when the network fails. None of that is reached: whatever is not a good answer leaves this session as a
Problem of ours, which the SDK does not catch.
"""

from typing import Any

import requests

from testkase.services.billing.provider import ProviderSilent
from testkase.services.billing.providers.razorpay.failures import from_response, from_transport

CONNECT_SECONDS, READ_SECONDS = 5.0, 10.0
_GOOD = 200


class Session(requests.Session):
    """One thread's connections. The environment's proxies and netrc are not consulted; a redirect is an answer."""

    def __init__(self, timeout: tuple[float, float] = (CONNECT_SECONDS, READ_SECONDS)) -> None:
        super().__init__()
        self.trust_env = False
        self.timeout = timeout

    def request(self, *args: Any, **options: Any) -> requests.Response:
        """Raises ProviderRefused and ProviderSilent; what is answered is a JSON object."""
        options["allow_redirects"] = False
        options.setdefault("timeout", self.timeout)
        try:
            response = super().request(*args, **options)
        except requests.RequestException as error:
            raise from_transport(error) from error
        if response.status_code != _GOOD:
            raise from_response(response)
        if not isinstance(_json(response), dict):
            raise ProviderSilent("Razorpay's answer cannot be read.", status=_GOOD)
        return response


def _json(response: requests.Response) -> Any:
    try:
        return response.json()
    except (ValueError, RecursionError):
        return None
