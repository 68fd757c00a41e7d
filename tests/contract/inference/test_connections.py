"""Connections to providers: reused, verified, bounded, and never a reason to send a request twice."""

import asyncio
import datetime as dt
import ipaddress
import ssl
from pathlib import Path

import certifi
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from testkase.services.inference import Catalog, ProviderError
from tests.contract.inference.conftest import Lab
from tests.support.upstream import Reply, Upstream, scripted_upstream

BODY = {"messages": [{"role": "user", "content": "Hello"}]}


async def ask(catalog: Catalog) -> bytes:
    async with catalog.open("m", BODY, stream=False) as call:
        return await call.read()


async def read_stream(catalog: Catalog) -> None:
    async with catalog.open("m", BODY, stream=True) as call:
        async for _ in call.events():
            pass


async def test_calls_one_after_another_share_a_connection_and_calls_at_once_do_not(
    lab: Lab, upstream: Upstream
) -> None:
    catalog = lab.catalog()
    for _ in range(3):
        await ask(catalog)
    assert upstream.connections == 1
    upstream.default = Reply(delay_headers=0.1)
    await asyncio.gather(*[ask(catalog) for _ in range(4)])
    assert upstream.connections == 4


async def test_a_connection_whose_answer_broke_off_is_not_used_again(lab: Lab, upstream: Upstream) -> None:
    catalog = lab.catalog()
    upstream.script(Reply(cut_after=1, cut="broken"))
    with pytest.raises(ProviderError):
        await read_stream(catalog)
    await ask(catalog)
    assert (upstream.connections, len(upstream.requests)) == (2, 2)


async def test_a_connection_the_server_has_closed_meanwhile_is_replaced(lab: Lab, upstream: Upstream) -> None:
    catalog = lab.catalog()
    upstream.default = Reply(close=True)
    for _ in range(3):
        await ask(catalog)
        await asyncio.sleep(0.05)
    assert (upstream.connections, len(upstream.requests)) == (3, 3)


async def test_giving_up_in_any_phase_leaves_the_endpoint_usable(lab: Lab, upstream: Upstream) -> None:
    catalog = lab.catalog()
    for patience in (0.0, 0.001, 0.01, 0.03, 0.06):
        upstream.script(Reply(delay_headers=0.02, delay_chunk=0.02))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(read_stream(catalog), patience)
    upstream._script.clear()
    await asyncio.gather(*[ask(catalog) for _ in range(5)])


@pytest.mark.requirement("R69")
async def test_a_certificate_nobody_vouches_for_is_refused_and_a_trusted_one_accepted(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate, key = certificate_for_loopback(tmp_path)
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate, key)
    with scripted_upstream(tls=tls) as secure:
        address = f"https://127.0.0.1:{secure.port}/v1"
        with pytest.raises(ProviderError, match="cannot be reached"):
            await ask(lab.catalog(base_url=address))
        assert secure.requests == []
        monkeypatch.setattr(certifi, "where", lambda: str(certificate))
        assert b"Hello from the upstream" in await ask(lab.catalog(base_url=address))


def certificate_for_loopback(folder: Path) -> tuple[Path, Path]:
    """A certificate that only vouches for itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    files = folder / "certificate.pem", folder / "key.pem"
    files[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return files
