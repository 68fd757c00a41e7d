"""Role × action → allowed (R36–R41, P14, P15): two tables to read, and the functions that read them.

Roles and permissions are values the caller has just loaded: nothing is remembered here, so that a role taken away is
gone with the next request. Whether AI is on at all is not a matter of roles: the switch is asked separately.
"""

from enum import StrEnum


class OrganizationRole(StrEnum):
    """What a person is in the organization. There is exactly one owner."""

    OWNER = "owner"
    ADMIN = "admin"
    MEMBER = "member"


class ProjectRole(StrEnum):
    """What a person is in one project."""

    PROJECT_ADMIN = "project_admin"
    USER = "user"
    GUEST = "guest"


class PurchaseRoles(StrEnum):
    """The organization's policy on who buys (R36, R37). Only the owner changes it."""

    OWNER = "owner"
    OWNER_AND_ADMINS = "owner_and_admins"


class Action(StrEnum):
    """What can be asked. The first group concerns the organization, the second one project."""

    VIEW_BALANCE = "view_balance"
    VIEW_USAGE = "view_usage"
    EXPORT_USAGE = "export_usage"
    BUY_CREDITS = "buy_credits"
    VIEW_BILLING = "view_billing"
    SWITCH_AI = "switch_ai"
    SET_PURCHASE_ROLES = "set_purchase_roles"
    SET_OVERAGE = "set_overage"
    VIEW_AI_MODELS = "view_ai_models"
    SET_QUALITY_LEVELS = "set_quality_levels"
    SET_ALERTS = "set_alerts"
    SET_BUDGETS = "set_budgets"
    SET_GUARD = "set_guard"
    VIEW_ACTIVITY = "view_activity"
    MANAGE_API_KEYS = "manage_api_keys"
    MANAGE_WEBHOOKS = "manage_webhooks"
    MANAGE_MEMBERS = "manage_members"
    MANAGE_PROJECTS = "manage_projects"
    TRANSFER_OWNERSHIP = "transfer_ownership"
    GOVERN_DATA = "govern_data"

    VIEW_PROJECT = "view_project"
    CHAT = "chat"
    EDIT_CASES = "edit_cases"
    RUN_CYCLES = "run_cycles"
    DELETE_FOLDERS_AND_CYCLES = "delete_folders_and_cycles"
    GENERATE_CASES = "generate_cases"
    CREATE_REPORT = "create_report"
    SCHEDULE_REPORTS = "schedule_reports"
    MANAGE_PROJECT_MEMBERS = "manage_project_members"


YES, NO = True, False
BY_POLICY = "by policy"
"""Allowed where the organization's purchase policy includes admins."""
IF_PERMITTED = "if permitted"
"""Allowed to those who were given the permission to generate in this project."""

ORGANIZATION_TABLE: dict[Action, tuple[bool, bool | str, bool]] = {
    #                            owner  admin      member
    Action.VIEW_BALANCE:        (YES,   YES,       YES),  # R38
    Action.VIEW_USAGE:          (YES,   YES,       YES),  # R42, R46
    Action.EXPORT_USAGE:        (YES,   YES,       NO),   # P11: names and spending of everyone leave the product
    Action.BUY_CREDITS:         (YES,   BY_POLICY, NO),   # R36, R37, R39
    Action.VIEW_BILLING:        (YES,   YES,       NO),   # R78
    Action.SWITCH_AI:           (YES,   NO,        NO),   # R40
    Action.SET_PURCHASE_ROLES:  (YES,   NO,        NO),   # R37
    Action.SET_OVERAGE:         (YES,   NO,        NO),   # P7
    Action.VIEW_AI_MODELS:      (YES,   YES,       NO),   # B16, R69 to R71
    Action.SET_QUALITY_LEVELS:  (YES,   NO,        NO),   # B16
    Action.SET_ALERTS:          (YES,   YES,       NO),   # P12
    Action.SET_BUDGETS:         (YES,   YES,       NO),   # B8
    Action.SET_GUARD:           (YES,   NO,        NO),   # B13
    Action.VIEW_ACTIVITY:       (YES,   YES,       NO),   # R75
    Action.MANAGE_API_KEYS:     (YES,   YES,       NO),
    Action.MANAGE_WEBHOOKS:     (YES,   YES,       NO),
    Action.MANAGE_MEMBERS:      (YES,   YES,       NO),
    Action.MANAGE_PROJECTS:     (YES,   YES,       NO),
    Action.TRANSFER_OWNERSHIP:  (YES,   NO,        NO),   # P15
    Action.GOVERN_DATA:         (YES,   NO,        NO),   # P16: retention, erasure, everything as one file
}  # fmt: skip

PROJECT_TABLE: dict[Action, tuple[bool, bool | str, bool]] = {
    #                               project admin  user          guest
    Action.VIEW_PROJECT:           (YES,           YES,          YES),
    Action.CHAT:                   (YES,           YES,          NO),   # P15: who may view, but guests never use AI
    Action.EDIT_CASES:             (YES,           YES,          NO),   # R63, P15: guests read
    Action.RUN_CYCLES:             (YES,           YES,          NO),   # R63, P15
    Action.DELETE_FOLDERS_AND_CYCLES: (YES,        NO,           NO),   # R63: what took many people's work to make
    Action.GENERATE_CASES:         (YES,           IF_PERMITTED, NO),   # P15
    Action.CREATE_REPORT:          (YES,           IF_PERMITTED, NO),   # P15
    Action.SCHEDULE_REPORTS:       (YES,           NO,           NO),   # R67: spends again and again, unasked
    Action.MANAGE_PROJECT_MEMBERS: (YES,           NO,           NO),
}  # fmt: skip

_ORGANIZATION_COLUMN = {OrganizationRole.OWNER: 0, OrganizationRole.ADMIN: 1, OrganizationRole.MEMBER: 2}
_PROJECT_COLUMN = {ProjectRole.PROJECT_ADMIN: 0, ProjectRole.USER: 1, ProjectRole.GUEST: 2}


def can(role: str | None, action: Action, *, purchase_roles: str = PurchaseRoles.OWNER) -> bool:
    """Whether a role allows an action on the organization. None: not a member, so nothing.

    Raises KeyError for an action on a project and ValueError for a role that does not exist: both are slips in the
    code, and neither must be read as yes or no.
    """
    row = ORGANIZATION_TABLE[action]
    if role is None:
        return False
    cell = row[_ORGANIZATION_COLUMN[OrganizationRole(role)]]
    if cell == BY_POLICY:
        return PurchaseRoles(purchase_roles) is PurchaseRoles.OWNER_AND_ADMINS
    return cell is YES


def can_in_project(role: str | None, project_role: str | None, action: Action, *, may_generate: bool = False) -> bool:
    """Whether someone may do an action in one project. `may_generate` is the permission P15 speaks of.

    The owner and the admins of the organization are project admins in each of its projects, whatever row the project
    has for them. A member who is not in the project may do nothing there. Raises as `can` does.
    """
    row = PROJECT_TABLE[action]
    if role is None:
        return False
    if OrganizationRole(role) is not OrganizationRole.MEMBER:
        project_role = ProjectRole.PROJECT_ADMIN
    if project_role is None:
        return False
    cell = row[_PROJECT_COLUMN[ProjectRole(project_role)]]
    return may_generate if cell == IF_PERMITTED else cell is YES


def may_assign(actor: str | None, role: str) -> bool:
    """Whether the actor may make someone `role`, or change someone who is: nobody acts above their own rank, and
    ownership is transferred, never assigned (there is exactly one owner)."""
    if not can(actor, Action.MANAGE_MEMBERS) or OrganizationRole(role) is OrganizationRole.OWNER:
        return False
    return _ORGANIZATION_COLUMN[OrganizationRole(actor or "")] <= _ORGANIZATION_COLUMN[OrganizationRole(role)]
