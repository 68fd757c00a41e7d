"""What a simulator is started with: the command line, or the environment, RAZORPAY_SIMULATOR_…."""

import argparse
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

LIVE = "rzp_live_"
_PREFIX = "RAZORPAY_SIMULATOR_"


class NotStarted(ValueError):  # noqa: N818 - said to whoever starts it
    """The simulator cannot be started so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Raises NotStarted for what a simulator must never be given: live keys, addresses of other machines."""

    key_id: str = "rzp_test_simulator0001"
    key_secret: str = "simulator-key-secret"  # noqa: S105 - of a simulator; it opens nothing
    port: int = 9000
    webhook_url: str | None = None
    webhook_secret: str | None = None
    data: str | None = None
    seed: int = 1
    receipts: str = "lenient"
    """`lenient`: a receipt may come again; `strict-unique`: it is refused."""
    capture: str = "automatic"
    """Of payments whose order does not say: `automatic` or `manual`."""
    inr_rails_for_all_currencies: bool = True
    """UPI, net banking and wallets move rupees only. True offers them for other currencies as well, for trying out."""
    webhook_timeout_seconds: float = 5.0
    backoff_first_seconds: int = 10
    backoff_most_seconds: int = 3600
    give_up_after_seconds: int = 24 * 3600

    def __post_init__(self) -> None:
        if self.key_id.startswith(LIVE) or self.key_secret.startswith(LIVE):
            raise NotStarted("This is a simulator: it takes no live keys. Use a key that begins rzp_test_.")
        if not self.key_id.startswith("rzp_test_"):
            raise NotStarted("The key id must begin rzp_test_.")
        if self.receipts not in {"lenient", "strict-unique"}:
            raise NotStarted("Receipts are lenient or strict-unique.")
        if self.capture not in {"automatic", "manual"}:
            raise NotStarted("Capture is automatic or manual.")
        if self.webhook_url is not None and not is_loopback(self.webhook_url):
            raise NotStarted("The simulator sends webhooks to this machine only: 127.0.0.1, ::1 or localhost.")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def is_loopback(url: str) -> bool:
    """Whether an address is on this machine, said so without asking a name server."""
    try:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or parts.port == 0:
            return False
        return parts.hostname == "localhost" or ip_address(parts.hostname or "").is_loopback
    except ValueError:
        return False


def read(arguments: Sequence[str], environ: Mapping[str, str] | None = None) -> Config:
    """The command line's word counts over the environment's. Raises NotStarted."""
    environ = os.environ if environ is None else environ
    parser = argparse.ArgumentParser(
        prog="python -m razorpay_simulator", description="A local Razorpay. No money moves."
    )
    for field in fields(Config):
        parser.add_argument(f"--{field.name.replace('_', '-')}", help=f"default: {field.default}")
    given = vars(parser.parse_args(arguments))
    values: dict[str, Any] = {}
    for field in fields(Config):
        text = given[field.name] if given[field.name] is not None else environ.get(_PREFIX + field.name.upper())
        if text:
            values[field.name] = _typed(field.name, text, field.default)
    return Config(**values)


def _typed(name: str, text: str, default: object) -> Any:
    if isinstance(default, bool):
        return text.strip().lower() in {"1", "true", "yes", "on"}
    if isinstance(default, int | float):
        try:
            return type(default)(text)
        except ValueError:
            raise NotStarted(f"{name} must be a number, not {text!r}.") from None
    return str(Path(text)) if name == "data" else text
