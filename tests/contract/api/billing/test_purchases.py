"""Programs set out to buy, look, and read what was paid."""

import httpx
import pytest

from testkase.core.access import Scope
from testkase.entrypoints.api.app import create_app
from tests.support.fake_provider import FakeProvider
from tests.support.market import Market, Program
from tests.support.programs import api_settings, served
from tests.support.shop import Shop


def begun(program: Program, **fields: str) -> dict[str, object]:
    answer = program.http.post("/purchases", json={"bundle": "professional", **fields})
    assert answer.status_code == 201, answer.text
    found: dict[str, object] = answer.json()
    return found


def refused(answer: httpx.Response) -> tuple[int, str, str | None]:
    return answer.status_code, answer.json()["code"], answer.json().get("field")


@pytest.mark.requirement("R23", "R24", "R25", "R31", "R32")
def test_a_program_orders_a_person_pays_and_the_credits_are_there(
    program: Program, provider: FakeProvider, shop: Shop
) -> None:
    order = begun(program, id="top-up-1")
    assert (order["state"], order["amount"], order["currency"], order["credits"]) == ("open", "50.00", "USD", "5500.00")
    assert order["request_id"] == "top-up-1"
    page = f"https://credits.test/settings/billing/purchases/{order['id']}"
    assert order["payment_url"] == f"{page}?organization={program.org_id}"
    assert order["bought_by"] == {"kind": "api_key", "name": "owner key"}
    assert program.http.get("/balance").json()["available"] == "300.00"
    payment = provider.pay(str(order["order_id"]))
    paid = program.http.post(f"/purchases/{order['id']}/check").json()
    assert (paid["state"], paid["payment_id"]) == ("paid", payment.payment_id)
    assert program.http.get("/balance").json()["available"] == "5800.00"
    assert program.http.get(f"/purchases/{order['id']}").json() == paid
    (attempt,) = paid["attempts"]
    assert (attempt["verdict"], attempt["amount"], attempt["instrument"]) == ("granted", "50.00", "Visa •••• 1111")
    receipt = program.http.get(f"/receipts/{paid['receipt']}").json()
    assert (receipt["about"], receipt["total"], receipt["seller"]["name"]) == (order["id"], "50.00", "Acme Testing")
    rows = shop.rows(program.org_id, "SELECT buyer_id FROM purchase")
    assert rows == [{"buyer_id": program.maker}], "whoever made the key is told"


@pytest.mark.requirement("P10", "B6")
def test_what_a_lost_dispute_took_is_counted_as_pages_count_it(
    program: Program, provider: FakeProvider, shop: Shop
) -> None:
    """All of the credits were taken back, and of the money nothing was said to have gone."""
    order = begun(program)
    payment = provider.pay(str(order["order_id"]))
    program.http.post(f"/purchases/{order['id']}/check")
    provider.refund_by_hand(payment.payment_id, 2_000)
    dispute = provider.dispute(payment.payment_id, 3_000)
    provider.decide_dispute(dispute.dispute_id, "lost")
    shop.report("payment.dispute.lost", payment_id=payment.payment_id, dispute_id=dispute.dispute_id)
    purchase = program.http.get(f"/purchases/{order['id']}").json()
    (attempt,) = purchase["attempts"]
    assert (purchase["taken_back"], attempt["refunded"], attempt["went_back"]) == ("5500.00", "20.00", "50.00")


@pytest.mark.requirement("R33")
def test_what_is_not_paid_grants_nothing_however_often_one_checks(program: Program, provider: FakeProvider) -> None:
    order = begun(program)
    provider.fail(str(order["order_id"]))
    for _ in range(2):
        checked = program.http.post(f"/purchases/{order['id']}/check").json()
        assert (checked["state"], checked["failure"]) == ("open", "Your payment was declined by the bank.")
    assert program.http.get("/balance").json()["available"] == "300.00"


@pytest.mark.requirement("P9")
def test_the_same_id_is_the_same_purchase_and_says_so(program: Program) -> None:
    first = program.http.post("/purchases", json={"id": "again", "bundle": "starter"})
    second = program.http.post("/purchases", json={"bundle": "starter"}, headers={"Idempotency-Key": "again"})
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert "idempotent-replayed" not in first.headers
    assert second.headers["idempotent-replayed"] == "true"
    other = program.http.post("/purchases", json={"id": "again", "bundle": "ultimate"})
    assert refused(other) == (409, "id_reused", "id")


def test_an_order_made_without_an_answer_is_the_same_order_when_asked_again(
    program: Program, provider: FakeProvider
) -> None:
    provider.silent(after=True)
    silent = program.http.post("/purchases", json={"id": "lost", "bundle": "starter"})
    assert refused(silent) == (503, "payment_provider_unavailable", None)
    again = program.http.post("/purchases", json={"id": "lost", "bundle": "starter"})
    assert again.json()["state"] == "open"
    assert [one.order_id for one in provider.orders.values() if one.receipt == again.json()["id"]] == [
        again.json()["order_id"]
    ]


def test_a_refusal_of_the_provider_is_told_without_its_status_or_field(
    program: Program, provider: FakeProvider
) -> None:
    provider.refuse()
    answer = program.http.post("/purchases", json={"bundle": "starter"})
    assert (answer.status_code, answer.json()["status"], answer.json()["code"]) == (502, 502, "payment_refused")
    assert "field" not in answer.json()


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"bundle": "gigantic"}, (422, "unknown_bundle", "bundle")),
        ({"bundle": "starter", "currency": "EUR"}, (422, "unknown_currency", "currency")),
        ({"bundle": "starter", "currency": "INR"}, (422, "unknown_currency", "currency")),
        ({"bundle": "starter", "currency": "usd"}, (422, "invalid_input", "currency")),
        ({"bundle": "starter", "amount": "1.00"}, (422, "invalid_input", "amount")),
        ({"bundle": "starter", "id": "no spaces"}, (422, "invalid_input", "id")),
        ({"bundle": 5}, (422, "invalid_input", "bundle")),
        ({}, (422, "invalid_input", "bundle")),
    ],
)
def test_bad_input_names_its_field_and_orders_nothing(
    program: Program, provider: FakeProvider, body: dict[str, object], expected: tuple[int, str, str]
) -> None:
    calls = len(provider.calls)
    assert refused(program.http.post("/purchases", json=body)) == expected
    assert len(provider.calls) == calls
    assert program.http.get("/purchases").json()["items"] == []


@pytest.mark.requirement("R36", "R37", "R39")
def test_a_key_buys_as_whoever_made_it_may(market: Market, shop: Shop) -> None:
    owner = market.program()
    admin, member = (market.program(role, org_id=owner.org_id) for role in ("admin", "member"))
    body = {"bundle": "starter"}
    for one in (admin, member):
        assert refused(one.http.post("/purchases", json=body)) == (403, "may_not_buy", None)
    owners = {"purchase_roles": "owner_and_admins", "buyer": {}}
    assert owner.http.put("/settings/purchasing", json=owners).json()["purchase_roles"] == "owner_and_admins"
    assert admin.http.post("/purchases", json=body).status_code == 201
    assert refused(member.http.post("/purchases", json=body)) == (403, "may_not_buy", None)
    unmade = shop.organizations.make_key(owner.org_id, scopes=frozenset(Scope))
    nobodys = httpx.post(
        f"{market.base_url}/api/v1/purchases", json=body, headers={"Authorization": f"Bearer {unmade}"}
    )
    assert refused(nobodys) == (403, "may_not_buy", None)


def test_a_key_without_the_scope_cannot_buy_or_look(market: Market) -> None:
    program = market.program(scopes=frozenset(Scope) - {Scope.BILLING_WRITE})
    for path in ("/purchases", "/purchases/pur_none/check"):
        assert refused(program.http.post(path, json={"bundle": "starter"}))[:2] == (403, "missing_scope")


@pytest.mark.requirement("R73")
def test_another_organizations_purchase_and_receipt_are_as_absent(market: Market, shop: Shop) -> None:
    neighbour, program = market.program(), market.program()
    theirs = shop.bought(neighbour.org_id)
    number = neighbour.http.get(f"/purchases/{theirs.purchase_id}").json()["receipt"]
    for method, path, code in (
        ("GET", "/purchases/{}", "purchase_not_found"),
        ("POST", "/purchases/{}/check", "purchase_not_found"),
        ("GET", "/receipts/{}", "receipt_not_found"),
    ):
        foreign = number if "receipts" in path else theirs.purchase_id
        answers = [program.http.request(method, path.format(name)) for name in (foreign, "none-such")]
        assert answers[0].content == answers[1].content
        assert refused(answers[0])[:2] == (404, code)
    assert program.http.get("/purchases").json() == {"items": [], "next_cursor": None}


def test_purchases_are_paged_newest_first_and_filtered_by_state(market: Market, shop: Shop) -> None:
    program = market.program()
    ids = [begun(program)["id"] for _ in range(3)]
    ids.append(shop.bought(program.org_id).purchase_id)
    seen, cursor = [], None
    for _ in range(4):
        page = program.http.get("/purchases", params={"limit": 1} | ({"cursor": cursor} if cursor else {})).json()
        seen += [one["id"] for one in page["items"]]
        cursor = page["next_cursor"]
    assert (seen, cursor) == (ids[::-1], None)
    paid = program.http.get("/purchases", params={"state": "paid"}).json()["items"]
    assert [one["id"] for one in paid] == ids[3:]


@pytest.mark.parametrize(
    ("params", "field"),
    [({"cursor": "x"}, "cursor"), ({"cursor": "9999999999999999.pur_1"}, None), ({"state": "sold"}, "state"),
     ({"limit": "0"}, "limit"), ({"newest": "1"}, "newest")],
)  # fmt: skip
def test_a_page_that_cannot_be_names_what_is_wrong(program: Program, params: dict[str, str], field: str | None) -> None:
    answer = program.http.get("/purchases", params=params)
    if field is None:  # far in the future: everything is before it
        assert answer.status_code == 200
    else:
        assert refused(answer) == (422, "invalid_input", field)


@pytest.mark.requirement("P8")
def test_bundles_show_prices_of_every_list_there_is(program: Program) -> None:
    bundles = program.http.get("/bundles").json()
    assert bundles["currencies"] == ["USD"]
    assert [(one["price_usd"], one["price_inr"]) for one in bundles["items"]] == [
        ("10.00", None), ("50.00", None), ("250.00", None), ("500.00", None),
    ]  # fmt: skip


def test_without_a_provider_nothing_can_be_bought_and_the_rest_is_read(market: Market, shop: Shop) -> None:
    program = market.program()
    bought = shop.bought(program.org_id)
    with served(create_app(api_settings(shop.database))) as url:
        api = httpx.Client(base_url=f"{url}/api/v1", headers=program.http.headers)
        with api:
            for path in ("/purchases", f"/purchases/{bought.purchase_id}/check"):
                answer = api.post(path, json={"bundle": "starter"})
                assert refused(answer) == (503, "payments_not_set_up", None)
            answer = api.put("/settings/overage", json={"cap_usd": "100"})  # which nobody would bill
            assert refused(answer) == (503, "payments_not_set_up", None)
            assert api.put("/settings/overage", json={"cap_usd": "0"}).json()["cap_usd"] == "0.00"
            assert [one["state"] for one in api.get("/purchases").json()["items"]] == ["paid"]
            assert httpx.post(f"{url}/webhooks/razorpay", content=b"{}").status_code == 404
