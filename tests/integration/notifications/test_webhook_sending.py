"""One attempt against a real server: what arrives is signed, and nothing is asked that must not be."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from standardwebhooks import Webhook, WebhookVerificationError

from testkase.services.notifications.webhooks import sending
from testkase.services.notifications.webhooks.deliveries import Parcel
from testkase.services.notifications.webhooks.events import Message
from testkase.services.notifications.webhooks.sending import NOT_PUBLIC, Outcome, Sender, by_turns

HOST = "hooks.example"
URL = "https://credits.example.com"
HERE = (ip_network("127.0.0.0/8"),)
NEW, OLD = "whsec_bmV3IHNlY3JldCBvZiB0d2VudHktZm91ciBieXRlcw==", "whsec_b2xkIHNlY3JldCBvZiB0d2VudHktZm91ciBieXRlcw=="
MESSAGE = Message(
    org_id=7, event_id=41, kind="purchase.paid", title="500 credits added – thanks", body="$20.00 was paid.",
    link="/settings/billing", facts={"purchase_id": "p1"}, created_at=datetime(2026, 12, 1, tzinfo=UTC),
)  # fmt: skip


class Receiver:
    """Listens with TLS under one name, and answers what the test says."""

    def __init__(self) -> None:
        self.answer = b"HTTP/1.1 204 No Content\r\n\r\n"
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        self.names: list[str | None] = []
        self.connections = 0
        self.port = 0

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            self.requests.append((head[0], headers, body))
            writer.write(self.answer)
            await writer.drain()
            if not self.answer:
                await reader.read()  # until the other side has had enough
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of the one name, signed by itself."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, HOST)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, *plain) + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


@pytest.fixture
async def receiver(certificate: Path) -> AsyncIterator[Receiver]:
    context, made = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH), Receiver()
    context.load_cert_chain(certificate)
    context.sni_callback = lambda _socket, name, _context: made.names.append(name)
    async with listening(made, context):
        yield made


@asynccontextmanager
async def listening(receiver: Receiver, context: ssl.SSLContext | None) -> AsyncIterator[None]:
    server = await asyncio.start_server(receiver.handle, "127.0.0.1", 0, ssl=context)
    receiver.port = server.sockets[0].getsockname()[1]
    async with server:
        yield


@pytest.fixture
def sender(certificate: Path) -> Iterator[Sender]:
    made = Sender(URL, HERE, tls=ssl.create_default_context(cafile=str(certificate)))
    yield made
    made.close()


@pytest.fixture(autouse=True)
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """What names stand for."""
    known = {HOST: ["127.0.0.1"]}

    def look_up(host: str, port: int) -> list[str]:
        if host not in known:
            raise socket.gaierror
        return known[host]

    monkeypatch.setattr(sending, "_look_up", look_up)
    return known


def parcel(receiver: Receiver, *, host: str = HOST, path: str = "/hook?token=a%20b", scheme: str = "https") -> Parcel:
    return Parcel(url=f"{scheme}://{host}:{receiver.port}{path}", message=MESSAGE, secrets=(NEW, OLD))


async def test_what_arrives_is_signed_with_every_secret_in_force(sender: Sender, receiver: Receiver) -> None:
    assert await sender.send(parcel(receiver)) == Outcome()
    ((line, headers, body),) = receiver.requests
    assert line == "POST /hook?token=a%20b HTTP/1.1"
    assert headers["host"] == f"{HOST}:{receiver.port}"
    assert headers["webhook-id"] == MESSAGE.message_id
    assert headers["content-type"] == "application/json"
    assert body == MESSAGE.bytes(URL)
    for secret in (NEW, OLD):
        assert Webhook(secret).verify(body, headers)["data"]["purchase_id"] == "p1"
    for told, otherwise in ((body + b" ", headers), (body, headers | {"webhook-id": "msg_7_42_1"})):
        with pytest.raises(WebhookVerificationError):
            Webhook(NEW).verify(told, otherwise)


async def test_the_name_is_asked_for_and_its_certificate_checked(
    sender: Sender, receiver: Receiver, names: dict[str, list[str]]
) -> None:
    names["other.example"] = names[HOST]
    assert await sender.send(parcel(receiver)) == Outcome()
    assert (await sender.send(parcel(receiver, host="other.example"))).fault == (
        "Its certificate is not valid for this name."
    )
    assert receiver.names == [HOST, "other.example"]
    assert len(receiver.requests) == 1


@pytest.mark.parametrize(
    "leads_to", [["127.0.0.2"], ["10.0.0.1"], ["169.254.169.254"], ["127.0.0.1", "10.0.0.1"], ["::1"]]
)
async def test_a_name_that_leads_inside_is_not_asked(
    certificate: Path, receiver: Receiver, names: dict[str, list[str]], leads_to: list[str]
) -> None:
    """One address that is not public is enough: which of them is asked would be up to whoever owns the name."""
    names[HOST] = leads_to
    made = Sender(URL, (ip_network("127.0.0.1/32"),), tls=ssl.create_default_context(cafile=str(certificate)))
    outcome = await made.send(parcel(receiver))
    made.close()
    assert outcome.fault == NOT_PUBLIC
    assert receiver.connections == 0


async def test_a_name_is_resolved_once_for_an_attempt(
    sender: Sender, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked twice, it could lead elsewhere the second time."""
    asked: list[str] = []

    def look_up(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["127.0.0.2"]

    monkeypatch.setattr(sending, "_look_up", look_up)
    monkeypatch.setattr(socket, "getaddrinfo", _names_nothing)
    assert await sender.send(parcel(receiver)) == Outcome()
    assert asked == [HOST]


def _names_nothing(host: str | bytes, *args: object, **kwargs: object) -> list[tuple[object, ...]]:
    """Addresses are what they are, and names are unknown."""
    family = socket.AF_INET
    socket.inet_aton(host.decode() if isinstance(host, bytes) else host)
    return [(family, socket.SOCK_STREAM, 6, "", (host, args[0] if args else kwargs.get("port", 0)))]


async def test_another_address_of_the_name_is_tried_where_nobody_listens_at_one(
    sender: Sender, receiver: Receiver, names: dict[str, list[str]]
) -> None:
    names[HOST] = ["127.0.0.99", "127.0.0.1"]
    assert await sender.send(parcel(receiver)) == Outcome()


async def test_an_address_that_says_nothing_leaves_time_for_the_next(
    sender: Sender, receiver: Receiver, names: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one of IPv6 whose packets are lost on the way, before one of IPv4 that is well."""
    monkeypatch.setattr(sending, "ATTEMPT_SECONDS", 2.0)
    names[HOST] = ["127.0.0.2", "127.0.0.1"]
    with socket.create_server(("127.0.0.2", receiver.port)):  # nobody accepts
        assert await sender.send(parcel(receiver)) == Outcome()


@pytest.mark.parametrize(
    ("found", "order"),
    [
        (["::1", "::2", "::3", "127.0.0.1"], ["::1", "127.0.0.1", "::2", "::3"]),
        (["127.0.0.1", "127.0.0.2", "::1"], ["127.0.0.1", "::1", "127.0.0.2"]),
        (["::1", "::2"], ["::1", "::2"]),
        ([], []),
    ],
)
def test_addresses_of_both_kinds_are_asked_by_turns(found: list[str], order: list[str]) -> None:
    assert list(map(str, by_turns(map(ip_address, found)))) == order


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_redirects_are_not_followed(sender: Sender, receiver: Receiver, status: int) -> None:
    there = f"https://{HOST}:{receiver.port}/elsewhere"
    receiver.answer = f"HTTP/1.1 {status} Moved\r\nLocation: {there}\r\nContent-Length: 0\r\n\r\n".encode()
    assert "redirects are not followed" in (await sender.send(parcel(receiver))).fault
    assert len(receiver.requests) == 1


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", Outcome()),
        (b"HTTP/1.1 500 No\r\nContent-Length: 3\r\n\r\nwhy", Outcome(fault="It answered 500.")),
        (b"HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n", Outcome(fault="It answered 410.", gone=True)),
        (b"220 mail.example ESMTP\r\n\r\n", Outcome(fault="It broke the connection off.")),
        (b"HTTP/1.1 200 OK\r\nX: " + b"a" * 200_000, Outcome(fault="It broke the connection off.")),
    ],
)
async def test_what_the_other_side_says_ends_in_an_outcome(
    sender: Sender, receiver: Receiver, answer: bytes, outcome: Outcome
) -> None:
    receiver.answer = answer
    assert await sender.send(parcel(receiver)) == outcome


async def test_who_does_not_answer_is_waited_for_only_so_long(
    sender: Sender, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "ATTEMPT_SECONDS", 0.3)
    receiver.answer = b""
    assert (await sender.send(parcel(receiver))).fault.startswith("No answer within")


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("https://unknown.example/", NOT_PUBLIC),  # the same words: which names are known in here is told to nobody
        ("https://127.0.0.1:1/", "It cannot be reached."),
        ("https://127.0.0.1:{port}/", "Its certificate is not valid for this name."),
    ],
)
async def test_who_cannot_be_reached_is_said(sender: Sender, receiver: Receiver, url: str, fault: str) -> None:
    sent = await sender.send(Parcel(url=url.format(port=receiver.port), message=MESSAGE, secrets=(NEW,)))
    assert sent == Outcome(fault=fault)


@pytest.mark.parametrize("scheme", ["https", "http"])
async def test_without_a_port_it_is_the_schemes(sender: Sender, monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    asked: list[httpx.URL] = []

    async def ask(_: Sender, url: httpx.URL, *_rest: object) -> int:
        asked.append(url)
        return 204

    monkeypatch.setattr(Sender, "_ask", ask)
    assert await sender.send(Parcel(url=f"{scheme}://{HOST}/hook", message=MESSAGE, secrets=(NEW,))) == Outcome()
    assert asked == [httpx.URL(f"{scheme}://127.0.0.1/hook")]


async def test_http_is_spoken_in_the_operators_networks_alone(certificate: Path, names: dict[str, list[str]]) -> None:
    plain, made = Receiver(), Sender(URL, HERE, tls=ssl.create_default_context(cafile=str(certificate)))
    async with listening(plain, None):
        assert await made.send(parcel(plain, scheme="http")) == Outcome()
        for leads_to, words in (("8.8.8.8", "must begin with https://"), ("10.0.0.1", NOT_PUBLIC)):
            names[HOST] = [leads_to]
            assert words in (await made.send(parcel(plain, scheme="http"))).fault
    made.close()
    assert len(plain.requests) == 1


async def test_proxies_of_the_environment_are_not_asked(
    sender: Sender, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They would resolve the name themselves."""
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert await sender.send(parcel(receiver)) == Outcome()
