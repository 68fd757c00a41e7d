"""Who may buy, what receipts say, and use beyond the balance, over HTTP."""

import pytest

from testkase.core.access import Scope
from tests.support.market import Market, Program
from tests.support.shop import Shop

PURCHASING, OVERAGE = "/settings/purchasing", "/settings/overage"
DEFAULT = {"purchase_roles": "owner", "buyer": {"name": "", "address": "", "tax_id": ""}}


def actions(shop: Shop, program: Program) -> list[str]:
    return [row["action"] for row in shop.rows(program.org_id, "SELECT action FROM activity ORDER BY seq")]


@pytest.mark.requirement("R36", "R37")
def test_who_may_buy_and_what_receipts_say_are_read_set_and_recorded_once(program: Program, shop: Shop) -> None:
    assert program.http.get(PURCHASING).json() == DEFAULT
    wanted = {
        "purchase_roles": "owner_and_admins",
        "buyer": {"name": "Acme Inc.", "address": " 1 Pine Street \n\n Seattle ", "tax_id": "US-1"},
    }
    kept = wanted | {"buyer": {"name": "Acme Inc.", "address": "1 Pine Street\nSeattle", "tax_id": "US-1"}}
    for _ in range(2):
        assert program.http.put(PURCHASING, json=wanted).json() == kept
    assert program.http.get(PURCHASING).json() == kept
    assert actions(shop, program) == ["purchase.roles_changed", "purchase.buyer_changed"]


@pytest.mark.requirement("R37")
def test_when_admins_may_not_buy_any_more_their_keys_cannot_either(market: Market, shop: Shop) -> None:
    owner = market.program()
    owner.http.put(PURCHASING, json=DEFAULT | {"purchase_roles": "owner_and_admins"})
    buys = frozenset({Scope.BILLING_READ, Scope.BILLING_WRITE})
    market.program("admin", org_id=owner.org_id, scopes=buys)
    market.program("admin", org_id=owner.org_id, scopes=frozenset({Scope.BILLING_WRITE}))
    market.program("admin", org_id=owner.org_id, scopes=frozenset({Scope.CREDITS_READ}))
    owner.http.put(PURCHASING, json=DEFAULT)
    keys = shop.rows(
        owner.org_id,
        "SELECT k.scopes, k.revoked_at IS NULL AS works FROM api_key AS k JOIN membership AS m ON m.org_id = k.org_id"
        " AND m.user_id = k.created_by WHERE k.org_id = %(org)s AND m.role = 'admin' ORDER BY k.scopes",
        org=owner.org_id,
    )
    assert keys == [
        {"scopes": ["billing:read"], "works": True},
        {"scopes": ["billing:write"], "works": False},
        {"scopes": ["credits:read"], "works": True},
    ]
    assert sorted(actions(shop, owner)[2:]) == ["api_key.narrowed", "api_key.revoked"]
    assert owner.http.post("/purchases", json={"bundle": "starter"}).status_code == 201


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (DEFAULT | {"purchase_roles": "everyone"}, "purchase_roles"),
        (DEFAULT | {"buyer": {"name": "x" * 121}}, "buyer.name"),
        (DEFAULT | {"buyer": {"name": "bell \x07"}}, "buyer.name"),
        (DEFAULT | {"buyer": {"name": "Acme\nInc."}}, "buyer.name"),
        (DEFAULT | {"buyer": {"tax_id": "US\n1"}}, "buyer.tax_id"),
        (DEFAULT | {"buyer": {"address": "bell \x07"}}, "buyer.address"),
        (DEFAULT | {"buyer": {"phone": "1"}}, "buyer.phone"),
        ({"purchase_roles": "owner"}, "buyer"),
    ],
)
def test_terms_that_cannot_be_name_their_field_and_change_nothing(
    program: Program, body: dict[str, object], field: str
) -> None:
    answer = program.http.put(PURCHASING, json=body)
    assert (answer.status_code, answer.json()["field"]) == (422, field)
    assert program.http.get(PURCHASING).json() == DEFAULT


@pytest.mark.requirement("P7", "R17")
def test_overage_is_off_until_a_cap_is_set_and_off_again_with_none(program: Program, shop: Shop) -> None:
    off = program.http.get(OVERAGE).json()
    assert (off["cap_usd"], off["limit"], off["price_usd"], off["blocked"]) == ("0.00", "0.00", "0.40", False)
    for _ in range(2):
        on = program.http.put(OVERAGE, json={"cap_usd": "100"}).json()
        assert (on["cap_usd"], on["limit"], on["used"], on["cost_usd"]) == ("100.00", "250.00", "0.00", "0.00")
    assert program.http.put(OVERAGE, json={"cap_usd": "0"}).json() == off
    assert actions(shop, program) == ["overage.allowed", "overage.switched_off"]
    assert program.http.get("/overage/bills").json() == {"items": [], "next_cursor": None}


@pytest.mark.parametrize("cap", ["0.50", "10000.01", "-1", "1.001", "ten", 10, "9999999.99"])
def test_a_cap_that_cannot_be_is_refused(program: Program, cap: object) -> None:
    answer = program.http.put(OVERAGE, json={"cap_usd": cap})
    assert (answer.status_code, answer.json()["field"]) == (422, "cap_usd")
    assert program.http.get(OVERAGE).json()["cap_usd"] == "0.00"


@pytest.mark.requirement("P7")
def test_bills_are_paged_newest_first(program: Program, shop: Shop) -> None:
    with shop.organizations.database.transaction(program.org_id) as connection:
        for number in (3, 4, 5):
            connection.execute(
                "INSERT INTO overage_bill (org_id, bill_id, period_number, period_start, period_end, credits, amount,"
                " currency, price_book, due_at) VALUES (%s, %s, %s, 0, 1, 12500000, 500, 'USD', 'b', now())",
                (program.org_id, f"bill_{number}", number),
            )
    first = program.http.get("/overage/bills", params={"limit": 2}).json()
    assert [one["id"] for one in first["items"]] == ["bill_5", "bill_4"]
    last = program.http.get("/overage/bills", params={"limit": 2, "cursor": first["next_cursor"]}).json()
    assert [(one["id"], one["state"], one["amount"], one["credits"]) for one in last["items"]] == [
        ("bill_3", "due", "5.00", "12.50")
    ]
    assert last["next_cursor"] is None
