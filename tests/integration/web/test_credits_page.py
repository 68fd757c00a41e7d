"""The AI Credits page: two cards, the usage table, receipts; the same page at both addresses."""

import csv
import io
import re
from datetime import UTC, datetime, timedelta
from urllib.parse import quote
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from testkase.core.ledger import operations as ledger
from testkase.core.ledger.calendar import to_micros
from testkase.core.ledger.commands import RecordUsage
from testkase.core.ledger.model import Outcome, Subject
from testkase.core.ledger.terms import Tokens
from testkase.foundation.text import visible
from tests.integration.web.conftest import Visitors
from tests.support.people import grant, use_credits


@pytest.mark.requirement("R22", "R38", "R42", "R43", "R44", "R45")
@pytest.mark.parametrize("role", ["owner", "admin", "member"])
def test_every_member_sees_the_balance_in_exactly_two_cards(visitors: Visitors, role: str) -> None:
    page = visitors.client_of(role).get("/settings/ai-credits").content.decode()
    summary = page[page.index('id="summary"') : page.index("</section>", page.index('id="summary"'))]
    labels = re.findall(r"figure__label.*?</svg>\s*(.*?)</h2>", summary, re.DOTALL)
    assert labels == ["Available Credits", "This Month Usage"]
    assert "300.00" in summary


@pytest.mark.requirement("B12")
def test_a_first_month_is_named_once_under_the_chart(visitors: Visitors) -> None:
    page = visitors.client_of("owner").get("/settings/ai-credits").content.decode()
    caption = re.findall(r"<figcaption[^>]*><span>(.*?)</span>", page)[-1]
    assert re.fullmatch(r"[A-Z][a-z]+ 20\d\d", caption)


@pytest.mark.requirement("R21")
def test_the_ai_features_address_leads_to_the_same_page(visitors: Visitors) -> None:
    response = visitors.client_of("member").get("/settings/ai-features")
    assert response.headers["Location"] == "/settings/ai-credits"


@pytest.mark.requirement("R46", "R47", "R48", "R49", "R50", "R51", "R52", "P11")
def test_the_usage_table_has_the_five_columns_and_one_line_per_interaction(visitors: Visitors) -> None:
    use_credits(visitors.demo, "one")
    page = visitors.client_of("member").get("/settings/ai-credits").content.decode()
    page = page[page.index("table--usage") :]
    headings = re.findall(r'<th scope="col"[^>]*>([A-Z][^<]*)</th>', page)
    assert headings == ["Date", "Use Case", "User", "Credits Consumed", "Project"]
    for cell in ("Test case generation", "Mira Lindqvist", "1.10", "Web shop checkout"):
        assert cell in page


@pytest.mark.requirement("B10")
def test_a_failed_interaction_costs_nothing_and_says_why(visitors: Visitors) -> None:
    use_credits(visitors.demo, "failed", outcome="failed")
    page = visitors.client_of("member").get("/settings/ai-credits").content.decode()
    assert "the model failed" in page
    assert "300.00" in page


@pytest.mark.requirement("B3", "B10")
def test_only_what_was_delivered_in_part_is_called_cut_off(visitors: Visitors) -> None:
    client = visitors.client_of("member")
    outcomes: dict[Outcome, bool] = {"refused": False, "failed": False, "cancelled": True}
    for outcome, told in outcomes.items():
        seq = use_credits(visitors.demo, outcome, outcome=outcome, measurement="partial")
        page = client.get("/settings/ai-credits").content.decode()
        newest = page[page.index("<tr>\n  <td>") :].split("</tr>")[0]
        assert ("Cut off" in newest) is told, outcome
        receipt = client.get(f"/settings/ai-credits/receipts/{seq}").content.decode()
        assert ("Of the part that was delivered" in receipt) is told, outcome


@pytest.mark.requirement("P11")
@pytest.mark.parametrize("user", ["علی\u200cرضا", "\U0001f469\u200d\U0001f469 team", "x\u202eevil"])
def test_a_filter_narrows_to_users_of_every_script(visitors: Visitors, user: str) -> None:
    """It was left out where a sign joins letters, and showed what everybody had used."""
    from testkase.services.organizations.tenancy import run_here, tenant_transaction

    use_credits(visitors.demo, "of another")
    command = RecordUsage(
        org_id=visitors.demo.org_id, usage_id="theirs", subject=Subject(use_case="chat", user=user), credits=10_000
    )
    with tenant_transaction(visitors.demo.org_id):
        run_here(ledger.execute_one(command))
    exported = visitors.client_of("owner").get("/settings/ai-credits/usage.csv", {"user": user})
    rows = list(csv.DictReader(io.StringIO(exported.getvalue().decode())))
    assert [row["User"] for row in rows] == [visible(user)]


@pytest.mark.requirement("P11")
def test_older_interactions_come_page_by_page_each_once(visitors: Visitors) -> None:
    made = {use_credits(visitors.demo, f"call-{number}", tokens=Tokens(input=10)) for number in range(40)}
    client = visitors.client_of("member")
    first = client.get("/settings/ai-credits").content.decode()
    before = re.search(r"usage\?before=(\d+)", first)
    assert before is not None
    second = client.get(f"/settings/ai-credits/usage?before={before[1]}").content.decode()
    seen = [int(seq) for seq in re.findall(r'receipts/(\d+)" hx-get', first + second)]
    assert sorted(seen) == sorted(made)
    assert "before=" not in second


@pytest.mark.requirement("B3")
def test_a_receipt_shows_tokens_rates_lots_and_the_balance_around_it(visitors: Visitors) -> None:
    seq = use_credits(visitors.demo, "one", tokens=Tokens(input=1_000, output=800))
    page = visitors.client_of("member").get(f"/settings/ai-credits/receipts/{seq}").content.decode()
    for part in ("1,000", "200.00", "0.20", "800", "1,500.00", "1.40 credits", "Monthly allowance", "300.00", "298.60"):
        assert part in page, part


@pytest.mark.requirement("B3", "B10")
def test_a_receipt_of_a_failed_call_does_not_call_its_nothing_rounded_up(visitors: Visitors) -> None:
    """1.40 credits of tokens stood above "Rounded up once to 0.01: 0.00"."""
    seq = use_credits(visitors.demo, "one", tokens=Tokens(input=1_000, output=800), outcome="failed")
    page = visitors.client_of("member").get(f"/settings/ai-credits/receipts/{seq}").content.decode()
    foot = re.search(r"<tfoot>.*?</tfoot>", page)
    assert foot is not None
    assert re.findall(r"<td[^>]*>([^<]*)</td>", foot[0]) == ["Not charged: the model failed", "0.00"]


@pytest.mark.requirement("I13")
def test_a_receipt_that_is_not_there_is_a_friendly_page(visitors: Visitors) -> None:
    response = visitors.client_of("member").get("/settings/ai-credits/receipts/999999")
    assert response.status_code == 404
    assert "Back to your projects" in response.content.decode()


@pytest.mark.parametrize("before", ["x", "-1", "9" * 40, "1e3", ""])
def test_a_page_key_that_makes_no_sense_shows_the_newest(visitors: Visitors, before: str) -> None:
    use_credits(visitors.demo, "one")
    assert b"Mira Lindqvist" in visitors.client_of("member").get(f"/settings/ai-credits?before={before}").content


def test_times_are_written_in_the_zone_the_browser_names(visitors: Visitors) -> None:
    use_credits(visitors.demo, "one")
    client = visitors.client_of("member")
    client.cookies["timezone"] = "Asia%2FKolkata"
    page = client.get("/settings/ai-credits").content.decode()
    assert "Asia/Kolkata" in page
    assert "IST" in page


@pytest.mark.requirement("P3", "P4")
@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago"])
def test_a_billing_month_has_one_first_and_one_last_day_wherever_it_is_read(visitors: Visitors, zone: str) -> None:
    """In California November was "31 Oct to 30 Nov", and the same card said that its credits expire on the 30th."""
    owner = visitors.client_of("owner")
    owner.cookies["timezone"] = quote(zone, safe="")
    first = datetime.now(UTC).replace(day=1)
    following = (first + timedelta(days=31)).replace(day=1)
    last = following - timedelta(days=1)
    for address, dates in (
        ("/settings/ai-credits", (f"again on {following:%-d %B %Y}", f"Since {first:%-d %B %Y}.")),
        ("/settings/billing", (f"{first:%-d %b %Y} to {last:%-d %b %Y}", f"credits on {following:%-d %b %Y}")),
    ):
        page = re.sub(r"</?time[^>]*>", "", owner.get(address).content.decode())
        for written in dates:
            assert written in page


@pytest.mark.requirement("P11", "R75")
@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Etc/GMT+12"])
@pytest.mark.parametrize("address", ["/settings/ai-credits/usage.csv", "/settings/activity/history.csv"])
def test_an_export_has_the_days_and_the_times_of_the_page(visitors: Visitors, address: str, zone: str) -> None:
    """It was filtered by the days of UTC and said the times of UTC, whatever the page beside it showed."""
    use_credits(visitors.demo, "one")
    owner = visitors.client_of("owner")
    owner.cookies["timezone"] = quote(zone, safe="")
    now = datetime.now(ZoneInfo(zone))
    sent = owner.get(f"{address}?from={now.date()}&to={now.date()}")
    rows = list(csv.reader(io.StringIO(b"".join(sent.streaming_content).decode())))[1:]  # type: ignore[attr-defined]
    assert rows
    assert {row[0][-6:] for row in rows} == {now.isoformat()[-6:]}


@pytest.mark.requirement("P11", "R49", "R54")
def test_who_is_gone_keeps_the_name_they_had(visitors: Visitors) -> None:
    """Their rows went by an address from the day they left on, in the history beside it they had their name."""
    use_credits(visitors.demo, "one")
    owner, member = visitors.client_of("owner"), visitors.client_of("member")
    assert member.post("/settings/members/departure").status_code == 302
    page = owner.get("/settings/ai-credits?by=user").content.decode()
    assert visitors.demo.emails["member"] not in re.sub(r"<[^>]*>", "", page)
    assert page.count("Mira Lindqvist") > 2
    sent = owner.get("/settings/ai-credits/usage.csv")
    assert ",Mira Lindqvist,member@" in b"".join(sent.streaming_content).decode()  # type: ignore[attr-defined]


@pytest.mark.parametrize("zone", ["No/Where", "../../etc/passwd", "\x00", "A" * 5_000])
def test_a_zone_nobody_knows_means_utc(visitors: Visitors, zone: str) -> None:
    client = visitors.client_of("member")
    client.cookies["timezone"] = zone
    assert "Times in UTC" in client.get("/settings/ai-credits").content.decode()


@pytest.mark.requirement("P11")
def test_a_page_asks_the_database_as_often_for_many_rows_as_for_one(visitors: Visitors) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    def statements() -> int:
        with CaptureQueriesContext(connection) as captured:
            client.get("/settings/ai-credits")
        return len(captured)

    client = visitors.client_of("member")
    use_credits(visitors.demo, "first")
    client.get("/settings/ai-credits")
    one = statements()
    for number in range(30):
        use_credits(visitors.demo, f"more-{number}", tokens=Tokens(input=10))
    assert statements() == one


@pytest.mark.requirement("R54")
def test_an_empty_month_says_so(visitors: Visitors) -> None:
    page = visitors.client_of("member").get("/settings/ai-credits").content.decode()
    assert "No usage this month" in page
    assert 'id="filters"' not in page


@pytest.mark.requirement("P3", "P5")
def test_the_balance_says_what_expires_when_soonest_first(visitors: Visitors) -> None:
    in_eight_days = timezone.now() + timedelta(days=8)
    grant(visitors.demo, "trial", 40_000_000, expires_at=to_micros(in_eight_days))
    grant(visitors.demo, "gift", 500_000_000)
    page = visitors.client_of("member").get("/settings/ai-credits").content.decode()
    parts = re.findall(r"<li><span>([^<]+)</span><span class=\"number\">([\d.,]+)</span>(.*?)</li>", page, re.DOTALL)
    assert {(name, amount) for name, amount, _ in parts} == {
        ("Monthly allowance", "300.00"), ("Grant", "40.00"), ("Grant", "500.00"),
    }  # fmt: skip
    assert "in 8 days" in next(rest for _, amount, rest in parts if amount == "40.00")
    assert parts[-1][1] == "500.00"
    assert "never expires" in parts[-1][2]
