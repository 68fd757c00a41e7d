"""Entries and usage by month: a statement looks at the months it is about, and whoever forgets to make a month loses
nothing."""

import threading
from collections.abc import Iterator
from typing import Any

import msgspec
import psycopg
import pytest
from psycopg import sql
from psycopg.rows import dict_row

from testkase.core.ledger import queries
from testkase.core.ledger.commands import OpenAccount, RecordUsage
from testkase.core.ledger.consumption import NO_PROJECT
from testkase.core.ledger.model import Subject
from testkase.core.ledger.months import month_start, months_standing, prepare_months
from testkase.core.ledger.operations import Answer, execute_one
from testkase.core.ledger.queries import UsageRow
from testkase.core.ledger.refusals import IdReused
from testkase.core.ledger.verify import Deviation, verify
from testkase.foundation.database import Operation, SyncDatabase, run, tenant
from testkase.services.selfaudit.heads import Heads, compare
from tests.support.cluster import TestDatabase
from tests.support.usage import MINUTE, RARE_USER, START, write_usage

ORG, ROWS, APART = 1, 3_600, 432 * MINUTE
"""Three years, 100 interactions a month or so."""
MIDDLE = START + ROWS // 2 * APART


@pytest.fixture(scope="module")
def books(module_database: TestDatabase) -> Iterator[SyncDatabase]:
    database = SyncDatabase(module_database.app_url)
    database.run(prepare_months(36))
    with psycopg.connect(module_database.owner_url, autocommit=True) as owner:
        write_usage(owner, ORG, ROWS, apart=APART)
        owner.execute("VACUUM ANALYZE ledger.usage, ledger.usage_day, ledger.entry")
    yield database
    database.close()


COPIED = (
    "org_id, seq, operation_id, kind, issued, available, held, used, expired, reversed, overage, debt, lots,"
    " available_after, held_after, hold_id, expires_at, fingerprint, note, hash"
)


def months_looked_at(books: SyncDatabase, operation: Operation[Any], table: str = "usage") -> set[str]:
    """Partitions of a table in the plans of an operation's statements."""
    found: set[str] = set()
    rows = None
    with books.pool.connection() as connection, connection.transaction(), connection.cursor(row_factory=dict_row) as on:
        on.execute(tenant(ORG).sql, {"org_id": str(ORG)})
        while True:
            try:
                statement = operation.send(rows)  # type: ignore[arg-type]
            except StopIteration:
                return found
            on.execute(f"EXPLAIN (FORMAT JSON) {statement.sql}", statement.params)
            found |= relations(table, on.fetchall()[0]["QUERY PLAN"][0]["Plan"])
            on.execute(statement.sql, statement.params)
            rows = on.fetchall()


def relations(table: str, plan: dict[str, Any]) -> set[str]:
    own = {plan["Relation Name"]} if "Relation Name" in plan else set()
    below = [relations(table, part) for part in plan.get("Plans", ())]
    return {name for name in own.union(*below) if name.startswith(f"{table}_") and name != "usage_day"}


def page(books: SyncDatabase, **filters: Any) -> list[UsageRow]:
    return books.run(queries.usage_page(ORG, limit=500, **filters), org_id=ORG)


def test_the_database_and_the_program_agree_where_a_month_begins(books: SyncDatabase) -> None:
    with books.transaction() as connection:
        for instant in range(START, START + 400 * 86_400_000_000, 11 * 86_400_000_000 + 7):
            for later in (-13, -1, 0, 1, 2, 24):
                row = connection.execute("SELECT ledger.month_start(%s, %s)", [instant, later]).fetchone()
                assert row == (month_start(instant, later),)


@pytest.mark.requirement("P11")
@pytest.mark.parametrize(
    "filters",
    [
        {},
        {"use_case": "chat"},
        {"user": "user3@example.com"},
        {"user": "user3@example.com", "project": "SHOP"},
        {"project": NO_PROJECT},
        {"before_seq": ROWS // 2},
        {"before_seq": ROWS // 2, "use_case": "report"},
        {"until": MIDDLE},
        {"since": MIDDLE, "until": MIDDLE + 31 * 1440 * MINUTE, "use_case": "chat"},
    ],
    ids=str,
)
def test_a_page_looks_at_two_months_of_three_years(books: SyncDatabase, filters: dict[str, Any]) -> None:
    limit = 1 if "user" in filters else 20
    assert 1 <= len(months_looked_at(books, queries.usage_page(ORG, limit=limit, **filters))) <= 2


@pytest.mark.parametrize("table", ["usage", "entry"])
def test_a_receipt_looks_at_its_own_month(books: SyncDatabase, table: str) -> None:
    assert len(months_looked_at(books, queries.receipt(ORG, ROWS // 2), table)) == 1


def test_heads_are_compared_with_one_look_at_the_months(books: SyncDatabase) -> None:
    """Not with one a head: there is one of each day."""
    heads: Heads = {ORG: {"entry": {(seq, "00" * 32) for seq in range(1, ROWS, 50)}, "activity": set()}}
    assert books.run(compare(ORG, heads), org_id=ORG) == []
    assert len(months_looked_at(books, compare(ORG, heads), "entry")) >= 36


@pytest.mark.parametrize("before", [None, ROWS // 2])
def test_a_page_of_the_journal_looks_at_two_months_of_three_years(books: SyncDatabase, before: int | None) -> None:
    assert 1 <= len(months_looked_at(books, queries.entries(ORG, limit=20, before_seq=before), "entry")) <= 2


def test_all_pages_together_are_all_months_in_order(books: SyncDatabase) -> None:
    for filters in ({}, {"use_case": "chat"}, {"user": "user3@example.com"}):
        found: list[UsageRow] = []
        while part := page(books, before_seq=found[-1].seq if found else None, **filters):
            found += part
        seqs = [row.seq for row in found]
        assert seqs == sorted(set(seqs), reverse=True)
        with books.transaction(ORG) as connection:
            conditions = " AND ".join(
                {"use_case": "use_case = 'chat'", "user": "user_ref = 'user3@example.com'"}[name] for name in filters
            )
            query = f"SELECT count(*) FROM ledger.usage WHERE {conditions or 'true'}"
            assert connection.execute(query).fetchone() == (len(found),)


def test_what_is_rare_is_found_however_long_ago(books: SyncDatabase) -> None:
    assert [row.seq for row in page(books, user=RARE_USER)] == list(range(60, 0, -1))


def locked_months(connection: psycopg.Connection[Any]) -> set[str]:
    rows = connection.execute(
        "SELECT c.relname FROM pg_locks AS l JOIN pg_class AS c ON c.oid = l.relation"
        " WHERE l.pid = pg_backend_pid() AND c.relkind = 'r' AND c.relispartition"
    ).fetchall()
    return {name for (name,) in rows}


def test_a_prepared_page_locks_the_months_it_reads(books: SyncDatabase) -> None:
    with books.pool.connection() as connection:
        for _ in range(12):  # by then the statements are prepared, and have their lasting plans if they ever do
            connection.rollback()
            connection.execute(tenant(ORG).sql, {"org_id": str(ORG)})
            run(connection, queries.usage_page(ORG, limit=51))
        assert 1 <= len(locked_months(connection)) <= 2
        connection.rollback()


def used(number: int, org_id: int = 2) -> RecordUsage:
    subject = Subject(use_case="chat", user="ada@example.com")
    return RecordUsage(org_id=org_id, usage_id=f"u{number}", subject=subject, credits=1_000_000)


def test_writing_locks_the_month_written_to(books: SyncDatabase) -> None:
    with books.pool.connection() as connection:
        run(connection, execute_one(OpenAccount(org_id=2, monthly_allowance=10**9, ai_enabled=True)))
        for number in range(12):
            run(connection, execute_one(used(number)))
            assert sorted(name.partition("_")[0] for name in locked_months(connection)) == ["entry", "usage"]
            connection.commit()


@pytest.mark.requirement("I5")
def test_an_id_acts_once_however_many_months_lie_between(app_url: str) -> None:
    with psycopg.connect(app_url) as connection:
        run(connection, execute_one(OpenAccount(org_id=2, monthly_allowance=10**9, ai_enabled=True)))
        first = run(connection, execute_one(used(1)))
        for later in (1, 4, 30):
            again = run(connection, execute_one(used(1), clock=month_start(now_of(app_url), later) + MINUTE))
            assert again == Answer(entry=msgspec.structs.replace(first.entry, usage=None), replayed=True)
        other = msgspec.structs.replace(used(1), credits=2_000_000)
        with pytest.raises(IdReused):
            run(connection, execute_one(other, clock=month_start(now_of(app_url), 31)))
        assert deviations(connection, 2) == []


LATER = "ledger.month_start(at, 2)"
ALIKE = "((at >> 32) + 600 << 32) | ((at & 4294967295) # (at >> 32) # ((at >> 32) + 600))"
"""A month later, and the same to `hashint8`."""


def deviations(connection: psycopg.Connection[Any], org_id: int) -> list[Deviation]:
    connection.execute(tenant(org_id).sql, {"org_id": str(org_id)})
    return run(connection, verify(org_id))


@pytest.mark.requirement("B4", "I5")
@pytest.mark.parametrize(
    "forged",
    [
        "DELETE FROM ledger.operation WHERE operation_id = 'usage:u2'",
        "UPDATE ledger.operation SET seq = seq + 1 WHERE operation_id = 'usage:u2'",
        "UPDATE ledger.operation SET at = at - 1 WHERE operation_id = 'usage:u2'",
        f"UPDATE ledger.operation SET at = {ALIKE} WHERE operation_id = 'usage:u2'",
        "UPDATE ledger.operation SET operation_id = 'usage:u9' WHERE operation_id = 'usage:u2'",
        "INSERT INTO ledger.operation SELECT org_id, 'usage:u9', seq, at FROM ledger.entry WHERE seq = 3",
        f"UPDATE ledger.entry SET at = {LATER} WHERE seq = 3",
        f"INSERT INTO ledger.entry ({COPIED}, at) SELECT {COPIED}, {LATER} FROM ledger.entry WHERE seq = 3",
    ],
    ids=str,
)
def test_an_id_that_leads_elsewhere_is_found(app_url: str, owner_url: str, forged: str) -> None:
    with psycopg.connect(app_url) as connection, psycopg.connect(owner_url, autocommit=True) as owner:
        run(connection, execute_one(OpenAccount(org_id=2, monthly_allowance=10**9, ai_enabled=True)))
        for number in (1, 2, 3):
            run(connection, execute_one(used(number)))
        connection.commit()
        owner.execute(forged.encode())
        assert {found.invariant for found in deviations(connection, 2)} & {"I5", "I12"}


def test_what_is_left_of_a_journal_that_was_cut_off_can_be_read(app_url: str, owner_url: str) -> None:
    with psycopg.connect(app_url, row_factory=dict_row) as connection, psycopg.connect(owner_url) as owner:
        run(connection, execute_one(OpenAccount(org_id=2, monthly_allowance=10**9, ai_enabled=True)))
        run(connection, execute_one(used(1)))
        connection.commit()
        owner.execute("DELETE FROM ledger.entry WHERE seq > 1")
        owner.commit()
        connection.execute(tenant(2).sql, {"org_id": "2"})
        assert [row.seq for row in run(connection, queries.entries(2, limit=10, before_seq=2))] == [1]


@pytest.mark.requirement("B4", "I12")
@pytest.mark.parametrize("page", [3, 4, 5])
def test_an_entry_with_the_number_of_another_month_is_found_wherever_pages_end(
    app_url: str, owner_url: str, monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    monkeypatch.setattr("testkase.core.ledger.verify._PAGE", page)
    with psycopg.connect(app_url) as connection, psycopg.connect(owner_url, autocommit=True) as owner:
        run(connection, execute_one(OpenAccount(org_id=2, monthly_allowance=10**9, ai_enabled=True)))
        for number in (1, 2, 3):
            run(connection, execute_one(used(number)))
        connection.commit()
        copied = COPIED.replace("operation_id", "'forged'")
        owner.execute(
            f"INSERT INTO ledger.entry ({COPIED}, at) SELECT {copied}, {LATER} FROM ledger.entry WHERE seq = 4".encode()
        )
        owner.execute(
            "INSERT INTO ledger.operation SELECT 2, 'forged', 4, at FROM ledger.entry WHERE operation_id = 'forged'"
        )
        assert "I12" in {found.invariant for found in deviations(connection, 2)}


def now_of(url: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint").fetchone()
    assert row is not None
    return int(row[0])


def parts(owner_url: str) -> list[tuple[str, str]]:
    with psycopg.connect(owner_url) as owner:
        return owner.execute(
            "SELECT c.relname, pg_get_expr(c.relpartbound, c.oid) FROM pg_class AS c"
            " WHERE c.relispartition AND c.relkind = 'r' ORDER BY 1"
        ).fetchall()


def test_a_new_database_has_this_month_and_the_next_three(app_url: str) -> None:
    with psycopg.connect(app_url) as connection:
        months = run(connection, months_standing())
        assert months.ends_at == month_start(now_of(app_url), 4)
        assert not months.lacking(now_of(app_url))
        assert run(connection, prepare_months()) == 0


def test_months_are_made_once_by_however_many_workers(app_url: str, owner_url: str) -> None:
    made: list[int] = []

    def worker() -> None:
        with psycopg.connect(app_url) as connection:
            made.append(run(connection, prepare_months(20)))

    workers = [threading.Thread(target=worker) for _ in range(4)]
    for each in workers:
        each.start()
    for each in workers:
        each.join()
    assert sorted(made) == [0, 0, 0, 2 * 17]
    for table in ("entry_", "usage_"):
        bounds = {name: bound for name, bound in parts(owner_url) if name.startswith(table)}
        assert bounds.pop(f"{table}rest") == "DEFAULT"
        ends = [bound.rpartition("'")[0].rpartition("'")[2] for bound in bounds.values()]
        starts = [bound.split("'")[1] for bound in bounds.values() if "FROM ('" in bound]
        assert sorted(starts) == sorted(ends)[:-1], "each begins where another ends"


@pytest.mark.requirement("B4")
def test_months_are_made_while_an_earlier_one_is_cleaned_up(app_url: str, owner_url: str) -> None:
    """A VACUUM of a year's largest month takes hours, and locks it like this."""
    with psycopg.connect(app_url) as connection, psycopg.connect(owner_url) as cleaning:
        (name, _) = parts(owner_url)[0]
        cleaning.execute(sql.SQL("LOCK TABLE ledger.{} IN SHARE UPDATE EXCLUSIVE MODE").format(sql.Identifier(name)))
        assert run(connection, prepare_months(30)) > 0


def test_usage_of_a_forgotten_month_is_kept_told_and_given_its_place(app_url: str, owner_url: str) -> None:
    late = month_start(now_of(app_url), 6) + MINUTE
    with psycopg.connect(app_url) as connection:
        run(connection, execute_one(OpenAccount(org_id=2, monthly_allowance=10**9, ai_enabled=True)))
        run(connection, execute_one(used(1)))
        for number in (2, 3):
            run(connection, execute_one(used(number), clock=late + number * 40 * 1440 * MINUTE))
        connection.commit()
        books = SyncDatabase(app_url)
        before = books.run(queries.usage_page(2, limit=10), org_id=2)
        assert [row.usage_id for row in before] == ["u3", "u2", "u1"]
        assert run(connection, months_standing()).strays
        assert run(connection, prepare_months(12)) == 5 + 1, (
            "four of usage that are empty; and what was forgotten of each"
        )
        connection.commit()
        months = run(connection, months_standing())
        assert not months.strays
        assert months.ends_at == month_start(now_of(app_url), 13)
        assert books.run(queries.usage_page(2, limit=10), org_id=2) == before
        run(connection, execute_one(used(4), clock=late + 200 * 1440 * MINUTE))
        connection.commit()
        assert run(connection, months_standing()).strays is False
        assert books.run(verify(2), org_id=2) == []
        books.close()
    with psycopg.connect(owner_url) as owner:
        for table in (b"usage", b"entry"):
            assert owner.execute(b"SELECT count(*) FROM ledger.%s_rest" % table).fetchone() == (0,)


@pytest.mark.requirement("I13")
def test_a_partition_is_as_closed_as_the_table(app_url: str, owner_url: str) -> None:
    for name, _ in parts(owner_url):
        for statement in (f"SELECT FROM ledger.{name}", f"DELETE FROM ledger.{name}", f"TRUNCATE ledger.{name}"):
            with psycopg.connect(app_url) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement.encode())


def test_the_application_can_make_months_and_nothing_else(app_url: str) -> None:
    for statement in (
        "SELECT ledger.add_part('usage', 'extra', 'DEFAULT')", "SELECT ledger.keep_strays('usage', 0, 1)",
        "CREATE TABLE ledger.extra ()",
    ):  # fmt: skip
        with psycopg.connect(app_url) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(statement.encode())
