"""The programs' door on a free port, and organizations with a key to knock with."""

import asyncio
import itertools
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from granian.constants import Interfaces
from granian.server.embed import Server
from litestar import Litestar

from testkase.core.access import DEFAULT_SCOPES, mint_key
from testkase.core.ledger.commands import Grant, OpenAccount, SwitchAi
from testkase.core.ledger.credits import parse_credits
from testkase.core.ledger.operations import execute_one
from testkase.foundation import runtime
from testkase.foundation.database import Operation, Statement, SyncDatabase
from testkase.foundation.settings import Settings
from testkase.services.inference import EMBEDDED_MODEL
from tests.support.cluster import TestDatabase

_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Organization:
    """An organization with one API key."""

    org_id: int
    key: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}


class Organizations:
    """Makes organizations in one database, as the application role."""

    def __init__(self, database: TestDatabase) -> None:
        self.database = SyncDatabase(database.app_url)

    def close(self) -> None:
        self.database.close()

    def make(
        self,
        credits: str = "300",
        *,
        ai_enabled: bool = True,
        scopes: frozenset[Any] = DEFAULT_SCOPES,
        opened_at: int | None = None,
    ) -> Organization:
        """A new organization with so many credits a month, and a key. `opened_at`: microseconds UTC."""
        name = f"org-{next(_numbers)}"
        with self.database.transaction() as connection:
            row = connection.execute(
                "INSERT INTO organization (name, slug) VALUES (%s, %s) RETURNING id", (name, name)
            ).fetchone()
            assert row is not None
        org_id = int(row[0])
        allowance = parse_credits(credits)
        self.run(
            org_id,
            execute_one(
                OpenAccount(org_id=org_id, monthly_allowance=allowance, ai_enabled=ai_enabled), clock=opened_at
            ),
        )
        return Organization(org_id, self.make_key(org_id, scopes=scopes))

    def make_person(self, org_id: int, role: str) -> int:
        """Somebody new with that role."""
        email = f"{role}-{next(_numbers)}@example.com"
        with self.database.transaction() as connection:
            row = connection.execute(
                "INSERT INTO app_user (email, ref, display_name, password, is_active, is_staff, is_superuser,"
                " date_joined) VALUES (%s, %s, %s, '!', true, false, false, now()) RETURNING id",
                (email, email, role.title()),
            ).fetchone()
            assert row is not None
            connection.execute(
                "INSERT INTO membership (user_id, org_id, role) VALUES (%s, %s, %s)", (row[0], org_id, role)
            )
        return int(row[0])

    def make_key(
        self, org_id: int, *, scopes: frozenset[Any] = DEFAULT_SCOPES, name: str = "ci", maker: int | None = None
    ) -> str:
        """The text of a new key."""
        key = mint_key()
        with self.database.transaction() as connection:
            connection.execute(
                "INSERT INTO api_key (hash, org_id, key_id, name, prefix, scopes, created_by)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s)",
                (key.hash, org_id, key.key_id, name, key.prefix, sorted(str(scope) for scope in scopes), maker),
            )
        return key.text

    def switch_ai(self, org_id: int, enabled: bool) -> None:
        self.run(org_id, execute_one(SwitchAi(org_id=org_id, switch_id=f"switch-{next(_numbers)}", enabled=enabled)))

    def grant(self, org_id: int, credits: str) -> None:
        amount = parse_credits(credits)
        self.run(org_id, execute_one(Grant(org_id=org_id, grant_id=f"grant-{next(_numbers)}", amount=amount)))

    def run(self, org_id: int, operation: Operation[Any]) -> Any:
        return self.database.run(operation, org_id=org_id)

    def rows(self, org_id: int, sql: Any, **params: Any) -> list[dict[str, Any]]:
        """Rows as the application sees them in this organization's context."""

        def select() -> Operation[list[dict[str, Any]]]:
            return (yield Statement(sql, params))

        return self.database.run(select(), org_id=org_id)


def api_settings(database: TestDatabase, *, model_port: int = 0, **environ: str) -> Settings:
    """Settings of an application on this database, with the embedded model's place taken by `model_port`."""
    return Settings.from_environ(
        {
            "TESTKASE_APP_DATABASE_URL": database.app_url,
            "TESTKASE_DATA": str(Path("/nonexistent")),
            "TESTKASE_PUBLIC_URL": "https://credits.test",
            "TESTKASE_MODEL_PORT": str(model_port),
            "TESTKASE_SECRET_KEY": "secret",
            **environ,
        }
    )


@contextmanager
def served(app: Litestar) -> Iterator[str]:
    """The application behind the real server, on a thread of its own; the address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    started = threading.Event()
    server = Server(app, address="127.0.0.1", port=port, interface=Interfaces.ASGI, websockets=False, log_enabled=False)
    server.on_startup(started.set)
    loops: list[asyncio.AbstractEventLoop] = []
    faults: list[BaseException] = []

    async def serve() -> None:
        loops.append(asyncio.get_running_loop())
        try:
            await server.serve()
        except BaseException as fault:
            faults.append(fault)
            started.set()
            raise

    def run() -> None:
        with runtime.runner() as runner:
            runner.run(serve())

    thread = threading.Thread(target=run, daemon=True, name="served")
    thread.start()
    started.wait(30)
    if faults:
        raise RuntimeError("the application did not start") from faults[0]
    wait_for_port(port)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        loops[0].call_soon_threadsafe(server.stop)
        thread.join(30)


def wait_for_port(port: int, seconds: float = 60) -> None:
    """Until somebody listens."""
    for _ in range(int(seconds / 0.02)):
        with socket.socket() as probe:
            probe.settimeout(0.5)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        threading.Event().wait(0.02)
    raise TimeoutError(f"nobody listens on port {port}")


MODEL = EMBEDDED_MODEL
