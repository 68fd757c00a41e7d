"""Invitations to an organization: sent by e-mail, accepted under the address they were sent to.

The token in the letter proves that its holder reads that mailbox, so an account made with it has a confirmed address.
"""

import secrets
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256

from allauth.account.models import EmailAddress
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db.models import QuerySet
from django.utils import timezone

from testkase.core.access import OrganizationRole, may_assign
from testkase.foundation.ids import new_id
from testkase.foundation.problems import Conflict, Forbidden, InvalidInput, NotFound
from testkase.foundation.text import in_one_line
from testkase.services.audit import Activity
from testkase.services.organizations.actors import person, record_here
from testkase.services.organizations.models import Invitation, Membership, Organization, User
from testkase.services.organizations.names import is_mailable
from testkase.services.organizations.people import manager_role, revoke_invitation
from testkase.services.organizations.tenancy import people_locked

LIFETIME = timedelta(days=7)
LETTERS_A_DAY = 100
"""As many invitations one organization sends in 24 hours: an account must not be a way to flood mailboxes."""

_TOKEN_BYTES = 32  # 256 random bits: one round of SHA-256 is enough
_LONGEST_TOKEN = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """An invitation to be sent. `token` exists only here and in the letter."""

    invitation: Invitation
    token: str = field(repr=False)


def invite(
    organization: Organization, actor: User, email: str, role: str, *, action: str = "invitation.sent"
) -> Letter:
    """Invite an address as `admin` or `member`; an open invitation of the same address ends. `action` is what the
    history calls it.

    Raises InvalidInput for an address or role that cannot be, Forbidden for a rank above the actor's, Conflict for
    somebody who is a member already and for more than LETTERS_A_DAY.
    """
    email = _address(email)
    if role not in (OrganizationRole.ADMIN.value, OrganizationRole.MEMBER.value):
        raise InvalidInput("Invite as Admin or as Member. Ownership is transferred, not given.", field="role")
    with people_locked(organization):
        if not may_assign(manager_role(organization, actor), role):
            raise Forbidden("Nobody invites above their own rank.")
        if Membership.objects.filter(organization=organization, user__email=email).exists():
            raise Conflict(f"{email} is a member already.", field="email")
        _open(organization).filter(email=email).update(revoked_at=timezone.now())
        letter = _issue(organization, actor, email, role)
        sent = Activity(action=action, actor=person(actor), target=email, details={"role": role})
        record_here(organization.pk, sent)
    return letter


def renew(organization: Organization, actor: User, invitation_id: str) -> Letter:
    """Send an invitation once more: the earlier letter stops working. Raises NotFound unless it is open (an expired one
    still is), and as `invite` does."""
    with people_locked(organization):
        manager_role(organization, actor)
        known = _find(organization, invitation_id)
        return invite(organization, actor, known.email, known.role, action="invitation.renewed")


def revoke(organization: Organization, actor: User, invitation_id: str) -> Invitation:
    """End an open invitation. Raises NotFound for one that is not open, or not this organization's."""
    with people_locked(organization):
        manager_role(organization, actor)
        known = _find(organization, invitation_id)
        revoke_invitation(known, actor=actor)
    return known


def open_invitations(organization: Organization) -> list[Invitation]:
    """Neither accepted nor revoked, newest first; those that expired are among them, to be sent again."""
    return list(_open(organization).select_related("invited_by").order_by("-created_at"))


def invitation_for(token: str) -> Invitation:
    """The invitation a letter speaks of. Raises NotFound alike for one that never was, was used, revoked or expired."""
    known = None
    if len(token) <= _LONGEST_TOKEN:
        usable = Invitation.objects.filter(accepted_at=None, revoked_at=None, expires_at__gt=timezone.now())
        known = usable.select_related("organization", "invited_by").filter(hash=_hash(token)).first()
    if known is None:
        raise NotFound("This invitation has been used or withdrawn, or it is older than 7 days. Ask for a new one.")
    return known


def accept(token: str, user: User) -> Membership:
    """Join. Raises NotFound as `invitation_for`, and Forbidden under another address than the invited one. Somebody who
    has become a member meanwhile keeps the role they have."""
    organization = invitation_for(token).organization
    with people_locked(organization):
        invitation = invitation_for(token)
        if not is_for(invitation, user):
            raise Forbidden(f"This invitation is for {invitation.email}. Sign in with that address to accept it.")
        invitation.accepted_at, invitation.accepted_by = timezone.now(), user
        invitation.save(update_fields=["accepted_at", "accepted_by"])
        membership, _ = Membership.objects.get_or_create(
            user=user, organization=organization, defaults={"role": invitation.role}
        )
        _confirm(user, invitation.email)
        by = invitation.invited_by.name if invitation.invited_by else "somebody who has left"
        details = {"role": membership.role, "by": by}
        joined = Activity(action="invitation.accepted", actor=person(user), target=invitation.email, details=details)
        record_here(organization.pk, joined)
    return membership


def join_with_new_account(token: str, name: str, password: str) -> Membership:
    """Make the invited person's account and join with it: both, or neither. The password has been validated.

    Raises as `accept`, InvalidInput for a name that cannot be, and Conflict where the address has an account already.
    """
    name = in_one_line(name)
    if not 1 <= len(name) <= 120:
        raise InvalidInput("Your name needs 1 to 120 characters.", field="name")
    invitation = invitation_for(token)
    with people_locked(invitation.organization):
        if has_account(invitation.email):
            raise Conflict(f"{invitation.email} has an account already. Sign in to accept the invitation.")
        return accept(token, User.objects.create_user(invitation.email, password, display_name=name))


def has_account(email: str) -> bool:
    """Whether somebody signs in with this address, or has confirmed it as another of theirs."""
    confirmed = EmailAddress.objects.filter(email=email, verified=True)
    return User.objects.filter(email=email).exists() or confirmed.exists()


def is_of(email: str, user: User) -> bool:
    """Whether it is this person's: the address they sign in with, or one they confirmed. Any other they only claim."""
    return user.email == email or EmailAddress.objects.filter(user=user, email=email, verified=True).exists()


def is_for(invitation: Invitation, user: User) -> bool:
    """Whether the invitation was sent to this person."""
    return is_of(invitation.email, user)


def _confirm(user: User, email: str) -> None:
    """The letter has shown that this person reads the address."""
    addresses = EmailAddress.objects.filter(user=user)
    if EmailAddress.objects.filter(email=email, verified=True).exists() or addresses.filter(email=email).update(
        verified=True
    ):
        return
    primary = not addresses.filter(primary=True).exists()
    EmailAddress.objects.create(user=user, email=email, verified=True, primary=primary)


def _open(organization: Organization) -> QuerySet[Invitation]:
    return Invitation.objects.filter(organization=organization, accepted_at=None, revoked_at=None)


def _find(organization: Organization, invitation_id: str) -> Invitation:
    known = _open(organization).filter(invitation_id=invitation_id).first()
    if known is None:
        raise NotFound("There is no such invitation.")
    return known


def _issue(organization: Organization, actor: User, email: str, role: str) -> Letter:
    now = timezone.now()
    lately = Invitation.objects.filter(organization=organization, created_at__gt=now - timedelta(days=1))
    if lately.count() >= LETTERS_A_DAY:
        raise Conflict(f"{LETTERS_A_DAY} invitations were sent within a day. Go on tomorrow.")
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    invitation = Invitation.objects.create(
        hash=_hash(token),
        organization=organization,
        invitation_id=new_id("inv"),
        email=email,
        role=role,
        invited_by=actor,
        created_at=now,
        expires_at=now + LIFETIME,
    )
    return Letter(invitation=invitation, token=token)


def _hash(token: str) -> bytes:
    return sha256(token.encode()).digest()


def _address(email: str) -> str:
    email = email.strip().lower()
    try:
        validate_email(email)
    except ValidationError:
        raise InvalidInput("Enter an e-mail address such as name@example.com.", field="email") from None
    if not is_mailable(email):
        raise InvalidInput("No letter can be sent to this address. Check what stands behind the @.", field="email")
    if len(email) > 254:
        raise InvalidInput("An e-mail address has at most 254 characters.", field="email")
    return email
