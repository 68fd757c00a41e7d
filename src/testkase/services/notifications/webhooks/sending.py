"""One attempt: a name resolved once, every address judged, the body signed, and sent to an address that was judged."""

import asyncio
import socket
import ssl
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_address
from itertools import zip_longest
from urllib.parse import urlsplit

import certifi
import httpx
from standardwebhooks import Webhook

from testkase.services.notifications.webhooks.addresses import Address, Network, literal, may_reach
from testkase.services.notifications.webhooks.deliveries import Parcel

ATTEMPT_SECONDS = 15.0
AT_ONCE = 8
"""Attempts of a sender at the same time."""

NOT_PUBLIC = "Its name leads to no public address."
"""One refusal for a name that is not known and for one of the operator's own network: two would tell apart which names
that network has, to whoever may add an endpoint."""

GONE = 410
_ADDRESSES = 3
"""Addresses of a name that may say nothing before an attempt has no time left."""
_PORTS = {"https": 443, "http": 80}
_AGENT = "TestKase-Webhooks/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """`fault` says in our own words why it was not taken; empty: it was. `gone`: the endpoint wants nothing more."""

    fault: str = ""
    gone: bool = False


class NotSent(Exception):  # noqa: N818 - named after what happened
    """Nothing was sent, or nobody answered. Its text is for people."""


class Sender:
    """Sends parcels. One a worker process; `close` it at the end."""

    def __init__(self, public_url: str, networks: Sequence[Network], *, tls: ssl.SSLContext | None = None) -> None:
        self._public_url = public_url
        self._networks = tuple(networks)
        self._tls = tls or ssl.create_default_context(cafile=certifi.where())
        # Names whose servers say nothing keep these threads, and nobody else's.
        self._names = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="webhook-names")

    def close(self) -> None:
        self._names.shutdown(wait=False, cancel_futures=True)

    async def send(self, parcel: Parcel) -> Outcome:
        """One attempt. Whatever the other side does ends in an outcome."""
        try:
            async with asyncio.timeout(ATTEMPT_SECONDS):
                status = await self._post(parcel)
        except NotSent as fault:
            return Outcome(fault=str(fault))
        except httpx.InvalidURL:
            return Outcome(fault="Its address cannot be used.")
        except (TimeoutError, httpx.TimeoutException):
            return Outcome(fault=f"No answer within {ATTEMPT_SECONDS:.0f} seconds.")
        except httpx.HTTPError as error:
            return Outcome(fault=_words(error))
        if 200 <= status < 300:
            return Outcome()
        if 300 <= status < 400:
            return Outcome(fault=f"It answered {status}: redirects are not followed.")
        return Outcome(fault=f"It answered {status}.", gone=status == GONE)

    async def _post(self, parcel: Parcel) -> int:
        parts = urlsplit(parcel.url)
        host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
        body = parcel.message.bytes(self._public_url)
        headers = {"host": parts.netloc, "content-type": "application/json", "user-agent": _AGENT}
        headers |= signed(parcel, body)
        error: httpx.HTTPError | None = None
        addresses = await self._addresses(host, port, secure=parts.scheme == "https")
        # One that says nothing, as of IPv6 where its packets are lost, leaves time for others.
        limits = httpx.Timeout(ATTEMPT_SECONDS, connect=ATTEMPT_SECONDS / min(len(addresses) or 1, _ADDRESSES))
        for address in addresses:
            url = httpx.URL(parcel.url).copy_with(host=str(address), port=port)
            try:
                return await self._ask(url, host, headers, body, limits)
            except (httpx.ConnectError, httpx.ConnectTimeout) as failed:
                error = failed  # nothing was sent: the next address may answer
        raise error or NotSent(NOT_PUBLIC)

    async def _addresses(self, host: str, port: int, *, secure: bool) -> list[Address]:
        """What the name stands for now. Raises NotSent unless something may be sent to every one of them."""
        given = literal(host)
        found = [given] if given is not None else await self._resolved(host, port)
        if not all(may_reach(address, secure=True, networks=self._networks) for address in found):
            raise NotSent(NOT_PUBLIC)
        if not all(may_reach(address, secure=secure, networks=self._networks) for address in found):
            raise NotSent("Its name leads to a public address: it must begin with https://.")
        return found

    async def _resolved(self, host: str, port: int) -> list[Address]:
        loop = asyncio.get_running_loop()
        try:
            found = await loop.run_in_executor(self._names, _look_up, host, port)
        except (OSError, UnicodeError):
            raise NotSent(NOT_PUBLIC) from None
        return by_turns(dict.fromkeys(ip_address(text) for text in found))

    async def _ask(self, url: httpx.URL, host: str, headers: dict[str, str], body: bytes, limits: httpx.Timeout) -> int:
        """The status of the answer, whose body nobody reads.

        A client of its own: connections are kept by address, and the next name behind this one must show its own
        certificate."""
        async with (
            httpx.AsyncClient(verify=self._tls, timeout=limits, trust_env=False, follow_redirects=False) as client,
            client.stream("POST", url, headers=headers, content=body, extensions={"sni_hostname": host}) as answer,
        ):
            return answer.status_code


def by_turns(addresses: Iterable[Address]) -> list[Address]:
    """One of IPv6, one of IPv4 and so on, beginning with the first's: where one of them is lost, the next is not."""
    found = list(addresses)
    families = [[one for one in found if one.version == version] for version in (4, 6)]
    families.sort(key=lambda family: found[:1] != family[:1])
    return [one for pair in zip_longest(*families) for one in pair if one is not None]


def signed(parcel: Parcel, body: bytes) -> dict[str, str]:
    """The headers of Standard Webhooks: a signature of each secret in force, over id, instant and body."""
    now, message_id = datetime.now(UTC), parcel.message.message_id
    signatures = [Webhook(secret).sign(message_id, now, body.decode()) for secret in parcel.secrets]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


def _look_up(host: str, port: int) -> list[str]:
    return [str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def _words(error: httpx.HTTPError) -> str:
    """For people, without anything the other side has said."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return "Its certificate is not valid for this name."
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
        return "It cannot be reached."
    return "It broke the connection off."
