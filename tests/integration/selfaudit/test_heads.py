"""Heads published outside the database: what they show of a journal that was cut off, and of the files themselves."""

import json
import os
from datetime import date
from pathlib import Path

import psycopg
import pytest

from testkase.entrypoints.worker.selfaudit import SelfAudit
from testkase.foundation.problems import InvalidInput
from testkase.services.selfaudit.heads import Head, compare, publish, read_published
from testkase.services.selfaudit.standing import published
from tests.support.commands import run_command
from tests.support.selfaudit import check_all, spend
from tests.support.shop import Shop

pytestmark = pytest.mark.requirement("B4", "I12")
HEAD = Head(org_id=1, seq=3, hash="ab" * 32, activity_seq=0, activity_hash="00" * 32)


def verified(shop: Shop, folder: Path) -> tuple[int, str]:
    """`testkase verify --heads`, as an operator runs it."""
    environ = {**os.environ, **shop.database.environ(), "COLUMNS": "200"}
    done = run_command("verify", "--heads", str(folder), environ=environ)
    return done.returncode, done.stdout + done.stderr


def test_a_day_is_published_once_and_its_digest_kept(shop: Shop, audit: SelfAudit, tmp_path: Path) -> None:
    org_id = shop.organization().org_id
    check_all(shop, audit)
    (file,) = (tmp_path / "heads").iterdir()
    opening, head = map(json.loads, file.read_text().splitlines())
    assert (opening["day"], opening["previous"], head["org_id"]) == (file.stem, "", org_id)
    assert file.stat().st_mode & 0o777 == 0o400
    (kept,) = shop.organizations.database.run(published(limit=9))
    assert (kept.day, kept.organizations) == (file.stem, 1)


def test_a_cut_journal_whose_account_agrees_is_found_by_the_heads_alone(
    shop: Shop, audit: SelfAudit, tmp_path: Path
) -> None:
    org_id = shop.organization("0").org_id
    with psycopg.connect(shop.database.owner_url, autocommit=True) as superuser:
        before = superuser.execute("SELECT * FROM ledger.account WHERE org_id = %s", [org_id]).fetchone()
        names = [column.name for column in superuser.execute("SELECT * FROM ledger.account").description or ()]
        shop.bought(org_id)
        check_all(shop, audit)
        assert verified(shop, tmp_path / "heads")[0] == 0
        # Everything as it was before the purchase: the account, its lots and its journal agree with each other.
        superuser.execute("SET session_replication_role = replica")
        last = dict(zip(names, before or (), strict=True))["last_seq"]
        superuser.execute("DELETE FROM ledger.entry WHERE org_id = %s AND seq > %s", [org_id, last])
        superuser.execute("DELETE FROM ledger.operation WHERE org_id = %s AND seq > %s", [org_id, last])
        superuser.execute("DELETE FROM ledger.lot WHERE org_id = %s AND source = 'purchase'", [org_id])
        superuser.execute("DELETE FROM ledger.account WHERE org_id = %s", [org_id])
        places = ", ".join(["%s"] * len(names))
        superuser.execute(f"INSERT INTO ledger.account VALUES ({places})".encode(), before)
    code, said = verified(shop, tmp_path / "heads")
    assert code == 1
    assert f"does not hold: it ends at {last}" in said
    assert said.count("does not hold") == 1


def test_a_rewritten_journal_is_told_from_one_that_ends_too_early(shop: Shop, audit: SelfAudit, tmp_path: Path) -> None:
    org_id = shop.organization().org_id
    check_all(shop, audit)
    with psycopg.connect(shop.database.owner_url, autocommit=True) as superuser:
        superuser.execute("SET session_replication_role = replica")
        superuser.execute("UPDATE ledger.entry SET hash = decode(repeat('ab', 32), 'hex') WHERE org_id = %s", [org_id])
    assert "does not hold: not what was published" in verified(shop, tmp_path / "heads")[1]


def test_heads_go_on_standing_while_a_journal_grows(shop: Shop, audit: SelfAudit, tmp_path: Path) -> None:
    org_id, books = shop.organization().org_id, shop.organizations.database
    spend(shop, org_id, "a")
    check_all(shop, audit)
    spend(shop, org_id, "b")
    heads, faults = read_published(tmp_path / "heads")
    assert (books.read(compare(org_id, heads), org_id=org_id), faults) == ([], [])


def test_a_file_is_never_written_over(tmp_path: Path) -> None:
    assert publish(tmp_path, date(2026, 11, 28), [HEAD]) is not None
    before = (tmp_path / "2026-11-28.jsonl").read_bytes()
    assert publish(tmp_path, date(2026, 11, 28), []) is None
    assert (tmp_path / "2026-11-28.jsonl").read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 1


def test_the_files_are_a_chain_of_their_own(tmp_path: Path) -> None:
    for day in (26, 27, 28):
        publish(tmp_path, date(2026, 11, day), [HEAD])
    assert read_published(tmp_path)[1] == []
    middle = tmp_path / "2026-11-27.jsonl"
    middle.chmod(0o600)
    middle.write_text(middle.read_text().replace("ab", "cd"))
    assert read_published(tmp_path)[1] == ["2026-11-27.jsonl was changed after 2026-11-28.jsonl was written"]
    middle.unlink()
    assert read_published(tmp_path)[1] == ["2026-11-28.jsonl follows 2026-11-27, not 2026-11-26.jsonl"]
    middle.write_text("{")
    assert "2026-11-27.jsonl cannot be read" in read_published(tmp_path)[1]


def test_an_empty_folder_proves_nothing_and_says_so(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput):
        read_published(tmp_path)
