"""Receipts of payments, as a page and as PDF; and staff's page on payments."""

import hashlib
import re
from datetime import UTC, datetime
from unittest.mock import patch
from urllib.parse import quote
from zoneinfo import ZoneInfo

import psycopg
import pytest

from testkase.core.pricing import load_price_books
from testkase.services.billing.provider import Event
from testkase.services.billing.reports.inbox import receive, waits
from testkase.services.billing.reports.matching import match_day
from testkase.services.billing.seller import Seller, Tax
from tests.integration.web.billing.conftest import BILLING, Store
from tests.support.cluster import TestDatabase
from tests.support.pdf import pdf_lefts, pdf_text
from tests.support.people import models, stranger

SELLER = Seller(
    name="Acme Testing GmbH", address=("Torstraße 1", "10119 Berlin"), email="billing@acme.example", tax_id="DE123",
    taxes=(Tax(name="VAT", basis_points=1_900),),
)  # fmt: skip


def number(store: Store) -> str:
    found = re.search(r"receipts/(R-\d{4}-\d{6})", store.client_of("owner").get(BILLING).content.decode())
    assert found is not None
    return found[1]


@pytest.mark.requirement("R78")
def test_page_and_pdf_say_who_sold_what_to_whom_with_the_taxes_in_it(store: Store) -> None:
    from testkase.entrypoints.web.billing import purchases

    owner = store.client_of("owner")
    owner.post(f"{BILLING}/buyer", {"name": "Northwind Ltd", "address": "1 Quay\nBristol", "tax_id": "GB1"})
    with patch.object(purchases, "seller", lambda: SELLER):
        address = store.bought()
    name = number(store)
    page = owner.get(f"{BILLING}/receipts/{name}").content.decode()
    answer = owner.get(f"{BILLING}/receipts/{name}.pdf")
    paper = pdf_text(answer.content)
    payment = store.purchase(address).payment_id or ""
    for part in (
        name, "Acme Testing GmbH", "10119 Berlin", "billing@acme.example", "Tax ID DE123", "Northwind Ltd",
        "Bristol", "Tax ID GB1", "Professional bundle: 5,500 AI credits", "$42.02", "VAT 19 %", "$7.98", "$50.00",
        payment, "Olivia Ortega",
    ):  # fmt: skip
        assert part in page, part
        assert part in paper, part
    assert "Torstraße 1" in page
    assert len(pdf_lefts(answer.content, "Receipt", name, "Description", "Payment", "Paid with")) == 1
    assert answer.headers["Content-Disposition"] == f'attachment; filename="receipt-{name}.pdf"'
    assert answer.content == owner.get(f"{BILLING}/receipts/{name}.pdf").content


@pytest.mark.requirement("R78")
@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago"])
def test_page_and_pdf_name_the_same_day_wherever_they_are_read(store: Store, zone: str) -> None:
    store.bought()
    owner, address = store.client_of("owner"), f"{BILLING}/receipts/{number(store)}"
    owner.cookies["timezone"] = quote(zone, safe="")
    paper = re.search(r"Paid on (\d+ \w+ \d+)", pdf_text(owner.get(f"{address}.pdf").content))
    assert paper is not None
    assert f">{paper[1]}</time>" in owner.get(address).content.decode()


@pytest.mark.requirement("R78", "P4")
def test_a_receipt_is_dated_where_the_organization_is_billed(store: Store, django_database: TestDatabase) -> None:
    zone = "Pacific/Kiritimati" if datetime.now(UTC).hour >= 10 else "Pacific/Pago_Pago"
    today = datetime.now(ZoneInfo(zone))
    assert today.date() != datetime.now(UTC).date()
    with psycopg.connect(django_database.owner_url) as owner:
        owner.execute("ALTER TABLE ledger.account NO FORCE ROW LEVEL SECURITY")
        owner.execute("UPDATE ledger.account SET time_zone = %s", [zone])
    store.bought()
    address = f"{BILLING}/receipts/{number(store)}"
    said = f"{today.day} {today:%B %Y}"
    assert f">{said}</time>" in store.client_of("owner").get(address).content.decode()
    assert f"Paid on {said}" in pdf_text(store.client_of("owner").get(f"{address}.pdf").content)


@pytest.mark.requirement("R78")
def test_a_receipt_goes_on_saying_what_it_said(store: Store) -> None:
    store.bought()
    owner, name = store.client_of("owner"), number(store)
    before = owner.get(f"{BILLING}/receipts/{name}.pdf").content
    owner.post(f"{BILLING}/buyer", {"name": "Another Name"})
    assert owner.get(f"{BILLING}/receipts/{name}.pdf").content == before


def test_names_a_font_cannot_write_do_not_break_the_paper(store: Store) -> None:
    owner = store.client_of("owner")
    store.bought()
    first = number(store)
    form = {"name": "<b>株式会社 & Söhne", "address": "東京"}
    said = owner.post(f"{BILLING}/buyer", form, follow=True).content.decode()
    assert "The PDF of a receipt cannot write every letter of it; the receipt’s page can" in said
    store.bought()
    second = number(store)
    paper = pdf_text(owner.get(f"{BILLING}/receipts/{second}.pdf").content)
    assert "Northwind Labs" in paper, "its own name, where that can be written, and not what stands in addresses"
    assert "??" in paper
    missing = f"http://127.0.0.1:8000{BILLING}/receipts/{second}"
    assert missing in paper.replace("\n", "")
    assert "in full" not in pdf_text(owner.get(f"{BILLING}/receipts/{first}.pdf").content)


@pytest.mark.requirement("R78", "R39", "I13")
def test_receipts_are_for_the_owner_and_admins_of_their_organization(store: Store) -> None:
    store.bought()
    address = f"{BILLING}/receipts/{number(store)}"
    for suffix in ("", ".pdf"):
        assert store.client_of("admin").get(address + suffix).status_code == 200
        assert store.client_of("member").get(address + suffix).status_code == 403
        assert stranger().get(address + suffix).status_code == 404


@pytest.mark.requirement("B5")
def test_staff_see_what_does_not_match_and_what_waits_and_nobody_else_finds_the_page(store: Store) -> None:
    from testkase.entrypoints.web.billing.till import carry_out, transact

    address = store.bought()
    surplus = store.pay(address)
    carry_out(match_day(datetime.fromtimestamp(surplus.created_at, UTC).date(), Seller(), load_price_books()))
    event = Event(name="payment.captured", order_id="order_waits", payment_id="pay_waits")
    transact(receive(b"a report", event), org_id=None)
    transact(waits(hashlib.sha256(b"a report").digest(), "somebody must decide"), org_id=None)
    for role in ("owner", "admin", "member"):
        assert store.client_of(role).get("/staff/payments").status_code == 404
    models().User.objects.filter(email=store.demo.emails["owner"]).update(is_staff=True)
    page = store.client_of("owner").get("/staff/payments").content.decode()
    assert surplus.payment_id in page
    assert "Surplus" in page
    assert "$100.00" in page
    assert "pay_waits" in page
    assert "somebody must decide" in page
    assert "Give it back at the provider" in page
    assert "<form method" not in page[page.index("<main") :]
