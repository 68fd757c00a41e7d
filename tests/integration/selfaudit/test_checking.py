"""What the self-audit finds, in short journals and in long ones that it goes on from a checkpoint in."""

from datetime import timedelta

import pytest

from testkase.core.ledger.calendar import from_micros, to_micros
from testkase.core.ledger.checkpoint import Checkpoint, verify_since, where_it_ends
from testkase.core.ledger.months import AHEAD, month_start, prepare_months
from testkase.entrypoints.worker.selfaudit import SelfAudit
from testkase.foundation.clock import utc_now
from testkase.services.selfaudit import checking
from testkase.services.selfaudit.checking import check
from testkase.services.selfaudit.metrics import MONTHS_END, look
from tests.support.selfaudit import check_all, spend, tamper
from tests.support.shop import Shop

pytestmark = pytest.mark.requirement("B4")

WEEK_PASSES = "UPDATE ledger_check SET walked_at = walked_at - interval '8 days'"


def walked_whole(shop: Shop, org_id: int) -> bool:
    return shop.organizations.database.read(check(org_id, short=0), org_id=org_id).whole


def test_sound_books_have_no_deviations_and_a_long_journal_is_gone_on_with(shop: Shop, audit: SelfAudit) -> None:
    org_id = shop.organization().org_id
    shop.bought(org_id)
    assert check_all(shop, audit) == []
    spend(shop, org_id, "a", "b")
    assert not walked_whole(shop, org_id)
    assert check_all(shop, audit) == []
    shop.provider.refund_by_hand(shop.bought(org_id).payment_id or "", 900)
    assert check_all(shop, audit) == []


def test_going_on_reaches_what_a_whole_walk_reaches(shop: Shop) -> None:
    org_id, books = shop.organization().org_id, shop.organizations.database
    shop.bought(org_id)
    spend(shop, org_id, "a", "b")
    end = books.read(where_it_ends(org_id), org_id=org_id)
    assert books.read(verify_since(org_id, Checkpoint()), org_id=org_id) == ([], end)
    assert books.read(verify_since(org_id, end), org_id=org_id) == ([], end)


@pytest.mark.requirement("I12")
def test_an_old_entry_that_was_edited_is_found_by_the_weekly_walk(shop: Shop, audit: SelfAudit) -> None:
    org_id = shop.organization().org_id
    spend(shop, org_id, "a", "b", "c")
    assert check_all(shop, audit) == []
    tamper(shop, "UPDATE ledger.entry SET note = 'another' WHERE org_id = %s AND seq = 2", org_id)
    assert check_all(shop, audit) == [], "what lies before the checkpoint is not read every day"
    tamper(shop, WEEK_PASSES)
    assert check_all(shop, audit) == [(org_id, "I12", 2)]
    assert walked_whole(shop, org_id), "for as long as something deviates everything is read"


@pytest.mark.requirement("I12")
def test_a_journal_whose_hashes_were_all_made_anew_does_not_agree_with_its_checkpoint(
    shop: Shop, audit: SelfAudit
) -> None:
    org_id = shop.organization().org_id
    spend(shop, org_id, "a")
    assert check_all(shop, audit) == []
    tamper(shop, "UPDATE ledger_check SET hash = sha256(hash) WHERE org_id = %s", org_id)
    spend(shop, org_id, "b")
    assert (org_id, "I12") in {found[:2] for found in check_all(shop, audit)}


NEW_ENTRIES = (
    ("UPDATE ledger.entry SET note = 'x' WHERE org_id = %s AND seq = 5", "I12"),
    ("UPDATE ledger.entry SET available_after = available_after + 1 WHERE org_id = %s AND seq = 4", "I2"),
    ("DELETE FROM ledger.entry WHERE org_id = %s AND seq = 4", "I12"),
    ("DELETE FROM ledger.entry WHERE org_id = %s AND seq = 5", "I2"),
    ("UPDATE ledger.usage SET model = 'x' WHERE org_id = %s AND seq = 5", "I12"),
    ("DELETE FROM ledger.usage WHERE org_id = %s AND seq = 5", "I11"),
    ("DELETE FROM ledger.operation WHERE org_id = %s AND seq = 5", "I5"),
    ("UPDATE ledger.operation SET at = at + 1 WHERE org_id = %s AND seq = 4", "I5"),
    ("UPDATE ledger.lot SET available = available - 1 WHERE org_id = %s", "I2"),
    ("UPDATE ledger.account SET available = available + 1 WHERE org_id = %s", "I2"),
    ("UPDATE ledger.account SET last_hash = sha256(last_hash) WHERE org_id = %s", "I2"),
)


@pytest.mark.requirement("I2", "I11", "I12")
def test_what_is_done_to_new_entries_is_found_without_reading_the_old(shop: Shop) -> None:
    books = shop.organizations.database
    for statement, invariant in NEW_ENTRIES:
        org_id = shop.organization().org_id
        spend(shop, org_id, "a")
        known = books.read(where_it_ends(org_id), org_id=org_id)
        spend(shop, org_id, *"bcdef"[: 5 - known.seq])
        tamper(shop, statement.encode(), org_id)
        found, _ = books.read(verify_since(org_id, known), org_id=org_id)
        assert invariant in {one.invariant for one in found}, statement


PURCHASES = (
    "UPDATE purchase SET credits = credits + 1 WHERE org_id = %s",
    "UPDATE purchase SET clawed = 5 WHERE org_id = %s",
    "UPDATE purchase SET frozen = true WHERE org_id = %s",
    "DELETE FROM purchase WHERE org_id = %s",
    "UPDATE ledger.lot SET reference = 'another' WHERE org_id = %s AND source = 'purchase'",
)


@pytest.mark.requirement("I8")
def test_a_purchase_without_its_lot_and_a_lot_without_its_purchase_are_found(shop: Shop, audit: SelfAudit) -> None:
    organizations = [shop.organization().org_id for _ in PURCHASES]
    for org_id in organizations:
        shop.bought(org_id)
    assert check_all(shop, audit) == []
    for org_id, change in zip(organizations, PURCHASES, strict=True):
        tamper(shop, change.encode(), org_id)
    found = check_all(shop, audit)
    assert {(org_id, "I8", 0) for org_id in organizations} <= set(found)


@pytest.mark.requirement("I8")
def test_a_purchase_that_was_credited_twice_is_found(shop: Shop, audit: SelfAudit) -> None:
    org_id = shop.organization().org_id
    first, second = shop.bought(org_id), shop.bought(org_id)
    tamper(shop, "UPDATE ledger.lot SET reference = %s WHERE reference = %s", first.purchase_id, second.purchase_id)
    assert (org_id, "I8", 0) in check_all(shop, audit)


@pytest.mark.requirement("R78")
def test_a_gap_in_the_receipts_is_found_over_all_organizations(shop: Shop, audit: SelfAudit) -> None:
    for _ in range(2):
        shop.bought(shop.organization().org_id)
    assert check_all(shop, audit) == []
    tamper(shop, "DELETE FROM receipt WHERE number = (SELECT min(number) FROM receipt)")
    assert check_all(shop, audit) == [(0, "receipts", 0)]


@pytest.mark.requirement("R78", "I13")
def test_receipts_are_counted_without_becoming_visible(shop: Shop) -> None:
    shop.bought(shop.organization().org_id)
    with shop.organizations.database.transaction() as connection:
        assert connection.execute("SELECT ledger.broken_receipt_series()").fetchone() == (0,)
        assert connection.execute("SELECT number FROM receipt").fetchall() == []


LATE = {
    "usage": """INSERT INTO ledger.usage (org_id, seq, usage_id, at, use_case, user_ref, outcome, measurement, input,
        cached_input, cache_write, output, reasoning, cost, charged)
        SELECT 7, 7, 'late', ends_at, 'chat', 'ada', 'completed', 'exact', 1, 0, 0, 1, 0, 0, 0
        FROM ledger.months_standing()""",
    "entry": """INSERT INTO ledger.entry (org_id, seq, operation_id, kind, at, issued, available, held, used, expired,
        reversed, overage, debt, lots, available_after, held_after, fingerprint, note, hash)
        SELECT 7, 7, 'late', 'hold', ends_at, 0, 0, 0, 0, 0, 0, 0, 0, '{}', 0, 0, '', '', sha256('')
        FROM ledger.months_standing()""",
}


@pytest.mark.parametrize("table", LATE)
def test_what_came_when_its_month_had_no_partition_is_told_until_it_has_one(
    shop: Shop, audit: SelfAudit, table: str
) -> None:
    assert check_all(shop, audit) == []
    tamper(shop, LATE[table])
    assert check_all(shop, audit) == [(0, "months", 0)]
    shop.organizations.database.run(prepare_months(AHEAD + 1))
    assert check_all(shop, audit) == []


def test_a_worker_that_makes_no_months_is_told_of_before_the_last_one_begins(
    shop: Shop, audit: SelfAudit, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.organizations.database.run(prepare_months())  # again, should the month have ended since the database was made
    now = utc_now()
    last_begins = from_micros(month_start(to_micros(now), AHEAD))
    for later, found in ((now, []), (last_begins - timedelta(seconds=1), []), (last_begins, [(0, "months", 0)])):
        monkeypatch.setattr(checking, "utc_now", lambda later=later: later)
        assert check_all(shop, audit) == found, later
    shop.organizations.database.run(look())
    assert MONTHS_END._value.get() * 1_000_000 == month_start(to_micros(now), AHEAD + 1)
