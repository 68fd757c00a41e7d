"""Overage (P7): calls beyond the balance, up to a cap, billed when the period ends. Every story also runs beside the
naive model."""

from itertools import count

import pytest

from testkase.core.ledger import commands as c
from testkase.core.ledger import refusals as r
from testkase.core.ledger.decide import decide
from testkase.core.ledger.limits import commands as limit
from tests.support.random_commands import ORG, SECOND, START
from tests.support.story import CREDIT, OFF, TOUCH, Story, grant, hold, settle, usage, void

pytestmark = pytest.mark.requirement("P7")

ON = c.SwitchAi(org_id=ORG, switch_id="on", enabled=True)
_numbers = count(1)


def allow(credits: int) -> c.SetOverage:
    return c.SetOverage(org_id=ORG, setting_id=f"s{next(_numbers)}", limit=credits * CREDIT)


def grow(name: str, credits: int) -> c.ExtendHold:
    return c.ExtendHold(
        org_id=ORG, hold_id=name, extension_id=f"e{next(_numbers)}", ttl_seconds=60, amount=credits * CREDIT
    )


class Lending(Story):
    """An organization with so many credits of its own that may go so far beyond them. Its month ends at `end`."""

    def __init__(self, *, own: int = 0, cap: int = 10) -> None:
        super().__init__()
        if own:
            self.at(0, grant("own", own * CREDIT))
        self.at(0, allow(cap))
        self.end = (self.world.account().period_end - START) // SECOND

    @property
    def lent(self) -> int:
        return self.world.account().overage // CREDIT

    def bills(self) -> list[tuple[str, int]]:
        return [
            (entry.operation_id, entry.deltas.overage // CREDIT)
            for entry in self.world.journal
            if entry.kind == "overage"
        ]


def test_it_is_off_until_the_owner_allows_it_and_then_goes_to_the_cap() -> None:
    story = Lending(own=3, cap=0)
    assert story.refused(0, hold("h", 4 * CREDIT)) is r.InsufficientCredits
    story.at(1, allow(10))
    assert story.refused(2, hold("h", 13 * CREDIT + 1)) is r.InsufficientCredits
    entry = story.at(2, hold("h", 13 * CREDIT))
    assert (entry.deltas.available, entry.deltas.overage, entry.deltas.held) == (
        -3 * CREDIT, -10 * CREDIT, 13 * CREDIT
    )  # fmt: skip
    assert (story.available, story.lent) == (0, 10)


@pytest.mark.requirement("P18")
def test_a_refusal_says_what_is_available_with_what_overage_still_allows() -> None:
    story = Lending(own=3, cap=10)
    story.at(0, hold("h", 5 * CREDIT))
    with pytest.raises(r.InsufficientCredits) as caught:
        decide(story.world.book, hold("big", 9 * CREDIT), START)
    assert caught.value.facts == {"available": 8 * CREDIT, "needed": 9 * CREDIT, "org_id": ORG}


@pytest.mark.requirement("I10")
def test_many_calls_at_once_never_go_beyond_the_cap() -> None:
    """BerriAI/litellm#34732, #26672: concurrent calls overspend."""
    story = Lending(own=5, cap=10)
    accepted = 0
    for number in range(30):
        if accepted < 15:
            story.at(0, hold(f"h{number}", CREDIT))
            accepted += 1
        else:
            assert story.refused(0, hold(f"h{number}", CREDIT)) is r.InsufficientCredits
    for number in range(15):
        story.at(1, settle(f"h{number}", 2 * CREDIT))
    assert story.lent == 10
    assert story.world.account().period_used == 15 * CREDIT


@pytest.mark.requirement("P5", "I7")
def test_a_call_is_charged_its_own_credits_first_and_gives_back_what_was_lent() -> None:
    story = Lending(own=3, cap=10)
    story.at(0, hold("h", 8 * CREDIT))
    entry = story.at(1, settle("h", 4 * CREDIT))
    assert (entry.deltas.used, entry.deltas.overage, entry.deltas.available) == (4 * CREDIT, 4 * CREDIT, 0)
    assert (story.available, story.lent) == (0, 1)


def test_credits_of_its_own_that_a_call_takes_later_are_still_charged_before_those_lent() -> None:
    story = Lending(own=0, cap=10)
    story.at(0, hold("h", 5 * CREDIT))
    story.at(1, grant("bought", 4 * CREDIT))
    story.at(2, grow("h", 4))
    story.at(3, settle("h", 4 * CREDIT))
    assert (story.available, story.lent) == (0, 0)


def test_a_call_that_overran_its_hold_takes_the_excess_from_overage_within_the_cap() -> None:
    story = Lending(own=2, cap=10)
    story.at(0, hold("h", CREDIT))
    entry = story.at(1, settle("h", 30 * CREDIT))
    assert entry.usage is not None
    assert (entry.deltas.used, entry.usage.cost) == (12 * CREDIT, 30 * CREDIT)
    assert story.lent == 10


@pytest.mark.requirement("P1")
@pytest.mark.parametrize("credits", [1, 9_999, 10_000])
def test_a_charge_beyond_the_balance_is_rounded_once_like_any_other(credits: int) -> None:
    story = Lending()
    entry = story.at(0, usage("u", credits))
    assert (entry.deltas.used, entry.deltas.overage) == (10_000, -10_000)


@pytest.mark.requirement("I3", "I9")
def test_a_period_that_ends_bills_what_was_used_and_leaves_lent_what_open_calls_hold() -> None:
    story = Lending(own=1, cap=10)
    story.at(0, usage("u", 4 * CREDIT))
    story.at(story.end - 10, hold("open", 5 * CREDIT))
    story.at(story.end, TOUCH)
    assert story.bills() == [("overage:0", 3)]
    assert [entry.kind for entry in story.world.journal[-2:]] == ["overage", "allowance"]
    assert story.lent == 5
    assert story.refused(story.end, hold("more", 6 * CREDIT)) is r.InsufficientCredits
    story.at(story.end + 1, settle("open", 2 * CREDIT))
    assert story.lent == 2
    story.at(story.end + 40 * 86_400, TOUCH)
    assert story.bills() == [("overage:0", 3), ("overage:1", 2)]
    assert story.lent == 0


@pytest.mark.requirement("R8")
def test_months_of_downtime_bill_once() -> None:
    story = Lending(cap=10)
    story.at(0, usage("u", 4 * CREDIT))
    story.at(200 * 86_400, TOUCH)
    assert story.bills() == [("overage:0", 4)]


def test_switching_it_off_stops_new_calls_and_leaves_those_under_way() -> None:
    story = Lending(cap=10)
    story.at(0, hold("h", 6 * CREDIT))
    story.at(1, allow(0))
    assert story.refused(2, hold("new", CREDIT)) is r.InsufficientCredits
    entry = story.at(3, settle("h", 9 * CREDIT))
    assert (entry.deltas.used, story.lent) == (6 * CREDIT, 6)


def test_a_cap_that_is_lowered_below_what_is_lent_lends_nothing_and_takes_nothing_back() -> None:
    story = Lending(cap=10)
    story.at(0, usage("u", 6 * CREDIT))
    story.at(1, allow(4))
    assert story.refused(2, usage("v", CREDIT)) is r.InsufficientCredits
    story.at(3, allow(7))
    story.at(4, usage("v", CREDIT))


@pytest.mark.requirement("R60", "I14")
def test_ai_off_gives_back_all_that_is_lent_to_calls_under_way() -> None:
    story = Lending(cap=10)
    story.at(0, hold("h", 6 * CREDIT))
    story.at(1, OFF)
    assert story.lent == 0
    story.at(2, ON)
    story.at(2, hold("all", 10 * CREDIT))


@pytest.mark.requirement("P10")
def test_a_debt_blocks_calls_beyond_the_balance_too() -> None:
    story = Lending(own=5, cap=10)
    story.at(0, usage("u", 5 * CREDIT))
    story.at(1, c.Reverse(org_id=ORG, reversal_id="r", grant_id="own", clawed=CREDIT))
    assert story.refused(2, hold("h", CREDIT)) is r.Indebted


@pytest.mark.requirement("B8")
def test_a_budget_counts_what_is_lent_like_all_else() -> None:
    story = Lending(own=2, cap=10)
    budget = limit.SetBudget(org_id=ORG, change_id="b", budget_id="all", name="all", limit=5 * CREDIT, period="month")
    story.at(0, budget)
    assert story.refused(1, hold("h", 6 * CREDIT)) is r.BudgetExceeded
    story.at(1, hold("h", 5 * CREDIT))
    story.at(2, void("h"))
    story.at(3, usage("u", 5 * CREDIT))
    assert story.refused(4, usage("v", CREDIT)) is r.BudgetExceeded


@pytest.mark.parametrize("limit_", [-1, 10**15 + 1])
def test_a_cap_outside_what_the_ledger_accepts_is_refused(limit_: int) -> None:
    story = Lending()
    assert story.refused(0, c.SetOverage(org_id=ORG, setting_id="x", limit=limit_)) is r.InvalidCommand
