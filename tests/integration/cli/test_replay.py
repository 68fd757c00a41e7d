"""An operator replays a month against a draft, as a command and as staff's page: the same figures, nothing written."""

import re
import sys
from datetime import date
from pathlib import Path
from subprocess import run

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from testkase.core.ledger import operations as ledger
from testkase.core.ledger.commands import RecordUsage
from testkase.core.ledger.model import Subject
from testkase.core.ledger.terms import Tokens
from testkase.core.pricing.load import PACKAGED
from testkase.foundation.database import SyncDatabase
from testkase.services.metering.replaying import last_month, replay_period
from tests.support.cluster import TestDatabase
from tests.support.people import Demo, models, sign_in, staged_demo, use_credits
from tests.support.tenants.snapshot import Snapshots

NEWEST = max(PACKAGED.glob("*.toml"))
DOUBLED = NEWEST.read_text().replace('output = "1500", reasoning = "1500"', 'output = "3000", reasoning = "1500"')
WHOLE_TIME = ("2020-01-01", "2099-12-31")


@pytest.fixture
def demo(django_database: TestDatabase) -> Demo:
    """Three calls of 1,000 tokens of answer each, and one measured in credits."""
    made = staged_demo()
    for number in range(3):
        use_credits(made, f"call-{number}", tokens=Tokens(output=1_000))
    from testkase.services.organizations.tenancy import run_here, tenant_transaction

    subject = Subject(use_case="nightly", user="robot")
    with tenant_transaction(made.org_id):
        run_here(ledger.execute_one(RecordUsage(org_id=made.org_id, usage_id="c", subject=subject, credits=2_000_000)))
    return made


@pytest.mark.requirement("B11")
def test_the_command_says_what_would_be_charged_and_writes_nothing(
    demo: Demo, django_database: TestDatabase, tmp_path: Path
) -> None:
    book, snapshots = tmp_path / "next.toml", Snapshots(django_database)
    book.write_text(DOUBLED)
    models().Organization.objects.filter(pk=demo.org_id).update(name="Northwind [/b] Labs")
    before = snapshots.everything()
    words = ("replay", str(book), "--since", WHOLE_TIME[0], "--until", WHOLE_TIME[1])
    done = run(
        [sys.executable, "-m", "testkase", *words],
        env={**django_database.environ(), "COLUMNS": "40", "PATH": ""},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (line,) = [line for line in done.stdout.splitlines() if "test_gen" in line]
    assert re.findall(r"[+$\d][\d.,$]*", line.partition("test_gen")[2]) == [
        "3", "3", "4.50", "9.00", "+4.50", "$0.00", "$0.08",
    ]  # fmt: skip
    assert "[/b]" in done.stdout, "what a customer calls itself is no markup"
    assert "1 call, 2.00 credits: measured in credits" in " ".join(done.stdout.split())
    assert snapshots.everything() == before
    snapshots.close()


@pytest.mark.requirement("B11", "P19")
def test_against_the_book_in_force_every_bucket_comes_to_what_was_charged(
    demo: Demo, django_database: TestDatabase
) -> None:
    from testkase.entrypoints.web.offer import current_prices

    buckets = Tokens(input=90_000, cached_input=40_000, cache_write=30_000, output=60_000, reasoning=20_000)
    use_credits(demo, "every bucket", tokens=buckets)
    database = SyncDatabase(django_database.app_url)
    replay = replay_period(database.transaction, current_prices(), *map(date.fromisoformat, WHOLE_TIME))
    database.close()
    (sums,) = (sums for (_, use_case), sums in replay.sums.items() if use_case == "test_generation")
    assert sums.would == sums.charged_replayed > 4_500_000


@pytest.mark.requirement("B11")
@pytest.mark.parametrize(
    ("today", "first", "last"),
    [("2026-03-31", "2026-02-01", "2026-02-28"), ("2027-01-01", "2026-12-01", "2026-12-31")],
)
def test_last_month_is_the_calendars(today: str, first: str, last: str) -> None:
    assert [day.isoformat() for day in last_month(date.fromisoformat(today))] == [first, last]


@pytest.mark.requirement("B11")
def test_staff_upload_a_draft_and_see_the_same(demo: Demo) -> None:
    models().User.objects.filter(email=demo.emails["owner"]).update(is_staff=True)
    staff = sign_in(demo, "owner")
    assert staff.get("/staff/what-if").status_code == 200
    page = staff.post("/staff/what-if", _form(DOUBLED)).content.decode()
    for shown in ("3 of 3", "4.50", "9.00", "$0.08", "Northwind Labs", "Measured in credits"):
        assert shown in page
    early = staff.post("/staff/what-if", _form(DOUBLED) | {"until": "2020-01-31"}).content.decode()
    assert "No calls in these days" in early


def test_a_faulty_draft_is_answered_with_every_fault(demo: Demo) -> None:
    models().User.objects.filter(email=demo.emails["owner"]).update(is_staff=True)
    staff = sign_in(demo, "owner")
    refused = staff.post("/staff/what-if", _form(DOUBLED.replace('"USD"', "7").replace('"300"', "300")))
    assert refused.status_code == 422
    for fault in ("currency", "monthly_allowance: 300 is a bare number"):
        assert fault in refused.content.decode()
    assert "The draft cannot be used." in refused.content.decode()
    wrong_days = staff.post("/staff/what-if", _form(DOUBLED) | {"since": "2026-02-02", "until": "2026-02-01"})
    assert "The last day is before the first one." in wrong_days.content.decode()
    assert "The draft cannot be used." not in wrong_days.content.decode(), "it is the days that are wrong"
    deep = SimpleUploadedFile("deep.toml", b"a = " + b"[" * 50_000)
    for changes in (
        {"since": "soon"}, {"since": "2026-02-02", "until": "2026-02-01"}, {"until": "9999-12-31"}, {"book": ""},
        {"book": deep},
    ):  # fmt: skip
        assert staff.post("/staff/what-if", _form(DOUBLED) | changes).status_code == 422


def test_a_draft_that_is_too_large_or_faulty_all_over_is_answered_with_a_page_of_a_sensible_length(demo: Demo) -> None:
    models().User.objects.filter(email=demo.emails["owner"]).update(is_staff=True)
    staff = sign_in(demo, "owner")
    large = staff.post("/staff/what-if", _form("#" * 100_001))
    assert (large.status_code, "at most 100 KB" in large.content.decode()) == (422, True)
    dotted = staff.post("/staff/what-if", _form("a" + ".a" * 40_000 + " = 1"))
    assert (dotted.status_code, "more than 60 dots" in dotted.content.decode()) == (422, True)
    many = staff.post("/staff/what-if", _form("".join(f"wrong_{number} = 1\n" for number in range(3_000))))
    assert (many.status_code, many.content.decode().count("wrong_") <= 50) == (422, True)


def test_nobody_else_finds_the_page(demo: Demo) -> None:
    for role in demo.emails:
        for answer in (sign_in(demo, role).get("/staff/what-if"), sign_in(demo, role).post("/staff/what-if")):
            assert answer.status_code == 404


def _form(book: str) -> dict[str, object]:
    file = SimpleUploadedFile("next.toml", book.encode())
    return {"book": file, "since": WHOLE_TIME[0], "until": WHOLE_TIME[1]}
