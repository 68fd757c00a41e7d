"""What can be done with organizations: open one, read a person's live role in it."""

import secrets
from typing import TypedDict, Unpack

from django.db import transaction
from django.utils.text import slugify

from testkase.core.access import OrganizationRole
from testkase.core.ledger import operations as ledger
from testkase.core.ledger.commands import OpenAccount
from testkase.foundation.problems import InvalidInput
from testkase.services.audit import Activity, record
from testkase.services.organizations.actors import person, record_here
from testkase.services.organizations.models import Membership, Organization, User
from testkase.services.organizations.names import clean_name
from testkase.services.organizations.people import check_room
from testkase.services.organizations.tenancy import run_here, tenant_transaction

_MAX_ORGANIZATION_NAME = 120
_MAX_SLUG = 60


class AccountTerms(TypedDict):
    """What a new organization's credit account is opened with, and keeps: the allowance in micro-credits (P2), and the
    day and zone in which its billing months begin (P4)."""

    monthly_allowance: int
    anchor_day: int
    time_zone: str


def create_organization(
    name: str, owner: User, *, ai_enabled: bool = False, **terms: Unpack[AccountTerms]
) -> Organization:
    """A new organization with its owner and its ledger account, or nothing of it: one transaction (R5, P14).

    Raises InvalidInput for a name that is empty or longer than 120 characters.
    """
    name = clean_name(name, _MAX_ORGANIZATION_NAME, "The organization's name")
    with transaction.atomic():
        organization = Organization.objects.create(name=name, slug=_free_slug(name))
        Membership.objects.create(user=owner, organization=organization, role=OrganizationRole.OWNER.value)
        opening = OpenAccount(org_id=organization.pk, ai_enabled=ai_enabled, **terms)
        with tenant_transaction(organization.pk):
            run_here(ledger.execute_one(opening))
            run_here(record(organization.pk, Activity(action="organization.opened", actor=person(owner), target=name)))
    return organization


def open_another(name: str, owner: User, **terms: Unpack[AccountTerms]) -> Organization:
    """An organization for somebody who may own others already, up to MOST_OWNED. Raises Conflict beyond, and as
    `create_organization`."""
    with transaction.atomic():
        check_room(owner)
        return create_organization(name, owner, **terms)


def add_member(organization: Organization, user: User, role: OrganizationRole) -> Membership:
    """Give a person a role in an organization. There is exactly one owner: that role only moves by a transfer."""
    if role is OrganizationRole.OWNER:
        raise InvalidInput("An organization has exactly one owner; ownership is transferred, not given.", field="role")
    with transaction.atomic():
        membership = Membership.objects.create(user=user, organization=organization, role=role.value)
        joined = Activity(action="member.joined", actor=person(user), target=user.name, details={"role": role.value})
        record_here(organization.pk, joined)
    return membership


def memberships_of(user: User) -> list[Membership]:
    """A person's memberships with their organizations, oldest first; the first is where they land after signing in."""
    return list(
        Membership.objects.filter(user=user).select_related("organization").order_by("joined_at", "organization")
    )


def membership_in(user: User, org_id: int) -> Membership | None:
    """A person's live membership of one organization, or None."""
    return Membership.objects.filter(user=user, organization=org_id).select_related("organization").first()


def _free_slug(name: str) -> str:
    """A slug nobody has: from the name, with random letters when it is taken (or says nothing in ASCII)."""
    slug = slugify(name).replace("_", "-").strip("-")[: _MAX_SLUG - 7].strip("-") or "team"
    while "--" in slug:
        slug = slug.replace("--", "-")
    if Organization.objects.filter(slug=slug).exists():
        slug = f"{slug}-{secrets.token_hex(3)}"
    return slug
