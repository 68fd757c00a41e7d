"""Invitations as tests send, read and accept them."""

import re
from typing import TYPE_CHECKING

from tests.support.people import Demo, models

if TYPE_CHECKING:
    from django.test import Client


def invited(client: "Client", email: str, role: str = "member") -> str:
    """Invite from the members page; answers the path of the link in the letter."""
    response = client.post("/settings/members", {"email": email, "role": role})
    assert response.status_code == 302, response.content.decode()
    return link_in_last_letter()


def link_in_last_letter() -> str:
    """The path that the newest e-mail leads to."""
    from django.core import mail

    found = re.search(r"http://[^/]+(/invitations/\S+)", str(mail.outbox[-1].body))
    assert found is not None
    return found[1]


def role_of(demo: Demo, email: str) -> str | None:
    """A person's role in the demo organization, None where they have none."""
    rows = models().Membership.objects.filter(organization=demo.org_id, user__email=email)
    found: str | None = rows.values_list("role", flat=True).first()
    return found


def id_of(demo: Demo, role: str) -> int:
    """The id of one of the demo people."""
    return int(models().User.objects.get(email=demo.emails[role]).pk)


def people_snapshot() -> list[tuple[object, ...]]:
    """Who belongs where as what, and every invitation: what a refused or repeated request must leave as it was."""
    directory = models()
    memberships = directory.Membership.objects.order_by("user", "organization").values_list()
    return [*memberships, *directory.Invitation.objects.order_by("invitation_id").values_list()]
