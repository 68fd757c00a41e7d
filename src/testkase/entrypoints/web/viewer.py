"""Who is looking, and from which organization: resolved once a request from live rows."""

from dataclasses import dataclass
from functools import cached_property
from typing import cast

from django.http import HttpRequest

from testkase.core.access import Action, OrganizationRole, PurchaseRoles, can, can_in_project
from testkase.foundation.problems import Forbidden
from testkase.services.audit import Actor
from testkase.services.billing.settings import billing_settings
from testkase.services.organizations.actors import person
from testkase.services.organizations.models import Membership, Organization, User
from testkase.services.organizations.operations import memberships_of
from testkase.services.organizations.tenancy import run_here
from testkase.services.workspace.model import Project

SESSION_ORGANIZATION = "org_id"
"""Session key of the organization a person works in. Their membership of it is checked at every request."""


@dataclass(frozen=True, kw_only=True)
class Viewer:
    """A signed-in member of an organization."""

    user: User
    organization: Organization
    role: str
    others: list[Organization]
    """The viewer's other organizations."""

    @property
    def org_id(self) -> int:
        return int(self.organization.pk)

    @property
    def actor(self) -> Actor:
        """The viewer as the activity history names them."""
        return person(self.user)

    @property
    def manages_projects(self) -> bool:
        """Owners and admins see every project, also those they were not added to."""
        return can(self.role, Action.MANAGE_PROJECTS)

    def can(self, action: Action) -> bool:
        """Whether the viewer's role allows an action on the organization."""
        if action is Action.BUY_CREDITS:
            return can(self.role, action, purchase_roles=self._purchase_roles)
        return can(self.role, action)

    @cached_property
    def _purchase_roles(self) -> str:
        """The Owner's policy, read where it matters: for admins, once a request, in its transaction."""
        if self.role != OrganizationRole.ADMIN:
            return PurchaseRoles.OWNER
        return run_here(billing_settings(self.org_id)).purchase_roles

    def can_in(self, project: Project, action: Action) -> bool:
        """Whether the viewer's roles allow an action in a project."""
        return can_in_project(self.role, project.role, action, may_generate=project.may_generate)

    def must(self, action: Action, refusal: str) -> None:
        """Raises Forbidden with the sentence given unless the viewer may do the action."""
        if not self.can(action):
            raise Forbidden(refusal)


class MemberRequest(HttpRequest):
    """A request that the tenant middleware let through: it has a viewer and an open transaction."""

    viewer: Viewer


def viewer_of(request: HttpRequest) -> Viewer | None:
    """The viewer of a request, in the session's organization or else the first they belong to; None without one."""
    if not request.user.is_authenticated:
        return None
    memberships = memberships_of(request.user)
    if not memberships:
        return None
    chosen = request.session.get(SESSION_ORGANIZATION)
    membership = next((one for one in memberships if one.organization_id == chosen), memberships[0])
    request.session.setdefault(SESSION_ORGANIZATION, membership.organization_id)
    return _viewer(request, membership, memberships)


def viewer_in(request: HttpRequest, org_id: str) -> Viewer | None:
    """The viewer of a request in one of their organizations, whichever they have chosen; None where they are not in
    it."""
    memberships = memberships_of(request.user) if request.user.is_authenticated else []
    membership = next((one for one in memberships if str(one.organization_id) == org_id), None)
    return _viewer(request, membership, memberships) if membership else None


def other_meant(request: HttpRequest, viewer: Viewer) -> Organization | None:
    """Another of the viewer's organizations, where the link in a letter that they followed is about that one."""
    meant = request.GET.get("organization")
    return next((one for one in viewer.others if str(one.pk) == meant), None)


def _viewer(request: HttpRequest, membership: Membership, memberships: list[Membership]) -> Viewer:
    others = [one.organization for one in memberships if one is not membership]
    user = cast(User, request.user)
    return Viewer(user=user, organization=membership.organization, role=membership.role, others=others)
