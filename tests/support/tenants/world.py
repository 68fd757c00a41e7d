"""Two organizations with the same things in them: one whose people and programs are tried, and its neighbour.

Everything of the neighbour carries a word of its own: an answer to anybody else that holds it is a leak.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from testkase.core.access import OrganizationRole, Scope, mint_key
from testkase.core.ledger import operations as ledger
from testkase.core.ledger.commands import Grant
from testkase.foundation.database import Operation
from testkase.services.audit import OPERATOR
from testkase.services.workspace.cases import create_case
from testkase.services.workspace.members import add_person
from testkase.services.workspace.model import CaseContent, Step
from testkase.services.workspace.projects import create_project, find_project
from tests.support.tenants.roles import ANONYMOUS, HOMELESS, IN_ORGANIZATION, OWNER, PLACES_IN_PROJECT, ROLES

if TYPE_CHECKING:
    from django.test import Client

OWN, OTHER = "Cobalt", "Vermilion"
CREDITS = 10**12
"""Micro-credits beyond the allowance: no case is refused for want of credits."""


@dataclass(kw_only=True)
class Tenant:
    """An organization as the places see it."""

    word: str
    """In every name and text of it."""
    org_id: int
    project_key: str
    people: dict[str, int] = field(default_factory=dict)
    """User ids by role."""
    emails: dict[str, str] = field(default_factory=dict)
    ids: dict[str, Any] = field(default_factory=dict)
    """What the places made: one of each."""

    def run(self, operation: Operation[Any]) -> Any:
        """Run an operation in this organization, in a transaction of its own."""
        from testkase.services.organizations.tenancy import run_here, tenant_transaction

        with tenant_transaction(self.org_id):
            return run_here(operation)

    @property
    def organization(self) -> Any:
        return _models().Organization.objects.get(pk=self.org_id)

    def person(self, role: str) -> Any:
        return _models().User.objects.get(pk=self.people[role])

    @property
    def project_id(self) -> int:
        project = self.run(find_project(self.org_id, self.project_key, user_id=self.people[OWNER], sees_all=True))
        return int(project.project_id)

    def key(self, scopes: frozenset[Scope] = frozenset(Scope)) -> tuple[str, str]:
        """A new API key of the owner: its id and its text."""
        minted = mint_key()
        _models().ApiKey.objects.create(
            hash=minted.hash,
            organization_id=self.org_id,
            key_id=minted.key_id,
            name=f"{self.word} key",
            prefix=minted.prefix,
            scopes=sorted(scope.value for scope in scopes),
            created_by_id=self.people[OWNER],
        )
        return minted.key_id, minted.text


@dataclass(kw_only=True)
class World:
    """Both organizations, and the people of the first, signed in."""

    own: Tenant
    other: Tenant
    cookies: dict[str, str]
    """Of each role's session, empty for whoever is not signed in."""

    def client(self, role: str) -> "Client":
        """A browser with the role's session and nothing else: signing out, say, only empties the one it is done in."""
        from django.conf import settings
        from django.test import Client

        client = Client(raise_request_exception=False)
        client.cookies[settings.SESSION_COOKIE_NAME] = self.cookies[role]
        return client


def made_world(places: dict[str, Callable[[Tenant], Any]]) -> World:
    """Make both in the database Django is connected to. The neighbour has three of everything and shows the last, so
    that ids counted per organization differ."""
    own, other = made_tenant(OWN, "SHOP"), made_tenant(OTHER, "VAULT")
    for name, make in places.items():
        own.ids[name] = make(own)
        for _ in range(3):
            other.ids[name] = make(other)
    return World(own=own, other=other, cookies={role: session_of(own, role) for role in ROLES})


def made_tenant(word: str, project_key: str) -> Tenant:
    """An organization in whose names and texts the word stands, with credits, a project, and somebody of each role."""
    from allauth.account.models import EmailAddress

    from testkase.services.organizations.operations import add_member, create_organization

    emails = {role: f"{role}@{word.lower()}.example" for role in IN_ORGANIZATION}
    people = {
        role: _models().User.objects.create_user(email, "a long password", display_name=f"{word} {role}")
        for role, email in emails.items()
    }
    for person in people.values():
        EmailAddress.objects.create(user=person, email=person.email, primary=True, verified=True)
    organization = create_organization(
        f"{word} Works", people[OWNER], ai_enabled=True, monthly_allowance=300_000_000, anchor_day=1, time_zone="UTC"
    )
    for role, rank in IN_ORGANIZATION.items():
        if rank is not OrganizationRole.OWNER:
            add_member(organization, people[role], rank)
    ids = {role: int(person.pk) for role, person in people.items()}
    tenant = Tenant(word=word, org_id=organization.pk, project_key=project_key, people=ids, emails=emails)
    tenant.run(_furnish(tenant))
    return tenant


def _furnish(tenant: Tenant) -> Operation[None]:
    """Credits, and a project with a case and its people."""
    yield from ledger.execute_one(Grant(org_id=tenant.org_id, grant_id="plenty", amount=CREDITS))
    name = f"{tenant.word} project"
    project = yield from create_project(tenant.org_id, key=tenant.project_key, name=name, actor=OPERATOR)
    for role, (place, may_generate) in PLACES_IN_PROJECT.items():
        yield from add_person(
            tenant.org_id, project, tenant.people[role], role=place, may_generate=may_generate, actor=OPERATOR
        )
    content = CaseContent(
        title=f"{tenant.word} case", preconditions=tenant.word, steps=(Step(action=tenant.word, expected=tenant.word),)
    )
    yield from create_case(tenant.org_id, project, content, author_id=tenant.people[OWNER])


def session_of(own: Tenant, role: str) -> str:
    """The cookie of a new session of the role; empty for whoever is not signed in."""
    from allauth.account.models import EmailAddress
    from django.conf import settings
    from django.test import Client

    if role == ANONYMOUS:
        return ""
    client = Client()
    if role == HOMELESS:
        address = f"homeless@nowhere-near-{own.word.lower()}.example"
        person, is_new = _models().User.objects.get_or_create(email=address)
        if is_new:
            EmailAddress.objects.create(user=person, email=person.email, primary=True, verified=True)
    else:
        person = own.person(role)
    client.force_login(person)
    return client.cookies[settings.SESSION_COOKIE_NAME].value


def _models() -> Any:
    """They can be imported only once Django is set up."""
    from testkase.services.organizations import models

    return models
