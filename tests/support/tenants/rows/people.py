"""Organizations, their people, invitations and API keys."""

from tests.support.tenants.roles import (
    ADMIN,
    ANONYMOUS,
    EVERYBODY,
    HOMELESS,
    MANAGERS,
    MEMBERS,
    NOBODY,
    OWNER,
    OWNER_ONLY,
    SIGNED_IN,
    USER,
)
from tests.support.tenants.row import Place, Row
from tests.support.tenants.world import Tenant


def a_letter(tenant: Tenant) -> tuple[str, str]:
    """An open invitation: its id, and the token in the letter."""
    from testkase.foundation.ids import new_id
    from testkase.services.organizations.invitations import invite
    from testkase.services.organizations.tenancy import tenant_transaction

    address = f"{new_id(tenant.word.lower())}@{tenant.word.lower()}.example"
    with tenant_transaction(tenant.org_id):
        letter = invite(tenant.organization, tenant.person(OWNER), address, "member")
    return letter.invitation.invitation_id, letter.token


def _takeover(tenant: Tenant) -> dict[str, object]:
    return {"user": tenant.people[ADMIN], "confirmation": f"{tenant.word} Works"}


def _invitation(tenant: Tenant) -> dict[str, object]:
    return {"email": f"new@{tenant.word.lower()}.example", "role": "member"}


ROWS = {
    "organizations/new": Row(get=SIGNED_IN, post=SIGNED_IN, form={"name": "One more"}),
    "organizations/current": Row(
        post=MEMBERS, form=lambda tenant: {"organization": tenant.org_id}, asks={"organization": "organization"}
    ),
    "settings/api-keys": Row(get=MANAGERS, post=MANAGERS, form={"name": "CI", "scopes": "credits:read"}),
    "settings/api-keys/<slug:key_id>/revocation": Row(post=MANAGERS),
    "settings/members": Row(get=MEMBERS, post=MANAGERS, form=_invitation),
    "settings/members/departure": Row(post=MEMBERS, but={f"POST {OWNER}": 409}),
    "settings/members/<int:user_id>/role": Row(post=MANAGERS, form={"role": "admin"}),
    "settings/members/<int:user_id>/removal": Row(post=MANAGERS),
    "settings/ownership": Row(get=OWNER_ONLY, post=OWNER_ONLY, form=_takeover, asks={"user": "user_id"}),
    "settings/invitations/<slug:invitation_id>/renewal": Row(post=MANAGERS),
    "settings/invitations/<slug:invitation_id>/revocation": Row(post=MANAGERS),
    # Whoever has the letter may open it; it is only accepted under the address it was sent to.
    "invitations/<slug:token>": Row(
        get=EVERYBODY, post=NOBODY, but={f"POST {ANONYMOUS}": 422, f"POST {HOMELESS}": 403}
    ),
}

PLACES = {
    "organization": Place(make=lambda tenant: tenant.org_id, absent=999_999),
    "user_id": Place(make=lambda tenant: tenant.people[USER], absent=999_999),
    "key_id": Place(make=lambda tenant: tenant.key()[0], absent="key_none"),
    "invitation_id": Place(make=lambda tenant: a_letter(tenant)[0], absent="inv_none"),
    "token": Place(make=lambda tenant: a_letter(tenant)[1]),
}
