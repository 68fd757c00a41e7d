"""Everyone who may stand before a route, and the groups that rows are written in."""

from testkase.core.access import OrganizationRole, ProjectRole

ANONYMOUS = "anonymous"
"""Not signed in."""
HOMELESS = "homeless"
"""Signed in, in no organization."""
OWNER = "owner"
ADMIN = "admin"
MEMBER = "member"
"""In the organization, in none of its projects."""
PROJECT_ADMIN = "project_admin"
GENERATOR = "generator"
"""A user of the project with the permission to generate."""
USER = "user"
GUEST = "guest"

ROLES = (ANONYMOUS, HOMELESS, OWNER, ADMIN, MEMBER, PROJECT_ADMIN, GENERATOR, USER, GUEST)

NOBODY = frozenset[str]()
EVERYBODY = frozenset(ROLES)
SIGNED_IN = EVERYBODY - {ANONYMOUS}
MEMBERS = SIGNED_IN - {HOMELESS}
"""Of the organization, whatever they are in it."""
MANAGERS = frozenset({OWNER, ADMIN})
OWNER_ONLY = frozenset({OWNER})
IN_PROJECT = MEMBERS - {MEMBER}
EDITORS = IN_PROJECT - {GUEST}
PROJECT_ADMINS = MANAGERS | {PROJECT_ADMIN}
GENERATORS = PROJECT_ADMINS | {GENERATOR}

IN_ORGANIZATION = {
    OWNER: OrganizationRole.OWNER,
    ADMIN: OrganizationRole.ADMIN,
    MEMBER: OrganizationRole.MEMBER,
    PROJECT_ADMIN: OrganizationRole.MEMBER,
    GENERATOR: OrganizationRole.MEMBER,
    USER: OrganizationRole.MEMBER,
    GUEST: OrganizationRole.MEMBER,
}
"""What each role is in the organization."""

PLACES_IN_PROJECT = {
    PROJECT_ADMIN: (ProjectRole.PROJECT_ADMIN, False),
    GENERATOR: (ProjectRole.USER, True),
    USER: (ProjectRole.USER, False),
    GUEST: (ProjectRole.GUEST, False),
}
"""What each role is in the project, and whether it may generate. Owner and admins need no place there."""
