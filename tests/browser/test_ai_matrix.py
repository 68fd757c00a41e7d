"""Every AI feature in every state of its organization, for everybody: what they see, can do, and are told to do next.

What is expected stands in the two tables below. They are written from the product's rules, not from its code.
"""

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from testkase.foundation.database import SyncDatabase
from tests.support.ai_states import (
    BUDGET,
    EMPTY,
    INDEBTED,
    LIMITED,
    OFF,
    ON,
    PAUSED,
    REASON,
    StatedOrganization,
)
from tests.support.ai_walk import CHAT, GENERATION, REPORTS, STEPS, AiWalk, Person, Told
from tests.support.cluster import TestDatabase
from tests.support.stage import Stage
from tests.support.upstream import Upstream

# R41 and P15: who may use what while AI is on. Generation and reports need project admin or the permission; whoever may
# view a project may chat; guests never use AI; the owner and the admins are project admins everywhere.
EVERYTHING = frozenset({GENERATION, STEPS, CHAT, REPORTS})
USES = {
    Person(name="the owner", signs_in="owner"): EVERYTHING,
    Person(name="an admin", signs_in="admin"): EVERYTHING,
    Person(name="a project admin", place="project_admin"): EVERYTHING,
    Person(name="a member with the permission", place="user", may_generate=True): EVERYTHING,
    Person(name="a member", place="user"): frozenset({CHAT}),
    Person(name="a guest", place="guest"): frozenset[str](),
}

# P18, R34, R39, R40, P10, B8, B13: why it is refused, who can do something about it and where, and whom others may ask.
OWNER, MANAGERS = frozenset({"the owner"}), frozenset({"the owner", "an admin"})
TOLD = {
    OFF: Told(
        why="AI is off for Northwind Labs.",
        may_act=OWNER, link="Switch AI on", leads_to="/settings/ai-credits/switch",
        others="Ask your Owner to switch it on.",
    ),
    EMPTY: Told(
        why="0.00 are available.",
        may_act=OWNER, link="Buy credits", leads_to="/settings/ai-credits/buy",
        others="Ask your Owner for more credits",
    ),
    LIMITED: Told(
        why=f"The monthly budget “{BUDGET}”",
        may_act=MANAGERS, link="Change the budget", leads_to="/settings/ai-credits/budgets/budget_",
        others="Your Owner or an admin can raise it. Ask for more.",
    ),
    PAUSED: Told(
        why=f"is paused for everyone. {REASON}",
        may_act=MANAGERS, link="See what is paused, and resume it", leads_to="/settings/ai-credits/budgets",
        others="Ask your Owner or an admin to resume it.",
    ),
    INDEBTED: Told(
        why="A refund or dispute left a debt of 1.00 credits",
        may_act=OWNER, link="See what is owed", leads_to="/settings/billing#debt",
        others="Ask your Owner to cover it.",
    ),
}  # fmt: skip


_OWNER, _ADMIN, _PROJECT_ADMIN, _PERMITTED, _MEMBER, _GUEST = USES
TRIED = [
    *((state, person) for state in (ON, OFF) for person in (_OWNER, _PROJECT_ADMIN, _MEMBER, _GUEST)),
    *((state, person) for state in (EMPTY, INDEBTED) for person in (_OWNER, _PERMITTED)),
    *((state, person) for state in (LIMITED, PAUSED) for person in (_ADMIN, _MEMBER)),
]
"""On and off for each place in a project; a refusal, which says the same to all who may not act, for one who may and
one who may not. What each role gets of every page is in tests/integration/tenants."""


@pytest.fixture(scope="module")
def organization(running: Stage, module_database: TestDatabase) -> Iterator[StatedOrganization]:
    """The demo organization, whose state the tests set."""
    database = SyncDatabase(module_database.app_url)
    yield StatedOrganization(database)
    database.close()


@pytest.fixture(scope="module")
def walk(running: Stage, organization: StatedOrganization, scripted: Upstream) -> AiWalk:
    """Its three people, each with a chat, and one generation and one report that were made while AI was on."""
    return AiWalk(running, organization, scripted)


@pytest.mark.requirement("R39", "R41", "R53", "R59", "R60", "R61", "P13", "P15", "P18", "B8", "B13")
@pytest.mark.parametrize(("state", "person"), TRIED, ids=str)
def test_everybody_sees_and_can_do_what_the_tables_say(
    walk: AiWalk, organization: StatedOrganization, state: str, person: Person
) -> None:
    walk.become(person)
    with organization.state(state):
        walk.sees_doors(USES[person], on=state != OFF)
        if state in (ON, OFF):
            walk.sees_inner_doors(USES[person], on=state != OFF)
        if state in (ON, OFF, EMPTY):
            walk.reads_old_results(USES[person], on=state != OFF)
        before = walk.spending
        for feature in sorted(EVERYTHING - USES[person]):
            walk.is_not_let_in(feature)
        for feature in sorted(USES[person]):
            if state == ON:
                walk.may_use(feature)
            else:
                walk.is_told(feature, TOLD[state])
        assert walk.spending == before, "nothing is charged or held, and no model is called"
    assert walk.complaints == []


@pytest.mark.requirement("R1", "R41", "B3")
def test_the_owner_uses_each_of_them(walk: AiWalk) -> None:
    walk.become(next(iter(USES)))
    for feature in sorted(EVERYTHING):
        before = walk.spending
        walk.gets(feature)
        assert walk.spending > before


@pytest.mark.requirement("B8", "B13")
def test_the_ways_out_lead_back_to_an_answer(walk: AiWalk, organization: StatedOrganization) -> None:
    member, admin = (next(one for one in USES if one.name == name) for name in ("a member", "an admin"))
    with organization.state(LIMITED):
        page = walk.is_refused(member, CHAT)
        page.get_by_role("link", name="Ask for more").click()
        page.get_by_label("How many more credits?").fill("50")
        page.get_by_role("button", name="Send to the Owner and admins").click()
        expect(page.get_by_text("You hear from them as soon as they decide.")).to_be_visible()
        page = walk.is_refused(admin, CHAT)
        page.goto(page.url.partition("/projects/")[0] + "/settings/ai-credits/budgets")
        page.get_by_role("button", name="Approve Mira Lindqvist’s request for this period").click()
        walk.become(member)
        walk.gets(CHAT)
    with organization.state(PAUSED):
        page = walk.is_refused(admin, CHAT)
        page.get_by_role("link", name="See what is paused, and resume it").click()
        page.get_by_role("button", name="Resume Chat assistant").click()
        expect(page.get_by_text("Resumed. New calls are allowed again.")).to_be_visible()
        walk.become(member)
        walk.gets(CHAT)
