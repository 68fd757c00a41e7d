"""The switch and the API keys, as the Owner and the Admins use them."""

import re

import pytest

from testkase.core.access import hash_key, looks_like_key
from tests.integration.web.conftest import Visitors
from tests.support.people import models


@pytest.mark.requirement("R40", "R57", "R58", "R59", "R61", "R62", "R63", "R64", "P13")
def test_off_hides_ai_from_everyone_and_on_brings_it_back(visitors: Visitors) -> None:
    owner, member = visitors.client_of("owner"), visitors.client_of("member")
    owner.post("/settings/ai-credits/switch", {"enable": "0"})
    off = member.get("/projects/SHOP").content.decode()
    assert "Generate test cases" not in off
    assert 'class="balance"' not in off
    assert "SHOP-1" in off
    assert member.get("/projects/SHOP/generate").status_code == 403
    assert member.get("/settings/ai-credits").status_code == 200
    owner.post("/settings/ai-credits/switch", {"enable": "1", "advice_seen": "1"})
    on = member.get("/projects/SHOP").content.decode()
    assert "Generate test cases" in on
    assert 'class="balance"' in on


@pytest.mark.requirement("R76", "P14")
def test_switching_on_wants_the_privacy_advice_to_have_been_seen(visitors: Visitors) -> None:
    owner = visitors.client_of("owner")
    owner.post("/settings/ai-credits/switch", {"enable": "0"})
    assert "how AI features treat your data" in owner.get("/settings/ai-credits/switch").content.decode()
    assert owner.post("/settings/ai-credits/switch", {"enable": "1"}).status_code == 422
    assert "AI is off" in owner.get("/settings/ai-credits").content.decode()


@pytest.mark.requirement("R76", "P14")
def test_the_acknowledgement_is_kept_with_who_when_and_which_advice(visitors: Visitors) -> None:
    from testkase.services.audit import ADVICE_VERSION

    owner = visitors.client_of("owner")
    assert "acknowledged by" not in owner.get("/settings/ai-credits/switch").content.decode()
    owner.post("/settings/ai-credits/switch", {"enable": "0"})
    owner.post("/settings/ai-credits/switch", {"enable": "1", "advice_seen": "1"})
    page = owner.get("/settings/ai-credits/switch").content.decode()
    assert f"Privacy advice of {ADVICE_VERSION} acknowledged by Olivia Ortega on" in page


@pytest.mark.requirement("R40")
def test_an_admin_cannot_switch_by_sending_the_form_either(visitors: Visitors) -> None:
    assert visitors.client_of("admin").post("/settings/ai-credits/switch", {"enable": "0"}).status_code == 403
    assert "Generate test cases" in visitors.client_of("member").get("/projects/SHOP").content.decode()


def test_a_key_is_shown_once_and_kept_only_as_a_hash(visitors: Visitors) -> None:
    admin = visitors.client_of("admin")
    page = admin.post("/settings/api-keys", {"name": "Build server", "scopes": "credits:read"}).content.decode()
    shown = re.search(r'id="new-key"[^>]*value="([^"]+)"', page)
    assert shown is not None
    assert looks_like_key(shown[1])
    assert bytes(models().ApiKey.objects.get(name="Build server").hash) == hash_key(shown[1])
    assert shown[1] not in admin.get("/settings/api-keys").content.decode()


def test_a_revoked_key_stays_revoked_and_a_foreign_one_is_not_there(visitors: Visitors) -> None:
    admin = visitors.client_of("admin")
    key = models().ApiKey.objects.get(name="Demo key")
    admin.post(f"/settings/api-keys/{key.key_id}/revocation")
    key.refresh_from_db()
    first = key.revoked_at
    assert first is not None
    admin.post(f"/settings/api-keys/{key.key_id}/revocation")
    key.refresh_from_db()
    assert key.revoked_at == first
    assert admin.post("/settings/api-keys/key_nobodys/revocation").status_code == 404


@pytest.mark.parametrize("name", ["", "   ", "\x00", "x" * 81])
def test_a_key_without_a_usable_name_is_refused_on_the_form(visitors: Visitors, name: str) -> None:
    response = visitors.client_of("admin").post("/settings/api-keys", {"name": name, "scopes": "credits:read"})
    assert response.status_code == 422
    assert "needs 1 to 80 characters" in response.content.decode()
