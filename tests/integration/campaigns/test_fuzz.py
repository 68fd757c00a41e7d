"""A slice of the fuzzing campaign, and that what it looks with sees."""

import random
from collections.abc import Iterator

import jsonschema_rs
import psycopg
import pytest

from campaigns.fuzz.afterwards import tried_in_vain
from campaigns.fuzz.changes import Changes
from campaigns.fuzz.fuzz import fuzz
from campaigns.fuzz.json_text import bend, written
from campaigns.fuzz.judging import judged
from campaigns.fuzz.operations import Document
from campaigns.fuzz.request import Request
from campaigns.fuzz.schemas import Sampler, text_of
from campaigns.fuzz.wire import Answer
from testkase.entrypoints.api.openapi import document
from testkase.entrypoints.api.v1.hold_schemas import HoldRequest, SettlementItem
from testkase.entrypoints.api.v1.routes import PREFIX, routes
from tests.support.cluster import TestDatabase
from tests.support.fake_provider import FakeProvider

ADD = "INSERT INTO organization (name, slug) VALUES ('a', 'a')"


@pytest.fixture
def whole() -> Document:
    inside = (HoldRequest, SettlementItem)
    return Document(document(routes(), prefix=PREFIX, server_url="http://x", version="1", extra=inside))


@pytest.fixture
def changes(database: TestDatabase) -> Iterator[Changes]:
    made = Changes.of(database)
    yield made
    made.close()


@pytest.mark.slow
@pytest.mark.requirement("I5", "I6")
def test_a_slice_of_bent_requests_finds_no_fault(database: TestDatabase) -> None:
    outcome = fuzz(database, requests=160, seed=20_261_128, afterwards=False)
    assert outcome.faults == [], outcome.line
    assert all(outcome.figures[f"{door} {kind}"] for door in ("api", "openai", "pages") for kind in ("2xx", "4xx"))


@pytest.mark.parametrize(
    ("name", "dispute", "columns", "stays"),
    [
        ("payment.dispute.won", "made up", "attempts = 3", False),
        ("payment.dispute.won", "known", "attempts = 1", True),
        ("payment.dispute.won", None, "attempts = 1", True),
        ("payment.captured", None, "attempts = 2", True),
        ("payment.captured", None, "attempts = 0", False),
        ("payment.captured", None, "attempts = 1, handled_at = now()", False),
    ],
)
def test_only_a_report_of_a_dispute_that_was_made_up_may_stay(
    database: TestDatabase, name: str, dispute: str | None, columns: str, *, stays: bool
) -> None:
    provider = FakeProvider()
    order = provider.create_order(receipt="purchase", amount=1_000, currency="USD", notes={})
    payment = provider.pay(order.order_id)
    ids = {"known": provider.dispute(payment.payment_id).dispute_id, "made up": "disp_Fuzz0000000001", None: None}
    with psycopg.connect(database.owner_url) as connection:
        connection.execute(
            "INSERT INTO payment_event (digest, name, order_id, payment_id, dispute_id)"
            " VALUES (sha256('a report'), %s, %s, %s, %s)",
            [name, order.order_id, payment.payment_id, ids[dispute]],
        )
        connection.execute(f"UPDATE payment_event SET {columns}".encode())
        found = list(tried_in_vain(connection, provider, patience_seconds=0))
        connection.rollback()
    assert [name in fault for fault in found] == [True] * stays


@pytest.mark.parametrize(
    ("statement", "seen"),
    [
        (ADD, ["insert of public.organization"]),
        (
            f"{ADD}; UPDATE organization SET name = 'b'",
            ["insert of public.organization", "update of public.organization"],
        ),
        (f"{ADD}; DELETE FROM organization", ["insert of public.organization", "delete of public.organization"]),
        (f"BEGIN; {ADD}; ROLLBACK", []),
        ("SELECT * FROM organization FOR UPDATE", []),
        (f"{ADD}; UPDATE organization SET name = name", ["insert of public.organization"]),
    ],
)
def test_the_log_tells_every_change_and_nothing_else(
    changes: Changes, database: TestDatabase, statement: str, seen: list[str]
) -> None:
    began = changes.place()
    with psycopg.connect(database.owner_url, autocommit=True) as connection:
        connection.execute(statement)
    ended = changes.place()
    found = changes.read()
    assert [str(change).partition(" (")[0] for change in found] == seen
    assert all(began <= change.at < ended for change in found)
    assert changes.read() == []


def test_what_is_drawn_from_a_schema_fits_it(whole: Document) -> None:
    for number, operation in enumerate(whole.operations * 5):
        if operation.body is not None:
            value = Sampler(whole, random.Random(number)).value(operation.body)
            schema = {"components": whole.document["components"], **operation.body}
            assert jsonschema_rs.is_valid(schema, value), (operation.path, value)


@pytest.mark.parametrize(
    "pattern", ["^(0|[1-9][0-9]{0,9})(\\.[0-9]{1,6})?$", "^[^\\x00-\\x1f\\x7f]{1,200}$", "^a|b.c$"]
)
def test_texts_are_drawn_from_patterns(pattern: str) -> None:
    for number in range(50):
        assert jsonschema_rs.is_valid({"pattern": pattern}, text_of(pattern, random.Random(number)))


def test_every_bend_can_be_written_and_bent_again() -> None:
    for number in range(2_000):
        value, dice = {"a": {"b": ["1.5", 2]}, "c": None}, random.Random(number)
        for _ in range(3):
            value, told = bend(value, dice)
            assert told
            assert isinstance(written(value), bytes)


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (Answer(500), "500"),
        (Answer(0), "ended without an answer"),
        (Answer(-1), "nothing in time"),
        (Answer(404, {"content-type": "text/html"}, b"<p>"), "404 is text/html"),
        (Answer(200, {"content-type": "application/json"}, b"{}"), "200: "),
        (Answer(422, {"content-type": "application/problem+json"}, b'{"code": "invalid_input"}'), "lacks"),
        (Answer(200, {"content-type": "application/json"}, b'"psycopg"'), "shows"),
    ],
)
def test_answers_that_may_not_be_given_are_found(whole: Document, answer: Answer, fault: str) -> None:
    (operation,) = (each for each in whole.operations if each.path == "/api/v1/balance")
    request = Request(door="api", method="GET", path=operation.path, operation=operation)
    assert any(fault in found for found in judged(request, answer, whole))


def test_a_redirect_to_another_host_is_found(whole: Document) -> None:
    request = Request(door="pages", method="GET", path="/accounts/login/")
    assert list(judged(request, Answer(302, {"location": "//evil.example/"}), whole))
    assert not list(judged(request, Answer(302, {"location": "/projects"}), whole))


def test_a_fault_is_printed_as_a_command() -> None:
    request = Request(door="api", method="POST", path="/x", headers=[("A", b"\xff")], body=b"it's \x00")
    command = request.curl("http://h")
    assert command.startswith(
        "curl -sS -i --path-as-is -X $'POST' $'http://h/x' -H $'A: \\xff' --data-binary @<(printf "
    )
    assert "\\\\000" in command
