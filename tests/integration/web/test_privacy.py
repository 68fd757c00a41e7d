"""The page about what is stored, and what the Owner decides there."""

import re

import psycopg
import pytest
from django.test import Client

from testkase.services.workspace.model import CaseContent, Step
from tests.integration.web.conftest import Visitors
from tests.support.cluster import TestDatabase
from tests.support.people import models, use_credits, with_draft

PAGE = "/settings/privacy"


def text(client: Client, path: str = PAGE) -> str:
    return client.get(path).content.decode()


@pytest.mark.requirement("P16", "R76")
def test_every_member_sees_every_stored_field_with_its_meaning(visitors: Visitors) -> None:
    shown = text(visitors.client_of("member"))
    assert "never keep a prompt or an answer" in shown
    assert "ledger.usage.<wbr>user_ref" in shown
    assert "a member&#x27;s first e-mail address" in shown
    assert re.findall(r"<td></td>", shown) == []
    assert "Requirements that were written for AI" in shown


def test_only_the_owner_is_offered_to_decide(visitors: Visitors) -> None:
    for role in ("admin", "member"):
        assert "Erase everything" not in text(visitors.client_of(role))
        assert visitors.client_of(role).post(f"{PAGE}/retention", {"keep_days": "30"}).status_code == 403
    assert "Erase everything" in text(visitors.client_of("owner"))


@pytest.mark.requirement("R76", "R77")
def test_the_switch_and_the_help_page_lead_there(visitors: Visitors) -> None:
    owner = visitors.client_of("owner")
    owner.post("/settings/ai-credits/switch", {"enable": "0"})
    for path in ("/settings/ai-credits/switch", "/help/ai-privacy"):
        assert f'href="{PAGE}"' in text(owner, path)


def test_the_choice_of_how_long_is_kept_and_refuses_others(visitors: Visitors) -> None:
    owner = visitors.client_of("owner")
    assert owner.post(f"{PAGE}/retention", {"keep_days": "90"}).status_code == 302
    assert '<option value="90" selected>90 days</option>' in text(owner)
    assert owner.post(f"{PAGE}/retention", {"keep_days": "31"}).status_code == 422
    assert owner.post(f"{PAGE}/retention", {"keep_days": ""}).status_code == 302
    assert "Now: for ever." in text(owner)


@pytest.mark.requirement("P16", "R75")
def test_the_owner_has_one_chat_erased_without_seeing_what_was_said(
    visitors: Visitors, django_database: TestDatabase
) -> None:
    with psycopg.connect(django_database.owner_url, autocommit=True) as owner:
        for title in ("canary-61 first", "canary-61 second"):
            owner.execute(
                "INSERT INTO chat_thread (org_id, project_id, user_id, user_ref, title)"
                " SELECT p.org_id, p.project_id, u.id, u.ref, %s FROM project AS p, app_user AS u"
                " WHERE p.key = 'SHOP' AND u.email = %s",
                [title, visitors.demo.emails["member"]],
            )
        rows = owner.execute("SELECT thread_id FROM chat_thread ORDER BY thread_id").fetchall()
    number = rows[-1][0]
    page = text(visitors.client_of("owner"))
    assert "canary-61" not in page
    assert re.search(rf'<option value="{number}">[^<]+ in SHOP, last asked [^<]+, 0 questions</option>', page)
    for role, status in (("admin", 403), ("member", 403), ("owner", 302)):
        answer = visitors.client_of(role).post(f"{PAGE}/erasures", {"scope": "chat", "target": str(number)})
        assert answer.status_code == status
    assert f"Chat {number}" in text(visitors.client_of("owner"))
    assert f"asked for the erasure of chat {number}" in text(visitors.client_of("owner"), "/settings/activity")
    gone = visitors.client_of("owner").post(f"{PAGE}/erasures", {"scope": "chat", "target": "999999"})
    assert gone.status_code == 404


def test_the_owner_erases_a_generation_from_its_page(visitors: Visitors) -> None:
    draft = with_draft(visitors.demo, CaseContent(title="A draft", steps=(Step(action="Do it"),)))
    page, owner = draft.partition("/drafts")[0], visitors.client_of("owner")
    assert 'name="scope" value="generation"' in text(owner, page)
    assert 'name="scope" value="generation"' not in text(visitors.client_of("member"), page)
    number = page.rpartition("/")[2]
    owner.post(f"{PAGE}/erasures", {"scope": "generation", "target": number})
    assert f"generation {number}" in text(owner)
    assert "Under way" in text(owner)


def test_much_at_once_wants_the_organizations_name_typed(visitors: Visitors) -> None:
    owner = visitors.client_of("owner")
    refused = owner.post(f"{PAGE}/erasures", {"scope": "ai", "confirmation": "northwind"})
    assert (refused.status_code, "Type the organization" in refused.content.decode()) == (422, True)
    assert owner.post(f"{PAGE}/erasures", {"scope": "ai", "confirmation": "Northwind Labs"}).status_code == 302
    assert "all AI content" in text(owner)


@pytest.mark.parametrize(("erased", "words"), [(1, "Done, 1 row<"), (1_200, "Done, 1,200 rows<")])
def test_what_was_erased_is_counted_in_words_that_fit(visitors: Visitors, erased: int, words: str) -> None:
    from django.db import connection

    from testkase.services.organizations.tenancy import tenant_transaction

    owner = visitors.client_of("owner")
    owner.post(f"{PAGE}/erasures", {"scope": "person", "target": visitors.demo.emails["owner"], "form": "erasure-1"})
    with tenant_transaction(visitors.demo.org_id), connection.cursor() as cursor:
        cursor.execute("UPDATE erasure SET state = 'done', finished_at = now(), erased = %s", [erased])
    assert words in text(owner)


def test_sending_a_form_twice_erases_once(visitors: Visitors) -> None:
    owner = visitors.client_of("owner")
    use_credits(visitors.demo, "one")
    form = {"scope": "person", "target": visitors.demo.emails["member"], "form": "erasure-1"}
    for _ in range(2):
        assert owner.post(f"{PAGE}/erasures", form).status_code == 302
    assert text(owner).count("Under way") == 1
    queued = _jobs("privacy.erase")
    assert queued == [{"org_id": visitors.demo.org_id, "erasure_id": "erasure-1"}]


def test_who_or_what_is_not_here_cannot_be_erased(visitors: Visitors) -> None:
    owner = visitors.client_of("owner")
    for scope, target in (("person", "nobody@example.com"), ("project", "999999"), ("generation", "999999")):
        assert owner.post(f"{PAGE}/erasures", {"scope": scope, "target": target}).status_code == 404
    assert models().User.objects.count() == 3


def _jobs(name: str) -> list[dict[str, object]]:
    from procrastinate.contrib.django.models import ProcrastinateJob

    return list(ProcrastinateJob.objects.filter(task_name=name).values_list("args", flat=True))
