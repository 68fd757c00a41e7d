"""The help pages say what the price book and the role tables say, to everybody."""

import copy
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.test import Client

from testkase.core.access.roles import ORGANIZATION_TABLE, PROJECT_TABLE
from testkase.core.ledger.credits import MICRO
from testkase.core.pricing import PriceBooks
from tests.integration.web.conftest import Visitors, visiting
from tests.support.cluster import TestDatabase
from tests.support.django import django_on
from tests.support.people import stranger

API_GUIDE = Path(__file__).resolve().parents[3] / "docs/api.md"


@pytest.fixture(scope="module")
def visitors(module_database: TestDatabase) -> Iterator[Visitors]:
    with django_on(module_database):
        yield visiting()


def text_of(page: str) -> str:
    """What stands in the article, without tags, in single spaces."""
    article = re.search(r"<article.*?</article>", page, re.DOTALL)
    assert article is not None
    return " ".join(re.sub(r"<[^>]+>", " ", article[0]).split())


def test_everybody_reads_every_help_page(visitors: Visitors) -> None:
    from testkase.entrypoints.web.help.topics import TOPICS

    for client in (Client(), stranger(organization=None), visitors.client_of("member")):
        index = client.get("/help").content.decode()
        for topic in TOPICS:
            assert f'href="/help/{topic.slug}"' in index
            response = client.get(f"/help/{topic.slug}")
            assert response.status_code == 200, topic
            page = response.content.decode()
            assert "Northwind" not in text_of(page)
            places = re.findall(r'<section id="([^"]+)"', page)
            assert len(places) == len(set(places)), "a link must lead to one place"
    assert Client().get("/help/anything-else").status_code == 404


@pytest.mark.requirement("R10", "R11", "R12", "R13", "R14", "R15", "R16", "R17", "R18", "R19", "R77", "P6")
def test_the_bundles_stand_there_as_they_were_agreed(visitors: Visitors) -> None:
    page = Client().get("/help/credits-and-billing").content.decode()
    text = text_of(page)
    assert "Bundle Price Credits Rate Savings" in text
    assert "Starter $10 1,000 $1 = 100 credits —" in text
    assert "Professional Popular $50 5,500 $1 = 110 credits 10 %" in text
    assert "Enterprise $250 28,000 $1 = 112 credits 12 %" in text
    assert "Ultimate $500 58,000 $1 = 116 credits 15 % Exactly: 16 % more credits" in text
    assert "13.8 % cheaper per credit" in text
    assert text.count("Popular") == 1
    assert "Professional is the best balance for most teams" in text
    assert "Enterprise or Ultimate" in text
    assert "$0.40 each" in text


@pytest.mark.requirement("P2", "R77")
def test_where_the_allowance_has_changed_nobody_is_told_that_theirs_has(
    visitors: Visitors, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What an organization is granted each month was settled when it was opened."""
    from testkase.entrypoints.web import offer

    kept = "An organization keeps the allowance of the day on which it was opened"
    pages = ("/help/ai-credits", "/help/plans-and-billing")
    assert not any(kept in Client().get(page).content.decode() for page in pages)
    book = offer.current_prices()
    earlier = copy.copy(book)
    earlier.monthly_allowance, earlier.effective_from = 250 * MICRO, book.effective_from - timedelta(days=31)
    later = copy.copy(earlier)
    later.effective_from = datetime.now(UTC) + timedelta(days=1)
    for books, told in (((book, later), False), ((earlier, book), True)):
        monkeypatch.setattr(offer, "_price_books", lambda books=books: PriceBooks(books))
        assert all((kept in Client().get(page).content.decode()) is told for page in pages)


@pytest.mark.requirement("R77", "P6")
def test_another_price_book_changes_the_pages(visitors: Visitors, monkeypatch: pytest.MonkeyPatch) -> None:
    from testkase.entrypoints.web.offer import current_prices

    book = current_prices()
    monkeypatch.setattr(book, "monthly_allowance", 450_000_000)
    monkeypatch.setattr(book, "overage_price_cents", 55)
    monkeypatch.setattr(book, "charge_increment", 50_000)
    assert "450 credits a month" in text_of(Client().get("/help/ai-credits").content.decode())
    assert "to 0.05 credits" in text_of(Client().get("/help/ai-credits").content.decode())
    billing = text_of(Client().get("/help/credits-and-billing").content.decode())
    assert "$0.55 each , 55 times the Starter rate" in billing
    assert "$20, for example, allow 36.363636 credits" in billing
    assert "450 credits a billing month" in text_of(Client().get("/help/plans-and-billing").content.decode())


@pytest.mark.requirement("R3", "R77", "P19")
def test_every_model_stands_there_with_its_rates_and_the_example_is_what_would_be_charged(
    visitors: Visitors, monkeypatch: pytest.MonkeyPatch
) -> None:
    from testkase.core.ledger.terms import Tokens, price
    from testkase.entrypoints.web.help import prices
    from testkase.entrypoints.web.offer import Model, current_prices

    monkeypatch.setattr(prices, "models_on_offer", lambda: [Model(name="testkase-demo", demonstration=True)])
    text, book = text_of(Client().get("/help/ai-credits").content.decode()), current_prices()
    for model in book.models():
        assert model in text
    assert "testkase-demo 200 50 1,500" in text
    charge = price(book.terms("testkase-demo"), Tokens(input=900, output=600))
    assert f"{charge / 1_000_000:.2f} credits" in text


@pytest.mark.requirement("P15", "R77")
def test_the_tables_of_roles_are_the_ones_that_decide(visitors: Visitors) -> None:
    from testkase.core.access import Action, OrganizationRole, ProjectRole, Scope
    from testkase.entrypoints.web.help.words import ACTIONS, ROLES, SCOPES

    assert set(ACTIONS) == set(Action)
    assert set(ROLES) == {*OrganizationRole, *ProjectRole}
    assert set(SCOPES) == set(Scope)
    page = Client().get("/help/roles").content.decode().replace("&#x27;", "'")
    for action, row in {**ORGANIZATION_TABLE, **PROJECT_TABLE}.items():
        line = re.search(rf'<tr><th scope="row">{re.escape(ACTIONS[action])}</th>(.*?)</tr>', page, re.DOTALL)
        assert line is not None, action
        cells = re.findall(r"<td>(.*?)</td>", line[1], re.DOTALL)
        for cell, allowed in zip(cells, row, strict=True):
            assert (">yes<" in cell) == (allowed is True), action
            assert (">no<" in cell) == (allowed is False), action


@pytest.mark.requirement("P17", "R77")
def test_whoever_hangs_up_is_told_that_the_answer_is_read_on_for(visitors: Visitors) -> None:
    from testkase.services.metering.policy import Policy

    policy = Policy()
    help_page = text_of(Client().get("/help/ai-credits").content.decode())
    assert f"the model is read on for up to {policy.drain_seconds:g} seconds" in help_page
    documented = " ".join(API_GUIDE.read_text().split())
    assert f"read on, up to {policy.drain_seconds:g} s or {policy.drain_bytes // 1024} KiB" in documented


@pytest.mark.requirement("R40", "P18")
def test_a_scope_is_told_by_what_a_key_can_do_with_it() -> None:
    from testkase.entrypoints.api.v1.routes import routes
    from testkase.entrypoints.web.help.words import SCOPES

    told = {str(scope): what.lower() for scope, (_, what) in SCOPES.items()}
    for noun in ("statements", "purchases", "alerts", "budgets", "pauses"):
        for route in routes():
            if route.method == "GET" and f"/{noun}" in route.path and route.scope is not None:
                assert noun in told[route.scope], route.path
    assert [scope for scope, what in told.items() if "statements" in what] == ["credits:read"]
    assert "never the ai switch" in told["settings:write"], "no route switches it"


@pytest.mark.requirement("R66")
def test_the_guidelines_are_extended_by_those_who_may_and_read_by_all(visitors: Visitors) -> None:
    rules = "No customer names in prompts.\nAsk Adam for credits. <b>Really</b>"
    assert visitors.client_of("admin").post("/settings/guidelines", {"text": rules}).status_code == 302
    page = visitors.client_of("member").get("/settings/guidelines").content.decode()
    assert "Ask Adam for credits. &lt;b&gt;Really&lt;/b&gt;" in page
    assert "Adam Novak" in page
    assert 'name="text"' not in page
    assert visitors.client_of("member").post("/settings/guidelines", {"text": "Anything"}).status_code == 403
    assert "Ask Adam" not in stranger().get("/settings/guidelines").content.decode()
    too_long = visitors.client_of("owner").post("/settings/guidelines", {"text": "x" * 4_001})
    assert too_long.status_code == 422
    assert "4,000 fit" in too_long.content.decode()
    visitors.client_of("owner").post("/settings/guidelines", {"text": ""})
    assert "Ask Adam" not in visitors.client_of("member").get("/settings/guidelines").content.decode()
