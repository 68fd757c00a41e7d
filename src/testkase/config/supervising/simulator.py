"""The payment simulator of a demonstration: keys of its own, an address that stays, and the environment it runs in.

Nobody who tries the product out has an account at Razorpay. Where keys are set, or where this is no demonstration,
there is no simulator.
"""

import secrets
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

import msgspec

from testkase.config.private_file import write_private
from testkase.config.supervising.ports import free_port, is_free, reachable
from testkase.foundation.razorpay_account import RazorpayAccount
from testkase.foundation.settings import Settings

MODULE = "razorpay_simulator"
HOST = "127.0.0.1"
_FILE_NAME = "simulator.json"
_NOT_ITS_BUSINESS = ("TESTKASE_", "RAZORPAY_", "DATABASE_URL")


class _Kept(msgspec.Struct, frozen=True, kw_only=True):
    """Made at the first start: orders of yesterday are still asked for today, and pages name the port."""

    key_id: str
    key_secret: str
    webhook_secret: str
    port: int


def is_wanted(settings: Settings) -> bool:
    """Whether this is a demonstration without an account at Razorpay."""
    return settings.demo and settings.razorpay is None


def with_simulator(settings: Settings, folder: Path) -> Settings:
    """Settings under which the application buys at the simulator of this data folder."""
    return _at(_kept(folder, settings.simulator_port), settings)


def beside_demonstration(settings: Settings) -> Settings:
    """Settings under which an operator's command finds the payments of a demonstration: the simulator's, where this
    data folder has one. Nothing is made or moved: it may be running."""
    kept = _read(settings.data / _FILE_NAME) if is_wanted(settings) else None
    return settings if kept is None else _at(kept, settings)


def environ_of_simulator(app: dict[str, str], settings: Settings, folder: Path) -> dict[str, str]:
    """For the simulator: its keys, where it keeps its books and whom it tells; nothing of the product."""
    assert settings.razorpay is not None
    environ = {name: value for name, value in app.items() if not name.startswith(_NOT_ITS_BUSINESS)}
    given = {
        "PORT": str(settings.simulator_port),
        "KEY_ID": settings.razorpay.key_id,
        "KEY_SECRET": settings.razorpay.key_secret,
        "WEBHOOK_URL": _webhook_url(settings),
        "WEBHOOK_SECRET": settings.razorpay.webhook_secret,
        "SEED": str(secrets.randbelow(2**31)),  # were its file lost, it would give ids again that our books know
        "DATA": str(folder / "simulator.sqlite"),
    }
    return {**environ, **{f"RAZORPAY_SIMULATOR_{name}": value for name, value in given.items() if value}}


def _webhook_url(settings: Settings) -> str:
    """It sends to this machine alone. An application that listens elsewhere finds its payments by asking."""
    host = reachable(settings.host)
    if not _is_loopback(host):
        return ""
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.port}/webhooks/razorpay"


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _kept(folder: Path, wanted_port: int) -> _Kept:
    """What the folder keeps, on the wanted port, or else on one that is free today."""
    path = folder / _FILE_NAME
    kept = _read(path) or _Kept(
        key_id=f"rzp_test_{secrets.token_hex(7)}",
        key_secret=secrets.token_hex(16),
        webhook_secret=secrets.token_hex(16),
        port=0,
    )
    port = wanted_port or (kept.port if is_free(HOST, kept.port) else free_port())
    if port != kept.port:
        kept = msgspec.structs.replace(kept, port=port)
        write_private(path, msgspec.json.encode(kept))
    return kept


def _read(path: Path) -> _Kept | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Kept)
    except (OSError, msgspec.DecodeError):
        return None


def _at(kept: _Kept, settings: Settings) -> Settings:
    url = f"http://{HOST}:{kept.port}"
    account = RazorpayAccount(
        key_id=kept.key_id,
        key_secret=kept.key_secret,
        webhook_secret=kept.webhook_secret,
        api_url=url,
        checkout_js=f"{url}/v1/checkout.js",
    )
    return replace(settings, razorpay=account, simulator_port=kept.port)
