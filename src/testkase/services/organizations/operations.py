"""What can be done with organizations: open one, read a person's live role in it, hand out and revoke API keys."""

import secrets
from collections.abc import Iterable

from django.db import transaction
from django.utils import timezone
from django.utils.text import slugify

from testkase.core.access import DEFAULT_SCOPES, OrganizationRole, Scope, mint_key
from testkase.core.ledger import operations as ledger
from testkase.core.ledger.commands import OpenAccount
from testkase.foundation.problems import InvalidInput, NotFound
from testkase.services.organizations.models import ApiKey, Membership, Organization, User
from testkase.services.organizations.tenancy import run_here, tenant_transaction

_MAX_ORGANIZATION_NAME = 120
_MAX_KEY_NAME = 80
_MAX_SLUG = 60


def create_organization(name: str, owner: User, *, monthly_allowance: int, ai_enabled: bool = False) -> Organization:
    """A new organization with its owner and its ledger account, or nothing of it: one transaction (R5, P14).

    `monthly_allowance` in micro-credits. Raises InvalidInput for a name that is empty or longer than 120 characters.
    """
    name = _clean(name, _MAX_ORGANIZATION_NAME, "The organization's name")
    with transaction.atomic():
        organization = Organization.objects.create(name=name, slug=_free_slug(name))
        Membership.objects.create(user=owner, organization=organization, role=OrganizationRole.OWNER.value)
        opening = OpenAccount(org_id=organization.pk, monthly_allowance=monthly_allowance, ai_enabled=ai_enabled)
        with tenant_transaction(organization.pk):
            run_here(ledger.execute_one(opening))
    return organization


def add_member(organization: Organization, user: User, role: OrganizationRole) -> Membership:
    """Give a person a role in an organization. There is exactly one owner: that role only moves by a transfer."""
    if role is OrganizationRole.OWNER:
        raise InvalidInput("An organization has exactly one owner; ownership is transferred, not given.", field="role")
    return Membership.objects.create(user=user, organization=organization, role=role.value)


def memberships_of(user: User) -> list[Membership]:
    """A person's memberships with their organizations, oldest first; the first is where they land after signing in."""
    return list(
        Membership.objects.filter(user=user).select_related("organization").order_by("joined_at", "organization")
    )


def membership_in(user: User, org_id: int) -> Membership | None:
    """A person's live membership of one organization, or None."""
    return Membership.objects.filter(user=user, organization=org_id).select_related("organization").first()


def create_api_key(
    organization: Organization, actor: User, name: str, scopes: Iterable[Scope] = DEFAULT_SCOPES
) -> tuple[ApiKey, str]:
    """A new key and its text. The text exists only in this answer: the table keeps its hash."""
    minted = mint_key()
    key = ApiKey.objects.create(
        hash=minted.hash,
        organization=organization,
        key_id=minted.key_id,
        name=_clean(name, _MAX_KEY_NAME, "The key's name"),
        prefix=minted.prefix,
        scopes=sorted(scope.value for scope in scopes),
        created_by=actor,
    )
    return key, minted.text


def api_keys_of(organization: Organization) -> list[ApiKey]:
    """Every key of an organization, newest first, revoked ones included."""
    return list(ApiKey.objects.filter(organization=organization).select_related("created_by").order_by("-created_at"))


def revoke_api_key(organization: Organization, key_id: str) -> ApiKey:
    """End a key for good. Revoking it again changes nothing. Raises NotFound for a key of another organization."""
    key = ApiKey.objects.filter(organization=organization, key_id=key_id).first()
    if key is None:
        raise NotFound("There is no such API key.")
    if key.revoked_at is None:
        key.revoked_at = timezone.now()
        key.save(update_fields=["revoked_at"])
    return key


def _clean(text: str, longest: int, what: str) -> str:
    text = " ".join(text.replace("\x00", "").split())
    if not 1 <= len(text) <= longest:
        raise InvalidInput(f"{what} needs 1 to {longest} characters.", field="name")
    return text


def _free_slug(name: str) -> str:
    """A slug nobody has: from the name, with random letters when it is taken (or says nothing in ASCII)."""
    slug = slugify(name).replace("_", "-").strip("-")[: _MAX_SLUG - 7].strip("-") or "team"
    while "--" in slug:
        slug = slug.replace("--", "-")
    if Organization.objects.filter(slug=slug).exists():
        slug = f"{slug}-{secrets.token_hex(3)}"
    return slug
