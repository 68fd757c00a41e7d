"""Settings → AI models: levels with their prices, and where what is sent goes."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from testkase.foundation.settings import Settings
from testkase.services.metering.attempts import Failed, keep_failures
from testkase.services.metering.settle import metered_id, own_id
from tests.integration.web.conftest import Visitors
from tests.support.people import project_role, stranger, use_credits

PAGE = "/settings/ai-models"
REQUIREMENT = "A customer may log in 5 times. After the 6th attempt the account is locked for 30 minutes."
PROVIDERS = """
[[providers]]
name = "openai"
base_url = "https://eu.api.openai.com/v1"
no_training = true
zero_retention = true
capabilities = { store = true }
[[providers.models]]
name = "gpt-5-mini"
context_window = 400000
max_output_tokens = 8192
fallback = ["gemini-2.5-flash-lite"]
[[providers.models]]
name = "gpt-5.4"
context_window = 400000
max_output_tokens = 8192

[[providers]]
name = "google"
kind = "gemini"
base_url = "https://generativelanguage.googleapis.com/v1beta"
no_training = true
zero_retention = true
[[providers.models]]
name = "gemini-2.5-flash-lite"
context_window = 400000
max_output_tokens = 8192

[quality.test_generation]
fast = "gpt-5-mini"
balanced = "gpt-5-mini"
best = "gpt-5.4"
"""


@pytest.fixture
def offering(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, visitors: Visitors) -> Iterator[None]:
    """The embedded model and two providers, as the operator named them. No page calls any."""
    file = tmp_path / "providers.toml"
    file.write_text(PROVIDERS, encoding="utf-8")
    yield from _offer(monkeypatch, TESTKASE_PROVIDERS=str(file))


@pytest.fixture
def only_the_demonstration(monkeypatch: pytest.MonkeyPatch, visitors: Visitors) -> Iterator[None]:
    yield from _offer(monkeypatch)


def _offer(monkeypatch: pytest.MonkeyPatch, **environ: str) -> Iterator[None]:
    from django.conf import settings

    from testkase.entrypoints.web import offer

    monkeypatch.setattr(settings, "VALUES", Settings.from_environ({"TESTKASE_MODEL_PORT": "9", **environ}))
    offer.catalog.cache_clear()
    yield
    offer.catalog.cache_clear()


def text(visitors: Visitors, role: str = "owner", path: str = PAGE) -> str:
    return visitors.client_of(role).get(path).content.decode()


def choose(visitors: Visitors, level: str, *, feature: str = "test_generation", free: bool = False) -> int:
    form = {"feature": feature, "level": level} | ({"free_choice": "1"} if free else {})
    return visitors.client_of("owner").post(PAGE, form).status_code


def section(page: str, feature: str) -> str:
    """The card of one feature."""
    return page.split(f'aria-labelledby="{feature}-title"')[1].split("</section>", maxsplit=1)[0]


def models(card: str) -> list[str]:
    """What its levels are, from fast to best."""
    return re.findall(r'<br><span class="muted small">([a-z0-9.-]+)</span>', card)


@pytest.mark.requirement("B16")
@pytest.mark.usefixtures("offering")
def test_each_feature_shows_its_levels_their_models_and_what_a_run_costs(visitors: Visitors) -> None:
    card = section(text(visitors), "test_generation")
    assert models(card) == ["gpt-5-mini", "gpt-5-mini", "gpt-5.4"]
    costs = [float(cost) for cost in re.findall(r"about ([\d.]+)", card)]
    assert costs[0] == costs[1] < costs[2]
    assert card.count("a run of typical size") == 3
    chat = section(text(visitors), "chat")
    assert models(chat) == ["gemini-2.5-flash-lite", "gpt-5-mini", "gpt-5.4"]


@pytest.mark.requirement("B9", "B16")
@pytest.mark.usefixtures("offering")
@pytest.mark.parametrize(
    ("feature", "path", "place"),
    [
        ("chat", "/projects/SHOP/chat", "chat-cost"),
        ("test_generation", "/projects/SHOP/cases/SHOP-1/steps", "steps-cost"),
    ],
)
def test_the_price_beside_a_choice_is_that_of_the_level_looked_at(
    visitors: Visitors, feature: str, path: str, place: str
) -> None:
    """It stayed that of the Owner's level, whichever was chosen: a tenth of what was then held and charged."""

    def most(query: str) -> float:
        page = text(visitors, "admin", path + query)
        (said,) = re.findall(rf'id="{place}".*?[Aa]t most\D*([\d,.]+)', page, re.DOTALL)
        return float(said.replace(",", ""))

    choose(visitors, "balanced", feature=feature)
    assert most("?level=best") == most("")
    choose(visitors, "balanced", feature=feature, free=True)
    assert most("?level=best") > 2 * most("")


@pytest.mark.requirement("B9", "B16")
@pytest.mark.usefixtures("offering")
def test_the_cost_follows_the_organizations_own_history(visitors: Visitors) -> None:
    use_credits(visitors.demo, own_id("u1"))
    assert section(text(visitors), "test_generation").count("your only run at its rates") == 3
    use_credits(visitors.demo, own_id("u2"))
    assert section(text(visitors), "test_generation").count("your last 2 runs at its rates") == 3
    assert section(text(visitors), "chat").count("a run of typical size") == 3


@pytest.mark.requirement("B9", "B16")
@pytest.mark.usefixtures("only_the_demonstration")
def test_a_chat_costs_the_same_on_this_page_and_beside_the_question(visitors: Visitors) -> None:
    """Without a past, after use of other features and models, and from the organization's own chats."""
    from testkase.core.ledger.terms import Tokens

    def both() -> set[str]:
        beside = re.findall(r"About ([\d.]+) credits", text(visitors, path="/projects/SHOP/chat"))
        return {*re.findall(r"about ([\d.]+)", section(text(visitors), "chat")), *beside}

    assert len(both()) == 1
    use_credits(visitors.demo, own_id("u1"), use_case="chat", model="gpt-5.4", tokens=Tokens(input=9_000, output=2_000))
    assert len(both()) == 1
    use_credits(visitors.demo, own_id("u2"), use_case="chat", tokens=Tokens(input=30, output=200))
    measured = both()
    assert len(measured) == 1
    assert "what your only run cost" in section(text(visitors), "chat")
    for program in ("call-1", metered_id("call-2")):
        use_credits(visitors.demo, program, use_case="chat", tokens=Tokens(input=90_000, output=20_000))
    assert both() == measured, "what programs meter under the feature's name is none of its answers"


@pytest.mark.requirement("B16")
@pytest.mark.usefixtures("offering")
def test_the_owner_chooses_and_the_next_run_uses_it(visitors: Visitors) -> None:
    project_role(visitors.demo, "user", may_generate=True)
    assert choose(visitors, "best") == 302
    assert '<input type="radio" name="level" value="best" checked>' in section(text(visitors), "test_generation")
    page = visitors.client_of("member").post("/projects/SHOP/generate/estimate", {"requirement": REQUIREMENT})
    assert "gpt-5.4" in page.content.decode()
    assert "as the Owner has chosen" in page.content.decode()


@pytest.mark.requirement("B16", "R74")
@pytest.mark.usefixtures("offering")
def test_a_choice_stands_in_the_history_once(visitors: Visitors) -> None:
    choose(visitors, "best", free=True)
    choose(visitors, "best", free=True)
    history = text(visitors, path="/settings/activity")
    assert history.count("set the quality of test case generation to best") == 1
    assert "its users may choose another; it was balanced" in history


@pytest.mark.requirement("B16")
@pytest.mark.usefixtures("offering")
def test_users_choose_a_level_for_one_run_where_the_owner_allows_it(visitors: Visitors) -> None:
    member = visitors.client_of("member")
    asked = {"requirement": REQUIREMENT, "cases": "2", "level": "best"}
    assert 'name="level"' not in member.get("/projects/SHOP/generate").content.decode()
    refused = member.post("/projects/SHOP/generate", asked)
    assert (refused.status_code, "Your Owner has chosen the level" in refused.content.decode()) == (422, True)
    choose(visitors, "fast", free=True)
    form = member.get("/projects/SHOP/generate").content.decode()
    assert '<option value="fast" selected>Fast (gpt-5-mini)</option>' in form
    begun = member.post("/projects/SHOP/generate", asked)
    assert begun.status_code == 302


@pytest.mark.parametrize("form", [{"feature": "chat", "level": "enormous"}, {"feature": "chat"}])
@pytest.mark.usefixtures("offering")
def test_a_level_that_does_not_exist_is_refused(visitors: Visitors, form: dict[str, str]) -> None:
    assert visitors.client_of("owner").post(PAGE, form).status_code == 422


@pytest.mark.usefixtures("offering")
def test_a_feature_that_does_not_exist_is_not_found(visitors: Visitors) -> None:
    assert choose(visitors, "best", feature="poetry") == 404


@pytest.mark.requirement("B16")
@pytest.mark.usefixtures("offering")
def test_admins_read_and_members_do_not(visitors: Visitors) -> None:
    admin = text(visitors, "admin")
    assert "In use" in admin
    assert 'type="radio"' not in admin
    assert visitors.client_of("admin").post(PAGE, {"feature": "chat", "level": "best"}).status_code == 403
    assert visitors.client_of("member").get(PAGE).status_code == 403
    assert f'href="{PAGE}"' in text(visitors, "admin", "/settings/ai-credits")
    assert f'href="{PAGE}"' not in text(visitors, "member", "/settings/ai-credits")


@pytest.mark.requirement("R69", "R70", "R71")
@pytest.mark.usefixtures("offering")
def test_the_way_of_the_data_names_hosts_declarations_and_who_steps_in(visitors: Visitors) -> None:
    flows = text(visitors).split('aria-labelledby="flow-title"')[1]
    assert "eu.api.openai.com (openai, OpenAI-compatible), over TLS" in flows
    assert "generativelanguage.googleapis.com (google, Google Gemini), over TLS" in flows
    assert "None, as declared by the operator" in flows
    assert "Every request says store: false" in flows
    assert "Only when another model has failed, never at a higher price" in flows
    assert "This machine" not in flows


@pytest.mark.requirement("B16", "R71")
@pytest.mark.usefixtures("only_the_demonstration")
def test_with_the_demonstration_alone_all_levels_are_it_and_the_page_says_how_to_connect_another(
    visitors: Visitors,
) -> None:
    page = text(visitors)
    assert "Only the demonstration model is connected" in page
    assert "zero_retention = true" in page
    assert section(page, "chat").count("testkase-demo") == 3
    assert "This machine. Nothing leaves it." in page
    assert "as declared by the operator" not in page.split('aria-labelledby="flow-title"')[1]


@pytest.mark.usefixtures("offering")
def test_what_one_organization_chose_is_nothing_to_another(visitors: Visitors) -> None:
    choose(visitors, "best", free=True)
    elsewhere = section(stranger().get(PAGE).content.decode(), "test_generation")
    assert '<input type="radio" name="level" value="balanced" checked>' in elsewhere
    assert "Users may choose" not in elsewhere


@pytest.mark.requirement("B3", "B10")
def test_a_receipt_names_the_models_that_failed_before(visitors: Visitors) -> None:
    from testkase.services.organizations.tenancy import run_here, tenant_transaction

    receipt = use_credits(visitors.demo, "u1")
    failure = Failed(model="gpt-5.4", provider="openai", code="provider_error", status=503)
    with tenant_transaction(visitors.demo.org_id):
        run_here(keep_failures(visitors.demo.org_id, "u1", [failure]))
    assert "gpt-5.4, which failed (HTTP 503)" in text(visitors, path=f"/settings/ai-credits/receipts/{receipt}")
