"""The demonstration organization: made once, so that a fresh installation can be tried at once."""

import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime

from allauth.account.models import EmailAddress
from django.db import transaction

from testkase.core.access import OrganizationRole
from testkase.core.pricing import load_price_books
from testkase.foundation.settings import Settings
from testkase.services.organizations import operations
from testkase.services.organizations.actors import person
from testkase.services.organizations.keys import create_api_key, revoke_api_key, scopes_to_give
from testkase.services.organizations.models import ApiKey, Organization, User
from testkase.services.organizations.tenancy import run_here, tenant_transaction
from testkase.services.workspace import demo as workspace_demo

DEMO_ORGANIZATION = "Northwind Labs"
DEMO_SLUG = "northwind-labs"
_PEOPLE = (
    ("owner", "owner@northwind.example", "Olivia Ortega"),
    ("admin", "admin@northwind.example", "Adam Novak"),
    ("member", "member@northwind.example", "Mira Lindqvist"),
)
_DEMO_KEY = "Demo key"


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoUser:
    """A demo sign-in. `password` is None when it was made earlier: only its hash is kept."""

    email: str
    password: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoSeed:
    """What a caller needs to use the demo organization. Secrets are there only when they were made in this call."""

    organization: str
    org_id: int
    created: bool
    users: dict[str, DemoUser]
    api_key: str | None = field(default=None, repr=False)


def seed_demo(settings: Settings, *, renew_secrets: bool = False) -> DemoSeed:
    """Make the demo organization unless it is there: owner, admin, member, a project with cases, AI on, an API key.

    Needs Django set up. `renew_secrets` gives existing demo people new passwords and makes a new API key (the old one
    is revoked): for an installation that has lost the file they were written to.
    """
    with transaction.atomic():
        organization = Organization.objects.filter(slug=DEMO_SLUG).first()
        if organization is not None:
            return _renewed(organization) if renew_secrets else _known(organization)
        return _made(settings)


def _made(settings: Settings) -> DemoSeed:
    passwords = {role: _password() for role, _, _ in _PEOPLE}
    people = {
        role: User.objects.create_user(email, passwords[role], display_name=name) for role, email, name in _PEOPLE
    }
    for user in people.values():
        EmailAddress.objects.create(user=user, email=user.email, primary=True, verified=True)
    book = load_price_books(settings.price_book).at(datetime.now(UTC))
    organization = operations.create_organization(
        DEMO_ORGANIZATION, people["owner"], ai_enabled=True, monthly_allowance=book.monthly_allowance,
        anchor_day=settings.billing_anchor_day, time_zone=settings.billing_time_zone,
    )  # fmt: skip
    operations.add_member(organization, people["admin"], OrganizationRole.ADMIN)
    operations.add_member(organization, people["member"], OrganizationRole.MEMBER)
    with tenant_transaction(organization.pk):
        admin, member = people["admin"], people["member"]
        seeding = workspace_demo.seed(organization.pk, member_id=member.pk, author_id=admin.pk, actor=person(admin))
        run_here(seeding)
    _, key = _demo_key(organization, people["owner"])
    users = {role: DemoUser(email=email, password=passwords[role]) for role, email, _ in _PEOPLE}
    return DemoSeed(organization=organization.name, org_id=organization.pk, created=True, users=users, api_key=key)


def _known(organization: Organization) -> DemoSeed:
    users = {role: DemoUser(email=email) for role, email, _ in _PEOPLE}
    return DemoSeed(organization=organization.name, org_id=organization.pk, created=False, users=users)


def _renewed(organization: Organization) -> DemoSeed:
    users: dict[str, DemoUser] = {}
    for role, email, _ in _PEOPLE:
        users[role] = DemoUser(email=email, password=_password())
        for user in User.objects.filter(email=email):
            user.set_password(users[role].password)
            user.save(update_fields=["password"])
    owner = organization.memberships.get(role=OrganizationRole.OWNER.value).user
    for key in ApiKey.objects.filter(organization=organization, name=_DEMO_KEY, revoked_at=None):
        revoke_api_key(organization, owner, key.key_id)
    _, text = _demo_key(organization, owner)
    return DemoSeed(organization=organization.name, org_id=organization.pk, created=False, users=users, api_key=text)


def _demo_key(organization: Organization, owner: User) -> tuple[ApiKey, str]:
    """One key that opens every door of the API: it is there to try them."""
    return create_api_key(organization, owner, _DEMO_KEY, scopes_to_give(organization, owner))


def _password() -> str:
    """Short enough to type from a terminal, 60 random bits."""
    letters = "abcdefghjkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(letters) for _ in range(4)) for _ in range(3))
