"""Reports' pages up to the moment the worker takes over, and reading, printing, deleting and scheduling them."""

import re
from collections.abc import Iterator

import msgspec
import psycopg
import pytest

from testkase.core.ledger import operations as ledger
from testkase.core.ledger.commands import SwitchAi
from testkase.services.features.reports.facts.computing import compute
from testkase.services.features.reports.model import KINDS, Narrative, Recommendation
from tests.integration.web.conftest import Visitors, press_cancel
from tests.integration.web.test_recorded_changes import sentences
from tests.support.cluster import TestDatabase
from tests.support.django import model_on_offer
from tests.support.past import made_up
from tests.support.pdf import pdf_text
from tests.support.people import empty_the_balance, project_role, stranger

REPORTS = "/projects/SHOP/reports"
HTMX = {"HX-Request": "true"}


@pytest.fixture(autouse=True)
def _one_model(visitors: Visitors) -> Iterator[None]:
    with model_on_offer():
        yield


def rows(database: TestDatabase, sql: str) -> list[tuple[object, ...]]:
    with psycopg.connect(database.owner_url) as owner:
        return owner.execute(sql.encode()).fetchall()


def jobs(database: TestDatabase) -> list[tuple[object, ...]]:
    return rows(database, "SELECT task_name, args FROM procrastinate_jobs ORDER BY id")


def a_report(visitors: Visitors, database: TestDatabase, summary: str = "Look at the newest failures.") -> str:
    """A finished report of the demo member; answers its address."""
    facts = compute("flaky", made_up(3))
    advice = Recommendation("SHOP-1", "Look again <script>alert(1)</script>", "SHOP-1")
    narrative = Narrative(summary=summary, recommendations=(advice,))
    with psycopg.connect(database.owner_url, autocommit=True) as owner:
        owner.execute("SELECT set_config('app.org_id', %s, false)", [str(visitors.demo.org_id)])
        run = owner.execute(
            "INSERT INTO report_run (org_id, project_id, user_ref, project_ref, options, state, charged, finished_at)"
            ' SELECT org_id, project_id, %s, key, \'{"model": "testkase-demo", "kinds": ["flaky"]}\', \'succeeded\','
            " 1240000, now() FROM project WHERE org_id = %s RETURNING run_id, project_id",
            [visitors.demo.emails["member"], visitors.demo.org_id],
        ).fetchone()
        assert run is not None
        made = owner.execute(
            "INSERT INTO report (org_id, run_id, project_id, kind, model, state, facts, narrative)"
            " VALUES (%s, %s, %s, 'flaky', 'testkase-demo', 'succeeded', %s, %s) RETURNING report_id",
            [visitors.demo.org_id, *run, *(msgspec.json.encode(one).decode() for one in (facts, narrative))],
        ).fetchone()
        assert made is not None
    return f"{REPORTS}/{made[0]}"


def switch_off(visitors: Visitors) -> None:
    from testkase.services.organizations.tenancy import run_here, tenant_transaction

    with tenant_transaction(visitors.demo.org_id):
        run_here(ledger.execute_one(SwitchAi(org_id=visitors.demo.org_id, switch_id="off", enabled=False)))


@pytest.mark.requirement("B9", "R67")
def test_the_estimate_has_a_range_and_grows_with_what_is_chosen(visitors: Visitors) -> None:
    client = visitors.client_of("member")
    one = client.post(f"{REPORTS}/estimate", {"kinds": "flaky"}).content.decode()
    all_of_them = client.post(f"{REPORTS}/estimate", {"kinds": list(KINDS)}).content.decode()
    assert "You have no reports of this kind yet" in one
    assert "once for all of them" in all_of_them

    def most(page: str) -> float:
        found = re.search(r"At most</dt><dd class=\"number\">([\d.,]+)", page)
        assert found is not None
        return float(found[1].replace(",", ""))

    assert 4 < most(all_of_them) / most(one) < 6


def test_asking_writes_the_request_and_its_job_together(visitors: Visitors, django_database: TestDatabase) -> None:
    client = visitors.client_of("member")
    response = client.post(f"{REPORTS}/new", {"kinds": ["risk", "flaky"]})
    assert response.status_code == 302
    page = client.get(response.headers["Location"]).content.decode()
    assert "Waiting for the worker" in page
    assert "Risk by folder" in page
    assert 'hx-trigger="every 600ms"' in page
    assert 'hx-trigger="every 600ms"' in client.get(response.headers["Location"], headers=HTMX).content.decode()
    [(name, arguments)] = jobs(django_database)
    assert name == "report.run"
    assert isinstance(arguments, dict)
    assert set(arguments) == {"org_id", "run_id"}
    assert rows(django_database, "SELECT kind FROM report ORDER BY report_id") == [("flaky",), ("risk",)]


@pytest.mark.requirement("P18")
def test_too_little_balance_refuses_before_the_model_and_keeps_the_choice(
    visitors: Visitors, django_database: TestDatabase
) -> None:
    empty_the_balance(visitors.demo)
    response = visitors.client_of("member").post(f"{REPORTS}/new", {"kinds": ["risk"]})
    assert response.status_code == 402
    page = response.content.decode()
    assert 'value="risk" checked' in page
    assert "Ask your Owner for more credits" in page
    assert "Buy credits" in visitors.client_of("owner").post(f"{REPORTS}/new", {"kinds": ["risk"]}).content.decode()
    assert jobs(django_database) == []


@pytest.mark.requirement("B8")
def test_a_budget_refuses_with_the_way_to_ask_for_more(visitors: Visitors, django_database: TestDatabase) -> None:
    owner, member = visitors.client_of("owner"), visitors.client_of("member")
    form = owner.get("/settings/ai-credits/budgets/new").content.decode()
    found = re.search(r'name="budget_id" value="([^"]+)"', form)
    assert found is not None
    budget = {"budget_id": found[1], "name": "Reports", "limit": "0.01", "period": "week", "use_case": "report"}
    assert owner.post("/settings/ai-credits/budgets/new", budget).status_code == 302
    refused = member.post(f"{REPORTS}/new", {"kinds": ["flaky"]})
    assert refused.status_code == 402
    assert "Ask for more" in refused.content.decode()
    assert "Change the budget" in owner.post(f"{REPORTS}/new", {"kinds": ["flaky"]}).content.decode()
    assert jobs(django_database) == []


@pytest.mark.parametrize(
    "form",
    [
        {}, {"kinds": "weather"}, {"kinds": "flaky", "cycles": "4"}, {"kinds": "flaky", "cycles": "9" * 500},
        {"kinds": "flaky", "cycle": "999999"}, {"kinds": "flaky", "cycle": "x"}, {"kinds": "flaky", "level": "golden"},
    ],
)  # fmt: skip
def test_a_form_that_makes_no_sense_comes_back_with_the_reason(
    visitors: Visitors, django_database: TestDatabase, form: dict[str, str]
) -> None:
    response = visitors.client_of("member").post(f"{REPORTS}/new", form)
    assert response.status_code == 422
    assert 'role="alert"' in response.content.decode()
    assert jobs(django_database) == []


@pytest.mark.requirement("R41", "P15")
@pytest.mark.parametrize(
    ("role", "may_generate", "status"),
    [("project_admin", False, 200), ("user", True, 200), ("user", False, 403), ("guest", True, 403)],
)
def test_only_those_with_the_permission_make_reports_and_everybody_reads_them(
    visitors: Visitors, django_database: TestDatabase, role: str, may_generate: bool, status: int
) -> None:
    address = a_report(visitors, django_database)
    project_role(visitors.demo, role, may_generate=may_generate)
    client = visitors.client_of("member")
    assert client.get(f"{REPORTS}/new").status_code == status
    assert ("New report" in client.get(REPORTS).content.decode()) is (status == 200)
    page = client.get(address).content.decode()
    assert "Look at the newest failures." in page
    assert ("Delete</button>" in page) is (status == 200)
    assert client.post(f"{address}/removal").status_code == (302 if status == 200 else 403)


@pytest.mark.requirement("R59", "R61", "P13")
def test_while_ai_is_off_the_way_in_is_hidden_and_old_reports_are_read(
    visitors: Visitors, django_database: TestDatabase
) -> None:
    address, client = a_report(visitors, django_database), visitors.client_of("owner")
    switch_off(visitors)
    listed = client.get(REPORTS).content.decode()
    assert "New report" not in listed
    assert "reports/schedule" not in listed
    page = client.get(address).content.decode()
    assert "Look at the newest failures." in page
    assert "Delete</button>" not in page
    assert client.get(f"{address}.pdf").status_code == 200
    for way in ("new", "schedule"):
        assert client.get(f"{REPORTS}/{way}").status_code == 403
    assert client.post(f"{REPORTS}/new", {"kinds": "flaky"}).status_code == 403
    assert client.post(f"{address}/removal").status_code == 403
    assert jobs(django_database) == []


def test_what_people_and_models_write_is_shown_as_text(visitors: Visitors, django_database: TestDatabase) -> None:
    address = a_report(visitors, django_database, "<img src=x onerror=alert(1)> {{ 7*7 }}")
    page = visitors.client_of("member").get(address).content.decode()
    assert "<img src=x" not in page
    assert "<script>alert" not in page
    assert "{{ 7*7 }}" in page


def test_the_pdf_has_the_figures_the_text_and_the_formula(visitors: Visitors, django_database: TestDatabase) -> None:
    response = visitors.client_of("member").get(f"{a_report(visitors, django_database)}.pdf")
    assert response.headers["Content-Type"] == "application/pdf"
    text = pdf_text(response.content).replace("\n", " ")
    for words in ("Flaky tests", "Look at the newest failures.", "Flaky cases", "Score = alternations", "Sprint 5"):
        assert words in text
    assert response.content == visitors.client_of("member").get(response.request["PATH_INFO"]).content


@pytest.mark.parametrize("partial", [True, False])
def test_reports_under_way_are_cancelled_from_the_page_of_one_however_often_it_is_pressed(
    visitors: Visitors, django_database: TestDatabase, partial: bool
) -> None:
    client, headers = visitors.client_of("member"), HTMX if partial else {}
    home = client.post(f"{REPORTS}/new", {"kinds": ["flaky", "risk"]}).headers["Location"]
    assert f'action="{home}/cancellation"' in client.get(home).content.decode()
    with psycopg.connect(django_database.owner_url) as owner:
        owner.execute("UPDATE report_run SET state = 'running', attempt = 1")
    press_cancel(client, home, partial=partial)
    assert 'role="status">Cancelling<' in client.get(home, headers=headers).content.decode()
    with psycopg.connect(django_database.owner_url) as owner:
        owner.execute("UPDATE report_run SET state = 'failed', charged = 420000, receipt = 7, finished_at = now()")
        owner.execute("UPDATE report SET state = 'failed', ending = 'cancelled'")
    told = client.post(f"{home}/cancellation", headers=headers)
    assert "cancel-button" not in told.content.decode()
    page = client.get(home, headers=headers).content.decode()
    assert "<strong>0.42 credits for 2 reports: it was cancelled</strong>" in page
    assert "receipts/7" in page
    assert ('<div id="cancel" hx-swap-oob="true"></div>' in page) is partial
    assert client.get(REPORTS).content.decode().count('<span class="tag">Cancelled</span>') == 2


def test_whoever_may_not_make_reports_may_not_cancel_them(visitors: Visitors, django_database: TestDatabase) -> None:
    client, home = visitors.client_of("member"), a_report(visitors, django_database)
    project_role(visitors.demo, "user", may_generate=False)
    assert client.post(f"{home}/cancellation").status_code == 403
    assert visitors.client_of("owner").post(f"{REPORTS}/999999/cancellation").status_code == 404


def test_deleting_is_recorded_and_leaves_nothing_of_the_content(
    visitors: Visitors, django_database: TestDatabase
) -> None:
    address, client = a_report(visitors, django_database), visitors.client_of("member")
    assert client.post(f"{address}/removal").status_code == 302
    assert client.get(address).status_code == 404
    assert client.post(f"{address}/removal").status_code == 404
    assert rows(django_database, "SELECT 1 FROM report UNION ALL SELECT 1 FROM report_run") == []
    assert sentences(visitors.demo.org_id, 0)[-1] == "Mira Lindqvist deleted an AI report: Flaky tests"


def test_the_list_goes_on_page_by_page(visitors: Visitors, django_database: TestDatabase) -> None:
    for _ in range(32):
        last = a_report(visitors, django_database)
    client = visitors.client_of("member")
    page = client.get(REPORTS).content.decode()
    assert page.count("cell-link") == 30
    assert page.index(last) > 0
    found = re.search(r"\?before=(\d+)", page)
    assert found is not None
    assert client.get(f"{REPORTS}?before={found[1]}", headers=HTMX).content.decode().count("cell-link") == 2


@pytest.mark.requirement("R67")
def test_a_finished_cycle_offers_all_its_reports_in_one_go(visitors: Visitors, django_database: TestDatabase) -> None:
    client = visitors.client_of("member")
    with psycopg.connect(django_database.owner_url, autocommit=True) as owner:
        [(cycle_id,)] = owner.execute(
            "UPDATE test_cycle SET state = 'finished', finished_at = now() WHERE state = 'running' RETURNING cycle_id"
        ).fetchall()
    hint = f"{REPORTS}/new?cycle={cycle_id}&amp;kinds=flaky"
    assert hint in client.get(REPORTS).content.decode()
    assert hint in client.get(f"/projects/SHOP/cycles/{cycle_id}").content.decode()
    page = client.get(f"{REPORTS}/new", {"cycle": cycle_id, "kinds": list(KINDS)}).content.decode()
    assert page.count(" checked") == 5
    assert "5 reports" in page
    a_report(visitors, django_database)
    assert hint not in client.get(REPORTS).content.decode()


@pytest.mark.requirement("R67", "R41")
def test_only_a_project_admin_schedules_and_it_is_off_until_then(
    visitors: Visitors, django_database: TestDatabase
) -> None:
    member, owner = visitors.client_of("member"), visitors.client_of("owner")
    assert member.get(f"{REPORTS}/schedule").status_code == 403
    assert rows(django_database, "SELECT 1 FROM report_watch") == []
    assert owner.post(f"{REPORTS}/schedule", {"every": "week"}).status_code == 422
    assert owner.post(f"{REPORTS}/schedule", {"every": "hour", "kinds": "risk"}).status_code == 422
    assert owner.post(f"{REPORTS}/schedule", {"every": "cycle", "kinds": ["risk", "flaky"]}).status_code == 302
    assert "On, when a cycle is finished, as Olivia Ortega." in owner.get(f"{REPORTS}/schedule").content.decode()
    assert len(rows(django_database, "SELECT 1 FROM report_watch")) == 1
    assert owner.post(f"{REPORTS}/schedule/removal").status_code == 302
    assert rows(django_database, "SELECT 1 FROM report_schedule UNION ALL SELECT 1 FROM report_watch") == []
    assert sentences(visitors.demo.org_id, 0)[-2:] == [
        "Olivia Ortega scheduled AI reports, when a cycle is finished: Flaky tests, Risk by folder",
        "Olivia Ortega ended the scheduled AI reports",
    ]


@pytest.mark.requirement("R73", "I13")
def test_a_stranger_sees_no_report(visitors: Visitors, django_database: TestDatabase) -> None:
    address = a_report(visitors, django_database)
    for path in (address, f"{address}.pdf", REPORTS):
        assert stranger().get(path).status_code == 404
