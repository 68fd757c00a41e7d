"""Refunds and disputes, lot by lot (P10, B6): every story also runs beside the naive model.

Trust: "refund or dispute after the credits are spent" (elizaOS/eliza#10920, #10997, #11155).
"""

from itertools import count, permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from testkase.core.ledger import commands as c
from testkase.core.ledger import refusals as r
from testkase.core.ledger.model import UNTOUCHED, ClawBack, Entry
from tests.support.random_commands import ORG, START
from tests.support.story import CREDIT, OFF, TOUCH, Story, grant, hold, settle, usage, void

pytestmark = pytest.mark.requirement("P10", "B6", "I10")

PACK = 100
_numbers = count(1)


def refund(credits: int, *, frozen: bool = False, of: str = "pack", name: str = "") -> c.Reverse:
    """Of `credits` the money has gone back; `frozen`: a dispute is open."""
    return c.Reverse(
        org_id=ORG, reversal_id=name or f"r{next(_numbers)}", grant_id=of, clawed=credits * CREDIT, frozen=frozen
    )


def forgive(credits: int | None = None) -> c.WriteOff:
    amount = credits * CREDIT if credits is not None else None
    return c.WriteOff(org_id=ORG, writeoff_id=f"w{next(_numbers)}", amount=amount, note="a courtesy")


def cover() -> c.CoverDebt:
    return c.CoverDebt(org_id=ORG, cover_id=f"c{next(_numbers)}")


class Bought(Story):
    """An organization with nothing but one pack of 100 credits, until `until`."""

    def __init__(self, *, until: int | None = None) -> None:
        super().__init__()
        bought = c.Grant(
            org_id=ORG, grant_id="pack", amount=PACK * CREDIT, source="purchase", paid=True, reference="pay_1",
            expires_at=None if until is None else START + until * CREDIT,
        )  # fmt: skip
        self.pack = self.at(0, bought).seq

    def spend(self, credits: int, second: int = 0) -> Entry:
        return self.at(second, usage(f"u{next(_numbers)}", credits * CREDIT))

    @property
    def debt(self) -> int:
        return self.world.account().debt // CREDIT

    @property
    def there(self) -> int:
        return self.available // CREDIT

    @property
    def claw(self) -> ClawBack:
        return self.world.lots[self.pack].claw or UNTOUCHED

    @property
    def stands(self) -> tuple[int, int, int, int]:
        """Available, reversed, expired, owed."""
        return self.there, self.claw.reversed // CREDIT, self.claw.expired // CREDIT, self.debt


WORDS = st.tuples(st.integers(0, PACK), st.booleans())
SPENDING = st.integers(1, 60)


@settings(max_examples=200, deadline=None)
@given(st.lists(WORDS | SPENDING, max_size=8), WORDS)
def test_where_a_lot_ends_follows_from_what_was_spent_and_the_last_word_alone(
    path: list[tuple[int, bool] | int], last: tuple[int, bool]
) -> None:
    story, spent = Bought(), 0
    for step in [*path, last]:
        if not isinstance(step, int):
            story.at(0, refund(step[0], frozen=step[1]))
        elif story.debt or step > story.there:
            assert story.refused(0, usage(f"u{next(_numbers)}", step * CREDIT)) in (r.Indebted, r.InsufficientCredits)
        else:
            story.spend(step)
            spent += step
    taken, frozen = last
    unspent = PACK - spent
    kept = unspent if frozen else min(taken, unspent)
    assert story.stands == (unspent - kept, kept, 0, max(taken - unspent, 0))


@pytest.mark.parametrize("order", list(permutations([(30, False), (50, False), (50, True), "spend"])))
def test_two_partial_refunds_and_a_dispute_in_every_order_and_each_of_them_twice(
    order: tuple[tuple[int, bool] | str, ...],
) -> None:
    story, spent = Bought(), 0
    for step in order:
        if isinstance(step, str):
            spent = story.there // 2
            if spent:
                story.spend(spent)
            continue
        command = refund(step[0], frozen=step[1], name=f"{step}")
        first = story.at(0, command)
        assert story.at(0, command) == first
    story.at(0, refund(50))
    assert story.stands == (50 - spent, 50, 0, 0)


def test_what_was_spent_before_the_refund_is_owed_and_blocks_ai_until_it_is_covered() -> None:
    story = Bought()
    story.spend(70)
    entry = story.at(0, refund(100))
    assert story.stands == (0, 30, 0, 70)
    assert (entry.deltas.available, entry.deltas.reversed, entry.deltas.debt) == (
        -30 * CREDIT, 100 * CREDIT, -70 * CREDIT
    )  # fmt: skip
    assert story.refused(1, hold("h", 0)) is r.Indebted
    story.at(2, grant("gift", 69 * CREDIT))
    assert (story.debt, story.there) == (1, 0)
    story.at(3, grant("more", 3 * CREDIT))
    assert (story.debt, story.there) == (0, 2)
    story.at(4, hold("h", CREDIT))


def test_a_dispute_freezes_what_is_unspent_and_makes_no_debt_until_it_is_lost() -> None:
    story = Bought()
    story.spend(40)
    story.at(0, refund(0, frozen=True))
    assert story.stands == (0, 60, 0, 0)
    assert story.refused(1, usage("u", CREDIT)) is r.InsufficientCredits
    story.at(2, refund(100))
    assert story.stands == (0, 60, 0, 40)


def test_a_dispute_that_is_won_thaws_the_lot() -> None:
    story = Bought()
    story.spend(40)
    story.at(0, refund(0, frozen=True))
    story.at(1, refund(0))
    assert story.stands == (60, 0, 0, 0)
    assert story.world.lots[story.pack].claw is None
    story.spend(60)


def test_a_refund_of_what_has_expired_owes_nothing_but_what_was_spent() -> None:
    story = Bought(until=60)
    story.spend(30)
    story.at(61, TOUCH)
    story.at(62, refund(70))
    assert story.stands == (0, 0, 70, 0)
    story.at(63, refund(100))
    assert story.stands == (0, 0, 70, 30)


def test_what_was_taken_back_in_time_stays_taken_back_when_the_rest_expires() -> None:
    story = Bought(until=60)
    story.at(0, refund(40))
    story.at(61, TOUCH)
    story.at(61, refund(40))
    assert story.stands == (0, 40, 60, 0)


def test_a_dispute_won_after_the_lots_time_gives_nothing_back() -> None:
    story = Bought(until=60)
    story.spend(30)
    story.at(0, refund(0, frozen=True))
    entry = story.at(61, refund(0))
    assert story.stands == (0, 0, 70, 0)
    assert (entry.deltas.expired, entry.deltas.reversed) == (70 * CREDIT, -70 * CREDIT)


@pytest.mark.requirement("I3", "I7")
@pytest.mark.parametrize(
    ("ending", "stands"),
    [(void("h"), (0, 100, 0, 0)), (settle("h", 25 * CREDIT), (0, 75, 0, 25)), (OFF, (0, 100, 0, 0))],
)
def test_what_a_call_gives_back_after_a_refund_cancels_the_debt_it_had_made(
    ending: c.Command, stands: tuple[int, int, int, int]
) -> None:
    story = Bought()
    story.at(0, hold("h", 60 * CREDIT))
    story.at(1, refund(100))
    assert story.stands == (0, 40, 0, 60)
    story.at(2, ending)
    assert story.stands == stands


def test_what_a_call_gives_back_to_a_frozen_lot_is_out_of_reach() -> None:
    story = Bought()
    story.at(0, hold("h", 60 * CREDIT, ttl=10))
    story.at(1, refund(0, frozen=True))
    story.at(20, TOUCH)
    assert story.stands == (0, 100, 0, 0)


@pytest.mark.requirement("I4")
def test_what_a_call_gives_back_to_an_expired_lot_expires_and_is_no_longer_owed() -> None:
    story = Bought(until=60)
    story.at(0, hold("h", 100 * CREDIT))
    story.at(1, refund(100))
    assert story.debt == 100
    story.at(61, settle("h", 10 * CREDIT))
    assert story.stands == (0, 0, 90, 10)


def test_when_a_refund_fails_what_covered_the_debt_comes_back_for_good() -> None:
    story = Bought()
    story.spend(100)
    story.at(1, refund(100))
    story.at(2, grant("gift", 150 * CREDIT, until=500))
    entry = story.at(3, refund(0))
    assert (story.debt, story.there) == (0, 150)
    back = story.world.lots[entry.seq]
    assert (back.source, back.available, back.expires_at, back.reference) == (
        "adjustment", 100 * CREDIT, None, "pay_1"
    )  # fmt: skip


def test_what_covered_a_debt_is_spent_of_the_lot_it_came_from() -> None:
    story = Bought()
    story.spend(100)
    story.at(1, refund(100))
    story.at(2, grant("second", 150 * CREDIT, paid=True))
    story.at(3, refund(150, of="second"))
    assert (story.there, story.debt) == (0, 100)


def test_what_was_forgiven_does_not_come_back_and_what_was_paid_does() -> None:
    story = Bought()
    story.spend(100)
    story.at(1, refund(100))
    story.at(2, forgive(60))
    story.at(3, grant("gift", 40 * CREDIT))
    assert (story.debt, story.there) == (0, 0)
    story.at(4, refund(0))
    assert (story.debt, story.there) == (0, 40)


def test_an_owner_covers_the_debt_from_what_is_available_as_far_as_it_goes() -> None:
    story = Bought()
    story.spend(100)
    story.at(0, grant("gift", 30 * CREDIT))
    story.at(1, refund(100))
    assert (story.debt, story.there) == (100, 30)
    entry = story.at(2, cover())
    assert (entry.kind, entry.deltas.available, entry.deltas.debt) == ("cover", -30 * CREDIT, 30 * CREDIT)
    assert (story.debt, story.there) == (70, 0)
    assert story.refused(3, cover()) is r.InsufficientCredits


def test_more_than_is_owed_is_neither_covered_nor_forgiven() -> None:
    story = Bought()
    assert story.refused(0, cover()) is r.NotOwed
    assert story.refused(0, forgive()) is r.NotOwed
    story.spend(100)
    story.at(1, refund(20))
    assert story.refused(2, forgive(21)) is r.NotOwed
    assert story.refused(2, forgive(0)) is r.InvalidCommand
    entry = story.at(3, forgive())
    assert (entry.kind, entry.deltas.issued, entry.deltas.debt) == ("write_off", -20 * CREDIT, 20 * CREDIT)
    assert story.debt == 0


@pytest.mark.requirement("I6")
def test_a_refund_names_a_grant_and_no_more_than_it_brought() -> None:
    story = Bought()
    assert story.refused(0, refund(1, of="another")) is r.GrantNotFound
    assert story.refused(0, refund(101)) is r.InvalidCommand
    assert story.refused(0, refund(-1)) is r.InvalidCommand


@pytest.mark.requirement("I5")
def test_one_report_has_one_effect_and_another_under_its_name_is_refused() -> None:
    story = Bought()
    first = story.at(0, refund(10, name="event"))
    story.at(1, refund(60, name="later"))
    assert story.at(2, refund(10, name="event")) == first
    assert story.refused(2, refund(11, name="event")) is r.IdReused
    assert story.stands == (40, 60, 0, 0)


def test_a_report_that_changes_nothing_stands_in_the_journal() -> None:
    story = Bought()
    before = len(story.world.journal)
    entry = story.at(0, refund(0))
    assert (entry.kind, entry.deltas.total(), len(story.world.journal)) == ("reverse", 0, before + 1)


def test_a_clock_that_goes_back_before_the_end_of_a_lot_may_free_what_ends_there() -> None:
    """Time had found nothing to do in the frozen lot; what is let go of afterwards expires at its instant all the
    same."""
    story = Bought(until=1_000)
    story.at(10, refund(PACK, frozen=True))
    story.at(2_000, TOUCH)
    story.at(999, refund(0))
    assert story.available == PACK * CREDIT
    story.at(1_500, grant("later", CREDIT))
    assert story.available == CREDIT
    assert [entry.at for entry in story.world.journal if entry.kind == "expire"] == [START + 1_000 * CREDIT]
