"""The SDK's client, one for each thread, and what every listing of Razorpay's needs: page after page."""

import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import certifi
import razorpay

from testkase.foundation.razorpay_account import RazorpayAccount
from testkase.services.billing.provider import ProviderSilent
from testkase.services.billing.providers.razorpay.session import CONNECT_SECONDS, READ_SECONDS, Session

Answer = Mapping[str, Any]
PAGE = 100
_DEFAULT_PAGE = 10
_MOST_PAGES = 1_000


class Api:
    """Clients without retries of their own: a call that may have happened is looked up, not sent again blindly."""

    def __init__(
        self, account: RazorpayAccount, *, timeout: tuple[float, float] = (CONNECT_SECONDS, READ_SECONDS)
    ) -> None:
        self._account = account
        self._timeout = timeout
        self._of_thread = threading.local()

    @property
    def client(self) -> Any:
        """This thread's client: a session is not promised to be safe from several."""
        if not hasattr(self._of_thread, "client"):
            client = razorpay.Client(
                session=Session(self._timeout),
                auth=(self._account.key_id, self._account.key_secret),
                base_url=self._account.api_url,
            )
            client.cert_path = certifi.where()  # the SDK's own list of authorities is of 2015
            client.set_app_details({"title": "TestKase"})
            self._of_thread.client = client
        return self._of_thread.client


def listed(page: Callable[[dict[str, Any]], Answer], query: Mapping[str, Any], *, key: str = "items") -> list[Answer]:
    """Everything a listing holds, each once: what is made meanwhile moves the rest on to the next page."""
    found: dict[Any, Answer] = {}
    for number in range(_MOST_PAGES):
        entities = list(_entities(page({**query, "count": PAGE, "skip": number * PAGE}), key))
        before = len(found)
        for entity in entities:
            found.setdefault(entity.get("id"), entity)
        if len(entities) < PAGE or len(found) == before:
            return list(found.values())
    raise ProviderSilent("Razorpay lists more than can be read.")


def listed_plainly(
    page: Callable[[dict[str, Any]], Answer], query: Mapping[str, Any], *, key: str = "items"
) -> list[Answer]:
    """The same of a listing documented as whole, which may not know pages. One as long as a page is by default is asked
    for in pages all the same."""
    found = list(_entities(page(dict(query)), key))
    return listed(page, query, key=key) if len(found) == _DEFAULT_PAGE else found


def _entities(answer: Answer, key: str) -> Iterator[Answer]:
    entities = answer.get(key, answer.get("items"))
    if not isinstance(entities, list):
        raise ProviderSilent("Razorpay's answer cannot be read: it is no listing.")
    for entity in entities:
        if not isinstance(entity, dict):
            raise ProviderSilent("Razorpay's answer cannot be read: its listing holds something else.")
        yield entity
