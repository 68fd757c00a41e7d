"""A project's pages: what people see, what their forms do, and what they are told when it cannot be done."""

import re
from typing import Any

import pytest
from django.test import Client

from testkase.core.ledger.commands import SwitchAi
from testkase.core.ledger.operations import execute_one
from tests.integration.web.conftest import Visitors
from tests.support.people import project_role

HOME = "/projects/SHOP"
CASE: dict[str, Any] = {
    "title": "Pay <b>twice</b>", "status": "draft", "priority": "high", "kind": "security", "type": "smoke",
    "tags": "card, Card, fast", "automation_id": "", "description": "", "preconditions": "A cart",
    "action": ["Open", "Pay"], "expected": ["", "One order"],
}  # fmt: skip


def text(client: Client, path: str, status: int = 200) -> str:
    answer = client.get(path)
    assert answer.status_code == status, (path, answer.status_code)
    return answer.content.decode()


def send(client: Client, path: str, **form: Any) -> Any:
    return client.post(path, form)


def link(page: str, words: str) -> str:
    """Where the link with these words leads."""
    for address, inside in re.findall(r'<a [^>]*href="([^"]+)"[^>]*>(.*?)</a>', page, re.DOTALL):
        if re.sub(r"<[^>]+>", "", inside).strip().startswith(words):
            return str(address).replace("&amp;", "&")
    raise AssertionError(words)


def keys(page: str) -> list[str]:
    return re.findall(r'<td class="mono muted[^>]*>(SHOP-\d+)<', page)


@pytest.mark.requirement("R63", "P13")
def test_the_workspace_is_whole_while_ai_is_off(visitors: Visitors) -> None:
    from testkase.services.organizations.tenancy import run_here, tenant_transaction

    with tenant_transaction(visitors.demo.org_id):
        run_here(execute_one(SwitchAi(org_id=visitors.demo.org_id, switch_id="off", enabled=False)))
    member = visitors.client_of("member")
    for path in (HOME, f"{HOME}/cases/SHOP-1", f"{HOME}/cases/SHOP-1/edit", f"{HOME}/cycles", f"{HOME}/cases/new"):
        page = text(member, path)
        assert "Generate test cases" not in page
    assert send(member, f"{HOME}/cases/new", **CASE).status_code == 302
    assert "SHOP-26" in text(member, HOME)


def test_the_list_narrows_to_what_is_looked_for(visitors: Visitors) -> None:
    member = visitors.client_of("member")
    everything = text(member, HOME)
    assert len(keys(everything)) == 25
    payment = text(member, link(everything, "Payment"))
    assert "SHOP-10" in keys(payment)
    assert "SHOP-5" not in keys(payment)
    inside = text(member, link(everything, "Checkout"))
    assert {"SHOP-1", "SHOP-10"} <= set(keys(inside)), "a folder shows what is in those inside it"
    assert keys(text(member, f"{HOME}?text=BANK%27S confirmation&priority=critical")) == ["SHOP-10"]
    assert keys(text(member, f"{HOME}?tag=flaky")) == ["SHOP-18", "SHOP-10"]
    assert keys(text(member, f"{HOME}?tag=fla%00ky&text=%00")) == ["SHOP-18", "SHOP-10"]
    assert "No test case fits" in text(member, f"{HOME}?text=nowhere+to+be+found")
    assert len(keys(text(member, f"{HOME}?status=nonsense"))) == 25
    text(member, f"{HOME}?folder=999999", status=404)


def test_a_case_is_written_read_edited_and_remembered(visitors: Visitors) -> None:
    member = visitors.client_of("member")
    made = send(member, f"{HOME}/cases/new", **CASE)
    page = text(member, made["Location"])
    assert "Pay &lt;b&gt;twice&lt;/b&gt;" in page
    assert "One order" in page
    edited = {**CASE, "title": "Pay twice", "version": "1", "action": ["Pay"], "expected": ["Two orders"]}
    assert send(member, f"{HOME}/cases/SHOP-26/edit", **edited).status_code == 302
    history = text(member, f"{HOME}/cases/SHOP-26/history")
    for words in ("Mira Lindqvist</strong> changed it", "Pay &lt;b&gt;twice&lt;/b&gt;", "Two orders", "wrote this"):
        assert words in history, words
    overtaken = send(member, f"{HOME}/cases/SHOP-26/edit", **{**edited, "title": "Mine"})
    assert overtaken.status_code == 422
    assert "has changed this test case" in overtaken.content.decode()
    assert 'value="Mine"' in overtaken.content.decode(), "what was written is kept"


def test_a_form_that_cannot_be_comes_back_with_what_was_written(visitors: Visitors) -> None:
    member = visitors.client_of("member")
    for wrong in ({"title": " "}, {"action": [""], "expected": [""]}, {"kind": "nonsense"}, {"tags": "x" * 41}):
        answer = send(member, f"{HOME}/cases/new", **{**CASE, **wrong})
        assert answer.status_code == 422, wrong
        assert "A cart" in answer.content.decode()
    assert "SHOP-26" not in text(member, HOME)


def test_steps_are_arranged_without_scripts_too(visitors: Visitors) -> None:
    member = visitors.client_of("member")

    def steps(do: str) -> list[str]:
        answer = send(member, f"{HOME}/cases/new", **CASE, do=do)
        assert answer.status_code == 200
        form = answer.content.decode().partition("<template")[0]
        return re.findall(r'name="action"[^>]*>([^<]*)<', form)

    assert steps("add") == ["Open", "Pay", ""]
    assert steps("up:1") == ["Pay", "Open"]
    assert steps("down:0") == ["Pay", "Open"]
    assert steps("remove:0") == ["Pay"]
    assert "SHOP-26" not in text(member, HOME)


def test_many_cases_change_at_once_and_the_filters_stay(visitors: Visitors) -> None:
    member = visitors.client_of("member")
    chosen = ["SHOP-1", "SHOP-2"]
    answer = send(member, f"{HOME}/changes", case=chosen, do="status", status="deprecated", back="priority=critical")
    assert answer["Location"] == f"{HOME}?priority=critical"
    assert keys(text(member, f"{HOME}?status=deprecated")) == ["SHOP-2", "SHOP-1"]
    folder = link(text(member, HOME), "Vouchers").partition("folder=")[2].partition("&")[0]
    send(member, f"{HOME}/changes", case=chosen, do="move", folder=folder)
    assert set(chosen) <= set(keys(text(member, f"{HOME}?folder={folder}")))
    assert "tick the boxes" in text(member, send(member, f"{HOME}/changes", do="move", folder=folder)["Location"])
    assert send(member, f"{HOME}/changes", case=chosen, do="status", status="nonsense").status_code == 422


@pytest.mark.parametrize(
    ("form", "reason"),
    [
        ({"do": "move", "folder": "999999"}, "This folder is not there any more. Choose another."),
        ({"do": "cycle", "cycle": "999999"}, "There is no such test cycle."),
    ],
)
def test_cases_stay_chosen_when_where_they_were_to_go_is_gone(
    visitors: Visitors, form: dict[str, str], reason: str
) -> None:
    member = visitors.client_of("member")
    late = send(member, f"{HOME}/changes", case=["SHOP-1", "SHOP-3"], back="priority=critical", **form)
    assert late.status_code == 422
    page = late.content.decode()
    assert reason in page
    assert f'data-shown-once="{HOME}?priority=critical"' in page
    assert keys(page) == keys(text(member, f"{HOME}?priority=critical"))
    assert re.findall(r'value="(SHOP-\d+)" form="bulk" checked', page) == [
        key for key in keys(page) if key in ("SHOP-1", "SHOP-3")
    ]


def test_cases_beyond_the_first_page_stay_chosen_too(visitors: Visitors, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("testkase.entrypoints.web.views.workspace.home.PAGE", 2)
    late = send(visitors.client_of("member"), f"{HOME}/changes", case=["SHOP-20"], do="move", folder="999999")
    page = late.content.decode()
    assert 'value="SHOP-20" form="bulk" checked' in page
    assert keys(page)[-1] == "SHOP-20"


def test_a_change_in_a_folder_that_was_deleted_meanwhile_is_made_and_shown_among_all(visitors: Visitors) -> None:
    answer = send(
        visitors.client_of("member"),
        f"{HOME}/changes",
        case=["SHOP-1"],
        do="status",
        status="draft",
        back="folder=999999",
    )
    assert answer["Location"] == f"{HOME}?"


def test_folders_are_made_moved_and_taken_away(visitors: Visitors) -> None:
    admin = visitors.client_of("admin")
    made = send(admin, f"{HOME}/folders/new", name="Returns")["Location"]
    number = made.partition("folder=")[2]
    assert "has no test cases yet" in text(admin, made)
    same = send(admin, f"{HOME}/folders/new", name="RETURNS")
    assert (same.status_code, "already a folder" in same.content.decode()) == (422, True)
    assert send(admin, f"{HOME}/folders/{number}", name="Refunds", parent=number).status_code == 422
    assert send(admin, f"{HOME}/folders/{number}", name="Refunds").status_code == 302
    assert "Refunds" in text(admin, HOME)
    assert send(visitors.client_of("member"), f"{HOME}/folders/{number}/removal").status_code == 403
    assert send(admin, f"{HOME}/folders/{number}/removal").status_code == 302
    assert 'class="tree__name">Refunds' not in text(admin, HOME)
    assert "deleted the folder Refunds; 0 test cases moved up" in text(admin, "/settings/activity")


@pytest.mark.requirement("R63")
def test_a_cycle_is_planned_executed_and_finished(visitors: Visitors) -> None:
    member = visitors.client_of("member")
    cycle = send(member, f"{HOME}/cycles/new", name="Release 2.4", environment="Staging", with_ready="1")["Location"]
    assert "0 of 25 executed" in text(member, cycle)
    first = f"{cycle}/cases/SHOP-1"
    assert "1 of 25" in text(member, first)
    slow = send(member, first, result="failed", comment="It broke", duration="soon")
    assert (slow.status_code, "It broke" in slow.content.decode()) == (422, True)
    on = send(member, first, result="failed", comment="It broke", defect="https://bugs.example/7", duration="1:30")
    assert on["Location"].endswith("/cases/SHOP-2")
    page = text(member, first)
    assert "1:30" in page
    assert 'href="https://bugs.example/7" rel="noopener noreferrer nofollow"' in page
    assert keys(text(member, f"{cycle}?result=failed")) == ["SHOP-1"]
    send(member, f"{cycle}/cases/SHOP-2", result="skipped")
    assert "2 of 25 executed, 0 passed, <strong>1 failed</strong>, 1 skipped" in text(member, f"{HOME}/cycles")
    assert send(member, f"{cycle}/state", state="finished").status_code == 302
    assert "its results stay as they are" in text(member, first)
    late = send(member, first, result="failed", comment="Written meanwhile")
    assert (late.status_code, "Written meanwhile" in late.content.decode()) == (409, True)
    assert "Take it up again to change it." in late.content.decode()
    assert "finished the test cycle Release 2.4" in text(visitors.client_of("owner"), "/settings/activity")


@pytest.mark.parametrize("path", ["cases/new", "cases/SHOP-1/edit"])
def test_what_was_written_for_a_folder_that_was_deleted_meanwhile_stays_in_the_form(
    visitors: Visitors, path: str
) -> None:
    member = visitors.client_of("member")
    late = send(member, f"{HOME}/{path}", **CASE, version="1", folder="999999")
    assert late.status_code == 422
    page = late.content.decode()
    assert "This folder is not there any more. Choose another." in page
    assert "A cart" in page


def test_a_defect_that_is_no_address_leads_nowhere(visitors: Visitors) -> None:
    member = visitors.client_of("member")
    cycle = send(member, f"{HOME}/cycles/new", name="Release", with_ready="1")["Location"]
    send(member, f"{cycle}/cases/SHOP-1", result="failed", defect="javascript:alert(1)")
    assert 'href="javascript' not in text(member, f"{cycle}/cases/SHOP-1")


def test_a_cycle_is_changed_filled_and_deleted(visitors: Visitors) -> None:
    admin = visitors.client_of("admin")
    cycle = send(admin, f"{HOME}/cycles/new", name="Empty")["Location"]
    assert "No test cases in this cycle yet" in text(admin, cycle)
    wrong = send(admin, f"{cycle}/edit", name="Empty", starts_on="2026-11-02", ends_on="2026-11-01")
    assert "cannot end before" in wrong.content.decode()
    send(admin, f"{cycle}/edit", name="Filled", starts_on="2026-11-01", ends_on="2026-11-02")
    send(admin, f"{HOME}/changes", case=["SHOP-3"], do="cycle", cycle=cycle.rpartition("/")[2])
    assert "0 of 1 executed" in text(admin, cycle)
    send(admin, f"{cycle}/additions", folder="top")
    assert "0 of 25 executed" in text(admin, cycle)
    gone = admin.post(f"{cycle}/additions", {"folder": "999999"}, follow=True)
    assert "This folder is not there any more. Choose another." in gone.content.decode()
    send(admin, f"{cycle}/cases/SHOP-3/removal")
    assert "0 of 24 executed" in text(admin, cycle)
    assert send(visitors.client_of("member"), f"{cycle}/removal").status_code == 403
    assert send(admin, f"{cycle}/removal").status_code == 302
    text(admin, cycle, status=404)


@pytest.mark.requirement("P15")
def test_a_guest_reads_everything_and_is_offered_nothing(visitors: Visitors) -> None:
    project_role(visitors.demo, "guest")
    guest = visitors.client_of("member")
    cycle = link(text(guest, f"{HOME}/cycles"), "Sprint 44")
    for path in (HOME, f"{HOME}/cases/SHOP-1", f"{HOME}/cases/SHOP-1/history", cycle, f"{cycle}/cases/SHOP-1"):
        page = text(guest, path).partition("<main")[2]
        assert '<form method="post"' not in page.replace('hx-post=""', ""), path
        assert "Edit" not in re.sub(r"<[^>]+>", "", page), path
    for path in (f"{HOME}/cases/new", f"{HOME}/cases/SHOP-1/edit", f"{HOME}/folders/new", f"{HOME}/cycles/new"):
        text(guest, path, status=403)


def test_a_draft_is_accepted_into_a_folder(visitors: Visitors) -> None:
    from testkase.services.workspace.model import CaseContent, Step
    from tests.support.people import with_draft

    draft = with_draft(visitors.demo, CaseContent(title="Drafted", steps=(Step(action="Do"),)))
    member = visitors.client_of("member")
    folder = link(text(member, HOME), "Vouchers").partition("folder=")[2].partition("&")[0]
    assert send(member, draft, decision="accept", folder=folder).status_code == 302
    assert "SHOP-26" in keys(text(member, f"{HOME}?folder={folder}"))
