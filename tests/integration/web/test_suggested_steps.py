"""Suggested steps on the pages: who may ask, what is refused before the model, and taking a step over."""

import psycopg
import pytest

from testkase.services.workspace.model import CaseContent, Step
from tests.integration.web.conftest import Visitors
from tests.support.cluster import TestDatabase
from tests.support.django import model_on_offer
from tests.support.people import empty_the_balance, project_role, with_draft

CASE = "/projects/SHOP/cases/SHOP-1"
STEPS = f"{CASE}/steps"
SUGGESTED = CaseContent(title="Any", steps=(Step(action="Reload the page and look again", expected="It is still so"),))


@pytest.fixture(autouse=True)
def _one_model(visitors: Visitors) -> object:
    with model_on_offer():
        yield


def suggested(visitors: Visitors, database: TestDatabase) -> str:
    """A suggestion for the demo's first case; answers its address."""
    number = with_draft(visitors.demo, SUGGESTED).split("/")[4]
    with psycopg.connect(database.owner_url) as owner:
        for table in ("generation", "draft_case"):
            owner.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
        owner.execute("UPDATE generation SET case_key = 'SHOP-1'")
        owner.execute("UPDATE draft_case SET after_step = 0")
        for table in ("generation", "draft_case"):
            owner.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    return f"{STEPS}/{number}/1"


def jobs(database: TestDatabase) -> int:
    with psycopg.connect(database.owner_url) as owner:
        row = owner.execute("SELECT count(*) FROM procrastinate_jobs").fetchone()
    return int(row[0]) if row else 0


@pytest.mark.requirement("B9")
def test_the_page_of_a_case_leads_to_suggestions_with_their_cost(
    visitors: Visitors, django_database: TestDatabase
) -> None:
    client = visitors.client_of("member")
    assert STEPS in client.get(CASE).content.decode()
    page = client.get(STEPS).content.decode()
    assert "Estimate" in page
    assert "No history" in page
    assert client.post(STEPS).headers["Location"] == STEPS
    assert "Waiting for the worker" in client.get(STEPS).content.decode()
    assert jobs(django_database) == 1


def test_an_accepted_step_stands_among_the_steps(visitors: Visitors, django_database: TestDatabase) -> None:
    client, address = visitors.client_of("member"), suggested(visitors, django_database)
    assert "Accept as the first step" in client.get(STEPS).content.decode()
    board = client.post(address, {"decision": "accept"}, headers={"HX-Request": "true"}).content.decode()
    assert "Accepted" in board
    case = client.get(CASE).content.decode()
    assert case.index("Reload the page and look again") < case.index("<li>", case.index('class="steps"') + 40)


def test_a_suggestion_is_of_its_own_case_only(visitors: Visitors, django_database: TestDatabase) -> None:
    client, address = visitors.client_of("member"), suggested(visitors, django_database)
    other = address.replace("SHOP-1/", "SHOP-2/")
    assert client.post(other, {"decision": "accept"}).status_code == 404
    assert client.post(address, {"decision": "reject"}).status_code == 302
    assert client.post(address, {"decision": "accept"}).status_code == 409
    board = client.post(address, {"decision": "accept"}, headers={"HX-Request": "true"})
    assert (board.status_code, "Rejected" in board.content.decode()) == (200, True)


def test_the_address_of_its_generation_leads_to_the_case(visitors: Visitors, django_database: TestDatabase) -> None:
    client, address = visitors.client_of("member"), suggested(visitors, django_database)
    number = address.split("/")[-2]
    assert client.get(f"/projects/SHOP/generations/{number}").headers["Location"] == STEPS


@pytest.mark.requirement("R41", "P15")
@pytest.mark.parametrize(
    ("role", "may_generate", "status"), [("user", True, 302), ("user", False, 403), ("guest", True, 403)]
)
def test_only_those_with_the_permission_ask(visitors: Visitors, role: str, may_generate: bool, status: int) -> None:
    project_role(visitors.demo, role, may_generate=may_generate)
    client = visitors.client_of("member")
    assert client.post(STEPS).status_code == status
    assert (STEPS in client.get(CASE).content.decode()) is (status == 302)


@pytest.mark.requirement("P18", "R59", "R60")
def test_at_zero_and_while_ai_is_off_nothing_is_asked(visitors: Visitors, django_database: TestDatabase) -> None:
    client = visitors.client_of("member")
    empty_the_balance(visitors.demo)
    refused = client.post(STEPS)
    assert refused.status_code == 402
    assert "Ask your Owner" in refused.content.decode()
    visitors.client_of("owner").post("/settings/ai-credits/switch", {"enable": "0"})
    assert client.post(STEPS).status_code == 403
    assert "Suggest steps</button>" not in client.get(STEPS).content.decode()
    assert STEPS not in client.get(CASE).content.decode()
    assert jobs(django_database) == 0
