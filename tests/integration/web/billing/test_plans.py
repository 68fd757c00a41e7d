"""Plans & Billing: the plan, the history page by page, bills, debt, and what the Owner decides there."""

import re
from unittest.mock import patch
from urllib.parse import urlencode

import pytest
import time_machine

from testkase.core.ledger import operations as ledger
from testkase.core.ledger.calendar import from_micros
from testkase.core.ledger.commands import Command, Grant, OpenHold, RecordUsage, Reverse, Touch, VoidHold, WriteOff
from testkase.core.ledger.credits import MICRO
from testkase.core.ledger.model import Subject
from testkase.foundation.database import Operation, Statement
from testkase.services.billing.providers.razorpay.signatures import sign
from testkase.services.billing.purchasing.fulfilment import Facts, fulfil
from testkase.services.billing.settings import billing_settings
from tests.integration.web.billing.conftest import BILLING, BUY, Store
from tests.support.buying import forms
from tests.support.django import model_on_offer
from tests.support.pdf import pdf_text
from tests.support.shop import SELLER

ROLES, OVERAGE, COVERAGE, BUYER = (f"{BILLING}/{name}" for name in ("purchase-roles", "overage", "coverage", "buyer"))
AI_CREDITS = "/settings/ai-credits"


def read(store: Store, role: str = "owner", path: str = BILLING) -> str:
    return " ".join(store.client_of(role).get(path).content.decode().split())


def settings(store: Store) -> object:
    return store.run(billing_settings(store.demo.org_id))


def owing(store: Store, credits: int, *, bundle: str = "starter") -> None:
    """A bundle is bought, all but `credits` of it are used, and then its money goes back."""
    address = store.bought(bundle)
    subject = Subject(use_case="chat", user="mira@example.com")
    used = store.balance.available - 10 * MICRO
    store.run(ledger.execute_one(RecordUsage(org_id=store.demo.org_id, usage_id="much", subject=subject, credits=used)))
    grant_id = store.purchase(address).payment_id or ""
    clawed = (credits + 10) * MICRO
    store.run(
        ledger.execute_one(Reverse(org_id=store.demo.org_id, reversal_id="back", grant_id=grant_id, clawed=clawed))
    )


@pytest.mark.requirement("R78", "R8", "P2")
def test_the_plan_says_what_is_included_and_when_it_comes_again(store: Store) -> None:
    page = read(store)
    assert "300 credits a month are included" in page
    assert re.search(r"<dt>Next reset</dt><dd>300 credits on <time", page)
    assert "Nothing was bought yet" in page
    store.bought()
    page = read(store)
    assert re.search(
        r"<span>Purchase</span><span class=\"number\">5,500.00</span><span class=\"muted\">expires on", page
    )


@pytest.mark.requirement("R78", "R39")
def test_members_have_no_billing_page_and_admins_read_it(store: Store) -> None:
    address = store.bought()
    assert store.client_of("member").get(BILLING).status_code == 403
    assert BILLING not in store.client_of("member").get("/projects").content.decode()
    page = read(store, "admin")
    assert address in page
    assert f'href="{BUY}"' not in page
    for form in (ROLES, OVERAGE, COVERAGE, BUYER):
        assert forms(page, form) == []
    assert "Only the Owner buys credits here." in page


@pytest.mark.requirement("R78")
def test_the_history_shows_every_attempt_with_its_receipt(store: Store) -> None:
    address = store.order()
    store.provider.fail(store.purchase(address).order_id or "", "The bank said no.")
    store.pay(address)
    store.client_of("owner").post(f"{address}/look", {"seen": "waiting.0.0."})
    page = read(store)
    row = page[page.index("table--payments") : page.index("</table>")]
    assert "The bank said no." in row
    assert "tag--on" in row
    assert re.search(rf'href="{BILLING}/receipts/R-\d{{4}}-000001"', row)


@pytest.mark.requirement("R78", "P10")
def test_money_that_a_lost_dispute_took_is_counted_where_the_purchase_is(store: Store) -> None:
    address = store.bought()
    purchase = store.purchase(address)
    provider, payment_id = store.provider, purchase.payment_id or ""
    provider.refund_by_hand(payment_id, 1_000)
    lost = provider.decide_dispute(provider.dispute(payment_id, 2_000).dispute_id, "lost")
    refunds, disputes = tuple(provider.refunds_of(payment_id)), (lost,)
    facts = Facts(payments=(provider.payments[payment_id],), refunds=refunds, disputes=disputes)
    store.run(fulfil(purchase.org_id, purchase.purchase_id, facts, SELLER))
    assert "$30.00 of the payment went back, and 3,300 credits with it." in read(store, path=address)
    assert "paid, $30.00 went back" in read(store)
    receipt = re.search(rf"{BILLING}/receipts/R-\d{{4}}-\d{{6}}", read(store))
    assert receipt is not None
    page = read(store, path=receipt[0])
    assert "$30.00 of this payment went back since. The receipt says what was paid." in page
    paper = pdf_text(store.client_of("owner").get(f"{receipt[0]}.pdf").content)
    assert "$30.00 of this payment went back since. The receipt says what was paid." in paper
    assert re.search(r'<div class="stack">\s*<div class="note [^>]*>.*?</div>\s*<article', page), "with room between"


@pytest.mark.requirement("R78", "P11")
def test_the_history_pages_by_place_each_purchase_once(store: Store) -> None:
    owner = store.client_of("owner")
    for number in range(45):
        assert owner.post(BUY, {"request_id": f"n{number}", "bundle": "starter"}).status_code == 303
    page, seen = owner.get(BILLING).content.decode(), []
    while True:
        seen += re.findall(r'class="cell-link" href="[^"]*/(pur_\w+)"', page)
        more = re.search(r'hx-get="([^"]+)"[^>]*>Show older', page)
        if more is None:
            break
        page = owner.get(more[1]).content.decode()
        assert page.count(">Pay<") == page.count("cell-link"), "an older order can be paid as well"
    assert seen == [one.purchase_id for one in store.purchases]
    assert len(seen) == 45
    for nonsense in ("x", "-", "9" * 40 + "-pur_1", "1-" + "x" * 50, "1-pur_'"):
        assert owner.get(f"{BILLING}?before={nonsense}").status_code == 200


@pytest.mark.requirement("R36", "R37")
def test_only_the_owner_decides_who_buys_and_it_holds_at_once(store: Store) -> None:
    for role in ("admin", "member"):
        assert store.client_of(role).post(ROLES, {"purchase_roles": "owner_and_admins"}).status_code == 403
    assert store.client_of("owner").post(ROLES, {"purchase_roles": "everybody"}).status_code == 422
    admin = store.client_of("admin")
    assert admin.get(BUY).status_code == 403
    store.policy("owner_and_admins")
    assert admin.get(BUY).status_code == 200
    assert "The Owner and the Admins buy credits here." in read(store, "admin")
    store.policy("owner")
    assert admin.get(BUY).status_code == 403


@pytest.mark.requirement("P7", "R17")
def test_use_beyond_the_balance_is_off_until_the_owner_types_a_cap(store: Store) -> None:
    owner, page = store.client_of("owner"), read(store)
    assert "$0.40 a credit is 40 times the Starter rate" in page
    assert "$20 is 50 credits beyond the balance; in the Starter bundle the same money buys 2,000." in page
    assert store.balance.overage_limit == 0
    assert owner.post(OVERAGE, {**forms(page, f"{OVERAGE}#overage")[0], "cap": " $40 "}).status_code == 302
    page = read(store)
    assert store.balance.overage_limit == 100 * MICRO
    assert "for up to 100.00 extra credits in a billing month at $0.40 each" in page
    assert 'value="40"' in page
    assert owner.post(OVERAGE, {"cap": "1,500.50", "off": "1"}).status_code == 302
    assert store.balance.overage_limit == 0


@pytest.mark.requirement("P7")
@pytest.mark.parametrize("typed", ["", "a lot", "-5", "0.50", "12,5", "10000.01", "1e3", "9" * 30, "5.001", "٣"])
def test_a_cap_that_cannot_be_meant_is_sent_back_with_a_reason(store: Store, typed: str) -> None:
    answer = store.client_of("owner").post(OVERAGE, {"cap": typed})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert 'id="cap-error"' in page
    assert f'value="{typed}"' in page
    assert store.balance.overage_limit == 0


@pytest.mark.requirement("P7", "R74")
def test_the_history_says_that_it_was_off_before_and_up_to_how_much_after(store: Store) -> None:
    owner = store.client_of("owner")
    for cap in ("40", "60"):
        owner.post(OVERAGE, {"cap": cap})
    page = owner.get("/settings/activity").content.decode()
    assert "up to $40.00 a month; it was off" in page
    assert "up to $60.00 a month; it was $40.00" in page


@pytest.mark.requirement("P7")
def test_nobody_else_opens_or_closes_it(store: Store) -> None:
    store.client_of("owner").post(OVERAGE, {"cap": "40"})
    for role in ("admin", "member"):
        assert store.client_of(role).post(OVERAGE, {"cap": "400"}).status_code == 403
        assert store.client_of(role).post(OVERAGE, {"off": "1"}).status_code == 403
    assert store.balance.overage_limit == 100 * MICRO


@pytest.mark.requirement("P7", "R78")
def test_a_bill_is_paid_by_its_link_and_keeps_overage_off_while_it_is_overdue(store: Store) -> None:
    store.run(_a_bill(store.demo.org_id))
    page = read(store)
    assert "$4.00" in page
    assert re.search(r'href="https://pay.test/l/1"[^>]*>Pay \$4.00</a>', page)
    assert "https://pay.test" not in read(store, "admin")
    answer = store.client_of("owner").post(OVERAGE, {"cap": "20"})
    assert answer.status_code == 409
    assert "Pay the open bill for extra credits first." in answer.content.decode()
    assert "the Owner can allow it again once it is paid" in answer.content.decode()
    assert store.balance.overage_limit == 0


@pytest.mark.requirement("P7")
def test_without_a_provider_nothing_is_used_beyond_the_balance_and_what_is_on_can_be_switched_off(store: Store) -> None:
    """Nobody would have billed it: credits for ever, as many as the cap names, that no operator had given."""
    from testkase.entrypoints.web.billing import till

    owner = store.client_of("owner")
    with patch.object(till, "_till", lambda: None):
        assert "nothing can be paid on this installation yet" in (page := read(store))
        assert forms(page, f"{OVERAGE}#overage") == []
        refused = owner.post(OVERAGE, {"cap": "20"})
        assert (refused.status_code, store.balance.overage_limit) == (503, 0)
    assert owner.post(OVERAGE, {"cap": "20"}).status_code == 302
    with patch.object(till, "_till", lambda: None):
        assert len(forms(read(store), f"{OVERAGE}#overage")) == 1
        assert owner.post(OVERAGE, {"off": "1"}).status_code == 302
    assert store.balance.overage_limit == 0


@pytest.mark.requirement("P7", "R78")
def test_whoever_comes_from_paying_is_told_to_wait_only_until_the_bill_is_paid(store: Store) -> None:
    store.run(_a_bill(store.demo.org_id))
    back = f"{BILLING}?razorpay_payment_link_status=paid&razorpay_payment_link_id=plink_1"
    assert "You come from paying a bill." in read(store, path=back)
    store.run(_paid(store.demo.org_id))
    assert "You come from paying a bill." not in read(store, path=back)


@pytest.mark.requirement("P7", "R78")
def test_the_provider_is_asked_at_once_when_somebody_comes_from_paying_a_bill(store: Store) -> None:
    """Its report may never arrive, and the next look is an hour away."""
    store.run(_a_bill(store.demo.org_id))
    store.run(_looked_at_in_an_hour(store.demo.org_id))
    back = {
        "razorpay_payment_id": "pay_1", "razorpay_payment_link_id": "plink_1",
        "razorpay_payment_link_reference_id": "bill_1", "razorpay_payment_link_status": "paid",
    }  # fmt: skip
    read(store, path=f"{BILLING}?{urlencode(back | {'razorpay_signature': 'guessed'})}")
    assert store.run(_is_due(store.demo.org_id)) is False
    signature = sign(store.provider.key_secret, b"plink_1|bill_1|paid|pay_1")
    read(store, path=f"{BILLING}?{urlencode(back | {'razorpay_signature': signature})}")
    assert store.run(_is_due(store.demo.org_id)) is True


def _looked_at_in_an_hour(org_id: int) -> Operation[None]:
    yield Statement(
        "INSERT INTO payment_watch (org_id, kind, target_id, due_at)"
        " VALUES (%(org_id)s, 'bill', 'bill_1', now() + interval '1 hour')",
        {"org_id": org_id},
    )


def _is_due(org_id: int) -> Operation[bool]:
    (row,) = yield Statement(
        "SELECT due_at <= now() AS due FROM payment_watch WHERE org_id = %(org_id)s", {"org_id": org_id}
    )
    return bool(row["due"])


@pytest.mark.requirement("P7", "P10", "R78")
def test_a_bill_whose_money_went_back_can_be_paid_again_beside_its_receipt(store: Store) -> None:
    store.run(_a_bill(store.demo.org_id))
    assert "Overdue" in read(store)
    store.run(_its_receipt(store.demo.org_id))
    page = read(store)
    assert "To be paid again" in page
    assert "was not paid in time" not in page, "it was"
    assert '</a> <a class="button button--small" href="https://pay.test/l/1"' in page, "the button stands apart"
    assert re.search(r'href="https://pay.test/l/1"[^>]*>Pay \$4.00</a>', page)
    assert f'href="{BILLING}/receipts/R-2026-000001"' in page


@pytest.mark.requirement("P7", "R78")
def test_each_payment_of_a_bill_stands_beside_it_with_its_receipt_and_what_became_of_it(store: Store) -> None:
    store.run(_a_bill(store.demo.org_id))
    store.run(_paid(store.demo.org_id))
    for number, (verdict, back) in enumerate((("granted", 400), ("granted", 0), ("surplus", 0), ("surplus", 400))):
        store.run(_a_payment(store.demo.org_id, number, verdict, back))
    page = read(store)
    row = re.sub(r"<[^>]+>", " ", page[page.index('id="bills"') :])
    assert re.search(r"Visa 0: paid, \$4\.00 went back\b", row)
    assert re.search(r"Visa 1: paid\s", row)
    assert "Visa 2: paid a second time. It pays for nothing: whoever runs this installation is told of it and" in row
    assert re.search(r"Visa 3: paid a second time, \$4\.00 went back\s", row)
    for number in (0, 1):
        assert page.count(f'href="{BILLING}/receipts/R-2026-00000{number}.pdf"') == 1
    store.run(_stays_beside_another(store.demo.org_id))
    row = re.sub(r"<[^>]+>", " ", read(store))
    assert re.search(r"Visa 0: paid\. Its money stayed with the seller after all, and the bill is paid by another", row)
    assert re.search(r"Visa 1: paid\s", row)


def _stays_beside_another(org_id: int) -> Operation[None]:
    yield Statement("UPDATE overage_bill SET payment_id = 'pay_1' WHERE org_id = %(org_id)s", {"org_id": org_id})
    paid = "UPDATE payment SET amount_refunded = 0 WHERE org_id = %(org_id)s AND payment_id = 'pay_0'"
    yield Statement(paid, {"org_id": org_id})


def _a_payment(org_id: int, number: int, verdict: str, back: int) -> Operation[None]:
    yield Statement(
        "INSERT INTO payment (org_id, payment_id, target_id, amount, currency, status, captured, amount_refunded,"
        " method, instrument, international, failure, created_at, verdict)"
        " VALUES (%(org_id)s, %(payment_id)s, 'bill_1', 400,"
        " 'USD', 'captured', true, %(back)s, 'card', %(instrument)s, false, '', %(number)s, %(verdict)s)",
        {
            "org_id": org_id, "payment_id": f"pay_{number}", "instrument": f"Visa {number}", "number": number + 1,
            "verdict": verdict, "back": back,
        },
    )  # fmt: skip
    if verdict == "granted":
        yield Statement(
            "INSERT INTO receipt (org_id, number, target_id, issued_at, document) VALUES (%(org_id)s, %(name)s,"
            " 'bill_1', now() + %(number)s * interval '1 second', %(document)s)",
            {
                "org_id": org_id, "name": f"R-2026-00000{number}", "number": number,
                "document": f'{{"payment_id": "pay_{number}"}}',
            },
        )  # fmt: skip


@pytest.mark.requirement("P4", "P7", "R78")
def test_a_month_ends_on_the_day_that_its_bill_and_receipt_name(store: Store) -> None:
    """The first day of the next one stood there, and so in two months."""
    store.run(_a_bill(store.demo.org_id, since=1_772_323_200 * MICRO, until=1_775_001_600 * MICRO))
    page = re.sub(r"</?time[^>]*>", "", read(store))
    assert '<td class="wide">1 Mar 2026 to 31 Mar 2026</td>' in page
    assert "One for each billing month in which it came to $1.00 or more." in page
    last = from_micros(store.balance.period_end - 1)
    assert f"to {last:%-d %b %Y}</dd> <dt>Next reset</dt>" in page


def _a_bill(org_id: int, *, since: int = 0, until: int = 1) -> Operation[None]:
    yield Statement(
        "INSERT INTO overage_bill (org_id, bill_id, period_number, period_start, period_end, credits, amount, currency,"
        " price_book, state, link_id, link_url, due_at) VALUES (%(org_id)s, 'bill_1', 0, %(since)s, %(until)s,"
        " 10000000, 400, 'USD', '2026-11-01', 'unpaid', 'plink_1', 'https://pay.test/l/1', now())",
        {"org_id": org_id, "since": since, "until": until},
    )


def _paid(org_id: int) -> Operation[None]:
    yield Statement("UPDATE overage_bill SET state = 'paid', paid_at = now() WHERE org_id = %(org)s", {"org": org_id})


def _its_receipt(org_id: int) -> Operation[None]:
    yield Statement(
        "INSERT INTO receipt (org_id, number, target_id, issued_at, document)"
        " VALUES (%(org_id)s, 'R-2026-000001', 'bill_1', now(), '{}')",
        {"org_id": org_id},
    )


@pytest.mark.requirement("P10")
def test_a_debt_is_explained_and_what_comes_next_covers_it(store: Store) -> None:
    owing(store, 25)
    page = read(store)
    assert "25.00 credits are owed" in page
    assert "25.00 owed" in read(store, "member", "/settings/ai-credits")
    generate = {"requirement": "A signed-in customer applies a voucher code at checkout.", "cases": "3"}
    with model_on_offer():
        refused = store.client_of("owner").post("/projects/SHOP/generate", generate).content.decode()
    assert f'<a href="{BILLING}#debt">See what is owed</a>' in refused
    assert "25.00 credits are owed" in read(store, path=BUY)
    assert "No credits are available to cover it." in page
    assert "No credits are available to cover it" in read_after(store, COVERAGE)
    store.run(ledger.execute_one(Grant(org_id=store.demo.org_id, grant_id="more", amount=40 * MICRO)))
    assert (store.balance.debt, store.balance.available) == (0, 15 * MICRO)


@pytest.mark.requirement("P10")
def test_a_purchase_that_covers_a_debt_says_how_much_of_it_is_left_to_use(store: Store) -> None:
    owing(store, 25)
    page = read(store, path=store.bought("starter"))
    assert "975 credits are yours" in page
    assert "25.00 credits of it covered what was owed since a refund or a dispute. The other 975.00 were added" in page


@pytest.mark.requirement("P10")
def test_a_purchase_that_covers_a_debt_and_nothing_more_promises_nothing_to_use(store: Store) -> None:
    owing(store, 1_000, bundle="professional")
    page = read(store, path=store.bought("starter"))
    assert "What was owed is covered" in page
    assert "for everybody to use" not in page


@pytest.mark.requirement("P3", "R7", "B6")
@pytest.mark.parametrize(("used", "title", "said"), [
    (1_000, "The credits were used", "for everybody to use. All of them were used."),
    (700, "300 credits have expired", "300.00 of them expired on"),
    (0, "1,000 credits have expired", "for everybody to use. They expired on"),
])  # fmt: skip
def test_a_purchase_says_what_of_it_expired(store: Store, used: int, title: str, said: str) -> None:
    """Of every one whose time was over it said that its credits had expired, though they had all been used."""
    org_id, address = store.demo.org_id, store.bought("starter")
    subject = Subject(use_case="chat", user="mira@example.com")
    spent = used * MICRO + (store.balance.monthly_allowance if used else 0)  # what is free goes first
    if used:
        store.run(ledger.execute_one(RecordUsage(org_id=org_id, usage_id="u", subject=subject, credits=spent)))
    end = store.balance.period_end
    store.run(ledger.execute_one(Touch(org_id=org_id), clock=end))
    with time_machine.travel(from_micros(end), tick=False):
        page = read(store, path=address)
    assert f'<h2 id="purchase-title">{title} </h2>' in page
    assert said in page
    assert "credits are yours" not in page
    assert "<dt>Available now</dt>" in page, "the balance of statements counts what calls have set aside, too"
    back = store.purchase(address).payment_id or ""
    facts = Facts(payments=(store.provider.payments[back],), refunds=(store.provider.refund_by_hand(back, 400),))
    store.run(fulfil(org_id, store.purchase(address).purchase_id, facts, SELLER))
    late = f" Of these, {min(400, 1_000 - used)} had expired before." if used < 1_000 else ""
    assert f"$4.00 of the payment went back, and 400 credits with it.{late}</p>" in read(store, path=address)


@pytest.mark.requirement("P10")
def test_what_was_covered_is_told_by_the_entry_that_covered_it(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was the difference of two readings, between which an operator had forgiven a part."""
    org_id = store.demo.org_id

    def meanwhile(command: Command) -> Operation[ledger.Answer]:
        forgiven = WriteOff(org_id=org_id, writeoff_id="kindness", note="a kindness", amount=5 * MICRO)
        yield from ledger.execute_one(forgiven)
        return (yield from ledger.execute_one(command))

    subject = Subject(use_case="chat", user="mira@example.com")
    hold = OpenHold(org_id=org_id, hold_id="call", amount=60 * MICRO, ttl_seconds=60, subject=subject)
    store.run(ledger.execute_one(hold))
    owing(store, 25)
    store.run(ledger.execute_one(VoidHold(org_id=org_id, hold_id="call")))
    (form,) = forms(read(store), COVERAGE)
    monkeypatch.setattr("testkase.entrypoints.web.billing.choices.execute_one", meanwhile)
    told = " ".join(store.client_of("owner").post(COVERAGE, form, follow=True).content.decode().split())
    assert "20.00 credits of the balance covered what was owed. AI works again." in told
    assert "covered 20.00 credits that were owed from the balance" in read(store, path="/settings/activity")


@pytest.mark.requirement("P10")
def test_the_owner_alone_covers_a_debt_from_the_balance_and_once(store: Store) -> None:
    org_id, subject = store.demo.org_id, Subject(use_case="chat", user="mira@example.com")
    hold = OpenHold(org_id=org_id, hold_id="call", amount=60 * MICRO, ttl_seconds=60, subject=subject)
    store.run(ledger.execute_one(hold))
    owing(store, 25)
    store.run(ledger.execute_one(VoidHold(org_id=org_id, hold_id="call")))
    for role in ("admin", "member"):
        assert store.client_of(role).post(COVERAGE).status_code == 403
    (form,) = forms(read(store), COVERAGE)
    before = store.balance
    assert (before.debt, before.available) == (25 * MICRO, 60 * MICRO)
    for _ in range(2):
        assert store.client_of("owner").post(COVERAGE, form).status_code == 302
    assert (store.balance.debt, store.balance.available) == (0, 35 * MICRO)
    history = read(store, path="/settings/activity")
    assert history.count("covered 25.00 credits that were owed from the balance") == 1


def read_after(store: Store, path: str) -> str:
    return store.client_of("owner").post(path, follow=True).content.decode()


@pytest.mark.requirement("R78")
def test_the_buyer_on_receipts_is_kept_and_checked(store: Store) -> None:
    owner = store.client_of("owner")
    sent = {"name": "Northwind Ltd", "address": "1 Quay\r\n\r\n Bristol ", "tax_id": "GB1"}
    assert owner.post(BUYER, sent).status_code == 302
    kept = store.run(billing_settings(store.demo.org_id))
    assert (kept.buyer_name, kept.buyer_address, kept.buyer_tax_id) == ("Northwind Ltd", "1 Quay\nBristol", "GB1")  # type: ignore[attr-defined]
    pasted = {**sent, "name": "Caf\u00e9\u00a0Co\u200b", "address": "12\u202fRue\tX\r\nپل\u200cها"}
    assert owner.post(BUYER, pasted).status_code == 302
    tidied = store.run(billing_settings(store.demo.org_id))
    assert (tidied.buyer_name, tidied.buyer_address) == ("Café Co\u200b", "12 Rue X\nپل\u200cها"), "no letter is lost"  # type: ignore[attr-defined]
    assert owner.post(BUYER, sent).status_code == 302
    answer = owner.post(BUYER, {**sent, "tax_id": "GB\x07 1"})
    assert (answer.status_code, "Character 3 is a control character" in answer.content.decode()) == (422, True)
    answer = owner.post(BUYER, {**sent, "name": "x" * 200})
    assert answer.status_code == 422
    assert "At most 120 characters" in answer.content.decode()
    assert settings(store) == kept
    assert store.client_of("admin").post(BUYER, sent).status_code == 403


@pytest.mark.requirement("P10", "R44")
def test_what_a_dispute_sets_aside_is_named_beside_the_balance(store: Store) -> None:
    address = store.bought("starter")
    grant_id = store.purchase(address).payment_id or ""
    store.run(
        ledger.execute_one(Reverse(org_id=store.demo.org_id, reversal_id="d", grant_id=grant_id, clawed=0, frozen=True))
    )
    assert '<dt>Set aside while a payment is disputed</dt><dd class="number">1,000.00</dd>' in read(store)
    assert "1,000.00 bought credits are set aside while a payment is disputed" in read(store, path=AI_CREDITS)


@pytest.mark.requirement("P10", "R8")
def test_whoever_owes_is_not_promised_the_whole_allowance(store: Store) -> None:
    assert "The monthly allowance is 300.00 again on" in read(store, path=AI_CREDITS)
    owing(store, 400)
    assert "is 300.00 again" not in read(store, path=AI_CREDITS)
    assert "and cover what is owed first" in read(store, path=AI_CREDITS)
    with model_on_offer():
        form = read(store, path="/projects/SHOP/generate")
    assert "left a debt of 400.00 credits: AI rests until it is covered" in form, "before a word is written"


@pytest.mark.requirement("P7", "R44")
def test_how_far_use_may_go_beyond_the_balance_stands_where_the_balance_does(store: Store) -> None:
    member = store.client_of("member")
    assert "beyond" not in member.get(AI_CREDITS).content.decode()
    assert store.client_of("owner").post(OVERAGE, {"cap": "20"}).status_code == 302
    assert "50.00 extra credits are left this month" in member.get(AI_CREDITS).content.decode()
    form = {"requirement": "A signed-in customer applies a voucher code at checkout.", "cases": "2"}
    with model_on_offer():
        estimate = member.post("/projects/SHOP/generate/estimate", form).content.decode()
    assert '<dt>Beyond the balance</dt><dd class="number">50.00</dd>' in estimate


@pytest.mark.requirement("P7", "R44")
def test_nobody_is_told_that_ai_goes_on_beyond_the_balance_where_nothing_of_it_is_left(store: Store) -> None:
    store.client_of("owner").post(OVERAGE, {"cap": "20"})
    subject = Subject(use_case="chat", user="mira@example.com")
    everything = RecordUsage(org_id=store.demo.org_id, usage_id="all", subject=subject, credits=350 * MICRO)
    store.run(ledger.execute_one(everything))
    page = read(store, "member", AI_CREDITS)
    assert "AI goes on" not in page
    assert "No extra credits beyond the balance are left this month; those that were used are billed" in page
    plans = read(store)
    assert "All 50.00 extra credits of this billing month are used or set aside" in plans
    assert re.search(r"this month</dt><dd class=\"number\">50.00 credits</dd><dt>On the next bill so far</dt>", plans)
    assert "AI goes on, for up to" not in plans


@pytest.mark.requirement("P7")
def test_what_calls_under_way_have_set_aside_is_on_no_bill_yet(store: Store) -> None:
    store.client_of("owner").post(OVERAGE, {"cap": "20"})
    org_id, subject = store.demo.org_id, Subject(use_case="chat", user="mira@example.com")
    used = RecordUsage(org_id=org_id, usage_id="all", subject=subject, credits=310 * MICRO)
    store.run(ledger.execute_one(used))
    under_way = OpenHold(org_id=org_id, hold_id="h", amount=30 * MICRO, ttl_seconds=60, subject=subject)
    store.run(ledger.execute_one(under_way))
    page = re.sub(r"<[^>]+>", " ", read(store))
    assert "Used beyond the balance this month 10.00 credits" in " ".join(page.split())
    assert "Set aside for calls under way 30.00 credits On the next bill so far $4.00" in " ".join(page.split())


@pytest.mark.requirement("P7", "P10")
def test_whoever_owes_is_not_told_that_ai_goes_on_beyond_the_balance(store: Store) -> None:
    store.client_of("owner").post(OVERAGE, {"cap": "20"})
    owing(store, 400)
    page = read(store, path=AI_CREDITS)
    assert "AI rests until that is covered" in page
    assert "AI goes on" not in page


@pytest.mark.requirement("B12", "P7")
def test_what_months_gather_under_adjusted_is_said_where_statements_name_it_apart(store: Store) -> None:
    note = "Adjusted: corrections, refunds, overage and what is owed, together."
    assert note not in read(store, path=f"{AI_CREDITS}/statements")
    owing(store, 400)
    assert note in read(store, path=f"{AI_CREDITS}/statements")


@pytest.mark.requirement("B12")
def test_what_months_gather_under_granted_is_said_where_statements_name_it_apart(store: Store) -> None:
    """The table had 350 granted, and the statement of the same month 50."""
    note = "Granted: the monthly allowance and other grants, together. The statement of a month names each."
    assert note not in read(store, path=f"{AI_CREDITS}/statements")
    store.run(ledger.execute_one(Grant(org_id=store.demo.org_id, grant_id="gift", amount=50 * MICRO)))
    assert note in read(store, path=f"{AI_CREDITS}/statements")
