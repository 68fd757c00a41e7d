"""The chat's pages up to the moment the worker takes over, and the answers it has left."""

import json
import re
from typing import Any

import psycopg
import pytest
from django.test import Client

from testkase.foundation.database import Operation, Statement
from tests.integration.web.conftest import Visitors
from tests.support.cluster import TestDatabase
from tests.support.people import empty_the_balance, project_role, stranger

CHAT = "/projects/SHOP/chat"
HTMX = {"HX-Request": "true"}
_FINISH = """
UPDATE chat_turn SET state = 'answered', answer = %(answer)s, facts = %(facts)s, sources = %(sources)s::jsonb,
       charged = 20000, ending = %(ending)s, error = %(error)s, finished_at = now()
WHERE org_id = %(org_id)s
"""


@pytest.fixture(autouse=True)
def _one_model(monkeypatch: pytest.MonkeyPatch, visitors: Visitors) -> None:
    """The embedded model is offered, as on a running installation; no page calls it."""
    from django.conf import settings

    from testkase.entrypoints.web import offer
    from testkase.foundation.settings import Settings

    monkeypatch.setattr(settings, "VALUES", Settings.from_environ({"TESTKASE_MODEL_PORT": "9"}))
    offer.catalog.cache_clear()


def begun(client: Client, question: str = "Which test cases failed?") -> str:
    """The address of a chat that was just begun."""
    response = client.post(f"{CHAT}/questions", {"question": question})
    assert response.status_code == 302
    return response.headers["Location"]


def answered(visitors: Visitors, answer: str, *, facts: str = "", sources: str = "[]", ending: str = "") -> None:
    """What the worker would have left."""
    from testkase.services.organizations.tenancy import run_here, tenant_transaction

    org_id = visitors.demo.org_id
    error = "It kept to nothing." if ending == "facts_only" else None
    values = {
        "org_id": org_id, "answer": answer, "facts": facts, "sources": sources, "ending": ending, "error": error,
    }  # fmt: skip

    def finish() -> Operation[None]:
        yield Statement(_FINISH, values)

    with tenant_transaction(org_id):
        run_here(finish())


def jobs(database: TestDatabase) -> list[tuple[str, dict[str, int], int]]:
    with psycopg.connect(database.owner_url) as owner:
        return owner.execute("SELECT task_name, args, priority FROM procrastinate_jobs ORDER BY id").fetchall()


def text(response: Any) -> str:
    return str(response.content.decode())


def test_a_question_begins_a_chat_with_its_job_and_a_title(visitors: Visitors, django_database: TestDatabase) -> None:
    client = visitors.client_of("member")
    page = text(client.get(begun(client, "Which test\ncases failed?")))
    assert '<h1 class="chat__title">Which test cases failed?</h1>' in page
    assert "Waiting for the worker" in page
    [(name, arguments, priority)] = jobs(django_database)
    assert (name, set(arguments), priority) == ("chat.answer", {"org_id", "thread_id", "turn_id"}, 10)


@pytest.mark.requirement("B9")
def test_the_cost_stands_beside_the_composer_before_anything_is_asked(visitors: Visitors) -> None:
    page = text(visitors.client_of("member").get(CHAT))
    assert re.search(r"About \d+\.\d\d credits, at most \d+\.\d\d", page)
    assert "demonstration model" in page


def test_pages_are_told_only_what_is_new(visitors: Visitors) -> None:
    client = visitors.client_of("member")
    page = text(client.get(begun(client)))
    found = re.search(r'hx-get="([^"]+/turns/\d+)\?seen=(\d+)"', page)
    assert found is not None
    assert client.get(found[1], {"seen": found[2]}, headers=HTMX).status_code == 204
    answered(visitors, "It is **done**.")
    last = client.get(found[1], {"seen": found[2]}, headers=HTMX)
    assert "<strong>done</strong>" in text(last)
    assert "hx-trigger" not in text(last)
    assert "balance-changed" in last.headers["HX-Trigger"]


@pytest.mark.requirement("P18")
@pytest.mark.parametrize("headers", [{}, HTMX])
def test_too_little_balance_refuses_in_place_with_the_next_step(
    visitors: Visitors, django_database: TestDatabase, headers: dict[str, str]
) -> None:
    empty_the_balance(visitors.demo)
    asked = {"question": "Which test cases failed?"}
    refused = visitors.client_of("member").post(f"{CHAT}/questions", asked, headers=headers)
    assert refused.status_code == 402
    assert "Ask your Owner for more credits" in text(refused)
    assert headers or asked["question"] in text(refused)
    assert refused.headers.get("HX-Retarget") == ("#chat-refusal" if headers else None)
    assert "Buy credits</a>" in text(visitors.client_of("owner").post(f"{CHAT}/questions", asked, headers=headers))
    assert jobs(django_database) == []
    assert "None yet" in text(visitors.client_of("member").get(CHAT))


def test_a_second_question_waits_for_the_first_answer(visitors: Visitors, django_database: TestDatabase) -> None:
    client = visitors.client_of("member")
    chat = begun(client)
    assert client.post(f"{chat}/questions", {"question": "And then?"}, headers=HTMX).status_code == 422
    assert client.post(f"{CHAT}/questions", {"question": "Elsewhere?"}).status_code == 422
    answered(visitors, "Done.")
    turn = client.post(f"{chat}/questions", {"question": "And then?"}, headers=HTMX)
    assert turn.status_code == 200
    assert "chat-asked" in turn.headers["HX-Trigger"]
    assert len(jobs(django_database)) == 2


@pytest.mark.requirement("P15", "R41")
@pytest.mark.parametrize(("role", "status"), [("project_admin", 200), ("user", 200), ("guest", 403)])
def test_who_may_view_the_project_may_chat_but_guests_never(visitors: Visitors, role: str, status: int) -> None:
    project_role(visitors.demo, role)
    client = visitors.client_of("member")
    assert client.get(CHAT).status_code == status
    assert client.post(f"{CHAT}/questions", {"question": "What failed?"}).status_code in {302, status}
    assert (f'href="{CHAT}"' in text(client.get("/projects/SHOP"))) is (status == 200)


@pytest.mark.requirement("R73", "I13")
def test_a_chat_is_its_persons_alone(visitors: Visitors) -> None:
    chat = begun(visitors.client_of("member"), "A secret of mine")
    answered(visitors, "A secret answer.")
    for other in (visitors.client_of("owner"), visitors.client_of("admin"), stranger()):
        for address in (chat, f"{chat}/turns/1"):
            assert other.get(address).status_code == 404
        for address in (f"{chat}/questions", f"{chat}/removal", f"{chat}/title", f"{chat}/turns/1/stop"):
            assert other.post(address, {"question": "x", "title": "x"}).status_code == 404
    assert "secret" not in text(visitors.client_of("owner").get(CHAT))


@pytest.mark.requirement("R59", "R61", "R62", "P13")
def test_while_ai_is_off_old_chats_are_read_only(visitors: Visitors) -> None:
    client, owner = visitors.client_of("member"), visitors.client_of("owner")
    chat = begun(client)
    answered(visitors, "An old answer.")
    owner.post("/settings/ai-credits/switch", {"enable": "0"})
    page = text(client.get(chat))
    assert 'data-ai="off"' in page
    assert "An old answer." in page
    assert 'class="card composer ai-on-only"' in page
    assert client.post(f"{chat}/questions", {"question": "More?"}, headers=HTMX).status_code == 403
    assert client.post(f"{CHAT}/questions", {"question": "More?"}).status_code == 403
    assert client.post(f"{chat}/title", {"title": "Another"}).status_code == 403
    owner.post("/settings/ai-credits/switch", {"enable": "1", "advice_seen": "1"})
    assert "An old answer." in text(client.get(chat))
    assert client.post(f"{chat}/title", {"title": "Another"}).status_code == 302


@pytest.mark.requirement("P16", "P11")
def test_a_deleted_chat_is_gone_from_the_database(visitors: Visitors, django_database: TestDatabase) -> None:
    client = visitors.client_of("member")
    chat = begun(client, "canary-91ab")
    answered(visitors, "canary-91ab too")
    assert client.post(f"{chat}/removal").status_code == 302
    assert client.get(chat).status_code == 404
    with psycopg.connect(django_database.owner_url) as owner:
        assert owner.execute(
            "SELECT (SELECT count(*) FROM chat_thread) + (SELECT count(*) FROM chat_turn)"
        ).fetchone() == (0,)


def test_an_answer_leads_only_to_pages_of_what_it_was_found_in(visitors: Visitors) -> None:
    client = visitors.client_of("member")
    chat = begun(client)
    sources = '[{"kind": "case", "ref": "SHOP-1", "title": "<b>One</b>"}, {"kind": "cycle", "ref": "1", "title": "R"}]'
    answered(visitors, "SHOP-1, SHOP-2 and [this](https://evil.example) <img src=x>", sources=sources)
    page = text(client.get(chat)).partition('id="turns"')[2].partition('id="composer"')[0]
    assert set(re.findall(r'href="([^"]+)"', page)) == {"/projects/SHOP/cases/SHOP-1", "/projects/SHOP/cycles/1"}
    assert "evil" not in page
    assert "<img" not in page
    assert "<b>" not in page


@pytest.mark.requirement("B10")
def test_an_answer_without_a_sentence_of_the_model_says_what_it_is_and_that_it_cost_nothing(visitors: Visitors) -> None:
    client = visitors.client_of("member")
    chat = begun(client)
    sources = json.dumps([{"kind": "case", "ref": "SHOP-1", "title": "Pay"}])
    answered(visitors, "", facts="- SHOP-1 Pay, in Sprint 4", sources=sources, ending="facts_only")
    page = text(client.get(chat))
    assert "<strong>0 credits: the answer is what was looked up.</strong> It kept to nothing." in page
    assert '<a href="/projects/SHOP/cases/SHOP-1">SHOP-1</a> Pay, in Sprint 4' in page
    assert "the model failed" not in page


@pytest.mark.requirement("B10", "P18")
@pytest.mark.parametrize(("receipt", "says"), [(None, "no answer"), (7, "the model failed")])
def test_a_model_that_was_never_asked_is_not_said_to_have_failed(
    visitors: Visitors, django_database: TestDatabase, receipt: int | None, says: str
) -> None:
    """Others had taken the credits meanwhile: a hold that is refused leaves no receipt."""
    client = visitors.client_of("member")
    chat = begun(client)
    answered(visitors, "")
    with psycopg.connect(django_database.owner_url) as owner:
        owner.execute("UPDATE chat_turn SET state = 'failed', charged = 0, receipt = %s, error = 'So.'", [receipt])
    assert f"<strong>0 credits: {says}</strong> So." in text(client.get(chat))


def test_the_list_goes_on_page_by_page(visitors: Visitors) -> None:
    client = visitors.client_of("member")
    for number in range(33):
        begun(client, f"Question {number:02} about vouchers")
        answered(visitors, "Yes.")
    page = text(client.get(CHAT))
    more = re.search(r'hx-get="([^"]+after=[^"]+)"', page)
    assert more is not None
    rest = text(client.get(more[1].replace("&amp;", "&"), headers=HTMX))
    assert [len(set(re.findall(r"Question \d\d", part))) for part in (page, rest)] == [30, 3]
    assert client.get(f"{CHAT}?after=nonsense", headers=HTMX).status_code == 200


def test_a_line_of_the_list_asks_again_while_an_answer_is_written_and_then_no_more(visitors: Visitors) -> None:
    client = visitors.client_of("member")
    chat = begun(client)
    number = chat.rpartition("/")[2]
    address = f"{CHAT}?line={number}"
    assert (
        f'id="thread-{number}" hx-get="{address}&amp;at={number}" hx-trigger="chat-asked from:body, every 2s"'
        in text(client.get(chat))
    )
    line = text(client.get(f"{address}&at={number}", headers=HTMX))
    assert ("answering" in line, "every 2s" in line, 'aria-current="page"' in line) == (True, True, True)
    elsewhere = text(client.get(address, headers=HTMX))
    assert ("every 2s" in elsewhere, "aria-current" in elsewhere) == (True, False)
    answered(visitors, "Done.")
    line = text(client.get(f"{address}&at={number}", headers=HTMX))
    assert ("answering" in line, "every 2s" in line, "chat-asked" in line) == (False, False, True)
    assert "hx-trigger" not in text(client.get(address, headers=HTMX))
    assert visitors.client_of("owner").get(address, headers=HTMX).status_code == 404


@pytest.mark.requirement("P18", "B8", "B9")
def test_it_is_said_before_a_question_is_written_that_none_can_be_admitted(visitors: Visitors) -> None:
    """It was said only where the likely cost was not covered, which is a fraction of what is held."""
    member, owner = visitors.client_of("member"), visitors.client_of("owner")
    said = re.search(r"About ([\d.]+) credits, at most ([\d.]+)", text(member.get(CHAT)))
    assert said is not None
    assert float(said[1]) < float(said[2])
    found = re.search(r'name="budget_id" value="([^"]+)"', text(owner.get("/settings/ai-credits/budgets/new")))
    assert found is not None
    budget = {"budget_id": found[1], "name": "Little chat", "limit": said[1], "period": "day", "use_case": "chat"}
    assert owner.post("/settings/ai-credits/budgets/new", budget).status_code == 302
    assert f"/settings/ai-credits/budgets?ask={found[1]}" in text(member.get(CHAT))


@pytest.mark.requirement("P18", "B8", "B13")
def test_a_budget_or_a_pause_refuses_in_place_and_says_what_next(
    visitors: Visitors, django_database: TestDatabase
) -> None:
    """The budget of this page's own: nobody chats for more than nothing a day."""
    from testkase.core.ledger import operations as ledger
    from testkase.core.ledger.limits.commands import Pause, Resume
    from testkase.services.organizations.tenancy import run_here, tenant_transaction

    org_id, member = visitors.demo.org_id, visitors.client_of("member")
    owner, asked = visitors.client_of("owner"), {"question": "Which test cases failed?"}
    form = text(owner.get("/settings/ai-credits/budgets/new"))
    found = re.search(r'name="budget_id" value="([^"]+)"', form)
    assert found is not None
    budget = {"budget_id": found[1], "name": "No chat", "limit": "0.01", "period": "day", "use_case": "chat"}
    assert owner.post("/settings/ai-credits/budgets/new", budget).status_code == 302
    refused = member.post(f"{CHAT}/questions", asked, headers=HTMX)
    assert refused.status_code == 402
    assert f"/settings/ai-credits/budgets?ask={found[1]}" in text(refused)
    assert "Ask for more" in text(refused)
    owner.post(f"/settings/ai-credits/budgets/{found[1]}/removal")
    command = Pause(
        org_id=org_id, change_id="p", kind="use_case", ref="chat", reason="Looked odd", burned=0, usual=0
    )  # fmt: skip
    with tenant_transaction(org_id):
        run_here(ledger.execute_one(command))
    refused = member.post(f"{CHAT}/questions", asked, headers=HTMX)
    assert (refused.status_code, "Looked odd" in text(refused)) == (403, True)
    pause = Pause(org_id=org_id, change_id="q", kind="user", ref=visitors.demo.emails["member"], reason="A loop")
    resume = Resume(org_id=org_id, change_id="r", kind="use_case", ref="chat")
    with tenant_transaction(org_id):
        run_here(ledger.execute_one(pause))
        run_here(ledger.execute_one(resume))
    refused = member.post(f"{CHAT}/questions", asked, headers=HTMX)
    assert "Your use of AI is paused. A loop. Ask your Owner or an admin to resume it." in text(refused)
    assert jobs(django_database) == []
