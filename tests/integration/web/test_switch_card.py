"""The switch on the AI Credits page: what each role sees of it, and what sending its form twice does."""

import re

import pytest
from django.test import Client

from testkase.core.ledger import operations
from testkase.core.ledger.commands import OpenHold
from testkase.core.ledger.model import Subject
from tests.integration.web.conftest import Visitors
from tests.support.people import models, with_draft

PAGE, SWITCH = "/settings/ai-credits", "/settings/ai-credits/switch"
ON, OFF = {"enable": "1", "advice_seen": "1"}, {"enable": "0"}


def switches(visitors: Visitors) -> list[str]:
    """What the journal says, oldest first."""
    from testkase.foundation.database import Operation, Statement
    from testkase.services.organizations.tenancy import run_here, tenant_transaction

    def notes() -> Operation[list[str]]:
        rows = yield Statement("SELECT note FROM ledger.entry WHERE kind = 'switch' ORDER BY seq")
        return [row["note"] for row in rows]

    with tenant_transaction(visitors.demo.org_id):
        return run_here(notes())


def form_id(page: str) -> str:
    found = re.search(r'name="form" value="([^"]+)"', page)
    assert found is not None
    return found[1]


def read(client: Client, path: str = PAGE) -> str:
    return client.get(path).content.decode()


@pytest.mark.requirement("R40", "R57", "R65")
def test_everybody_sees_the_switch_and_the_owner_alone_has_its_form(visitors: Visitors) -> None:
    owner, admin, member = (visitors.client_of(role) for role in ("owner", "admin", "member"))
    assert "Idle for a while?" in read(owner)
    assert "Switch AI off…" in read(owner)
    owner.post(SWITCH, OFF)
    assert "Switched off by Olivia Ortega on" in read(member)
    for client in (admin, member):
        page = read(client)
        assert "ask Olivia Ortega" in page
        assert visitors.demo.emails["owner"] in page
        assert "switch AI on for everyone" not in page
    assert "switch AI on for everyone" in read(owner)


@pytest.mark.requirement("R60", "R61")
def test_switching_off_asks_first_and_counts_the_calls_that_it_cuts(visitors: Visitors) -> None:
    from testkase.services.organizations.tenancy import run_here, tenant_transaction

    org_id, owner = visitors.demo.org_id, visitors.client_of("owner")
    assert "No call is under way" in read(owner, SWITCH)
    subject = Subject(use_case="chat", user="ada@example.com")
    with tenant_transaction(org_id):
        for name in ("one", "two"):
            hold = OpenHold(org_id=org_id, hold_id=name, amount=1_000_000, ttl_seconds=60, subject=subject)
            run_here(operations.execute_one(hold))
    page = read(owner, SWITCH)
    assert "2 calls under way are cut off" in page
    assert "Nothing is deleted" in page
    owner.post(SWITCH, OFF)
    assert "No call is under way" in read(owner, SWITCH) or "AI is off" in read(owner, SWITCH)


@pytest.mark.requirement("R64")
def test_a_form_switches_once_however_often_it_is_sent(visitors: Visitors) -> None:
    owner = visitors.client_of("owner")
    off = {**OFF, "form": form_id(read(owner, SWITCH))}
    owner.post(SWITCH, off)
    owner.post(SWITCH, off)
    on = {**ON, "form": form_id(read(owner))}
    owner.post(SWITCH, on)
    assert "That was done already. AI is on." in owner.post(SWITCH, off, follow=True).content.decode()
    owner.post(SWITCH, on)
    assert switches(visitors) == ["off", "on"]


@pytest.mark.parametrize(
    "sent", [{}, {"enable": ""}, {"enable": "off"}, {"enable": "1"}, {"enable": "0", "form": "../" * 9}]
)
def test_a_form_that_does_not_say_what_is_wanted_changes_nothing(visitors: Visitors, sent: dict[str, str]) -> None:
    assert visitors.client_of("owner").post(SWITCH, sent).status_code == 422
    assert switches(visitors) == []


@pytest.mark.requirement("P13", "R61", "R62")
def test_while_off_the_history_can_be_read_and_not_acted_on(visitors: Visitors) -> None:
    from testkase.services.workspace.model import CaseContent, Step

    content = CaseContent(title="A draft of before", steps=(Step(action="Do it", expected="Done"),))
    draft = with_draft(visitors.demo, content)
    owner, member = visitors.client_of("owner"), visitors.client_of("member")
    generation = draft.rpartition("/drafts")[0]
    owner.post(SWITCH, OFF)
    page = read(member, generation)
    assert "A draft of before" in page
    assert "Read-only while AI is off" in page
    assert 'value="accept"' not in page
    assert member.post(draft, {"decision": "accept"}).status_code == 403
    owner.post(SWITCH, ON)
    assert 'value="accept"' in read(member, generation)
    assert member.post(draft, {"decision": "accept"}).status_code == 302


@pytest.mark.requirement("R59", "P13")
def test_what_was_written_is_kept_where_ai_was_switched_off_meanwhile(visitors: Visitors) -> None:
    visitors.client_of("owner").post(SWITCH, OFF)
    written = "A signed-in customer applies a voucher code at checkout."
    answer = visitors.client_of("member").post("/projects/SHOP/generate", {"requirement": written, "cases": "3"})
    assert answer.status_code == 403
    assert written in answer.content.decode()
    assert "What you wrote stays on this page" in answer.content.decode()


@pytest.mark.requirement("I13")
def test_a_ticket_is_for_members_and_says_how_their_organization_stands(visitors: Visitors) -> None:
    member = visitors.client_of("member")
    seen = int(re.findall(r'data-seq="(\d+)"', read(member))[0])
    told = member.get("/live/ticket").json()
    assert told["organization"] == visitors.demo.org_id
    assert told["state"]["ai"] is True
    assert told["state"]["seq"] == seen
    models().Membership.objects.filter(user__email=visitors.demo.emails["member"]).delete()
    assert member.get("/live/ticket").status_code == 302
    assert Client().get("/live/ticket").status_code == 302


def test_what_the_owner_is_told_waits_for_the_page_it_is_meant_for(visitors: Visitors) -> None:
    """Their other open pages renew parts of themselves at the same moment."""
    owner = visitors.client_of("owner")
    owner.post(SWITCH, OFF)
    said = "AI is off. Nothing is charged while it is."
    assert said not in owner.get(PAGE, headers={"HX-Request": "true"}).content.decode()
    assert said not in owner.get("/projects/SHOP", headers={"X-Live": "regions"}).content.decode()
    assert said in read(owner)
