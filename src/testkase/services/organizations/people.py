"""The people of an organization: roles, removal, leaving, and who owns it (P15).

Every change of people first locks the organization's row and then reads the actor's role anew: two changes at once
happen one after the other, and somebody whose role has just been taken away changes nothing more with it.
"""

from dataclasses import dataclass

from django.utils import timezone

from testkase.core.access import Action, OrganizationRole, can, may_assign
from testkase.foundation.problems import Conflict, Forbidden, InvalidInput, NotFound
from testkase.services.audit import Activity
from testkase.services.metering.limits.closing import close_requests_of
from testkase.services.organizations.actors import person, record_here
from testkase.services.organizations.keys import narrow_keys, working_keys_by_maker
from testkase.services.organizations.models import Invitation, Membership, Organization, User
from testkase.services.organizations.tenancy import people_locked, run_here, tenant_transaction
from testkase.services.workspace.members import keys_by_person, leave_projects

MOST_OWNED = 5
"""Organizations one person may own: each brings an allowance of its own, so that nobody collects them."""

_LARGEST_ID = 2**63 - 1
_RANKS = (OrganizationRole.OWNER.value, OrganizationRole.ADMIN.value, OrganizationRole.MEMBER.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A line of the list of members. `projects`: keys of the projects they were added to; `api_keys`: names of the API
    keys they made that still work."""

    user: User
    role: str
    projects: list[str]
    api_keys: list[str]


def people_of(organization: Organization) -> list[Person]:
    """Everyone in the organization: the owner, then admins, then members, each by name. Needs the tenant context."""
    memberships = Membership.objects.filter(organization=organization).select_related("user")
    projects = run_here(keys_by_person(organization.pk))
    keys = working_keys_by_maker(organization)
    people = [
        Person(
            user=one.user,
            role=one.role,
            projects=projects.get(one.user_id, []),
            api_keys=keys.get(one.user_id, []),
        )
        for one in memberships
    ]
    return sorted(people, key=lambda one: (_RANKS.index(one.role), one.user.name.casefold(), one.user.pk))


def change_role(organization: Organization, actor: User, user_id: int, role: str) -> Membership:
    """Make a member `admin` or `member`. Raises InvalidInput for another role, NotFound for somebody who is not in the
    organization, Forbidden where the actor may not act on that rank (nobody acts above their own)."""
    if role not in (OrganizationRole.ADMIN.value, OrganizationRole.MEMBER.value):
        raise InvalidInput("Choose Admin or Member. Ownership is transferred, not given.", field="role")
    with people_locked(organization):
        rank, target = manager_role(organization, actor), _member(organization, user_id)
        if not (may_assign(rank, target.role) and may_assign(rank, role)):
            raise Forbidden("The Owner's role changes only by transferring ownership.")
        before, target.role = target.role, role
        if role == before:
            return target
        target.save(update_fields=["role"])
        _record(organization, "member.role_changed", actor, target.user, {"from": before, "to": role})
        narrow_keys(organization, user_id, role, actor=actor)
        if role == OrganizationRole.MEMBER.value:
            withdraw_invitations_of(organization, user_id, actor=actor)
    return target


def remove_member(organization: Organization, actor: User, user_id: int) -> User:
    """Take somebody out of the organization and all its projects; what they made stays. Raises as `change_role`."""
    with people_locked(organization):
        rank, target = manager_role(organization, actor), _member(organization, user_id)
        if not may_assign(rank, target.role):
            raise Forbidden("The Owner cannot be removed. Ownership is transferred first.")
        gone = target.user  # a deleted membership names nobody
        _take_out(target)
        _record(organization, "member.removed", actor, gone, {"email": gone.email, "role": target.role})
        _end_what_they_handed_out(organization, user_id, actor)
    return gone


def leave(organization: Organization, user: User) -> None:
    """Go. Raises Conflict for the owner, who transfers ownership first."""
    with people_locked(organization):
        own = _member(organization, user.pk)
        if own.role == OrganizationRole.OWNER.value:
            raise Conflict("An organization always has an Owner. Transfer ownership before you leave.")
        _take_out(own)
        _record(organization, "member.left", user, user, {"role": own.role})
        _end_what_they_handed_out(organization, user.pk, user)


def transfer_ownership(organization: Organization, actor: User, user_id: int, *, confirmation: str) -> Membership:
    """Make another member the owner; who owned it so far becomes an admin. `confirmation` is the organization's name,
    typed. Raises Forbidden for anyone but the owner, NotFound for somebody who is not in the organization, Conflict for
    somebody who owns as many as one person may."""
    with people_locked(organization):
        own = _member(organization, actor.pk)
        if not can(own.role, Action.TRANSFER_OWNERSHIP):
            raise Forbidden("Only the Owner transfers ownership.")
        if " ".join(confirmation.split()) != organization.name:
            raise InvalidInput(f"Type the organization's name, {organization.name}, to confirm.", field="confirmation")
        target = _member(organization, user_id)
        if target.pk == own.pk:
            raise InvalidInput("You are the Owner already. Choose somebody else.", field="user")
        check_room(target.user)
        # In this order: the database never lets two owners be written, not even for a moment.
        own.role = OrganizationRole.ADMIN.value
        own.save(update_fields=["role"])
        target.role = OrganizationRole.OWNER.value
        target.save(update_fields=["role"])
        _record(organization, "ownership.transferred", actor, target.user, {"email": target.user.email})
        narrow_keys(organization, actor.pk, own.role, actor=actor)
    return target


def owned_by(user: User) -> int:
    """How many organizations somebody owns."""
    return Membership.objects.filter(user=user, role=OrganizationRole.OWNER.value).count()


def check_room(user: User) -> None:
    """Raises Conflict for somebody who can own no more. Call it in the transaction that makes them an owner: two of
    them happen one after the other, so that both do not find the last place."""
    User.objects.select_for_update(no_key=True).get(pk=user.pk)
    if owned_by(user) >= MOST_OWNED:
        raise Conflict(
            f"{user.name} owns {MOST_OWNED} organizations, as many as one person may. One must be transferred first."
        )


def manager_role(organization: Organization, actor: User) -> str:
    """The actor's role as it stands now. Raises Forbidden unless it may manage members."""
    role = Membership.objects.filter(organization=organization, user=actor).values_list("role", flat=True).first()
    if role is None or not can(role, Action.MANAGE_MEMBERS):
        raise Forbidden("Members are managed by the Owner and the Admins of the organization.")
    return role


def _member(organization: Organization, user_id: int) -> Membership:
    people = Membership.objects.filter(organization=organization).select_related("user")
    found = people.filter(user=user_id).first() if user_id <= _LARGEST_ID else None
    if found is None:
        raise NotFound("There is no such member.")
    return found


def _take_out(membership: Membership) -> None:
    """Before anything is recorded: who changes a project's people locks these rows first and the history last."""
    org_id, user_id = membership.organization_id, membership.user_id
    # The membership first: somebody being added to a project holds on to it, and is then found among its members.
    membership.delete()
    with tenant_transaction(org_id):
        run_here(leave_projects(org_id, user_id=user_id))
        run_here(close_requests_of(org_id, user_id=user_id))


def _end_what_they_handed_out(organization: Organization, user_id: int, actor: User) -> None:
    narrow_keys(organization, user_id, None, actor=actor)
    withdraw_invitations_of(organization, user_id, actor=actor)


def withdraw_invitations_of(organization: Organization, user_id: int, *, actor: User) -> None:
    """What somebody may not hand out any more must not come true through a letter they sent before."""
    open_ones = Invitation.objects.filter(organization=organization, accepted_at=None, revoked_at=None)
    for invitation in open_ones.filter(invited_by=user_id):
        revoke_invitation(invitation, actor=actor)


def revoke_invitation(invitation: Invitation, *, actor: User) -> None:
    """End it, and say so in the history."""
    invitation.revoked_at = timezone.now()
    invitation.save(update_fields=["revoked_at"])
    activity = Activity(action="invitation.revoked", actor=person(actor), target=invitation.email)
    record_here(invitation.organization_id, activity)


def _record(organization: Organization, action: str, actor: User, target: User, details: dict[str, str]) -> None:
    record_here(organization.pk, Activity(action=action, actor=person(actor), target=target.name, details=details))
