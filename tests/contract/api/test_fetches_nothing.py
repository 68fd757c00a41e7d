"""No address that a customer writes anywhere is ever asked for: a listener on this machine waits, and nobody comes."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from testkase.core.access import Scope
from testkase.foundation.database import Database
from testkase.services.audit import OPERATOR
from testkase.services.workspace.importing.run import run_import
from testkase.services.workspace.projects import create_project
from tests.support.cluster import TestDatabase
from tests.support.programs import Organization, Organizations

MODEL = "testkase-demo"
PLACES = [
    "http://127.0.0.1:{port}/latest/meta-data/",
    "http://localhost:{port}/",
    "http://[::ffff:127.0.0.1]:{port}/",
    "http://2130706433:{port}/",
    "http://0x7f.0.0.1:{port}/",
    "http://127.1:{port}/",
    "http://allowed.example@127.0.0.1:{port}/",
    "http://127.0.0.1:{port}#.example.com",
    "//127.0.0.1:{port}/",
    "gopher://127.0.0.1:{port}/_GET",
    "file:///etc/passwd",
]


class Listener:
    """A socket that notices whoever connects."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._socket.setblocking(False)
        self.port = int(self._socket.getsockname()[1])

    def was_reached(self) -> bool:
        with contextlib.suppress(BlockingIOError):
            connection, _ = self._socket.accept()
            connection.close()
            return True
        return False

    def close(self) -> None:
        self._socket.close()


@pytest.fixture(scope="module")
def listener() -> Iterator[Listener]:
    made = Listener()
    yield made
    made.close()


@pytest.fixture(scope="module")
def org(organizations: Organizations) -> Organization:
    made = organizations.make(scopes=frozenset(Scope))
    organizations.run(made.org_id, create_project(made.org_id, key="SHOP", name="Shop", actor=OPERATOR))
    return made


def bodies(place: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Requests with the address wherever a text goes."""
    picture = [{"type": "image_url", "image_url": {"url": place}}, {"type": "text", "text": place}]
    for content in (place, picture):
        yield (
            "/openai/v1/chat/completions",
            {"model": MODEL, "messages": [{"role": "user", "content": content}], "base_url": place, "api_base": place},
        )
    yield "/openai/v1/chat/completions", {"model": place, "messages": [{"role": "user", "content": "x"}]}
    tool = {"type": "function", "function": {"name": "f", "parameters": {"$ref": place}}}
    yield (
        "/openai/v1/chat/completions",
        {"model": MODEL, "messages": [{"role": "user", "content": "x"}], "tools": [tool]},
    )
    yield "/api/v1/usage", {"use_case": "chat", "user": place, "project": place, "credits": "0.01", "model": place}
    yield "/api/v1/holds", {"use_case": "chat", "user": place, "credits": "0.01", "callback_url": place}
    result = {"automation_id": place, "title": place, "result": "failed", "comment": place}
    yield "/api/v1/projects/SHOP/results", {"name": place, "results": [result]}


def documents(place: str) -> Iterator[bytes]:
    yield f'<!DOCTYPE x [<!ENTITY f SYSTEM "{place}">]><testsuite name="&f;"/>'.encode()
    yield f'<!DOCTYPE testsuite SYSTEM "{place}"><testsuite/>'.encode()
    include = f'<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="{place}"/>'
    yield f'<testsuite><testcase name="{place}" file="{place}">{include}</testcase></testsuite>'.encode()
    schema = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:noNamespaceSchemaLocation'
    yield f'<testsuite {schema}="{place}"><testcase name="x"/></testsuite>'.encode()


def work_off(database: TestDatabase, org: Organization, import_id: str) -> None:
    async def once() -> None:
        pool = Database(database.app_url, max_size=2)
        await pool.open()
        await run_import(org.org_id, int(import_id), pool)
        await pool.close()

    asyncio.run(once())


def test_the_listener_notices_who_comes(listener: Listener) -> None:
    with socket.create_connection(("127.0.0.1", listener.port)):
        pass
    assert listener.was_reached()
    assert not listener.was_reached()


@pytest.mark.parametrize("place", PLACES)
def test_no_address_in_a_request_is_ever_asked(
    base_url: str, org: Organization, listener: Listener, module_database: TestDatabase, place: str
) -> None:
    place = place.format(port=listener.port)
    headers = {**org.headers, "X-Base-Url": place, "X-User": "u", "Referer": place, "X-Forwarded-Host": "127.0.0.1"}
    with httpx.Client(base_url=base_url, headers=headers, timeout=20) as client:
        for path, body in bodies(place):
            assert client.post(path, json=body).status_code < 500
        for document in documents(place):
            kind = {"Content-Type": "text/xml; charset=utf-8"}
            accepted = client.post("/api/v1/projects/SHOP/results", content=document, headers=kind)
            assert accepted.status_code < 500
            if accepted.status_code < 300:
                work_off(module_database, org, accepted.json()["id"])
        assert client.get("/webhooks/razorpay").status_code < 500
    assert not listener.was_reached()
