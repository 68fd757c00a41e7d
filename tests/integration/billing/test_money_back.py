"""Refunds and disputes take back what was not spent and leave a debt for what was; what stays after all comes back."""

import random
from dataclasses import dataclass

import pytest
from msgspec.structs import replace

from testkase.core.ledger.commands import OpenHold, RecordUsage
from testkase.core.ledger.credits import MICRO
from testkase.core.ledger.model import Subject
from testkase.core.ledger.operations import execute_one
from testkase.core.ledger.refusals import Indebted
from testkase.core.ledger.verify import verify
from testkase.foundation.problems import InvalidInput
from testkase.services.audit import Actor
from testkase.services.billing.model import MoneyBackUndecided, Purchase
from testkase.services.billing.provider import ProviderRefused
from testkase.services.billing.purchasing.counting import count_back
from testkase.services.billing.purchasing.fulfilment import Fulfilled
from testkase.services.billing.purchasing.refunding import NotPaid, refund
from testkase.services.billing.purchasing.rows import listed_purchase
from tests.support.shop import SELLER, Shop

STAFF = Actor(kind="system", ref="operator", name="Operator")
SUBJECT = Subject(use_case="chat", user="ada@example.com")


def spend(shop: Shop, org_id: int, credits: int, usage_id: str = "spent") -> None:
    command = RecordUsage(org_id=org_id, usage_id=usage_id, subject=SUBJECT, credits=credits * MICRO)
    shop.run(org_id, execute_one(command))


def figures(shop: Shop, purchase: Purchase) -> tuple[int, int]:
    """Whole credits available, and of debt."""
    account = shop.balance(purchase.org_id)
    return account.available // MICRO, account.debt // MICRO


@pytest.mark.requirement("P10", "B6")
def test_a_refund_takes_its_part_of_the_unspent_credits(shop: Shop) -> None:
    org = shop.organization("0")
    purchase = shop.bought(org.org_id)
    given = shop.provider.refund_by_hand(purchase.payment_id or "", 250)
    assert shop.report("refund.created", payment_id=purchase.payment_id or "", refund_id=given.refund_id)
    assert figures(shop, purchase) == (750, 0)
    assert shop.purchase(purchase).clawed == 250 * MICRO


@pytest.mark.requirement("P10", "P1")
def test_what_was_taken_back_to_the_micro_credit_once_stays_so(shop: Shop) -> None:
    """Prices in rupees divide no credits evenly, and six decimals stood in every balance from then on."""
    purchase = shop.bought(shop.organization("0").org_id)
    shop.provider.refund_by_hand(purchase.payment_id or "", 250)
    assert shop.look(purchase).purchase.clawed == 250 * MICRO
    shop.rows(purchase.org_id, "UPDATE purchase SET clawed = clawed + 9999 RETURNING 1")
    again = shop.look(purchase).purchase
    assert (again.clawed, again.reversals) == (250 * MICRO + 9_999, 1)


@pytest.mark.requirement("P10", "I10")
def test_what_was_spent_becomes_a_debt_that_blocks_until_credits_cover_it(shop: Shop) -> None:
    """Refund or dispute after the credits are spent: elizaOS/eliza#10920, #10997, #11155."""
    org = shop.organization("0")
    purchase = shop.bought(org.org_id)
    spend(shop, org.org_id, 900)
    shop.provider.refund_by_hand(purchase.payment_id or "")
    shop.look(purchase)
    assert figures(shop, purchase) == (0, 900)
    with pytest.raises(Indebted):
        shop.run(
            org.org_id, execute_one(OpenHold(org_id=org.org_id, hold_id="h", amount=0, ttl_seconds=60, subject=SUBJECT))
        )
    shop.bought(org.org_id)
    assert figures(shop, purchase) == (100, 0)
    spend(shop, org.org_id, 1, "again")


@pytest.mark.requirement("P10")
def test_a_dispute_freezes_the_lot_and_a_won_one_thaws_it(shop: Shop) -> None:
    org = shop.organization("0")
    purchase = shop.bought(org.org_id)
    spend(shop, org.org_id, 300)
    dispute = shop.provider.dispute(purchase.payment_id or "")
    about = {"payment_id": purchase.payment_id or "", "dispute_id": dispute.dispute_id}
    assert shop.report("payment.dispute.created", **about) == "purchase paid, frozen"
    assert figures(shop, purchase) == (0, 0)
    shop.provider.decide_dispute(dispute.dispute_id, "won")
    shop.report("payment.dispute.won", **about)
    assert figures(shop, purchase) == (700, 0)


@pytest.mark.requirement("P10")
def test_a_lost_dispute_takes_everything_and_leaves_the_debt(shop: Shop) -> None:
    org = shop.organization("0")
    purchase = shop.bought(org.org_id)
    spend(shop, org.org_id, 300)
    dispute = shop.provider.dispute(purchase.payment_id or "")
    shop.provider.decide_dispute(dispute.dispute_id, "lost")
    shop.report(
        "payment.dispute.lost", payment_id=purchase.payment_id or "", dispute_id=dispute.dispute_id
    )  # the report of its creation was lost
    assert figures(shop, purchase) == (0, 300)


@pytest.mark.requirement("P10")
def test_a_refund_that_fails_gives_the_credits_back(shop: Shop) -> None:
    org = shop.organization("0")
    purchase = shop.bought(org.org_id)
    shop.provider.refund_status = "pending"
    given = shop.provider.refund_by_hand(purchase.payment_id or "", 400)
    shop.provider.refund_status = "processed"
    shop.look(purchase)
    assert figures(shop, purchase) == (600, 0)
    shop.provider.finish_refund(given.refund_id, "failed")
    shop.report("refund.failed", payment_id=purchase.payment_id or "", refund_id=given.refund_id)
    assert figures(shop, purchase) == (1000, 0)


@pytest.mark.requirement("P8", "P10")
def test_money_that_goes_back_in_another_currency_is_not_converted(shop: Shop) -> None:
    org = shop.organization("0")
    purchase = shop.bought(org.org_id)
    dispute = shop.provider.dispute(purchase.payment_id or "", 10_000)
    rupees = replace(dispute, currency="INR", status="lost", amount_deducted=10_000)
    shop.provider._disputes[dispute.dispute_id] = rupees
    looked = shop.look(purchase, dispute.dispute_id)
    assert (looked.purchase.clawed, looked.purchase.frozen) == (0, True)


def lost_in_rupees(shop: Shop) -> tuple[Purchase, str]:
    """A purchase of $10.00 of which the bank took ₹4,000.00 back, and the dispute's id."""
    purchase = shop.bought(shop.organization("0").org_id)
    dispute = shop.provider.dispute(purchase.payment_id or "", 400_000)
    rupees = replace(dispute, currency="INR", status="lost", amount_deducted=400_000)
    shop.provider._disputes[dispute.dispute_id] = rupees
    assert shop.look(purchase, dispute.dispute_id).unclear
    return purchase, dispute.dispute_id


def counted(shop: Shop, purchase: Purchase, thing_id: str, amount: int) -> Fulfilled:
    counting = count_back(
        purchase.org_id, purchase.purchase_id, thing_id=thing_id, amount=amount, reason="the bank's letter",
        actor=STAFF, seller=SELLER,
    )  # fmt: skip
    return shop.run(purchase.org_id, counting)


@pytest.mark.requirement("P8", "P10")
@pytest.mark.parametrize(("amount", "left"), [(0, 1_000), (400, 600), (1_000, 0)])
def test_staff_say_what_of_the_payment_went_back_and_the_rest_thaws(shop: Shop, amount: int, left: int) -> None:
    """It was frozen for good: nothing anybody could say or hear moved it again."""
    purchase, dispute_id = lost_in_rupees(shop)
    assert figures(shop, purchase) == (0, 0)
    for _ in range(2):
        stands = counted(shop, purchase, dispute_id, amount)
        assert (stands.unclear, stands.purchase.frozen, stands.purchase.clawed) == (False, False, amount * MICRO)
    assert not shop.look(purchase, dispute_id).purchase.frozen, "the provider says the same of it as before"
    assert figures(shop, purchase) == (left, 0)
    said = "SELECT details FROM activity WHERE action = 'refund.counted'"
    assert len(shop.rows(purchase.org_id, said)) == 1
    assert shop.run(purchase.org_id, verify(purchase.org_id)) == []


@pytest.mark.requirement("P8", "P10")
def test_what_was_counted_can_be_corrected_and_is_over_where_the_dispute_is_won_after_all(shop: Shop) -> None:
    purchase, dispute_id = lost_in_rupees(shop)
    counted(shop, purchase, dispute_id, 1_000)
    assert counted(shop, purchase, dispute_id, 400).purchase.clawed == 400 * MICRO
    later = replace(shop.provider._disputes[dispute_id], phase="arbitration", status="won", amount_deducted=0)
    shop.provider._disputes[dispute_id] = later
    shop.look(purchase, dispute_id)
    assert figures(shop, purchase) == (1_000, 0)


@pytest.mark.requirement("P8", "P10")
def test_a_refund_in_another_currency_is_counted_by_staff_as_well(shop: Shop) -> None:
    purchase = shop.bought(shop.organization("0").org_id)
    given = shop.provider.refund_by_hand(purchase.payment_id or "", 1)
    shop.provider.refunds[given.refund_id] = replace(given, currency="INR", amount=40_000)
    about = {"payment_id": purchase.payment_id or "", "refund_id": given.refund_id}
    with pytest.raises(MoneyBackUndecided, match=f"count-back .* {given.refund_id} --amount"):
        shop.report("refund.processed", **about)
    assert figures(shop, purchase) == (0, 0)
    counted(shop, purchase, given.refund_id, 500)
    assert figures(shop, purchase) == (500, 0)
    assert not shop.look(purchase).unclear


@pytest.mark.requirement("P8", "P10")
def test_each_of_two_refunds_in_another_currency_is_counted_by_itself(shop: Shop) -> None:
    purchase = shop.bought(shop.organization("0").org_id)
    given = [shop.provider.refund_by_hand(purchase.payment_id or "", 1) for _ in range(2)]
    for one in given:
        shop.provider.refunds[one.refund_id] = replace(one, currency="INR", amount=10_000)
    shop.look(purchase)
    for one, left in zip(given, (0, 700), strict=True):
        counted(shop, purchase, one.refund_id, 150)
        assert figures(shop, purchase) == (left, 0), "it thaws when both are counted"


@pytest.mark.requirement("P10")
@pytest.mark.parametrize(("thing", "amount"), [("disp_Nobody", 1), ("", 1), (None, -1), (None, 1_001)])
def test_only_what_went_back_in_another_currency_is_counted(shop: Shop, thing: str | None, amount: int) -> None:
    purchase, dispute_id = lost_in_rupees(shop)
    with pytest.raises(InvalidInput):
        counted(shop, purchase, dispute_id if thing is None else thing, amount)
    assert shop.purchase(purchase).frozen


@pytest.mark.requirement("P10")
def test_what_went_back_in_its_own_currency_is_the_providers_to_say(shop: Shop) -> None:
    purchase = shop.bought(shop.organization("0").org_id)
    given = shop.provider.refund_by_hand(purchase.payment_id or "", 250)
    shop.look(purchase)
    with pytest.raises(InvalidInput):
        counted(shop, purchase, given.refund_id, 0)
    assert figures(shop, purchase) == (750, 0)


@pytest.mark.requirement("P8", "P10")
def test_a_dispute_in_another_currency_that_cost_nothing_is_over(shop: Shop) -> None:
    org = shop.organization("0")
    purchase = shop.bought(org.org_id)
    dispute = shop.provider.dispute(purchase.payment_id or "")
    shop.provider._disputes[dispute.dispute_id] = replace(dispute, currency="INR")
    assert shop.look(purchase, dispute.dispute_id).purchase.frozen
    shop.provider.decide_dispute(dispute.dispute_id, "closed")
    assert not shop.look(purchase, dispute.dispute_id).purchase.frozen
    assert figures(shop, purchase) == (1_000, 0)


@pytest.mark.requirement("P10", "R78")
def test_the_history_does_not_go_on_saying_that_a_refund_which_failed_was_given_back(shop: Shop) -> None:
    org = shop.organization("0")
    purchase = shop.bought(org.org_id)
    shop.provider.refund_status = "pending"
    given = shop.provider.refund_by_hand(purchase.payment_id or "")
    shop.provider.refund_status = "processed"
    shop.look(purchase)
    shop.provider.finish_refund(given.refund_id, "failed")
    shop.look(purchase)
    (attempt,) = shop.run(org.org_id, listed_purchase(org.org_id, purchase.purchase_id)).attempts
    assert (attempt.status, attempt.amount_refunded) == ("captured", 0)


@pytest.mark.requirement("P10")
def test_staff_are_told_that_a_refund_failed(shop: Shop) -> None:
    org = shop.organization("0")
    purchase = shop.bought(org.org_id)

    def give_back(refund_id: str) -> None:
        shop.errand(
            refund(
                org.org_id, purchase.purchase_id, refund_id=refund_id, amount=100, reason="", actor=STAFF, seller=SELLER
            )
        )  # fmt: skip

    give_back("ticket 8")
    (row,) = shop.rows(org.org_id, "SELECT refund_id FROM payment_refund")
    shop.provider.finish_refund(row["refund_id"], "failed")
    with pytest.raises(ProviderRefused, match="failed"):
        give_back("ticket 8")
    assert figures(shop, purchase) == (1_000, 0)


def test_money_back_before_the_payment_was_heard_of_leaves_nothing(shop: Shop) -> None:
    org = shop.organization("0")
    purchase = shop.order(org.org_id)
    payment = shop.provider.pay(purchase.order_id or "")
    shop.provider.refund_by_hand(payment.payment_id)
    looked = shop.look(purchase)
    assert looked.granted
    assert figures(shop, purchase) == (0, 0)


@pytest.mark.requirement("P10", "B6")
def test_whoever_paid_twice_and_got_one_payment_back_has_paid_once(shop: Shop) -> None:
    org = shop.organization("0")
    purchase = shop.bought(org.org_id)
    first, second = purchase.payment_id or "", shop.provider.pay(purchase.order_id or "").payment_id
    shop.look(purchase)
    shop.provider.refund_by_hand(first)  # the one that was credited, as it happens
    assert shop.look(purchase).surplus == (second,)
    assert figures(shop, purchase) == (1000, 0)
    dispute = shop.provider.dispute(second, 250)
    shop.provider.decide_dispute(dispute.dispute_id, "lost")
    shop.look(purchase, dispute.dispute_id)
    assert figures(shop, purchase) == (750, 0)
    shop.provider.refund_by_hand(second, 750)
    shop.look(purchase)
    assert figures(shop, purchase) == (0, 0)


@pytest.mark.requirement("P10")
def test_staff_give_back_once_under_their_own_id(shop: Shop) -> None:
    org = shop.organization("0")
    purchase = shop.bought(org.org_id)
    for _ in range(2):
        shop.errand(
            refund(
                org.org_id, purchase.purchase_id, refund_id="ticket 7", amount=100, reason="a kindness", actor=STAFF,
                seller=SELLER,
            )
        )  # fmt: skip
    assert figures(shop, purchase) == (900, 0)
    assert len(shop.rows(org.org_id, "SELECT 1 FROM payment_refund")) == 1


@pytest.mark.parametrize("amount", [0, -1, 1_001])
def test_staff_cannot_give_back_more_than_was_paid(shop: Shop, amount: int) -> None:
    org = shop.organization("0")
    purchase = shop.bought(org.org_id)
    asked = refund(
        org.org_id, purchase.purchase_id, refund_id="r", amount=amount, reason="", actor=STAFF, seller=SELLER
    )
    with pytest.raises(InvalidInput):
        shop.errand(asked)


@pytest.mark.requirement("P10")
def test_staff_cannot_give_back_what_a_lost_dispute_took_already(shop: Shop) -> None:
    """The provider counts refunds alone: it would have sent $10 and $5 back for a payment of $10."""
    org = shop.organization("0")
    purchase = shop.bought(org.org_id)
    shop.provider.refund_by_hand(purchase.payment_id or "", 300)
    dispute = shop.provider.dispute(purchase.payment_id or "", 500)
    shop.provider.decide_dispute(dispute.dispute_id, "lost")
    shop.look(purchase, dispute.dispute_id)

    def give_back(amount: int) -> None:
        shop.errand(
            refund(
                org.org_id, purchase.purchase_id, refund_id=f"of {amount}", amount=amount, reason="", actor=STAFF,
                seller=SELLER,
            )
        )  # fmt: skip

    with pytest.raises(InvalidInput, match=r"\$8\.00 of it went back already, by refunds and lost disputes"):
        give_back(201)
    give_back(200)
    assert figures(shop, purchase) == (0, 0)
    give_back(200)  # under the same id it is the same refund
    assert figures(shop, purchase) == (0, 0)
    with pytest.raises(InvalidInput, match=r"\$10\.00 of it went back"):
        give_back(1)


def test_nothing_is_given_back_of_what_was_not_paid(shop: Shop) -> None:
    org = shop.organization("0")
    purchase = shop.order(org.org_id)
    asked = refund(org.org_id, purchase.purchase_id, refund_id="r", amount=1, reason="", actor=STAFF, seller=SELLER)
    with pytest.raises(NotPaid):
        shop.errand(asked)


@dataclass
class Story:
    """A purchase of $10 to which things happen at the provider, in a random order, told of late, twice or never."""

    shop: Shop
    purchase: Purchase
    chance: random.Random
    refunded: int = 0
    disputed: str = ""
    dispute_id: str = ""

    def happen(self) -> None:
        self.chance.choice([self._refund, self._dispute, self._decide, self._look, self._look_twice])()

    def expected(self) -> tuple[int, int]:
        """Credits left and debt, from the rules alone: 400 of the 1,000 were spent at the start."""
        cents = min(1_000, self.refunded + (1_000 if self.disputed == "lost" else 0))
        left = max(0, 600 - cents)
        return (0 if self.disputed == "open" else left), max(0, cents - 600)

    def _refund(self) -> None:
        amount = self.chance.choice([1, 250, 333, 500])
        if self.refunded + amount <= 1_000:
            self.shop.provider.refund_by_hand(self.purchase.payment_id or "", amount)
            self.refunded += amount

    def _dispute(self) -> None:
        if not self.disputed:
            self.dispute_id = self.shop.provider.dispute(self.purchase.payment_id or "").dispute_id
            self.disputed = "open"

    def _decide(self) -> None:
        if self.disputed == "open":
            self.disputed = self.chance.choice(["won", "lost"])
            self.shop.provider.decide_dispute(self.dispute_id, self.disputed)  # type: ignore[arg-type]

    def _look(self) -> None:
        self.shop.look(self.purchase, *filter(None, [self.dispute_id]))

    def _look_twice(self) -> None:
        self._look()
        self._look()


@pytest.mark.requirement("P9", "P10", "B6")
@pytest.mark.parametrize("seed", range(12))
def test_whatever_happens_to_a_payment_it_ends_where_the_rules_say(shop: Shop, seed: int) -> None:
    """The same by the ten thousand is a campaign's: `testkase campaign money-back`."""
    org = shop.organization("0")
    purchase = shop.bought(org.org_id)
    spend(shop, org.org_id, 400)
    story = Story(shop=shop, purchase=purchase, chance=random.Random(seed))
    for _ in range(8):
        story.happen()
    story._look()
    assert figures(shop, purchase) == story.expected()
    assert shop.run(org.org_id, verify(org.org_id)) == []
