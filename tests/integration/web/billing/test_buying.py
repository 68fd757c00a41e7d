"""The buy page: what it shows to whom, and what pressing its buttons begins."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest.mock import patch

import pytest

from testkase.core.ledger.credits import MICRO
from testkase.core.ledger.forecast import Forecast
from testkase.core.pricing import load_price_books
from testkase.core.pricing.cover import cheapest
from testkase.entrypoints.web.outlook.words import Outlook
from testkase.services.notifications.watching import watch_organization
from tests.integration.web.billing.conftest import BUY, Store
from tests.support.buying import forms
from tests.support.django import model_on_offer
from tests.support.people import empty_the_balance

PAGE = "/settings/ai-credits"
BOOK = Path(__file__).parents[4] / "src/testkase/core/pricing/price_book"


def text(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def read(store: Store, role: str = "owner", path: str = BUY, **headers: str) -> str:
    return store.client_of(role).get(path, headers=headers).content.decode()


@pytest.mark.requirement("R10", "R11", "R12", "R13", "R14", "R15", "R16", "P6")
def test_the_four_bundles_stand_in_a_table_of_five_columns(store: Store) -> None:
    page = read(store)
    table = page[page.index("bundles--buy") : page.index("</table>", page.index("bundles--buy"))]
    assert re.findall(r'<th scope="col">([^<]+)</th>', table) == ["Bundle", "Price", "Credits", "Rate", "Savings"]
    rows = [text(row) for row in re.findall(r"<tr.*?</tr>", table, re.DOTALL)][1:]
    assert [re.sub(r" Exactly.*?credit\.| Buy.*", "", row) for row in rows] == [
        "Starter $10 1,000 $1 = 100 credits —",
        "Professional Popular $50 5,500 $1 = 110 credits 10 %",
        "Enterprise $250 28,000 $1 = 112 credits 12 %",
        "Ultimate $500 58,000 $1 = 116 credits 15 %",
    ]
    assert table.count("tag--ai") == 1
    assert "Exactly: 16 % more credits for the same money, 13.8 % cheaper per credit." in table
    assert table.count('role="tooltip"') == 1


@pytest.mark.requirement("R17", "R18", "R19", "P3", "P7")
def test_what_matters_before_paying_is_said_beside_the_table(store: Store) -> None:
    page = text(read(store))
    assert "Professional is the best balance for most teams." in page
    assert "Enterprise or Ultimate suit larger teams and heavy users." in page
    assert "extra credits cost $0.40 each, 40 times the Starter rate" in page
    last = datetime.fromtimestamp(store.balance.period_end // MICRO, UTC) - timedelta(days=1)
    days = (last.date() - datetime.now(UTC).date()).days
    when = {0: "today", 1: "tomorrow"}.get(days, f"in {days} days")
    assert f"Credits bought now expire on {last.day} {last:%b}, {when}" in page


@pytest.mark.requirement("R36", "R37", "R39")
@pytest.mark.parametrize(("policy", "buyers"), [("owner", {"owner"}), ("owner_and_admins", {"owner", "admin"})])
def test_who_may_buy_has_the_button_and_nobody_else_can(store: Store, policy: str, buyers: set[str]) -> None:
    store.policy(policy)
    for role in ("owner", "admin", "member"):
        client, may = store.client_of(role), role in buyers
        shown = client.get(BUY)
        assert shown.status_code == (200 if may else 403)
        assert 'aria-label="Main"' in shown.content.decode()  # whoever may not buy can still go elsewhere
        form = {"request_id": f"of-{role}", "bundle": "starter", "currency": "USD"}
        assert client.post(BUY, form).status_code == (303 if may else 403)
        assert (BUY in client.get(PAGE).content.decode()) == may
    assert {one.buyer_name for one in store.purchases} == {
        {"owner": "Olivia Ortega", "admin": "Adam Novak"}[role] for role in buyers
    }


@pytest.mark.requirement("R23", "R24", "P9")
def test_pressing_buy_twice_begins_one_purchase(store: Store) -> None:
    owner = store.client_of("owner")
    form = forms(owner.get(BUY).content.decode(), BUY)[1]
    places = {owner.post(BUY, form).headers["Location"] for _ in range(3)}
    assert len(places) == 1
    assert places.pop().endswith("#pay")
    (purchase,) = store.purchases
    assert (purchase.bundle, purchase.amount, purchase.currency) == ("professional", 5000, "USD")
    assert len(store.provider.orders) == 1


@pytest.mark.requirement("P9")
@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({}, 422),
        ({"request_id": "one", "bundle": "free"}, 404),
        ({"request_id": "one", "bundle": "starter", "currency": "INR"}, 422),
        ({"request_id": "has spaces", "bundle": "starter"}, 422),
        ({"request_id": "x" * 200, "bundle": "starter"}, 422),
    ],
)
def test_a_form_that_makes_no_sense_begins_nothing(store: Store, form: dict[str, str], status: int) -> None:
    assert store.client_of("owner").post(BUY, {"amount": "1", **form}).status_code in (status, 404)
    assert store.purchases == []


def test_one_id_is_good_for_one_bundle(store: Store) -> None:
    owner = store.client_of("owner")
    assert owner.post(BUY, {"request_id": "one", "bundle": "starter"}).status_code == 303
    assert owner.post(BUY, {"request_id": "one", "bundle": "ultimate"}).status_code == 409
    assert [one.bundle for one in store.purchases] == ["starter"]


def test_where_the_provider_is_silent_trying_again_is_the_same_purchase(store: Store) -> None:
    owner = store.client_of("owner")
    form = forms(owner.get(BUY).content.decode(), BUY)[0]
    store.provider.silent(after=True)
    answer = owner.post(BUY, form)
    page = answer.content.decode()
    assert answer.status_code == 503
    assert "Nothing was charged. Try again in a moment" in page
    assert forms(page, BUY)[0] == form
    purchase = f"/settings/billing/purchases/{store.purchases[0].purchase_id}"
    assert "The order could not be made" in owner.get(purchase).content.decode()
    assert owner.post(BUY, form).headers["Location"] == f"{purchase}#pay"
    assert len(store.purchases) == len(store.provider.orders) == 1


def test_a_refusal_of_the_provider_is_a_page_with_its_words(store: Store) -> None:
    store.provider.refuse()
    answer = store.client_of("owner").post(BUY, {"request_id": "one.starter.USD", "bundle": "starter"})
    assert answer.status_code == 400
    page = answer.content.decode()
    assert "Refused by the test. Nothing was charged. Whoever runs this installation can put it right" in page
    assert "Try again in a moment" not in page, "a moment changes nothing about a key that is not accepted"


def test_without_a_provider_the_prices_stand_there_without_buttons(store: Store) -> None:
    from testkase.entrypoints.web.billing import till

    owner = store.client_of("owner")
    with patch.object(till, "_till", lambda: None):
        page = owner.get(BUY).content.decode()
        refused = owner.post(BUY, {"request_id": "one", "bundle": "starter"})
    assert "Nothing can be paid on this installation yet" in page
    assert forms(page, BUY) == []
    assert refused.status_code == 503


def running_short() -> Outlook:
    """6,500 credits are likely to be missing."""
    found = Forecast(low=1, likely=2, high=3, resets_in=8, need_low=MICRO, need_likely=MICRO, need_high=MICRO,
                     short=6_500 * MICRO, short_high=0, weeks=6)  # fmt: skip
    return Outlook(found=found, spendable=MICRO, cover=cheapest(load_price_books().books[0].bundles, 6_500 * MICRO))


@pytest.mark.requirement("P8")
def test_prices_in_rupees_are_the_operators_own_and_never_converted(store: Store, tmp_path: Path) -> None:
    from testkase.entrypoints.web.billing import buying

    assert "₹" not in read(store)
    (source,) = sorted(BOOK.glob("*.toml"))[:1]
    prices = iter(("900.00", "4500.00", "22000.00", "43000.00"))
    lines = source.read_text().splitlines()
    priced = [f'{line}\nprice_inr = "{next(prices)}"' if line.startswith("price = ") else line for line in lines]
    (tmp_path / source.name).write_text("\n".join(priced))
    book = load_price_books(tmp_path).books[-1]
    with (
        patch.object(buying, "current_prices", lambda: book),
        patch.object(buying, "outlook_of", lambda *_: running_short()),
    ):
        page = read(store, path=f"{BUY}?currency=INR")
        form = forms(page, BUY)[1]
        owner = store.client_of("owner")
        assert owner.post(BUY, form).status_code == 303
    assert "₹4,500" in page
    assert "₹1 = 1.22 credits" in page
    assert "7 × Starter</strong> (7,000 credits for ₹6,300) covers it" in " ".join(page.split())
    assert [(one.amount, one.currency) for one in store.purchases] == [(450_000, "INR")]


@pytest.mark.requirement("R23", "R34", "R35")
def test_the_ai_credits_page_opens_the_bundles_in_a_dialog_and_zero_leads_there(store: Store) -> None:
    dialog = read(store, **{"HX-Request": "true", "HX-Target": "dialog-body"})
    assert "<html" not in dialog
    assert dialog.count("<form") == 4
    empty_the_balance(store.demo)
    generate = {"requirement": "A signed-in customer applies a voucher code at checkout.", "cases": "3"}
    with model_on_offer():
        refused = store.client_of("owner").post("/projects/SHOP/generate", generate).content.decode()
    assert f'<a href="{BUY}">Buy credits</a>, and AI works again at once.' in refused
    store.bought()
    assert store.balance.available == 5_500_010_000


@pytest.mark.requirement("R34", "R36", "R55")
@pytest.mark.parametrize(("policy", "leads"), [("owner", False), ("owner_and_admins", True)])
def test_alerts_lead_those_to_buying_who_may(store: Store, policy: str, leads: bool) -> None:
    from testkase.entrypoints.web.billing.till import transact

    store.policy(policy)
    empty_the_balance(store.demo)
    transact(watch_organization(store.demo.org_id), org_id=store.demo.org_id)
    admin = store.client_of("admin")
    page = admin.get("/notifications").content.decode()
    assert (f'<a href="{BUY}">Buy credits</a>' in page) == leads, "the banner"
    assert ("Ask your Owner to buy credits." in page) != leads
    with model_on_offer():
        refused = admin.post(
            "/projects/SHOP/generate", {"requirement": "A voucher code.", "cases": "1"}
        ).content.decode()
    assert (f'<a href="{BUY}">Buy credits</a>, and AI works again at once.' in refused) == leads
    assert ("Ask your Owner for more credits" in refused) != leads
    buys = [
        action for action in re.findall(r'action="(/notifications/\d+)"', page) if {"buy": "1"} in forms(page, action)
    ]
    assert bool(buys) == leads
    for action in buys[:1]:
        assert admin.post(action, {"buy": "1"}).headers["Location"] == BUY


def test_while_ai_is_off_it_warns_and_sells(store: Store) -> None:
    store.client_of("owner").post("/settings/ai-credits/switch", {"enable": "0"})
    page = read(store)
    assert "nobody can use the credits until the Owner switches AI on" in text(page)
    assert len(forms(page, BUY)) == 4


@pytest.mark.requirement("B7")
def test_what_covers_the_gap_is_not_called_cheaper_than_it_is(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Seven Starters cost $70, a Professional and a Starter $60."""
    outlook = running_short()
    monkeypatch.setattr("testkase.entrypoints.web.billing.buying.outlook_of", lambda *_: outlook)
    page = " ".join(store.client_of("owner").get(BUY).content.decode().split())
    assert "7 × Starter</strong> (7,000 credits for $70) covers it; no other bundle alone does so for less." in page
