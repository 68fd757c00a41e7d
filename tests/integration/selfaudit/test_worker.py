"""The self-audit as the worker runs it: whose turn it is, how gently, and who is told."""

import asyncio
import itertools
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import psycopg
import pytest
from django.core import mail
from structlog.testing import capture_logs

from testkase.entrypoints.worker import selfaudit
from testkase.entrypoints.worker.selfaudit import SelfAudit, Stopped
from testkase.foundation.database import Operation
from testkase.services.selfaudit import standing
from testkase.services.selfaudit.checking import check
from testkase.services.selfaudit.metrics import CHECKED_AT, DEVIATIONS, look
from testkase.services.selfaudit.model import Outcome
from tests.support.selfaudit import check_all, spend, tamper
from tests.support.shop import Shop

pytestmark = pytest.mark.requirement("B4")
FORGED = "UPDATE ledger.entry SET note = 'secret words' WHERE org_id = %s AND seq = 1"


def staff(shop: Shop) -> None:
    tamper(shop, "UPDATE app_user SET is_staff = true WHERE email = (SELECT min(email) FROM app_user)")


def test_every_organization_has_its_turn_once_and_then_nobody_for_hours(shop: Shop, audit: SelfAudit) -> None:
    for _ in range(3):
        shop.organization()
    assert [audit.turn() for _ in range(5)] == [True] * 4 + [False], "three organizations, and what concerns all"
    so_far = shop.organizations.database.run(standing.checked())
    assert (so_far.organizations, so_far.checked, so_far.deviations) == (3, 3, 0)


def test_where_something_happened_comes_first_but_nobody_waits_for_ever(shop: Shop, audit: SelfAudit) -> None:
    quiet, busy, late = (shop.organization().org_id for _ in range(3))
    books = shop.organizations.database
    books.run(standing.enrol([quiet, busy, late]))
    books.run(standing.hasten([busy]))
    tamper(shop, "UPDATE ledger_check SET due_at = now() - interval '3 hours' WHERE org_id = %s", late)
    assert [books.run(standing.claim()) for _ in range(4)] == [late, busy, quiet, None]


def test_an_organization_in_use_is_due_an_hour_after_it_was_checked(shop: Shop, audit: SelfAudit) -> None:
    org_id = shop.organization().org_id
    check_all(shop, audit)
    tamper(shop, "UPDATE ledger_check SET checked_at = now() - interval '61 minutes'")
    assert shop.organizations.database.run(standing.claim()) is None
    shop.organizations.database.run(standing.hasten([org_id]))
    assert shop.organizations.database.run(standing.claim()) == org_id


@pytest.mark.requirement("P16")
def test_staff_are_told_once_of_a_deviation_without_its_content(shop: Shop, audit: SelfAudit) -> None:
    org_id = shop.organization().org_id
    staff(shop)
    tamper(shop, FORGED, org_id)
    with capture_logs() as logs:
        check_all(shop, audit)
        check_all(shop, audit)
    said = [line for line in logs if line["event"] == "the books deviate"]
    assert [(line["log_level"], line["org_id"], line["seq"]) for line in said] == [("error", org_id, 1)]
    (letter,) = mail.outbox
    assert f"Organization {org_id}: I12, entry 1" in letter.body
    assert "secret" not in letter.body + str(logs)


def test_a_deviation_that_went_and_comes_again_is_told_again(shop: Shop, audit: SelfAudit) -> None:
    org_id = shop.organization().org_id
    staff(shop)
    for sign, letters in (("+", 1), ("-", 1), ("+", 2)):
        tamper(shop, f"UPDATE ledger.account SET available = available {sign} 1 WHERE org_id = %s".encode(), org_id)
        found = check_all(shop, audit)
        assert (found == []) is (sign == "-")
        assert len(mail.outbox) == letters


def test_the_gauges_say_what_stands_and_since_when_all_was_checked(shop: Shop, audit: SelfAudit) -> None:
    org_id = shop.organization().org_id
    tamper(shop, FORGED, org_id)
    check_all(shop, audit)
    tamper(shop, "UPDATE ledger_check SET checked_at = to_timestamp(1000) WHERE org_id = %s", org_id)
    shop.organizations.database.run(look())
    assert (DEVIATIONS._value.get(), CHECKED_AT._value.get()) == (1, 1000)


def test_one_organization_in_trouble_does_not_keep_the_others_from_their_turn(
    shop: Shop, audit: SelfAudit, monkeypatch: pytest.MonkeyPatch
) -> None:
    troubled, sound = shop.organization().org_id, shop.organization().org_id

    def fails(org_id: int, *, short: int) -> Operation[Outcome]:
        if org_id == troubled:
            raise RuntimeError
        return (yield from check(org_id, short=short))

    monkeypatch.setattr(selfaudit, "check", fails)
    check_all(shop, audit)
    assert shop.organizations.database.run(standing.checked()).checked == 1
    assert sound != troubled


def test_a_folder_that_cannot_be_written_is_said_and_keeps_nobody_from_being_checked(
    shop: Shop, audit: SelfAudit, tmp_path: Path
) -> None:
    shop.organization()
    (tmp_path / "heads").write_text("not a folder")
    with capture_logs() as logs:
        assert check_all(shop, audit) == []
    assert "heads could not be published" in [line["event"] for line in logs]
    assert shop.organizations.database.run(standing.checked()).checked == 1


async def test_it_rests_nine_times_as_long_as_it_worked(
    shop: Shop, audit: SelfAudit, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = itertools.count()
    monkeypatch.setattr(audit, "turn", lambda: True)
    monkeypatch.setattr(selfaudit, "time", SimpleNamespace(monotonic=lambda: float(next(clock))))
    assert await audit._step() == 9.0
    monkeypatch.setattr(audit, "turn", lambda: False)
    assert await audit._step() == selfaudit.EVERY_SECONDS


async def test_it_stops_in_the_middle_of_a_journal_when_the_worker_does(shop: Shop, audit: SelfAudit) -> None:
    org_id = shop.organization().org_id
    running = asyncio.create_task(audit.run())
    await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    with pytest.raises(Stopped):
        next(audit._gently(check(org_id)))


def test_what_is_written_while_a_journal_is_read_is_no_deviation(shop: Shop) -> None:
    org_id, books = shop.organization().org_id, shop.organizations.database

    def with_writers(org_id: int) -> Operation[Outcome]:
        operation, rows = check(org_id), None
        numbers = itertools.count()
        while True:
            try:
                statement = operation.send(rows)  # type: ignore[arg-type]
            except StopIteration as done:
                return cast(Outcome, done.value)
            rows = yield statement
            spend(shop, org_id, f"meanwhile-{next(numbers)}")

    assert books.read(with_writers(org_id), org_id=org_id).found == ()


def test_nothing_is_kept_of_an_organization_but_ids_counts_and_hashes(shop: Shop) -> None:
    with psycopg.connect(shop.database.owner_url) as owner:
        texts = owner.execute(
            "SELECT table_name, column_name FROM information_schema.columns WHERE data_type IN ('text', 'jsonb')"
            " AND table_name IN ('ledger_check', 'ledger_deviation', 'published_heads')"
        ).fetchall()
    assert texts == [("ledger_deviation", "invariant")]
