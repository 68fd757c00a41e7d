"""Where the links of letters lead."""

from datetime import UTC, datetime

import pytest

from testkase.services.notifications.letters import render
from testkase.services.notifications.outbox import Letter


@pytest.mark.parametrize(
    ("page", "address"),
    [
        ("/activity", "/activity?organization=7"),
        ("/activity?kind=money", "/activity?kind=money&organization=7"),
        ("/settings/billing#overage", "/settings/billing?organization=7#overage"),
    ],
)
def test_a_link_names_its_organization_and_still_leads_to_its_place_in_the_page(page: str, address: str) -> None:
    letter = Letter(
        org_id=7, notification_id=1, title="The cap is near", body="", link=page, link_label="Open", email="ada@x.test",
        leads_to_buying=False, created_at=datetime(2026, 11, 30, tzinfo=UTC), name="Ada", role="admin",
        organization="Acme", purchase_roles="owner", is_elsewhere_too=True,
    )  # fmt: skip
    assert f"Open:\nhttps://credits.test{address}\n" in render(letter, "https://credits.test").text
