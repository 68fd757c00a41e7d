"""Every setting of the product, read from the environment once, with its default and its meaning."""

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from testkase.foundation.problems import InvalidInput
from testkase.foundation.razorpay_account import RazorpayAccount, account

USUAL_LANES = 1
"""Its batches overlap as it is. More only make them smaller, and each has its own cost."""
MAX_LANES = 128
"""Each lane is two connections and more of each process: more than PostgreSQL has room for help nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Values only: nothing here opens a file, a socket or a connection."""

    data: Path
    """Folder of all state (`TESTKASE_DATA`, default `./var`)."""
    host: str
    """Address the app binds (`HOST`, default 127.0.0.1)."""
    port: int
    """Port the app binds (`PORT`, default 8000)."""
    public_url: str
    """How people reach the app (`TESTKASE_PUBLIC_URL`, default http://host:port); an https URL turns secure cookies
    on."""
    owner_database_url: str | None
    """The database as its owner, for migrations (`DATABASE_URL`); unset: the embedded PostgreSQL."""
    app_database_url: str | None
    """The database as the application role (`TESTKASE_APP_DATABASE_URL`), set by the supervisor for its children."""
    ledger_lanes: int
    """Queues of the ledger in a process, each with connections of its own (`TESTKASE_LEDGER_LANES`, default 1); see
    docs/scale.md."""
    ledger_neighbours: bool
    """Have one of this machine's processes write for an organization that several are asked for
    (`TESTKASE_LEDGER_NEIGHBOURS`, default 1); see docs/scale.md."""
    secret_key: str
    """Signs sessions and tokens (`TESTKASE_SECRET_KEY`); the supervisor keeps one in the data folder."""
    model_path: Path | None
    """A GGUF file for the embedded model (`TESTKASE_MODEL_PATH`), default the packaged SmolLM2-135M."""
    model_port: int
    """Port of the embedded model on loopback (`TESTKASE_MODEL_PORT`), 0: chosen by the supervisor."""
    model_api_key: str
    """Key between the app and the embedded model (`TESTKASE_MODEL_API_KEY`), made by the supervisor at each start."""
    price_book: Path | None
    """Folder of dated price books (`TESTKASE_PRICE_BOOK`), default the one in the package."""
    billing_anchor_day: int
    """Day on which billing months begin (`TESTKASE_BILLING_ANCHOR_DAY`, default 1), of organizations opened from now
    on."""
    billing_time_zone: str
    """In whose midnight they begin (`TESTKASE_BILLING_TIME_ZONE`, default UTC), of organizations opened from now on."""
    providers: Path | None
    """TOML file naming model providers (`TESTKASE_PROVIDERS`); the embedded model is always there."""
    identity_providers: Path | None
    """TOML file naming identity providers for single sign-on (`TESTKASE_IDENTITY_PROVIDERS`); unset: none."""
    razorpay: RazorpayAccount | None
    """Where credits are bought (`RAZORPAY_KEY_ID`, `RAZORPAY_KEY_SECRET`, `RAZORPAY_WEBHOOK_SECRET` …); without keys
    the demonstration has a simulator of its own, and elsewhere nothing can be bought."""
    simulator_port: int
    """Port of the simulator of Razorpay on loopback (`RAZORPAY_SIMULATOR_PORT`), 0: chosen once by the supervisor."""
    seller: Path | None
    """TOML file naming who sells (`TESTKASE_SELLER`), for receipts; unset: TestKase, without tax."""
    demo: bool
    """Seed the demo organization once (`TESTKASE_DEMO`, default 1)."""
    email_url: str | None
    """`smtp://user:password@host:587` (`TESTKASE_EMAIL_URL`); unset: mail is kept in the data folder."""
    webhook_networks: tuple[IPv4Network | IPv6Network, ...]
    """Networks that are not public and that webhooks may be sent to all the same (`TESTKASE_WEBHOOK_NETWORKS`)."""
    stop_delay_seconds: int
    """How long the application still answers after SIGTERM while it says that it is not ready
    (`TESTKASE_STOP_DELAY_SECONDS`, default 0)."""
    worker_metrics_port: int
    """Port on which the worker answers `/metrics` (`TESTKASE_WORKER_METRICS_PORT`), 0: none."""
    traces_url: str | None
    """Where spans are sent (`TESTKASE_TRACES_URL`), OTLP over HTTP; unset: none are made."""
    traces_percent: int
    """How many of a hundred traces are kept (`TESTKASE_TRACES_PERCENT`, default 100)."""
    traces_to_providers: bool
    """Tell model providers the trace a call belongs to (`TESTKASE_TRACES_TO_PROVIDERS`, default 0)."""
    log_level: str
    """`LOG_LEVEL`, default INFO."""

    @classmethod
    def from_environ(cls, environ: Mapping[str, str] = os.environ) -> "Settings":
        """Read the environment. Raises InvalidInput naming the variable that cannot be used."""
        host = environ.get("HOST") or "127.0.0.1"
        port = _port(environ, "PORT", 8000)
        return cls(
            data=Path(environ.get("TESTKASE_DATA") or "var").absolute(),
            host=host,
            port=port,
            public_url=(_url(environ, "TESTKASE_PUBLIC_URL", "http", "https") or _own_url(host, port)).rstrip("/"),
            owner_database_url=environ.get("DATABASE_URL") or None,
            app_database_url=environ.get("TESTKASE_APP_DATABASE_URL") or None,
            ledger_lanes=_number(environ, "TESTKASE_LEDGER_LANES", USUAL_LANES, most=MAX_LANES),
            ledger_neighbours=_choice(environ, "TESTKASE_LEDGER_NEIGHBOURS", "1", "0") == "1",
            secret_key=environ.get("TESTKASE_SECRET_KEY") or secrets.token_urlsafe(48),
            model_path=_path(environ, "TESTKASE_MODEL_PATH"),
            model_port=_port(environ, "TESTKASE_MODEL_PORT", 0),
            model_api_key=environ.get("TESTKASE_MODEL_API_KEY") or secrets.token_urlsafe(24),
            price_book=_path(environ, "TESTKASE_PRICE_BOOK"),
            billing_anchor_day=_number(environ, "TESTKASE_BILLING_ANCHOR_DAY", 1, most=31),
            billing_time_zone=_zone(environ, "TESTKASE_BILLING_TIME_ZONE"),
            providers=_path(environ, "TESTKASE_PROVIDERS"),
            identity_providers=_path(environ, "TESTKASE_IDENTITY_PROVIDERS"),
            razorpay=_razorpay(environ),
            simulator_port=_port(environ, "RAZORPAY_SIMULATOR_PORT", 0),
            seller=_path(environ, "TESTKASE_SELLER"),
            demo=_choice(environ, "TESTKASE_DEMO", "1", "0") == "1",
            email_url=_url(environ, "TESTKASE_EMAIL_URL", "smtp", "smtps"),
            webhook_networks=_networks(environ, "TESTKASE_WEBHOOK_NETWORKS"),
            stop_delay_seconds=_number(environ, "TESTKASE_STOP_DELAY_SECONDS", 0, least=0, most=300),
            worker_metrics_port=_port(environ, "TESTKASE_WORKER_METRICS_PORT", 0),
            traces_url=_url(environ, "TESTKASE_TRACES_URL", "http", "https"),
            traces_percent=_number(environ, "TESTKASE_TRACES_PERCENT", 100, least=0, most=100),
            traces_to_providers=_choice(environ, "TESTKASE_TRACES_TO_PROVIDERS", "0", "1") == "1",
            log_level=_choice(environ, "LOG_LEVEL", "INFO", "DEBUG", "WARNING", "ERROR"),
        )


def _own_url(host: str, port: int) -> str:
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def _razorpay(environ: Mapping[str, str]) -> RazorpayAccount | None:
    return account(
        key_id=environ.get("RAZORPAY_KEY_ID", ""),
        key_secret=environ.get("RAZORPAY_KEY_SECRET", ""),
        webhook_secret=environ.get("RAZORPAY_WEBHOOK_SECRET", ""),
        previous_webhook_secret=environ.get("RAZORPAY_WEBHOOK_SECRET_PREVIOUS", ""),
        api_url=environ.get("RAZORPAY_API_URL", ""),
        checkout_js=environ.get("RAZORPAY_CHECKOUT_JS", ""),
    )


def _path(environ: Mapping[str, str], name: str) -> Path | None:
    value = environ.get(name)
    return Path(value).absolute() if value else None


def _choice(environ: Mapping[str, str], name: str, default: str, *others: str) -> str:
    value = (environ.get(name) or default).upper()
    if value not in (default, *others):
        raise InvalidInput(f"{name} must be {' or '.join((default, *others))}, not {value[:40]!r}.", field=name)
    return value


def _url(environ: Mapping[str, str], name: str, *schemes: str) -> str | None:
    """The address, unless it leads nowhere. What it is instead is not said: it may hold a password."""
    value = environ.get(name)
    if not value:
        return None
    try:
        parts = urlsplit(value)
        leads = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:
        leads = False
    if not leads:
        raise InvalidInput(f"{name} must be an address such as {schemes[-1]}://host.example.", field=name)
    return value


def _networks(environ: Mapping[str, str], name: str) -> tuple[IPv4Network | IPv6Network, ...]:
    found = []
    for part in filter(None, map(str.strip, environ.get(name, "").split(","))):
        try:
            found.append(ip_network(part))
        except ValueError as error:
            raise InvalidInput(
                f"{name} must be networks such as 10.0.0.0/8, fd00::/8; {part[:60]!r} is none.", field=name
            ) from error
    return tuple(found)


def _number(environ: Mapping[str, str], name: str, default: int, *, most: int, least: int = 1) -> int:
    value = environ.get(name) or str(default)
    if not value.isdecimal() or not least <= int(value) <= most:
        raise InvalidInput(f"{name} must be a whole number from {least} to {most}, not {value!r}.", field=name)
    return int(value)


_NO_PLACE = frozenset({"localtime", "Factory"})
"""Named like time zones, and another on every machine, or none."""


def _zone(environ: Mapping[str, str], name: str) -> str:
    """Zones that count leap seconds (`right/…`) are not among those that are available: PostgreSQL's days have none."""
    value = environ.get(name) or "UTC"
    if value != "UTC" and (value in _NO_PLACE or value not in available_timezones()):
        raise InvalidInput(f"{name} must be an IANA time zone such as Europe/Berlin, not {value[:40]!r}.", field=name)
    return value


def _port(environ: Mapping[str, str], name: str, default: int) -> int:
    value = environ.get(name) or str(default)
    if not value.isdecimal() or int(value) > 65535:
        raise InvalidInput(f"{name} must be a port number from 1 to 65535, not {value!r}.", field=name)
    return int(value)
