"""Canaries planted in every place a secret or a prompt has leaked from elsewhere must not reach the log."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from testkase.foundation.logging import configure
from testkase.foundation.problems import Forbidden

CANARY = "CANARY7f3a91"


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """What a process writes, with the logging of the test session put back afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    written = io.StringIO()
    monkeypatch.setattr("sys.stderr", written)
    configure("test", "DEBUG")
    yield written
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.mark.parametrize(
    "fields",
    [
        {"password": CANARY},
        {"api_key": CANARY},
        {"Authorization": f"Bearer {CANARY}"},
        {"request_headers": {"authorization": CANARY, "cookie": f"session={CANARY}"}},
        {"prompt": CANARY},
        {"body": {"messages": [{"role": "user", "content": CANARY}]}},
        {"request": {"nested": [{"messages": [CANARY]}]}},
        {"note": f"key tk_live_{CANARY} was used"},
        {"note": f"sk-proj-{CANARY}"},
        {"note": f"signed with whsec_ab/+{CANARY}"},
        {"note": f"connecting to postgresql://testkase_app:{CANARY}@localhost/testkase"},
        {"note": f"password={CANARY} host=/tmp"},
        {"note": f'{{"token": "{CANARY}"}}'},
        {"note": f"tk_live_{CANARY}".encode()},
        {"note": f"Forbidden: /invitations/{CANARY}"},
        {"note": f"Not Found: /accounts/password/reset/key/1-{CANARY}/"},
        {"note": f"GET /accounts/confirm-email/{CANARY}/ HTTP/1.1"},
        {"requirement": CANARY},
        {"task_kwargs": {"anything": CANARY}},
    ],
)
def test_a_canary_in_a_field_is_not_written(log: io.StringIO, fields: dict[str, object]) -> None:
    structlog.get_logger("x").warning("something happened", **fields)
    assert json.loads(log.getvalue())["event"] == "something happened"
    assert CANARY not in log.getvalue()


def test_the_row_a_database_quotes_is_not_written_and_what_went_wrong_is(log: io.StringIO) -> None:
    """A refused session, with its key: "DETAIL:  Failing row contains (…)"."""
    said = f'violates check constraint "x"\nDETAIL:  Failing row contains (1, {CANARY}\n{CANARY}).\nCONTEXT:  COPY a'
    try:
        raise ValueError(said)
    except ValueError:
        logging.getLogger("x").exception("unforeseen error: %s", said)
    assert CANARY not in log.getvalue()
    told = json.loads(log.getvalue())
    assert 'violates check constraint "x"' in told["exception"]
    assert "CONTEXT:  COPY a" in told["event"]


def test_templates_do_not_tell_all_they_know_for_want_of_one_name(log: io.StringIO) -> None:
    """Django, at DEBUG: "Failed lookup for key [x] in [{'question': …, 'threads': …}]"."""
    logging.getLogger("django.template").debug("no x in %s", {"threads": [CANARY]})
    assert CANARY not in log.getvalue()


def test_a_canary_in_a_message_of_a_library_is_not_written(log: io.StringIO) -> None:
    logging.getLogger("library").error("could not sign in with %s", f"Bearer {CANARY}")
    assert "could not sign in with" in log.getvalue()
    assert CANARY not in log.getvalue()


def test_a_canary_in_an_exception_is_not_written(log: io.StringIO) -> None:
    try:
        raise ValueError(f"postgresql://owner:{CANARY}@host/db refused")
    except ValueError:
        logging.getLogger("library").exception("failed")
    assert "ValueError" in log.getvalue()
    assert CANARY not in log.getvalue()


def test_what_a_person_was_told_is_not_written_when_something_breaks_meanwhile(log: io.StringIO) -> None:
    try:
        try:
            raise Forbidden(f"This invitation is for {CANARY}. Sign in with that address.")
        except Forbidden as refusal:
            raise OSError("the database went away") from refusal
    except OSError:
        logging.getLogger("library").exception("failed")
    assert "problems.Forbidden" in log.getvalue()
    assert "the database went away" in log.getvalue()
    assert CANARY not in log.getvalue()


def test_an_address_is_not_written_wherever_it_stands(log: io.StringIO) -> None:
    logging.getLogger("library").error("no such user: <mira.lindqvist+tests@mail.example.com>")
    assert "no such user: <[redacted]>" in log.getvalue()


def test_facts_survive(log: io.StringIO) -> None:
    structlog.get_logger("x").info("settled", org_id=7, hold_id="hold_1", input_tokens=12, charged="1.24")
    line = json.loads(log.getvalue())
    assert (line["org_id"], line["hold_id"], line["input_tokens"], line["charged"]) == (7, "hold_1", 12, "1.24")
    assert (line["process"], line["level"], line["logger"]) == ("test", "info", "x")


def test_what_anybody_can_cause_is_one_line_and_no_alarm(log: io.StringIO) -> None:
    try:
        raise ValueError("at depth")
    except ValueError:
        logging.getLogger("django.security.DisallowedHost").exception("Invalid HTTP_HOST header: %r.", "evil.example")
    told = json.loads(log.getvalue())
    assert (told["level"], told["event"]) == ("warning", "Invalid HTTP_HOST header: 'evil.example'.")
    assert "exception" not in told


def test_a_long_text_is_cut(log: io.StringIO) -> None:
    structlog.get_logger("x").info("long", note="begin" + "x" * 100_000 + "end")
    assert len(log.getvalue()) < 7_000
    assert json.loads(log.getvalue())["note"].startswith("begin")
    assert json.loads(log.getvalue())["note"].endswith("end")
