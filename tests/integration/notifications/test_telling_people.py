"""From a crossing to a letter in somebody's hands: what the worker does beside its jobs."""

from collections.abc import AsyncIterator
from smtplib import SMTPServerDisconnected
from typing import Any

import pytest
from django.core import mail

from testkase.core.ledger.commands import SetOverage
from testkase.core.ledger.credits import MICRO
from testkase.entrypoints.worker.post import Post
from testkase.entrypoints.worker.watch import BalanceWatch
from testkase.foundation.database import Database, SyncDatabase
from testkase.services.audit import Actor
from testkase.services.billing.settings import set_purchase_roles
from testkase.services.notifications import watching
from testkase.services.notifications.outbox import MOST_ATTEMPTS
from tests.support.cluster import TestDatabase
from tests.support.team import Team

URL = "https://credits.example.com"


@pytest.fixture
async def worker(django_database: TestDatabase) -> AsyncIterator[Database]:
    opened = Database(django_database.app_url, max_size=3)
    await opened.open()
    yield opened
    await opened.close()


@pytest.fixture
def team(django_database: TestDatabase, worker: Database) -> Team:
    mail.outbox.clear()
    return Team(SyncDatabase(django_database.app_url), 1)


def letters() -> list[Any]:
    return sorted(mail.outbox, key=lambda message: message.to)


def queue(team: Team) -> list[dict[str, Any]]:
    return team.rows("SELECT attempts, sent_at, given_up_at, fault FROM mail_queue WHERE org_id = %(org_id)s")


def make_due(team: Team) -> None:
    team.rows("UPDATE mail_queue SET due_at = now() WHERE org_id = %(org_id)s RETURNING org_id")


@pytest.mark.requirement("R34", "R55", "P12")
async def test_owner_and_admin_get_a_letter_with_what_each_can_do_about_it(team: Team, worker: Database) -> None:
    team.use(245)
    await BalanceWatch(worker, None).look()
    assert await Post(worker, URL).send_due() == 2
    admin, owner = letters()
    assert (admin.to, owner.to) == (["admin1@example.com"], ["owner1@example.com"])
    assert owner.subject == "AI credits are low: 55.00 left · Team 1"
    assert "threshold of 60.00 credits" in owner.body
    assert f"Buy credits:\n{URL}/settings/ai-credits/buy" in owner.body
    assert "Ask your Owner to buy credits." in admin.body
    assert "Buy credits" not in admin.body
    assert owner.extra_headers["Message-ID"] != admin.extra_headers["Message-ID"]
    (html, kind) = owner.alternatives[0]
    assert kind == "text/html"
    assert f'href="{URL}/settings/ai-credits/buy"' in html
    assert "src=" not in html  # nothing is loaded from anywhere
    make_due(team)
    assert await Post(worker, URL).send_due() == 0, "once, however long ago"


@pytest.mark.requirement("R34", "R73")
async def test_a_letter_to_somebody_of_several_organizations_says_in_its_links_which_one_it_is_about(
    team: Team, worker: Database
) -> None:
    with team.database.transaction() as connection:
        other = team._made(connection, "INSERT INTO organization (name, slug) VALUES ('B', 'b') RETURNING id")
        member = "INSERT INTO membership (user_id, org_id, role) VALUES (%s, %s, 'member')"
        connection.execute(member, [team.people["owner"], other])
    team.use(245)
    await BalanceWatch(worker, None).look()
    assert await Post(worker, URL).send_due() == 2
    admin, owner = letters()
    assert f"Buy credits:\n{URL}/settings/ai-credits/buy?organization={team.org_id}\n" in owner.body
    assert f"All notifications: {URL}/notifications?organization={team.org_id}\n" in owner.body
    assert "organization=" not in admin.body


@pytest.mark.requirement("R34", "R36", "R37")
async def test_an_admin_whom_the_owner_lets_buy_gets_the_link_too(team: Team, worker: Database) -> None:
    owner = Actor(kind="person", ref="owner1@example.com", name="Owner")
    team.run(set_purchase_roles(team.org_id, owner, "owner_and_admins"))
    team.use(245)
    await BalanceWatch(worker, None).look()
    assert await Post(worker, URL).send_due() == 2
    assert all(f"Buy credits:\n{URL}/settings/ai-credits/buy" in letter.body for letter in letters())


@pytest.mark.requirement("P7", "R34", "R56")
async def test_a_cap_that_is_reached_is_told_with_the_link_to_buy(team: Team, worker: Database) -> None:
    team.do(SetOverage(org_id=team.org_id, setting_id="cap", limit=50 * MICRO))
    team.use(350)
    await BalanceWatch(worker, None).look()
    await Post(worker, URL).send_due()
    (letter,) = (one for one in letters() if "reached its cap" in one.subject and one.to == ["owner1@example.com"])
    assert f"Buy credits:\n{URL}/settings/ai-credits/buy" in letter.body


@pytest.mark.requirement("R73")
async def test_names_are_text_in_a_letter_never_markup(team: Team, worker: Database) -> None:
    team.rows("UPDATE organization SET name = '<b>R&D</b>' WHERE id = %(org_id)s RETURNING id")
    team.use(300)
    await BalanceWatch(worker, None).look()
    await Post(worker, URL).send_due()
    html = letters()[0].alternatives[0][0]
    assert "&lt;b&gt;R&amp;D&lt;/b&gt;" in html
    assert "<b>" not in html


@pytest.mark.requirement("P12")
async def test_a_letter_the_server_did_not_take_is_sent_again_under_the_same_id(
    team: Team, worker: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    team.use(300)
    await BalanceWatch(worker, None).look()
    ids: list[str] = []

    def refuse(message: Any, *_: object) -> int:
        ids.append(message.extra_headers["Message-ID"])
        raise SMTPServerDisconnected("the server quotes what it was told")

    monkeypatch.setattr("django.core.mail.EmailMultiAlternatives.send", refuse)
    await Post(worker, URL).send_due()
    assert [(row["attempts"], row["fault"]) for row in queue(team)] == [(1, "SMTPServerDisconnected")] * 2
    assert await Post(worker, URL).send_due() == 0  # not before its time
    (wait, _) = team.rows("SELECT ceil(extract(epoch FROM due_at - now()) / 60) AS minutes FROM mail_queue")
    assert wait["minutes"] == 1
    monkeypatch.undo()
    make_due(team)
    assert await Post(worker, URL).send_due() == 2
    assert sorted(message.extra_headers["Message-ID"] for message in letters()) == sorted(ids)
    assert all(row["sent_at"] for row in queue(team))


@pytest.mark.requirement("P12")
async def test_a_letter_is_given_up_after_a_day_and_not_sent_to_who_has_left(
    team: Team, worker: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    team.use(300)
    await BalanceWatch(worker, None).look()
    team.rows("DELETE FROM membership WHERE org_id = %(org_id)s AND role = 'admin' RETURNING org_id")

    def refuse(*_: object) -> int:
        raise OSError

    monkeypatch.setattr("django.core.mail.EmailMultiAlternatives.send", refuse)
    team.rows(f"UPDATE mail_queue SET attempts = {MOST_ATTEMPTS - 1} WHERE org_id = %(org_id)s RETURNING org_id")
    assert await Post(worker, URL).send_due() == 2
    assert sorted(row["fault"] for row in queue(team)) == ["OSError", "nobody to send it to"]
    assert all(row["given_up_at"] for row in queue(team))
    make_due(team)
    assert await Post(worker, URL).send_due() == 0


@pytest.mark.requirement("P12")
async def test_a_watch_begins_with_all_there_is_and_one_organization_in_trouble_holds_up_no_other(
    team: Team, worker: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Team(team.database, 2)
    for one in (team, other):
        one.use(300)
        one.rows("SELECT 1")
    watch_organization = watching.watch_organization

    def troubled(org_id: int) -> Any:
        if org_id == team.org_id:
            raise RuntimeError("a fault of one organization")
        return watch_organization(org_id)

    watch = BalanceWatch(worker, None)
    with monkeypatch.context() as patch:
        patch.setattr("testkase.entrypoints.worker.watch.watch_organization", troubled)
        await watch.look()
    assert (team.told(), other.told()) == ([], ["AI credits are used up"])
    await watch.look()
    assert team.told() == ["AI credits are used up"]
    assert team.crossings() == [(3, 60 * MICRO), (3, 15 * MICRO), (3, 0)]
