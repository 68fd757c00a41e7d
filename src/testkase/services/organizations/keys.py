"""API keys: made within the maker's rank, revoked, and never left with more than their maker may still give.

A key acts for the organization, not for a person: its scopes say what it may do. But whoever made it knows its text. So
when a maker's role changes, their keys keep only what the new role may grant, and somebody who goes leaves no key that
works (trust.md: nobody acts above their rank). Where the policy on who buys changes, services/billing/keys.py does the
same.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db.models import Q, QuerySet
from django.utils import timezone

from testkase.core.access import DEFAULT_SCOPES, Scope, grantable_scopes, mint_key
from testkase.foundation.problems import Forbidden, InvalidInput, NotFound
from testkase.services.audit import Activity, Actor
from testkase.services.billing.settings import billing_settings
from testkase.services.organizations.actors import person, record_here
from testkase.services.organizations.models import ApiKey, Membership, Organization, User
from testkase.services.organizations.names import clean_name
from testkase.services.organizations.tenancy import people_locked, run_here, tenant_transaction

LIFETIMES = {"30": timedelta(days=30), "90": timedelta(days=90), "365": timedelta(days=365)}
"""How long a key may be made for, by the number of days; a key without an end lives until it is revoked."""

_MAX_NAME = 80


def create_api_key(
    organization: Organization,
    actor: User,
    name: str,
    scopes: Iterable[Scope] = DEFAULT_SCOPES,
    *,
    lifetime: timedelta | None = None,
) -> tuple[ApiKey, str]:
    """A new key and its text. The text exists only in this answer: the table keeps its hash.

    Raises InvalidInput for a name that cannot be and for no scope at all, Forbidden for a scope the actor may not give.
    """
    name, wanted = clean_name(name, _MAX_NAME, "The key's name"), frozenset(scopes)
    if not wanted:
        raise InvalidInput("Choose at least one thing the key may do.", field="scopes")
    with people_locked(organization):
        missing = wanted - scopes_to_give(organization, actor)
        if missing:
            raise Forbidden(f"Your role does not let you give a key the scope {min(missing)}.", field="scopes")
        minted = mint_key()
        key = ApiKey.objects.create(
            hash=minted.hash,
            organization=organization,
            key_id=minted.key_id,
            name=name,
            prefix=minted.prefix,
            scopes=sorted(scope.value for scope in wanted),
            created_by=actor,
            expires_at=timezone.now() + lifetime if lifetime else None,
        )
        _record(key, "api_key.created", person(actor))
    return key, minted.text


def scopes_to_give(organization: Organization, actor: User) -> frozenset[Scope]:
    """What somebody may put on a key, by their role as it stands now; nothing for somebody who is no member."""
    role = Membership.objects.filter(organization=organization, user=actor).values_list("role", flat=True).first()
    return _grantable(organization, role)


def api_keys_of(organization: Organization) -> list[ApiKey]:
    """Every key of an organization, newest first, revoked ones included."""
    return list(ApiKey.objects.filter(organization=organization).select_related("created_by").order_by("-created_at"))


def working_keys_by_maker(organization: Organization) -> dict[int, list[str]]:
    """Names of the keys that work, by who made them: what goes when that person goes."""
    found: dict[int, list[str]] = {}
    for maker, name in _working(organization).order_by("name").values_list("created_by", "name"):
        if maker is not None:
            found.setdefault(maker, []).append(name)
    return found


def revoke_api_key(organization: Organization, actor: User, key_id: str) -> ApiKey:
    """End a key for good. Revoking it again changes nothing. Raises NotFound for a key of another organization."""
    with people_locked(organization):
        key = ApiKey.objects.filter(organization=organization, key_id=key_id).first()
        if key is None:
            raise NotFound("There is no such API key.")
        if key.revoked_at is None:
            _revoke(key, timezone.now(), person(actor))
    return key


def narrow_keys(organization: Organization, maker_id: int, role: str | None, *, actor: User) -> list[ApiKey]:
    """Take from somebody's keys what their new role (None: gone) may not give; a key left with nothing is revoked.

    Answers the keys it changed. Call with the organization's people locked, in the transaction of the change of role.
    """
    allowed, now, changed = _grantable(organization, role), timezone.now(), []
    for key in _working(organization).filter(created_by=maker_id):
        kept = sorted(scope for scope in key.scopes if scope in allowed)
        if kept == sorted(key.scopes):
            continue
        if kept:
            key.scopes = kept
            key.save(update_fields=["scopes"])
            _record(key, "api_key.narrowed", person(actor))
        else:
            _revoke(key, now, person(actor))
        changed.append(key)
    return changed


def _grantable(organization: Organization, role: str | None) -> frozenset[Scope]:
    """By the role and the organization's policy on who buys."""
    with tenant_transaction(organization.pk):
        policy = run_here(billing_settings(organization.pk)).purchase_roles
    return grantable_scopes(role, purchase_roles=policy)


def _working(organization: Organization) -> QuerySet[ApiKey]:
    alive = Q(expires_at=None) | Q(expires_at__gt=timezone.now())
    return ApiKey.objects.filter(alive, organization=organization, revoked_at=None)


def _revoke(key: ApiKey, now: datetime, actor: Actor) -> None:
    key.revoked_at = now
    key.save(update_fields=["revoked_at"])
    _record(key, "api_key.revoked", actor)


def _record(key: ApiKey, action: str, actor: Actor) -> None:
    """Its name, and the letters people know it by; never the key."""
    details = {"prefix": key.prefix, "scopes": ", ".join(key.scopes)}
    record_here(key.organization_id, Activity(action=action, actor=actor, target=key.name, details=details))
