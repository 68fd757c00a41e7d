"""The access matrix, written out once more by hand: a change of the table must be meant in two places."""

from itertools import product

import pytest

from testkase.core.access import Action, OrganizationRole, ProjectRole, PurchaseRoles, can, can_in_project, may_assign
from testkase.core.access.roles import ORGANIZATION_TABLE, PROJECT_TABLE

OWNER_ONLY = {Action.SWITCH_AI, Action.SET_PURCHASE_ROLES, Action.SET_OVERAGE, Action.SET_QUALITY_LEVELS,
              Action.SET_GUARD, Action.TRANSFER_OWNERSHIP, Action.GOVERN_DATA}  # fmt: skip
EVERY_MEMBER = {Action.VIEW_BALANCE, Action.VIEW_USAGE}
BY_POLICY = {Action.BUY_CREDITS}
OWNER_AND_ADMINS = {Action.EXPORT_USAGE, Action.VIEW_BILLING, Action.SET_ALERTS, Action.SET_BUDGETS,
                    Action.VIEW_ACTIVITY, Action.VIEW_AI_MODELS, Action.MANAGE_API_KEYS, Action.MANAGE_MEMBERS,
                    Action.MANAGE_PROJECTS, Action.MANAGE_WEBHOOKS}  # fmt: skip
AI_IN_A_PROJECT = {Action.CHAT, Action.GENERATE_CASES, Action.CREATE_REPORT}
EVERY_USER = {Action.VIEW_PROJECT, Action.CHAT, Action.EDIT_CASES, Action.RUN_CYCLES}
BY_PERMISSION = {Action.GENERATE_CASES, Action.CREATE_REPORT}


def test_every_action_is_in_exactly_one_table() -> None:
    assert set(ORGANIZATION_TABLE) | set(PROJECT_TABLE) == set(Action)
    assert not set(ORGANIZATION_TABLE) & set(PROJECT_TABLE)
    assert set(ORGANIZATION_TABLE) == OWNER_ONLY | EVERY_MEMBER | BY_POLICY | OWNER_AND_ADMINS


@pytest.mark.requirement("R36", "R37", "R38", "R39", "R40", "R75")
@pytest.mark.parametrize(
    ("role", "action", "policy"), list(product([*OrganizationRole, None], ORGANIZATION_TABLE, PurchaseRoles))
)
def test_organization_actions(role: OrganizationRole | None, action: Action, policy: PurchaseRoles) -> None:
    if role is None:
        expected = False
    elif role is OrganizationRole.OWNER:
        expected = True
    elif role is OrganizationRole.ADMIN:
        expected = action in EVERY_MEMBER | OWNER_AND_ADMINS or (
            action in BY_POLICY and policy is PurchaseRoles.OWNER_AND_ADMINS
        )
    else:
        expected = action in EVERY_MEMBER
    assert can(role, action, purchase_roles=policy) is expected


@pytest.mark.requirement("R41", "P15")
@pytest.mark.parametrize(
    ("role", "project_role", "action", "may_generate"),
    list(product([*OrganizationRole, None], [*ProjectRole, None], PROJECT_TABLE, [True, False])),
)
def test_project_actions(
    role: OrganizationRole | None, project_role: ProjectRole | None, action: Action, may_generate: bool
) -> None:
    if role in (OrganizationRole.OWNER, OrganizationRole.ADMIN):
        expected = True
    elif role is None or project_role is None:
        expected = False
    elif project_role is ProjectRole.PROJECT_ADMIN:
        expected = True
    elif project_role is ProjectRole.USER:
        expected = action in EVERY_USER or (action in BY_PERMISSION and may_generate)
    else:
        expected = action is Action.VIEW_PROJECT
    assert can_in_project(role, project_role, action, may_generate=may_generate) is expected


@pytest.mark.requirement("P15")
@pytest.mark.parametrize("action", sorted(AI_IN_A_PROJECT))
def test_a_guest_never_uses_ai_even_with_the_permission(action: Action) -> None:
    assert not can_in_project("member", "guest", action, may_generate=True)


def test_roles_may_be_given_as_the_texts_stored_in_tables() -> None:
    assert can("owner", Action.SWITCH_AI)
    assert can("admin", Action.BUY_CREDITS, purchase_roles="owner_and_admins")
    assert can_in_project("member", "user", Action.GENERATE_CASES, may_generate=True)


@pytest.mark.parametrize("role", ["", "Owner", "superuser", "project_admin"])
def test_a_role_that_does_not_exist_is_an_error_not_an_answer(role: str) -> None:
    with pytest.raises(ValueError, match="is not a valid OrganizationRole"):
        can(role, Action.VIEW_BALANCE)
    with pytest.raises(ValueError, match="is not a valid ProjectRole"):
        can_in_project("member", role if role != "project_admin" else "owner", Action.VIEW_PROJECT)


def test_asking_the_wrong_table_is_an_error_not_a_no() -> None:
    with pytest.raises(KeyError):
        can("owner", Action.CHAT)
    with pytest.raises(KeyError):
        can_in_project("owner", "user", Action.BUY_CREDITS)


@pytest.mark.parametrize(
    ("actor", "role", "expected"),
    [
        ("owner", "owner", False),
        ("owner", "admin", True),
        ("owner", "member", True),
        ("admin", "owner", False),
        ("admin", "admin", True),
        ("admin", "member", True),
        ("member", "owner", False),
        ("member", "admin", False),
        ("member", "member", False),
        (None, "member", False),
    ],
)
def test_nobody_assigns_above_their_own_rank_and_nobody_assigns_ownership(
    actor: str | None, role: str, expected: bool
) -> None:
    assert may_assign(actor, role) is expected
