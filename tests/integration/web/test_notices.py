"""The bell, the banner, the settings of alerts, and the mailbox of a trial run."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from django.conf import settings
from django.core.mail import EmailMessage
from django.test import Client, override_settings

from testkase.core.ledger import operations as ledger
from testkase.core.ledger.commands import Command, Grant, OpenHold, RecordUsage, Reverse, SetOverage, SwitchAi
from testkase.core.ledger.model import Subject
from testkase.foundation.settings import Settings
from testkase.services.notifications.watching import watch_organization
from tests.integration.web.conftest import Visitors
from tests.support.people import Demo, grant, stranger

ALERTS = "/settings/ai-credits/alerts"
CREDIT = 1_000_000


def spend(demo: Demo, usage_id: str, credits: float) -> None:
    """Use credits, and let the watch see it."""
    from testkase.services.organizations.tenancy import run_here, tenant_transaction

    subject = Subject(use_case="chat", user=demo.emails["member"])
    command = RecordUsage(org_id=demo.org_id, usage_id=usage_id, subject=subject, credits=round(credits * CREDIT))
    with tenant_transaction(demo.org_id):
        run_here(ledger.execute_one(command))
        run_here(watch_organization(demo.org_id))


def order(demo: Demo, command: Command) -> None:
    """Let the ledger carry it out, and the watch see it."""
    from testkase.services.organizations.tenancy import run_here, tenant_transaction

    with tenant_transaction(demo.org_id):
        run_here(ledger.execute_one(command))
        run_here(watch_organization(demo.org_id))


def switch(demo: Demo, *, on: bool) -> None:
    from testkase.services.organizations.tenancy import run_here, tenant_transaction

    with tenant_transaction(demo.org_id):
        run_here(ledger.execute_one(SwitchAi(org_id=demo.org_id, switch_id=f"s{on}", enabled=on)))
        run_here(watch_organization(demo.org_id))


def text(client: Client, page: str) -> str:
    return client.get(page).content.decode()


def banner(client: Client) -> str:
    """The banner's words; empty without one."""
    found = re.search(r'<div class="banner.*?</p>', text(client, "/projects"), re.DOTALL)
    return re.sub(r"<[^>]+>|\s+", " ", found[0]) if found else ""


@pytest.mark.requirement("R34", "R39", "R55", "P12")
def test_low_credits_ring_for_those_in_charge_and_a_banner_tells_everyone(visitors: Visitors) -> None:
    owner, admin, member = (visitors.client_of(role) for role in ("owner", "admin", "member"))
    assert banner(member) == ""
    spend(visitors.demo, "much", 250)
    assert "50.00 AI credits are left" in " ".join(banner(member).split())
    assert "Ask your Owner to buy credits" in banner(member)
    assert "Buy credits" in banner(owner)
    assert 'class="bell__count"' in text(owner, "/projects")
    assert 'class="bell__count"' not in text(member, "/projects")
    bought = text(owner, "/notifications")
    assert "AI credits are low: 50.00 left" in bought
    assert ">Buy credits</button>" in bought
    asked = text(admin, "/notifications")
    assert "Ask your Owner to buy credits." in asked
    assert ">Buy credits</button>" not in asked
    assert "Nothing here yet" in text(member, "/notifications")
    assert "AI credits are low" in text(owner, "/notifications/panel")


@pytest.mark.requirement("P12", "R35")
def test_the_banner_goes_when_credits_come_when_it_is_put_away_and_while_ai_is_off(visitors: Visitors) -> None:
    member, admin = visitors.client_of("member"), visitors.client_of("admin")
    spend(visitors.demo, "first", 250)
    seq = re.search(r'name="seq" value="(\d+)"', text(member, "/projects"))
    assert seq is not None
    member.post("/notifications/low-credits/dismissal", {"seq": seq[1]})
    assert (banner(member) == "", banner(admin) == "") == (True, False)
    spend(visitors.demo, "second", 40)  # below the next threshold: another alert
    assert "10.00" in banner(member)
    switch(visitors.demo, on=False)
    assert banner(admin) == ""
    switch(visitors.demo, on=True)
    assert "10.00" in banner(admin)
    grant(visitors.demo, "bought", 500 * CREDIT)
    assert banner(admin) == ""  # before the watch has seen it


def test_a_notification_is_read_once_opened_and_all_are_with_one_click(visitors: Visitors) -> None:
    owner = visitors.client_of("owner")
    spend(visitors.demo, "first", 250)
    spend(visitors.demo, "second", 40)
    page = text(owner, "/notifications")
    first, second = re.findall(r'action="/notifications/(\d+)"', page)[::2]
    assert owner.post(f"/notifications/{first}").headers["Location"] == "/settings/ai-credits"
    assert owner.post(f"/notifications/{second}", {"stay": "1"}).headers["Location"] == "/notifications"
    assert 'class="bell__count"' not in text(owner, "/notifications/count")
    admin = visitors.client_of("admin")
    newest = re.search(r'name="up_to" value="(\d+)"', text(admin, "/notifications"))
    assert newest is not None
    spend(visitors.demo, "third", 10)  # told after the page was loaded: not seen yet
    admin.post("/notifications/read", {"up_to": newest[1]})
    assert re.search(r"bell__count[^>]*>1<", text(admin, "/notifications/count"))
    assert "unread" not in text(visitors.client_of("member"), "/notifications/count")


@pytest.mark.requirement("I13")
def test_nobody_opens_what_another_person_was_told(visitors: Visitors) -> None:
    spend(visitors.demo, "first", 250)
    found = re.search(r'action="/notifications/(\d+)"', text(visitors.client_of("owner"), "/notifications"))
    assert found is not None
    for client in (visitors.client_of("admin"), visitors.client_of("member"), stranger()):
        assert client.post(f"/notifications/{found[1]}").status_code == 404
    assert visitors.client_of("owner").post("/notifications/" + "9" * 30).status_code == 404


def shown(page: str) -> list[str]:
    return list(re.findall(r'name="threshold"[^>]*? value="([^"]+)"', page))


@pytest.mark.requirement("P12")
def test_thresholds_are_changed_added_removed_and_reset(visitors: Visitors) -> None:
    admin = visitors.client_of("admin")
    assert shown(text(admin, ALERTS)) == ["60.00", "15.00", "0.00"]
    assert "These are the default thresholds" in text(admin, ALERTS)
    admin.post(ALERTS, {"threshold": ["1,200", "15", "0.00", " 7.5 "], "forecast_days": "3"})
    page = text(admin, ALERTS)
    assert shown(page) == ["1200.00", "15.00", "7.50", "0.00"]
    assert page.count("Reached") == 1
    assert 'value="3"' in page
    admin.post(ALERTS, {"threshold": ["1200", "15", "7.50", "0.00"], "forecast_days": "3", "remove": "0"})
    assert shown(text(admin, ALERTS)) == ["15.00", "7.50", "0.00"]
    admin.post(ALERTS, {"action": "reset"})
    assert shown(text(admin, ALERTS)) == ["60.00", "15.00", "0.00"]
    from testkase.services.organizations.tenancy import tenant_transaction

    with tenant_transaction(visitors.demo.org_id):
        history = changes(visitors.demo)
    assert [(row[0], row[1]) for row in history] == [("admin@northwind.example", "alerts.changed")] * 3


def changes(demo: Demo) -> list[tuple[str, str]]:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT actor_ref, action FROM activity WHERE org_id = %s AND action LIKE 'alerts.%%'", [demo.org_id]
        )
        return list(cursor.fetchall())


REFUSED: list[tuple[dict[str, object], str]] = [
    ({"threshold": ["sixty"]}, "is not an amount of credits"),
    ({"threshold": ["-1"]}, "is not an amount of credits"),
    ({"threshold": ["12,5"]}, "is not an amount of credits"),
    ({"threshold": ["1.005"]}, "too many decimals"),
    ({"threshold": ["9" * 50]}, "is too much: an amount is below a billion credits"),
    ({"threshold": ["1\x00"]}, "is not an amount of credits"),
    ({"threshold": [str(number) for number in range(11)]}, "At most 10"),
    ({"threshold": ["1"], "forecast_days": "soon"}, "whole number of days"),
    ({"threshold": ["1"], "forecast_days": "32"}, "0 (never) to 31"),
]


@pytest.mark.requirement("P12")
def test_thresholds_that_cannot_be_are_refused_on_the_form_and_change_nothing(visitors: Visitors) -> None:
    owner = visitors.client_of("owner")
    for form, words in REFUSED:
        answer = owner.post(ALERTS, form)
        assert (answer.status_code, words in answer.content.decode()) == (422, True), form
        assert shown(text(owner, ALERTS)) == ["60.00", "15.00", "0.00"]


@contextmanager
def mailbox_in(folder: Path) -> Iterator[None]:
    backend = "testkase.services.organizations.mailbox.MailboxBackend"
    with override_settings(EMAIL_BACKEND=backend, EMAIL_FILE_PATH=str(folder)):
        yield


@pytest.mark.requirement("P15")
def test_in_a_trial_run_an_invitation_is_followed_from_the_mailbox(visitors: Visitors, tmp_path: Path) -> None:
    with mailbox_in(tmp_path):
        admin = visitors.client_of("admin")
        admin.post("/settings/members", {"email": "nils@newcomer.example", "role": "member"})
        page = text(admin, "/mailbox")
        link = re.search(r'href="http://[^/]+(/invitations/[^"]+)"', page)
    assert "Join Northwind Labs on TestKase" in page
    assert link is not None
    assert "nils@newcomer.example" in text(Client(), link[1])


@pytest.mark.requirement("I13", "R72")
def test_the_mailbox_shows_nobody_elses_letters(visitors: Visitors, tmp_path: Path) -> None:
    with mailbox_in(tmp_path):
        foreign = stranger("Elsewhere Ltd")
        foreign.post("/settings/members", {"email": "secret@elsewhere.example", "role": "admin"})
        Client().post("/accounts/password/reset/", {"email": visitors.demo.emails["member"]})
        Client().post("/accounts/password/reset/", {"email": visitors.demo.emails["admin"]})
        admin = text(visitors.client_of("admin"), "/mailbox")
        assert "secret@elsewhere.example" in text(foreign, "/mailbox")
        assert len(list(tmp_path.glob("*.eml"))) == 3
        assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}
        assert visitors.client_of("member").get("/mailbox").status_code == 404
    assert "secret@elsewhere.example" not in admin
    assert admin.count("Choose a new password") == 1  # their own, not the member's


ADDRESSES: list[tuple[dict[str, str], bool]] = [
    ({}, True),
    ({"TESTKASE_PUBLIC_URL": "http://localhost:9000"}, True),
    ({"TESTKASE_EMAIL_URL": "smtp://mail.example"}, False),
    ({"TESTKASE_PUBLIC_URL": "https://credits.example.com"}, False),
    ({"TESTKASE_PUBLIC_URL": "http://10.0.0.5:8000"}, False),
    ({"TESTKASE_PUBLIC_URL": "http://localhost.evil.example"}, False),
    ({"HOST": "0.0.0.0"}, False),
    ({"HOST": "0.0.0.0", "TESTKASE_PUBLIC_URL": "http://127.0.0.1:8000"}, False),
]


@pytest.mark.requirement("R73")
def test_the_mailbox_is_only_there_on_ones_own_machine(visitors: Visitors) -> None:
    from testkase.entrypoints.web.mailbox import mail_stays_here

    for environ, there in ADDRESSES:
        assert mail_stays_here(Settings.from_environ(environ)) is there, environ


@pytest.mark.requirement("R73")
def test_where_others_are_served_the_mailbox_is_no_page_and_no_link(visitors: Visitors) -> None:
    owner = visitors.client_of("owner")
    assert 'href="/mailbox"' in text(owner, "/projects")
    with override_settings(VALUES=replace(settings.VALUES, public_url="https://credits.example.com")):
        assert owner.get("/mailbox").status_code == 404
        assert 'href="/mailbox"' not in text(owner, "/projects")


def test_the_mailbox_keeps_the_newest_letters_whole(
    visitors: Visitors, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from testkase.services.organizations import mailbox

    monkeypatch.setattr(mailbox, "KEPT", 3)
    with mailbox_in(tmp_path):
        for number in range(5):
            EmailMessage(f"Größe {number}", "Zeile\n.\nEnde", to=["Ä <a@b.example>"]).send()
    found = mailbox.mails_for(tmp_path, org_id=1, address="A@b.example")
    assert [mail.subject for mail in found] == ["Größe 4", "Größe 3", "Größe 2"]
    assert found[0].text.split() == ["Zeile", ".", "Ende"]


@pytest.mark.requirement("P7", "R34")
def test_the_banner_says_that_ai_goes_on_while_it_does(visitors: Visitors) -> None:
    order(visitors.demo, SetOverage(org_id=visitors.demo.org_id, setting_id="cap", limit=50 * CREDIT))
    member = visitors.client_of("member")
    spend(visitors.demo, "much", 290)
    assert "When they are used up, AI goes on beyond the balance" in " ".join(banner(member).split())
    spend(visitors.demo, "rest", 22.35)
    told = " ".join(banner(member).split())
    assert "37.65 extra credits are left this month, billed when it ends" in told
    assert "stopped" not in told
    subject = Subject(use_case="chat", user="ada@example.com")
    lent = OpenHold(org_id=visitors.demo.org_id, hold_id="h", amount=7 * CREDIT, ttl_seconds=60, subject=subject)
    order(visitors.demo, lent)
    assert "30.65 extra credits are left" in banner(member), "what a call was lent is nobody's to spend"
    alerts = visitors.client_of("owner").get("/settings/ai-credits/alerts").content.decode()
    assert alerts.count(">Reached<") == 3, "nor has the balance risen by it"


@pytest.mark.requirement("P10", "R34")
def test_the_banner_says_that_a_debt_is_why_ai_rests_and_leads_to_where_it_is_covered(visitors: Visitors) -> None:
    org_id = visitors.demo.org_id
    order(visitors.demo, Grant(org_id=org_id, grant_id="paid", amount=100 * CREDIT))
    spend(visitors.demo, "much", 345)
    order(visitors.demo, Reverse(org_id=org_id, reversal_id="back", grant_id="paid", clawed=70 * CREDIT))
    told = " ".join(banner(visitors.client_of("owner")).split())
    assert "AI rests: a refund or dispute left a debt of 15.00 credits" in told
    assert "See what is owed" in told
    assert "Ask your Owner to cover it." in banner(visitors.client_of("member"))
    page = visitors.client_of("member").get("/settings/ai-credits").content.decode()
    assert "<strong>AI rests until the 15.00 credits that are owed are covered.</strong>" in page
