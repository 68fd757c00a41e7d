"""Every method once, at the real server."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from openai import OpenAI

from testkase.services.audit import OPERATOR
from testkase.services.workspace.cases import create_case
from testkase.services.workspace.model import CaseContent, Step
from testkase.services.workspace.projects import create_project
from testkase_client import (
    AsyncClient,
    BudgetExceeded,
    BuyerDetails,
    Client,
    HoldItem,
    InvalidRequest,
    NotFound,
    Paused,
    Problem,
    Result,
    SettlementItem,
    Tokens,
)  # fmt: skip
from tests.support.programs import MODEL, Organization
from tests.support.shop import Shop

CALL: dict[str, Any] = {"use_case": "chat", "user": "ada@example.com"}


def test_holds_step_by_step(client: Client) -> None:
    hold = client.open_hold(**CALL, id="call-1", credits="3")
    assert (hold.id, hold.amount, hold.replayed) == ("call-1", Decimal(3), False)
    assert client.open_hold(**CALL, id="call-1", credits="3").replayed
    assert client.extend_hold("call-1", ttl_seconds=600).expires_at > hold.expires_at
    assert client.settle_hold("call-1", credits=Decimal("1.00")).charged == 1
    assert client.get_hold("call-1").state == "settled"
    client.open_hold(**CALL, id="call-2", credits="3")
    assert client.void_hold("call-2").released == 3
    recorded = client.record_usage(**CALL, model=MODEL, usage=Tokens(input_tokens=1000, output_tokens=200))
    assert client.call_receipt(recorded.receipt).charged == recorded.charged > 0


def test_batches_of_any_length_answer_each_item(client: Client) -> None:
    items = [HoldItem(use_case="chat", user="ada", id=f"b-{n}", credits="0.10") for n in range(1_001)]
    items[3] = HoldItem(use_case="chat", user="ada", id="b-3", credits="1000")
    opened = client.open_holds(items)
    assert [each.id for each in opened] == [item.id for item in items]
    assert [each.id for each in opened if each.problem is not None] == ["b-3"]
    with pytest.raises(Problem, match="insufficient_credits"):
        opened[3].result()
    assert opened[1_000].result().amount == Decimal("0.10")
    settled = client.settle_holds(SettlementItem(id=item.id or "", credits="0.05") for item in items)
    assert sum(each.answer.charged for each in settled if each.answer) == Decimal("50.00")
    again = client.settle_holds([SettlementItem(id="b-0", credits=Decimal("0.05"))])
    assert again[0].result().replayed
    assert client.open_holds([]) == []


def test_the_account_is_read(client: Client) -> None:
    for _ in range(3):
        client.record_usage(**CALL, credits="1")
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    assert [item.charged for item in client.usage(until=tomorrow, user="ada@example.com", page_size=2)] == [1, 1, 1]
    assert list(client.usage(since=tomorrow)) == []
    assert client.usage_summary().items[0].interactions == 3
    assert sum(lot.available for lot in client.lots()) == client.balance().available == 297
    (statement, *_) = client.statements()
    full = client.statement(statement.period)
    assert (full.used, full.interactions, full.by_use_case[0].name) == (Decimal(3), 3, "chat")
    assert [event.credits for event in client.audit(kind="ai", page_size=1)] == [1, 1, 1]
    assert client.problem_meaning("ai_disabled").status == 403
    with pytest.raises(NotFound):
        client.call_receipt("no/such receipt?")


def test_what_is_spent_is_limited(client: Client) -> None:
    budget = client.set_budget(name="Chat", limit=Decimal("1.50"), period="day", use_case="chat")
    assert client.budget(budget.id) == budget
    with pytest.raises(BudgetExceeded) as refused:
        client.open_hold(**CALL, credits="2")
    assert refused.value.facts["limit"] == "1.50"
    assert client.change_budget(budget.id, name="Chat", limit="5", period="day", use_case="chat").limit == 5
    assert [each.limit for each in client.budgets()] == [5]
    assert client.remove_budget(budget.id).state == "removed"
    assert client.pause(kind="user", ref="ada@example.com", reason="Runaway").resumed_at is None
    with pytest.raises(Paused):
        client.open_hold(**CALL, credits="2")
    assert client.resume(kind="user", ref="ada@example.com").resumed_at is not None
    assert [each.ref for each in client.pauses()] == ["ada@example.com"]


def test_alerts_are_set(client: Client) -> None:
    assert client.alerts().default
    changed = client.set_alerts(thresholds=["100", Decimal(20)], forecast_days=3)
    assert (changed.thresholds, changed.default, changed.forecast_days) == ([Decimal(100), Decimal(20)], False, 3)
    assert client.settings().alerts == changed
    assert client.set_alerts(thresholds=None, forecast_days=3).default


def test_credits_are_bought(client: Client, shop: Shop) -> None:
    bundle = next(each for each in client.bundles().items if each.key == "professional")
    order = client.buy(bundle="professional", id="top-up-1")
    assert (order.amount, order.credits, order.state) == (bundle.price_usd, bundle.credits, "open")
    assert client.buy(bundle="professional", id="top-up-1").replayed
    shop.provider.pay(order.order_id or "")
    paid = client.check_purchase(order.id)
    assert (paid.state, client.purchase(order.id), list(client.purchases(state="paid"))) == ("paid", paid, [paid])
    assert client.payment_receipt(paid.receipt or "").total == bundle.price_usd
    assert client.balance().available == 300 + bundle.credits


def test_terms_of_buying_are_set(client: Client) -> None:
    details = BuyerDetails(name="Northwind", address="1 Pine Street\nSeattle", tax_id="US-12")
    changed = client.set_purchasing(purchase_roles="owner_and_admins", buyer=details)
    assert client.purchasing() == changed
    assert changed.buyer == details
    assert client.set_overage(cap_usd="100").cap_usd == 100
    assert client.overage().limit == 250
    assert list(client.overage_bills()) == []


@pytest.fixture
def project(shop: Shop, org: Organization) -> str:
    made = shop.organizations.run(org.org_id, create_project(org.org_id, key="SHOP", name="Shop", actor=OPERATOR))
    for number in range(3):
        content = CaseContent(title=f"Case {number}", steps=(Step(action="Do"),), automation_id=f"shop.{number}")
        shop.organizations.run(org.org_id, create_case(org.org_id, made, content, author_id=None))
    return "SHOP"


def test_the_workspace_is_read_and_takes_results(client: Client, project: str) -> None:
    assert [(each.key, each.test_cases) for each in client.projects()] == [("SHOP", 3)]
    assert [case.key for case in client.cases(project, page_size=2)] == ["SHOP-3", "SHOP-2", "SHOP-1"]
    assert [case.title for case in client.cases(project, text="SHOP-2")] == ["Case 1"]
    results = [Result(title="Case 0", result="passed", automation_id="shop.0", duration_ms=12)]
    accepted = client.send_results(project, results, cycle="Nightly", unmatched="create")
    assert client.send_results(project, results, cycle="Nightly", unmatched="create").id == accepted.id
    report = client.import_report(accepted.id)
    assert (report.state, report.kind, report.lines) == ("queued", "json", [])
    xml = b'<testsuite><testcase classname="shop" name="1" time="1"/></testsuite>'
    assert client.import_report(client.send_results(project, xml).id).kind == "junit"


def test_openais_client_names_users_and_projects_of_any_script(client: Client) -> None:
    """It takes headers of ASCII alone: the first call failed in its insides."""
    with OpenAI(**client.openai(use_case="nightly", user="Zoë Ōe", project="Überprüfung 100 %")) as openai:
        openai.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "Say hello."}])
    (interaction,) = client.usage()
    assert (interaction.user, interaction.project) == ("Zoë Ōe", "Überprüfung 100 %")


def test_a_wrong_field_is_named(client: Client) -> None:
    with pytest.raises(InvalidRequest) as refused:
        client.open_hold(**CALL, id="-", credits="1")
    assert (refused.value.status, refused.value.field) == (422, "id")
    with pytest.raises(TypeError, match="not a float"):
        client.open_hold(**CALL, credits=0.1)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="must not be empty"):
        client.void_hold("..")


async def test_the_same_with_asyncio(base_url: str, org: Organization) -> None:
    async with AsyncClient(base_url, org.key) as client:
        opened = await client.open_holds([HoldItem(**CALL, credits="1"), HoldItem(**CALL, credits="301")])
        assert [each.problem and each.problem.code for each in opened] == [None, "insufficient_credits"]
        assert (await client.settle_holds([SettlementItem(id=opened[0].id, credits="1")]))[0].result().charged == 1
        assert [lot.available async for lot in client.lots()] == [299]
        with pytest.raises(NotFound):
            await client.purchase("pur_none")
