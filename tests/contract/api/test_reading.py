"""Balance, usage, receipts, lots and bundles."""

import time

import httpx
import pytest

from testkase.core.ledger.commands import Grant, RecordUsage
from testkase.core.ledger.model import Subject
from testkase.core.ledger.operations import execute_one
from testkase.entrypoints.api.fields import instant
from tests.support.programs import MODEL, Organization, Organizations

DAY = 86_400 * 1_000_000


def use(api: httpx.Client, name: str, credits: str = "1", **fields: object) -> httpx.Response:
    body = {"id": name, "use_case": "chat", "user": "ada@example.com", "credits": credits}
    return api.post("/usage", json=body | fields)


@pytest.mark.parametrize("path", ["/balance", "/usage?limit=1", "/openapi.json", "/holds/none", "/usage?limit=0"])
def test_what_is_read_can_be_asked_for_without_its_body(api: httpx.Client, path: str) -> None:
    whole, head = api.get(path), api.head(path)
    assert (head.status_code, head.content) == (whole.status_code, b"")
    names = ("content-type", "content-length", "cache-control")
    assert [head.headers[name] for name in names] == [whole.headers[name] for name in names]


@pytest.mark.requirement("R5", "R44", "R45", "P2")
def test_a_new_organization_has_its_allowance(api: httpx.Client) -> None:
    balance = api.get("/balance").json()
    assert balance["available"] == balance["monthly_allowance"] == "300.00"
    assert balance["resets_at"] > balance["period_start"]
    assert balance["resets_at"].endswith("T00:00:00.000000Z")


def test_usage_after_the_fact_is_charged_at_once_and_once(api: httpx.Client) -> None:
    first, again = use(api, "late-1", "2.5"), use(api, "late-1", "2.5")
    assert first.status_code == 201
    assert first.json()["charged"] == "2.50"
    assert again.json() == first.json()
    assert again.headers["idempotent-replayed"] == "true"
    assert api.get("/balance").json()["available"] == "297.50"


@pytest.mark.requirement("R46", "P11")
def test_the_list_is_paged_by_key_newest_first(api: httpx.Client) -> None:
    for number in range(7):
        use(api, f"use-{number}")
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = api.get("/usage", params={"limit": "3"} | ({"cursor": cursor} if cursor else {})).json()
        seen += [item["call_id"] for item in page["items"]]
        cursor = page["next_cursor"]
    assert seen == [f"use-{number}" for number in reversed(range(7))]


@pytest.mark.requirement("P11")
def test_the_list_is_filtered(api: httpx.Client) -> None:
    use(api, "a", use_case="chat", user="ada", project="DEMO")
    middle = api.get("/balance").json()["as_of"]
    use(api, "b", use_case="report", user="bob")

    def ids(**params: str) -> list[str]:
        return [item["call_id"] for item in api.get("/usage", params=params).json()["items"]]

    assert ids(use_case="chat") == ids(user="ada") == ids(project="DEMO") == ["a"]
    assert ids(use_case="chat", user="bob") == []
    assert ids(until="2020-01-01T00:00:00Z") == []
    assert ids(since="2020-01-01T00:00:00+02:00") == ["b", "a"]
    assert ids(since=middle) == ["b", "a"], "since is included"
    assert ids(until=middle) == [], "until is not"


@pytest.mark.requirement("R45", "R54", "P11", "I11")
def test_this_month_is_the_sum_of_the_breakdown_and_of_the_table(api: httpx.Client) -> None:
    use(api, "a", "1.25")
    use(api, "b", "2", use_case="report")
    use(api, "c", "0.5")
    api.post("/holds", json={"id": "h", "use_case": "chat", "user": "ada", "credits": "50"})
    summary, balance = api.get("/usage/summary").json(), api.get("/balance").json()
    assert summary["this_month"] == balance["this_month"] == "3.75"
    assert [(item["use_case"], item["interactions"], item["charged"]) for item in summary["items"]] == [
        ("report", 1, "2.00"), ("chat", 2, "1.75"),
    ]  # fmt: skip
    table = sum(float(item["charged"]) for item in api.get("/usage").json()["items"])
    assert table == float(summary["this_month"])


@pytest.mark.requirement("B3", "P19")
def test_a_receipt_shows_everything_the_charge_follows_from(api: httpx.Client) -> None:
    tokens = {"input_tokens": 10_000, "cached_input_tokens": 2_000, "output_tokens": 1_000}
    receipt_id = use(api, "r", model=MODEL, usage=tokens, credits=None).json()["receipt"]  # type: ignore[arg-type]
    receipt = api.get(f"/usage/{receipt_id}").json()
    assert receipt["usage"] == tokens
    rates = receipt["rates"]
    assert (rates["input"], rates["cached_input"], rates["output"]) == ("200.00", "50.00", "1500.00")
    assert receipt["charged"] == "3.60", "10,000 at 200 + 2,000 at 50 + 1,000 at 1,500 a million"
    assert (receipt["balance_before"], receipt["balance_after"]) == ("300.00", "296.40")
    assert [(lot["source"], lot["charged"]) for lot in receipt["lots"]] == [("allowance", "3.60")]
    assert len(receipt["hash"]) == 64


@pytest.mark.requirement("P5")
def test_lots_are_listed_in_the_order_in_which_they_are_spent(
    api: httpx.Client, org: Organization, organizations: Organizations
) -> None:
    grant = Grant(org_id=org.org_id, grant_id="g", amount=5_000_000, source="purchase", paid=True)
    organizations.run(org.org_id, execute_one(grant))
    lots = api.get("/lots").json()["items"]
    assert [(lot["source"], lot["available"], lot["paid"]) for lot in lots] == [
        ("allowance", "300.00", False), ("purchase", "5.00", True),
    ]  # fmt: skip
    assert lots[1]["expires_at"] is None


@pytest.mark.requirement("R10", "R11", "R12", "R13", "R14", "R17", "P6")
def test_the_four_bundles_and_the_overage_price(api: httpx.Client) -> None:
    answer = api.get("/bundles").json()
    columns = ("name", "price_usd", "credits", "credits_per_dollar", "savings_percent", "badge")
    assert [tuple(item[column] for column in columns) for item in answer["items"]] == [
        ("Starter", "10.00", "1000.00", 100, None, None),
        ("Professional", "50.00", "5500.00", 110, 10, "Popular"),
        ("Enterprise", "250.00", "28000.00", 112, 12, None),
        ("Ultimate", "500.00", "58000.00", 116, 15, None),
    ]
    assert answer["overage_price_usd"] == "0.40"


@pytest.mark.requirement("I13")
def test_another_organizations_receipt_answers_like_an_absent_one(
    api: httpx.Client, organizations: Organizations
) -> None:
    receipt = use(api, "r").json()["receipt"]
    stranger = organizations.make()
    with httpx.Client(base_url=api.base_url, headers=stranger.headers) as other:
        foreign, absent = other.get(f"/usage/{receipt}"), other.get("/usage/888888")
        assert (foreign.status_code, foreign.content) == (404, absent.content)
        assert other.get("/usage").json()["items"] == []
        assert other.get("/usage/summary").json()["items"] == []


@pytest.mark.requirement("R8", "I9")
def test_the_balance_is_right_past_a_boundary_nobody_was_there_for(base_url: str, organizations: Organizations) -> None:
    """BerriAI/litellm#34896, simstudioai/sim#7078: the reset came late, twice or never."""
    long_ago = int(time.time() * 1_000_000) - 100 * DAY
    sleeper = organizations.make(opened_at=long_ago)
    spent = RecordUsage(
        org_id=sleeper.org_id, usage_id="before", credits=100_000_000, subject=Subject(use_case="chat", user="ada")
    )
    organizations.run(sleeper.org_id, execute_one(spent, clock=long_ago + DAY))
    with httpx.Client(base_url=f"{base_url}/api/v1", headers=sleeper.headers) as api:
        balance = api.get("/balance").json()
        assert (balance["available"], balance["this_month"]) == ("300.00", "0.00")
        assert balance["resets_at"] > instant(int(time.time() * 1_000_000)) > balance["period_start"]
        assert api.get("/usage/summary").json()["items"] == []
        assert len(api.get("/usage").json()["items"]) == 1
