"""Settings → Activity as people see it: everybody's for those in charge, their own for members."""

import csv
import io
import re

import pytest

from testkase.core.ledger import operations as ledger
from testkase.core.ledger.commands import RecordUsage
from testkase.core.ledger.limits.model import PauseKind
from testkase.core.ledger.model import Subject
from testkase.services.metering.limits.budgets import pause
from testkase.services.metering.limits.watching import GUARD
from tests.integration.web.conftest import Visitors
from tests.support.people import stranger, use_credits

PAGE = "/settings/activity"
CREDITS = "/settings/ai-credits"


def switch(visitors: Visitors, *, on: bool) -> None:
    form = {"enable": "1", "advice_seen": "1"} if on else {"enable": "0"}
    visitors.client_of("owner").post("/settings/ai-credits/switch", form)


def page(visitors: Visitors, role: str = "owner", query: str = "") -> str:
    return visitors.client_of(role).get(PAGE + query).content.decode()


@pytest.mark.requirement("R74", "R75")
def test_the_owner_reads_sentences_about_actions_and_changes(visitors: Visitors) -> None:
    receipt = use_credits(visitors.demo, "u1")
    switch(visitors, on=False)
    text = page(visitors)
    assert "Mira Lindqvist</strong> generated test cases" in text
    assert f'href="/settings/ai-credits/receipts/{receipt}"' in text
    assert "Olivia Ortega</strong> switched AI off" in text
    assert text.index("switched AI off") < text.index("generated test cases")


@pytest.mark.requirement("R75")
def test_the_history_is_filtered_by_user_feature_project_date_and_kind(visitors: Visitors) -> None:
    use_credits(visitors.demo, "u1")
    switch(visitors, on=False)
    member = visitors.demo.emails["member"]
    for query, action, change in (
        ("?kind=ai", True, False),
        ("?kind=settings", False, True),
        ("?kind=people", False, False),
        (f"?user={member}", True, False),
        ("?use_case=test_generation", True, False),
        ("?project=SHOP", True, False),
        ("?project=—&kind=settings", False, True),
        ("?from=2020-01-01&to=2020-01-02", False, False),
        ("?kind=nonsense&from=never&before=x", True, True),
    ):
        text = page(visitors, query=query)
        assert ("generated test cases" in text) is action, query
        assert ("switched AI off" in text) is change, query


@pytest.mark.requirement("R75")
def test_members_see_their_own_actions_whatever_they_ask_for(visitors: Visitors) -> None:
    use_credits(visitors.demo, "u1")
    switch(visitors, on=False)
    for query in ("", f"?user={visitors.demo.emails['owner']}", "?kind=settings"):
        text = page(visitors, "member", query)
        assert "switched AI off" not in text
        assert 'name="user"' not in text
        assert visitors.demo.emails["owner"] not in text
    assert "generated test cases" in page(visitors, "member")
    assert visitors.client_of("member").get(f"{PAGE}/history.csv").status_code == 403


@pytest.mark.requirement("R72", "I13")
def test_another_organizations_history_is_not_there(visitors: Visitors) -> None:
    use_credits(visitors.demo, "u1")
    text = stranger().get(f"{PAGE}?user={visitors.demo.emails['member']}").content.decode()
    assert "generated test cases" not in text


def test_older_events_follow_in_the_same_order(visitors: Visitors, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(4):
        use_credits(visitors.demo, f"u{number}")
    switch(visitors, on=False)
    switch(visitors, on=True)
    whole = events(page(visitors))
    monkeypatch.setattr("testkase.entrypoints.web.activity.lines.lines_of.__kwdefaults__", {"limit": 2})
    client, address, seen = visitors.client_of("owner"), PAGE, list[str]()
    while address:
        text = client.get(address, headers={"HX-Request": "true"}).content.decode()
        seen += events(text)
        address = text.partition('hx-get="/settings/activity?before=')[2].partition('"')[0]
        address = f"{PAGE}?before={address}" if address else ""
    assert seen == whole


def events(text: str) -> list[str]:
    """What happened, from the page's rows."""
    return [part.partition("</tr>")[0] for part in text.split("<tr>\n  <td>")[1:]]


def test_the_export_has_what_the_page_has_and_runs_no_formula(visitors: Visitors) -> None:
    from testkase.services.organizations.models import User

    receipt = use_credits(visitors.demo, "u1")
    User.objects.filter(email=visitors.demo.emails["owner"]).update(display_name="=HYPERLINK(1)")
    switch(visitors, on=False)
    response = visitors.client_of("admin").get(f"{PAGE}/history.csv?from=2020-01-01")
    rows = list(csv.DictReader(io.StringIO(b"".join(response.streaming_content).decode())))  # type: ignore[attr-defined]
    assert rows[0]["What happened"] == "'=HYPERLINK(1) switched AI off"
    assert rows[0]["Action"] == "ai.switched_off"
    used = next(row for row in rows if row["Kind"] == "AI actions")
    assert (used["Receipt"], used["Project"], used["User"]) == (str(receipt), "Web shop checkout", "Mira Lindqvist")


def test_nobody_a_program_names_stands_under_another_name_or_none(visitors: Visitors) -> None:
    """One recorded as `U+202E ecila` stood there as alice, with the rest of the sentence turned round behind it."""
    from testkase.services.organizations.tenancy import run_here, tenant_transaction

    turned, unseen = "\u202eecila", "\u200b"
    for user, project in ((turned, unseen), (unseen, turned)):
        subject = Subject(use_case="nightly", user=user, project=project)
        command = RecordUsage(org_id=visitors.demo.org_id, usage_id=f"of-{ord(user[0])}", subject=subject, credits=1)
        with tenant_transaction(visitors.demo.org_id):
            run_here(ledger.execute_one(command))
    owner = visitors.client_of("owner")
    addresses = (PAGE, f"{PAGE}/history.csv", CREDITS, f"{CREDITS}?by=user", f"{CREDITS}/usage.csv")
    for address in addresses:
        shown = re.sub(r'value="[^"]*"', "", owner.get(address).getvalue().decode())
        assert turned not in shown, address
        assert unseen not in shown, address
        assert "\\u202eecila" in shown, address


def test_the_page_says_so_where_nothing_matches(visitors: Visitors) -> None:
    assert "Nothing matches" in page(visitors, query="?user=nobody@example.com")
    assert "The first day is after the last one" in page(visitors, query="?from=2026-02-02&to=2026-01-01")
    assert "Nothing older" in page(visitors, query="?before=0.0")


@pytest.mark.requirement("P11")
def test_who_is_gone_keeps_the_name_they_had(visitors: Visitors) -> None:
    from testkase.services.organizations.models import User

    use_credits(visitors.demo, "u1")
    member = User.objects.get(email=visitors.demo.emails["member"])
    visitors.client_of("owner").post(f"/settings/members/{member.pk}/removal")
    text = page(visitors)
    assert "Mira Lindqvist</strong> generated test cases" in text
    assert "removed Mira Lindqvist from the organization" in text


@pytest.mark.requirement("R74", "B13")
def test_a_pause_names_people_and_features_as_pages_do(visitors: Visitors) -> None:
    from testkase.services.organizations.tenancy import run_here, tenant_transaction

    org_id = visitors.demo.org_id
    with tenant_transaction(org_id):
        paused: tuple[tuple[PauseKind, str], ...] = (
            ("user", visitors.demo.emails["member"]), ("use_case", "nightly-tests"),
        )  # fmt: skip
        for kind, ref in paused:
            run_here(pause(org_id, GUARD, kind=kind, ref=ref, reason="Too much.", change_id=ref))
    told = page(visitors)
    assert "paused AI use of Mira Lindqvist: Too much." in told
    assert "paused AI use of Nightly tests: Too much." in told
