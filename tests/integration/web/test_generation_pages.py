"""The Generate page up to the moment the worker takes over, and deciding on drafts."""

import re

import psycopg
import pytest

from testkase.services.workspace.model import CaseContent, Step
from tests.integration.web.conftest import Visitors, press_cancel
from tests.support.cluster import TestDatabase
from tests.support.people import empty_the_balance, project_role, set_aside, stranger, with_draft

REQUIREMENT = "A customer may log in 5 times. After the 6th attempt the account is locked for 30 minutes."
DRAFT = CaseContent(title="Locked after 6 attempts", steps=(Step(action="Try 6 times", expected="Locked"),))


@pytest.fixture(autouse=True)
def _one_model(monkeypatch: pytest.MonkeyPatch, visitors: Visitors) -> None:
    """The embedded model is offered, as on a running installation; no page calls it."""
    from django.conf import settings

    from testkase.entrypoints.web import offer
    from testkase.foundation.settings import Settings

    monkeypatch.setattr(settings, "VALUES", Settings.from_environ({"TESTKASE_MODEL_PORT": "9"}))
    offer.catalog.cache_clear()


def jobs(database: TestDatabase) -> list[tuple[str, dict[str, int]]]:
    with psycopg.connect(database.owner_url) as owner:
        return owner.execute("SELECT task_name, args FROM procrastinate_jobs ORDER BY id").fetchall()


@pytest.mark.requirement("B9", "R68")
def test_the_estimate_and_the_hint_stand_there_before_anything_is_run(visitors: Visitors) -> None:
    client = visitors.client_of("member")
    page = client.post("/projects/SHOP/generate/estimate", {"requirement": REQUIREMENT, "cases": "3"}).content.decode()
    assert "about" in page
    assert "At most" in page
    assert "hint--" in page


def test_generating_writes_the_request_and_its_job_together(visitors: Visitors, django_database: TestDatabase) -> None:
    client = visitors.client_of("member")
    response = client.post("/projects/SHOP/generate", {"requirement": REQUIREMENT, "cases": "3"})
    assert response.status_code == 302
    assert "Waiting for the worker" in client.get(response.headers["Location"]).content.decode()
    (name, arguments), *others = jobs(django_database)
    assert (name, others) == ("generation.run", [])
    assert set(arguments) == {"org_id", "generation_id"}


@pytest.mark.requirement("P18")
def test_too_little_balance_refuses_before_the_model_and_keeps_what_was_written(
    visitors: Visitors, django_database: TestDatabase
) -> None:
    empty_the_balance(visitors.demo)
    response = visitors.client_of("member").post("/projects/SHOP/generate", {"requirement": REQUIREMENT, "cases": "3"})
    assert response.status_code == 402
    assert REQUIREMENT in response.content.decode()
    assert jobs(django_database) == []


@pytest.mark.requirement("P18", "B1")
def test_credits_that_calls_under_way_have_set_aside_are_not_called_missing(
    visitors: Visitors, django_database: TestDatabase
) -> None:
    """Most of them come back within the minute: nobody needs to buy what waiting brings."""
    set_aside(visitors.demo, 299)
    member, form = visitors.client_of("member"), {"requirement": REQUIREMENT, "cases": "3"}
    told = member.post("/projects/SHOP/generate/estimate", form).content.decode()
    assert "299.00 credits are set aside for calls under way; what those leave comes back." in told
    response = member.post("/projects/SHOP/generate", form)
    assert response.status_code == 402
    assert "1.00 are available, and 299.00 more are set aside for calls under way." in response.content.decode()
    assert jobs(django_database) == []


@pytest.mark.parametrize("partial", [True, False])
def test_a_generation_under_way_is_cancelled_from_its_page_however_often_it_is_pressed(
    visitors: Visitors, django_database: TestDatabase, partial: bool
) -> None:
    client, headers = visitors.client_of("member"), {"HX-Request": "true"} if partial else {}
    home = client.post("/projects/SHOP/generate", {"requirement": REQUIREMENT, "cases": "3"}).headers["Location"]
    assert f'action="{home}/cancellation"' in client.get(home).content.decode()
    with psycopg.connect(django_database.owner_url) as owner:
        owner.execute("UPDATE generation SET state = 'running', attempt = 1")
    press_cancel(client, home, partial=partial)
    assert 'role="status">Cancelling<' in client.get(home).content.decode()
    with psycopg.connect(django_database.owner_url) as owner:
        owner.execute("UPDATE generation SET state = 'failed', ending = 'cancelled', charged = 0, finished_at = now()")
    told = client.post(f"{home}/cancellation", headers=headers)
    assert "cancel-button" not in told.content.decode()
    page = client.get(f"{home}?seen=0", headers=headers).content.decode()
    assert "<strong>0.00 credits: it was cancelled</strong>" in page
    assert ('<div id="cancel" hx-swap-oob="true"></div>' in page) is partial
    assert "Cancelled</span>" in client.get("/projects/SHOP").content.decode()


def test_whoever_may_not_generate_may_not_cancel(visitors: Visitors) -> None:
    client, home = visitors.client_of("member"), with_draft(visitors.demo, DRAFT).partition("/drafts")[0]
    project_role(visitors.demo, "user", may_generate=False)
    assert client.post(f"{home}/cancellation").status_code == 403
    assert client.post("/projects/SHOP/generations/999999/cancellation").status_code == 403


@pytest.mark.requirement("B10", "P18")
@pytest.mark.parametrize(("receipt", "says"), [(None, "nothing was written"), (7, "the model failed")])
def test_a_model_that_was_never_asked_is_not_said_to_have_failed(
    visitors: Visitors, django_database: TestDatabase, receipt: int | None, says: str
) -> None:
    """Others had taken the credits meanwhile: a hold that is refused leaves no receipt."""
    client = visitors.client_of("member")
    response = client.post("/projects/SHOP/generate", {"requirement": REQUIREMENT, "cases": "3"})
    with psycopg.connect(django_database.owner_url) as owner:
        owner.execute(
            "UPDATE generation SET state = 'failed', charged = 0, receipt = %s, finished_at = now()", [receipt]
        )
    assert f"<strong>0 credits: {says}</strong>" in client.get(response.headers["Location"]).content.decode()


@pytest.mark.parametrize(
    "form",
    [
        {"requirement": ""},
        {"requirement": " \n "},
        {"requirement": "x" * 4_001},
        {"requirement": REQUIREMENT, "cases": "0"},
        {"requirement": REQUIREMENT, "cases": "13"},
        {"requirement": REQUIREMENT, "cases": "-1"},
        {"requirement": REQUIREMENT, "cases": "9" * 5_000},
        {"requirement": REQUIREMENT, "criteria": "x" * 4_001},
        {"requirement": REQUIREMENT, "kinds": "enormous"},
        {"requirement": REQUIREMENT, "level": "enormous"},
        {"requirement": REQUIREMENT, "level": "best"},
        {"requirement": REQUIREMENT, "folder": "999999"},
    ],
)
def test_a_form_that_makes_no_sense_comes_back_with_the_reason(
    visitors: Visitors, django_database: TestDatabase, form: dict[str, str]
) -> None:
    response = visitors.client_of("member").post("/projects/SHOP/generate", form)
    assert response.status_code == 422
    assert 'role="alert"' in response.content.decode()
    assert jobs(django_database) == []


@pytest.mark.requirement("R41", "P15")
@pytest.mark.parametrize(
    ("role", "may_generate", "status"),
    [("project_admin", False, 200), ("user", True, 200), ("user", False, 403), ("guest", True, 403)],
)
def test_only_those_with_the_permission_reach_the_generate_page(
    visitors: Visitors, role: str, may_generate: bool, status: int
) -> None:
    project_role(visitors.demo, role, may_generate=may_generate)
    client = visitors.client_of("member")
    assert client.get("/projects/SHOP/generate").status_code == status
    assert ("Generate test cases" in client.get("/projects/SHOP").content.decode()) is (status == 200)


def test_an_accepted_draft_becomes_one_test_case_however_often_it_is_accepted(visitors: Visitors) -> None:
    client, draft = visitors.client_of("member"), with_draft(visitors.demo, DRAFT)
    pages = [client.post(draft, {"decision": "accept"}, headers={"HX-Request": "true"}) for _ in range(2)]
    assert all("SHOP-26" in page.content.decode() for page in pages)
    assert client.get("/projects/SHOP").content.decode().count(DRAFT.title) == 1
    assert "Locked after 6 attempts" in client.get("/projects/SHOP/cases/SHOP-26").content.decode()


EDITED = {
    "title": "Locked for good", "status": "ready", "type": "functional", "kind": "negative", "priority": "high",
    "preconditions": "A customer exists", "action": ["Try 7 times", "Sign in"], "expected": ["Locked", "Refused"],
}  # fmt: skip


@pytest.mark.requirement("B10")
def test_fewer_drafts_than_were_asked_for_are_explained(visitors: Visitors, django_database: TestDatabase) -> None:
    client, page = visitors.client_of("member"), with_draft(visitors.demo, DRAFT).rpartition("/drafts")[0]
    for asked, told in ((3, True), (1, False)):
        with psycopg.connect(django_database.owner_url) as owner:
            owner.execute("UPDATE generation SET options = jsonb_set(options, '{cases}', %s::jsonb)", [str(asked)])
        assert (f"{asked} were asked for. For the rest" in client.get(page).content.decode()) is told


@pytest.mark.parametrize("partial", [True, False])
def test_a_draft_is_edited_in_its_place_and_accepted_into_a_folder(visitors: Visitors, partial: bool) -> None:
    client, draft = visitors.client_of("member"), with_draft(visitors.demo, DRAFT)
    headers = {"HX-Request": "true"} if partial else {}
    form = client.get(f"{draft}/edit", headers=headers).content.decode()
    assert ("<!doctype" in form.lower()) is not partial
    assert DRAFT.title in form
    folder = re.search(r'<option value="(\d+)">', form)
    assert folder is not None
    client.post(f"{draft}/edit", {**EDITED, "folder": folder[1]}, headers=headers)
    case = client.get("/projects/SHOP/cases/SHOP-26").content.decode()
    assert "Locked for good" in case
    assert "Refused" in case
    assert f"?folder={folder[1]}" in case
    assert "edited and accepted by" in case
    assert "testkase-demo" in case


def test_an_edit_that_is_cancelled_leaves_the_draft_as_it_was_proposed(visitors: Visitors) -> None:
    client, draft = visitors.client_of("member"), with_draft(visitors.demo, DRAFT)
    kept = client.post(draft, {**EDITED, "decision": "keep"}, headers={"HX-Request": "true"}).content.decode()
    assert DRAFT.title in kept
    assert 'value="accept"' in kept, "it can still be decided on"
    assert client.post(draft, {**EDITED, "decision": "keep"}).headers["Location"] == draft.rpartition("/drafts")[0]


def test_an_edit_that_makes_no_sense_comes_back_with_the_reason_and_the_text(visitors: Visitors) -> None:
    client, draft = visitors.client_of("member"), with_draft(visitors.demo, DRAFT)
    for change in ({"title": ""}, {"action": "", "expected": ""}, {"kind": "enormous"}):
        page = client.post(f"{draft}/edit", {**EDITED, **change}, headers={"HX-Request": "true"})
        assert page.status_code == 422
        assert 'role="alert"' in page.content.decode()
        assert "A customer exists" in page.content.decode()
    page = client.post(f"{draft}/edit", {**EDITED, "do": "add"})
    assert page.content.decode().count('name="action"') == 4  # two, the new one, and the template
    assert client.get("/projects/SHOP/cases/SHOP-26").status_code == 404


def test_all_drafts_are_decided_on_at_once(visitors: Visitors) -> None:
    client, draft = visitors.client_of("member"), with_draft(visitors.demo, DRAFT)
    page = draft.partition("/drafts")[0]
    assert client.post(f"{page}/decisions", {"decision": "accept"}).headers["Location"] == page
    decided = client.get(page).content.decode()
    assert "1 draft accepted" in decided
    assert '<a class="button button--quiet button--small" href="/projects/SHOP">To the test cases</a>' in decided
    assert client.get("/projects/SHOP/cases/SHOP-26").status_code == 200


def test_all_drafts_stay_for_another_folder_when_the_one_chosen_is_gone(visitors: Visitors) -> None:
    client, draft = visitors.client_of("member"), with_draft(visitors.demo, DRAFT)
    page = draft.partition("/drafts")[0]
    late = client.post(f"{page}/decisions", {"decision": "accept", "folder": "999999"}, follow=True)
    assert "This folder is not there any more. Choose another." in late.content.decode()
    assert 'value="accept"' in late.content.decode()


def test_a_draft_that_repeats_a_case_links_to_it(visitors: Visitors, django_database: TestDatabase) -> None:
    client, draft = visitors.client_of("member"), with_draft(visitors.demo, DRAFT)
    with psycopg.connect(django_database.owner_url) as owner:
        owner.execute("ALTER TABLE draft_case NO FORCE ROW LEVEL SECURITY")
        owner.execute("UPDATE draft_case SET twin_key = 'SHOP-3', likeness = 87")
    page = client.get(draft.partition("/drafts")[0]).content.decode()
    assert "87 % alike" in page
    assert "/projects/SHOP/cases/SHOP-3" in page


def test_criteria_kinds_and_folder_travel_with_the_request(visitors: Visitors, django_database: TestDatabase) -> None:
    client = visitors.client_of("member")
    folder = re.search(
        r'<option value="(\d+)">', client.get("/projects/SHOP/generate").content.decode().partition('id="folder"')[2]
    )
    assert folder is not None
    form = {"requirement": REQUIREMENT, "criteria": "- A message is shown", "kinds": ["security", "boundary"]}
    response = client.post("/projects/SHOP/generate", {**form, "folder": folder[1]})
    assert "A message is shown" in client.get(response.headers["Location"]).content.decode()
    with psycopg.connect(django_database.owner_url) as owner:
        owner.execute("ALTER TABLE generation NO FORCE ROW LEVEL SECURITY")
        [(options, folder_id)] = owner.execute("SELECT options, folder_id FROM generation").fetchall()
    assert options["kinds"] == ["boundary", "security"]
    assert folder_id == int(folder[1])


@pytest.mark.requirement("B9")
def test_the_estimate_says_whether_it_rests_on_history(visitors: Visitors, django_database: TestDatabase) -> None:
    client, form = visitors.client_of("member"), {"requirement": REQUIREMENT, "cases": "2"}
    assert "No history with this model yet" in client.post("/projects/SHOP/generate/estimate", form).content.decode()
    for _ in range(3):
        with_draft(visitors.demo, DRAFT)
    page = client.post("/projects/SHOP/generate/estimate", form).content.decode()
    assert "Usually 2.48 credits, from your last 3 runs" in page
    with psycopg.connect(django_database.owner_url) as owner:
        owner.execute("ALTER TABLE generation NO FORCE ROW LEVEL SECURITY")
        owner.execute("UPDATE generation SET charged = 2000000 WHERE generation_id = 1")
    page = client.post("/projects/SHOP/generate/estimate", form).content.decode()
    assert "Usually 2.48–4.00 credits" in page


def test_a_rejected_draft_cannot_be_accepted_any_more(visitors: Visitors) -> None:
    client, draft = visitors.client_of("member"), with_draft(visitors.demo, DRAFT)
    client.post(draft, {"decision": "reject"})
    assert client.post(draft, {"decision": "accept"}).status_code == 409
    assert DRAFT.title not in client.get("/projects/SHOP").content.decode()


def test_a_draft_that_somebody_else_has_decided_on_shows_how_it_stands(visitors: Visitors) -> None:
    client, draft = visitors.client_of("member"), with_draft(visitors.demo, DRAFT)
    client.post(draft, {"decision": "reject"})
    late = client.post(draft, {"decision": "accept"}, headers={"HX-Request": "true"})
    opened = client.get(f"{draft}/edit", headers={"HX-Request": "true"})
    for answer in (late, opened):
        assert (answer.status_code, "Rejected" in answer.content.decode()) == (200, True)
        assert 'value="accept"' not in answer.content.decode()


def test_a_guest_may_look_at_drafts_and_not_decide(visitors: Visitors) -> None:
    draft = with_draft(visitors.demo, DRAFT)
    project_role(visitors.demo, "guest")
    client = visitors.client_of("member")
    assert client.post(draft, {"decision": "accept"}).status_code == 403
    assert "Accept</button>" not in client.get(draft.partition("/drafts")[0]).content.decode()


@pytest.mark.requirement("R61")
def test_generations_beyond_the_newest_are_found_page_by_page(visitors: Visitors) -> None:
    """Their drafts were still there, and nothing led to them."""
    first, *_ = [with_draft(visitors.demo, DRAFT) for _ in range(6)]
    member, address = visitors.client_of("member"), first.removesuffix("/drafts/1")
    newest = member.get("/projects/SHOP").content.decode()
    assert f'href="{address}"' not in newest
    older = re.search(r'href="(/projects/SHOP\?generations=\d+)#recent"', newest)
    assert older
    page = member.get(older[1]).content.decode()
    assert f'href="{address}"' in page
    assert "Show older generations" not in page


@pytest.mark.requirement("R73", "I13")
def test_a_stranger_cannot_decide_on_anothers_draft(visitors: Visitors) -> None:
    draft = with_draft(visitors.demo, DRAFT)
    assert stranger().post(draft, {"decision": "accept"}).status_code == 404


def test_what_people_write_is_shown_as_text(visitors: Visitors) -> None:
    step = Step(action="{{ 7*7 }}<img src=x onerror=alert(1)>")
    hostile = CaseContent(title="<script>alert(1)</script>", steps=(step,))
    draft = with_draft(visitors.demo, hostile)
    page = visitors.client_of("member").get(draft.partition("/drafts")[0]).content.decode()
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert "{{ 7*7 }}" in page


@pytest.mark.requirement("B8", "B13")
def test_use_stays_under_one_name_whatever_address_somebody_signs_in_with(
    visitors: Visitors, django_database: TestDatabase
) -> None:
    """Budgets and pauses name their user: another address must not shed them, nor a newcomer inherit them."""
    from tests.support.people import models

    client, first = visitors.client_of("member"), visitors.demo.emails["member"]
    member = models().User.objects.get(email=first)
    member.email = "elsewhere@northwind.example"
    member.save()
    client.post("/projects/SHOP/generate", {"requirement": REQUIREMENT, "cases": "3"})
    with psycopg.connect(django_database.owner_url) as owner:
        assert owner.execute("SELECT user_ref FROM generation").fetchall() == [(first,)]

    newcomer = models().User.objects.create_user(first, "three unrelated words")
    assert newcomer.ref != first
    assert newcomer.ref.startswith(first)
