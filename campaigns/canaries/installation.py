"""The whole of it at log level DEBUG, with a canary for every secret it is given."""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from django.conf import settings
from psycopg import sql

from bench.server import Server, bench_server
from campaigns.canaries.planted import Canary
from razorpay_simulator.app import create_app
from razorpay_simulator.config import Config
from razorpay_simulator.server import running as simulating
from testkase.config.databases import with_login
from tests.support.cluster import TestDatabase
from tests.support.django import django_on, model_on_offer
from tests.support.processes import Running, serving, working
from tests.support.upstream import Upstream, scripted_upstream

KEY_ID = "rzp_test_canary00000001"
OTHER_MODEL = "claude-haiku-4-5"
_PROVIDERS = """
[[providers]]
name = "other"
kind = "anthropic"
base_url = "http://127.0.0.1:{port}/v1"
api_key_env = "OTHER_KEY"
no_training = true
zero_retention = true

[[providers.models]]
name = "claude-haiku-4-5"
context_window = 200000
max_output_tokens = 16384
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """What runs, and where it writes."""

    database: TestDatabase
    app: Running
    worker: Running
    upstream: Upstream
    razorpay_url: str
    folders: tuple[Path, ...]
    """Data and logs."""

    @property
    def pids(self) -> list[int]:
        """Of the product's processes."""
        return [self.app.process.pid, self.worker.process.pid]


@contextmanager
def installed(canaries: dict[str, Canary]) -> Iterator[Installation]:
    """Everything, until the end of the block."""
    with ExitStack() as opened:
        server = opened.enter_context(bench_server(log_statement="none", log_min_messages="debug1"))
        database = _with_password(server, canaries["the database's password"].text)
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="testkase-canaries-")))
        upstream = opened.enter_context(scripted_upstream())
        config = Config(key_id=KEY_ID, key_secret=canaries["the payment provider's key secret"].text, port=0)
        razorpay_url = f"http://127.0.0.1:{opened.enter_context(simulating(create_app(config)))}"
        opened.enter_context(django_on(database))
        opened.enter_context(model_on_offer())
        environ = _environ(canaries, folder, upstream.port, razorpay_url)
        app = opened.enter_context(serving(database, folder, environ))
        worker = opened.enter_context(working(database, folder, environ))
        yield Installation(
            database=database, app=app, worker=worker, upstream=upstream, razorpay_url=razorpay_url,
            folders=(folder, server.folder / "postgres.log"),
        )  # fmt: skip


def _with_password(server: Server, password: str) -> TestDatabase:
    """The same database, under a password that is a canary."""
    with psycopg.connect(server.owner_url, autocommit=True) as connection:
        connection.execute(sql.SQL("ALTER ROLE testkase_app PASSWORD {}").format(password))
    url = with_login(server.app_url, user="testkase_app", password=password)
    return TestDatabase(server.database.name, server.owner_url, url)


def _environ(canaries: dict[str, Canary], folder: Path, model_port: int, razorpay_url: str) -> dict[str, str]:
    providers = folder / "providers.toml"
    providers.write_text(_PROVIDERS.format(port=model_port))
    # Signed with the same secret as what this process makes: the sessions of the people it makes are valid there.
    settings.SECRET_KEY = canaries["the secret of sessions"].text * 2
    return {
        "TESTKASE_MODEL_PORT": str(model_port),
        "TESTKASE_MODEL_API_KEY": canaries["the model provider's key"].text,
        "TESTKASE_PROVIDERS": str(providers),
        "OTHER_KEY": canaries["the other model provider's key"].text,
        "TESTKASE_SECRET_KEY": settings.SECRET_KEY,
        "RAZORPAY_KEY_ID": KEY_ID,
        "RAZORPAY_KEY_SECRET": canaries["the payment provider's key secret"].text,
        "RAZORPAY_WEBHOOK_SECRET": canaries["the webhook's secret"].text,
        "RAZORPAY_API_URL": razorpay_url,
        "RAZORPAY_CHECKOUT_JS": f"{razorpay_url}/v1/checkout.js",
        "LOG_LEVEL": "DEBUG",
    }
