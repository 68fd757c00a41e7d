"""`decide` beside an independently written naive model: random stories, and the corners that stories meet too rarely.

Every step compares answer, journal, balances, lots, holds and the invariants (tests/support/side_by_side.py).
"""

from random import Random

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from testkase.core.ledger import commands as c
from testkase.core.ledger import refusals as r
from testkase.core.ledger.book import Book
from testkase.core.ledger.decide import decide
from testkase.core.ledger.limits import changing
from testkase.core.ledger.limits import commands as limit
from testkase.core.ledger.limits.model import PauseKind
from testkase.core.ledger.terms import Tokens
from tests.support import naive_limits
from tests.support.random_commands import DAY, ORG, SECOND, START, tell
from tests.support.story import CREDIT, OFF, TOUCH, Story, grant, hold, settle, usage, void

ALLOWANCE = 300 * CREDIT

rules = pytest.mark.requirement(
    "R6", "R7", "R8", "P1", "P2", "P4", "P5", "P17", "I1", "I2", "I3", "I4", "I5", "I6", "I7", "I9", "I10", "I14"
)


@rules
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.randoms(use_true_random=False), st.integers(1, 25))
def test_short_stories(dice: Random, steps: int) -> None:
    tell(dice, steps)


@rules
@pytest.mark.parametrize("seed", range(12))
def test_stories_of_medium_length(seed: int) -> None:
    for part in range(10):
        tell(Random(f"{seed}/{part}"), 50)


@pytest.mark.requirement("B13")
def test_as_many_pauses_as_there_can_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changing, "MAX_PAUSES", 2)
    monkeypatch.setattr(naive_limits, "MOST_PAUSED", 2)
    story = Story()
    whom: list[tuple[PauseKind, str]] = [("user", "a"), ("use_case", "a"), ("user", "a")]
    for second, (kind, ref) in enumerate(whom):
        story.at(second, _pause(f"{second}", kind, ref))
    assert story.refused(3, _pause("3", "user", "b")) is r.TooManyPauses
    story.at(4, limit.Resume(org_id=ORG, change_id="4", kind="use_case", ref="a"))
    story.at(5, _pause("5", "user", "b"))


def _pause(change_id: str, kind: PauseKind, ref: str) -> limit.Pause:
    return limit.Pause(org_id=ORG, change_id=change_id, kind=kind, ref=ref, reason="It runs away.")


@rules
@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_long_stories(seed: int) -> None:
    world = tell(Random(f"long {seed}"), 250)
    assert len(world.journal) > 60


@pytest.mark.requirement("I4")
@pytest.mark.parametrize("release", [void("long"), settle("long", 0), settle("long", 40 * CREDIT), OFF])
def test_credits_given_back_before_they_expire_still_expire_in_time(release: c.Command) -> None:
    """The lot is empty while all of it is held, and another hold's lapse makes the ledger look for what is due next."""
    story = Story()
    story.at(0, grant("g", 100 * CREDIT, until=60))
    story.at(0, hold("long", 100 * CREDIT, ttl=86_400))
    story.at(0, hold("short", 0, ttl=5))
    story.at(10, TOUCH)
    story.at(20, release)
    assert story.available > 0
    assert story.refused(70, usage("u", CREDIT)) in (r.InsufficientCredits, r.AiDisabled)
    story.at(70, TOUCH)
    assert story.available == 0


@pytest.mark.requirement("I4", "P5")
def test_held_credits_outlive_their_lot_and_what_is_given_back_is_gone() -> None:
    story = Story()
    story.at(0, grant("g", 100 * CREDIT, until=60))
    story.at(0, hold("h", 80 * CREDIT))
    story.at(61, TOUCH)
    assert story.available == 0
    entry = story.at(70, settle("h", 30 * CREDIT))
    assert (entry.deltas.used, entry.deltas.expired, entry.deltas.available) == (30 * CREDIT, 50 * CREDIT, 0)


@pytest.mark.requirement("I4")
def test_what_has_expired_is_not_spent_and_takes_nothing_else_with_it() -> None:
    """vm0-ai/vm0#10299: expiry ate paid credit. polarsource/polar#10513: an expired grant was spent."""
    story = Story()
    story.at(0, grant("free", 10 * CREDIT, until=60))
    story.at(0, grant("paid", 5 * CREDIT, paid=True))
    assert story.refused(60, hold("h", 6 * CREDIT)) is r.InsufficientCredits
    entry = story.at(60, hold("h", 5 * CREDIT))
    assert (entry.deltas.held, story.available) == (5 * CREDIT, 0)


@pytest.mark.requirement("P5")
def test_credits_are_spent_soonest_to_expire_then_priority_then_free_then_oldest() -> None:
    story = Story()
    late = [grant("old", CREDIT), grant("new", CREDIT), grant("paid", CREDIT, paid=True)]
    story.at(0, late[2])
    for each in late[:2]:
        story.at(1, each)
    story.at(2, grant("preferred", CREDIT, priority=-1, paid=True))
    story.at(3, grant("soon", CREDIT, until=900, priority=9, paid=True))
    entry = story.at(4, hold("h", 5 * CREDIT))
    spent = [story.world.book.lots[lot].granted_at // SECOND - START // SECOND for lot, _, _ in entry.lots]
    assert spent == [3, 2, 1, 1, 0]
    assert [lot for lot, _, _ in entry.lots][2:4] == sorted(lot for lot, _, _ in entry.lots[2:4])


@pytest.mark.requirement("P17", "I10")
def test_what_a_settlement_cannot_cover_is_recorded_but_not_charged() -> None:
    story = Story()
    story.at(0, grant("g", 10 * CREDIT))
    story.at(0, hold("h", 6 * CREDIT))
    story.at(0, hold("other", 3 * CREDIT))
    entry = story.at(1, settle("h", 50 * CREDIT))
    assert entry.usage is not None
    assert (entry.usage.cost, entry.deltas.used) == (50 * CREDIT, 7 * CREDIT)
    assert story.available == 0
    assert story.world.account().held == 3 * CREDIT


@pytest.mark.requirement("I7")
def test_a_hold_that_lapsed_cannot_be_settled_even_when_nobody_had_looked() -> None:
    story = Story(allowance=ALLOWANCE)
    story.at(0, hold("h", CREDIT, ttl=10))
    assert story.refused(10, settle("h", CREDIT)) is r.HoldResolved
    story.at(9, settle("h", CREDIT))


@pytest.mark.requirement("R60", "I14")
def test_off_means_off_for_calls_in_flight() -> None:
    story = Story(allowance=ALLOWANCE)
    story.at(0, hold("h", CREDIT))
    story.at(1, OFF)
    assert story.available == ALLOWANCE
    assert story.refused(2, settle("h", CREDIT)) is r.HoldResolved
    assert story.refused(2, hold("h2", 0)) is r.AiDisabled
    assert story.refused(2, usage("u", 0)) is r.AiDisabled


@pytest.mark.requirement("R8", "I9", "P2")
def test_after_a_year_of_downtime_every_month_has_its_own_allowance_and_its_own_expiry() -> None:
    story = Story(allowance=ALLOWANCE, anchor_day=31)
    story.at(366 * DAY // SECOND, TOUCH)
    kinds = [entry.kind for entry in story.world.journal]
    assert kinds == ["allowance", "open", *["expire", "allowance"] * 12]
    assert story.available == ALLOWANCE


@pytest.mark.requirement("I5")
@pytest.mark.parametrize(
    "command",
    [
        c.SettleHold(org_id=ORG, hold_id="h", tokens=Tokens(input=10**30)),
        c.SettleHold(org_id=ORG, hold_id="h", credits=10**30),
        c.SettleHold(org_id=ORG, hold_id="h", credits=-(10**30)),
    ],
)
def test_absurd_figures_under_an_id_that_exists_are_a_problem_and_not_a_crash(command: c.Command) -> None:
    story = Story(allowance=ALLOWANCE)
    story.at(0, hold("h", CREDIT))
    story.at(0, settle("h", CREDIT))
    assert story.refused(0, command) in (r.InvalidCommand, r.IdReused, r.HoldResolved)


@pytest.mark.requirement("I7", "I10")
@pytest.mark.parametrize("credits", [-1, -9_999, -10_000, -20_000, -(10**15), 10**15 + 1, 2**63])
@pytest.mark.parametrize("outcome", ["completed", "failed"])
def test_no_figure_mints_credits(credits: int, outcome: str) -> None:
    story = Story(allowance=ALLOWANCE)
    story.at(0, hold("h", CREDIT))
    wrong = msgspec.structs.replace(settle("h", credits), outcome=outcome)
    assert story.refused(0, wrong) is r.InvalidCommand
    assert story.refused(0, msgspec.structs.replace(usage("u", credits), outcome=outcome)) is r.InvalidCommand


@pytest.mark.requirement("P17")
@pytest.mark.parametrize("outcome", ["failed", "refused"])
def test_a_call_that_failed_is_settled_at_nothing_even_where_its_tokens_have_no_price(outcome: str) -> None:
    story = Story(allowance=ALLOWANCE)
    story.at(0, msgspec.structs.replace(hold("h", CREDIT), terms=None))
    command = c.SettleHold(org_id=ORG, hold_id="h", tokens=Tokens(input=9), outcome=outcome)  # type: ignore[arg-type]
    assert story.at(0, command).deltas.used == 0
    assert story.available == ALLOWANCE


def in_debt(debt: int) -> Book:
    """An organization from which more was clawed back than it had left."""
    story = Story()
    return Book(msgspec.structs.replace(story.world.account(), debt=debt))


@pytest.mark.requirement("I10", "P10")
@pytest.mark.parametrize("command", [hold("h", 0), hold("h", 1), usage("u", 0), usage("u", CREDIT)])
def test_a_debt_blocks_ai(command: c.Command) -> None:
    with pytest.raises(r.Indebted) as caught:
        decide(in_debt(5 * CREDIT), command, START)
    assert caught.value.facts["debt"] == 5 * CREDIT


@pytest.mark.requirement("P10")
@pytest.mark.parametrize(("granted", "debt", "available"), [(2, 3, 0), (5, 0, 0), (8, 0, 3)])
def test_what_is_granted_covers_the_debt_first(granted: int, debt: int, available: int) -> None:
    book = in_debt(5 * CREDIT)
    decision = decide(book, grant("g", granted * CREDIT), START)
    for event in decision.events:
        assert event.entry is not None
        assert event.entry.deltas.total() == 0
        book.apply(event)
    account = book.account
    assert account is not None
    assert (account.debt, account.available) == (debt * CREDIT, available * CREDIT)
    assert sum(lot.available for lot in book.lots.values()) == account.available
