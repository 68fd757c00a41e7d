"""Money back: every order in which a payment, two refunds and a dispute can be heard of, and thousands of random ones
on PostgreSQL with spending in between. What is taken back is what an oracle says that knows the rules alone (P10).
"""

import random
from collections.abc import Iterator

from bench.server import bench_server
from campaigns.campaign import Campaign, Tick, unheard
from campaigns.outcome import Outcome
from testkase.core.ledger.commands import RecordUsage
from testkase.core.ledger.credits import MICRO
from testkase.core.ledger.model import Subject
from testkase.core.ledger.operations import execute_one
from testkase.core.ledger.verify import verify
from testkase.services.billing.purchasing.fulfilment import fulfil
from tests.support.cluster import TestDatabase
from tests.support.heard import HEARD, Known, balance_after, heard, oracle
from tests.support.shop import SELLER, Shop, shop_on

LONGEST = 7
_SUBJECT = Subject(use_case="chat", user="ada@example.com")


def run(size: int, seed: int, tick: Tick) -> Outcome:
    """On the model, and on a PostgreSQL of its own."""
    with bench_server() as server:
        return money_back(server.database, stories=size, longest=LONGEST, seed=seed, tick=tick)


MONEY_BACK = Campaign(
    name="money-back", about="refunds and disputes heard of in any order: what is taken back is what the rules say",
    counts="stories", full=10_000, small=500, run=run,
)  # fmt: skip


def money_back(database: TestDatabase, *, stories: int, longest: int, seed: int, tick: Tick = unheard) -> Outcome:
    """Every order of up to `longest` reports on the model, and `stories` random ones on PostgreSQL."""
    outcome = Outcome("money back", seed)
    orders = 0
    for known, names in every_order(longest):
        orders += 1
        if known.standing() != oracle(frozenset(names)):
            outcome.faults.append(f"{' → '.join(names)}: {known.standing()}")
    dice = random.Random(seed)
    with shop_on(database) as shop:
        for number in range(stories):
            outcome.faults += _story(shop, random.Random(dice.randrange(2**32)))
            tick(number + 1)
    outcome.figures = {"orders on the model": orders, "stories on PostgreSQL": stories}
    return outcome


def every_order(longest: int) -> Iterator[tuple[Known, tuple[str, ...]]]:
    """Every sequence of reports up to a length, repetitions included; what they begin with alike is heard once."""

    def walk(depth: int, known: Known, names: tuple[str, ...]) -> Iterator[tuple[Known, tuple[str, ...]]]:
        yield known, names
        if depth:
            for name in HEARD:
                yield from walk(depth - 1, known.hear(name), (*names, name))

    return walk(longest, Known(), ())


def _story(shop: Shop, dice: random.Random) -> list[str]:
    """Up to seven reports in a random order, spending after some of them, then all of them once more."""
    org_id = shop.organization("0").org_id
    purchase = shop.order(org_id, "professional")
    reports = heard(purchase.order_id or "", f"pay_{purchase.purchase_id}")
    names = dice.choices(list(reports), k=dice.randrange(1, LONGEST + 1))
    spend_after, spent, faults = dice.randrange(len(names)), 0, list[str]()
    for index, name in enumerate(names * 2):
        shop.run(org_id, fulfil(org_id, purchase.purchase_id, reports[name], SELLER))
        if index == spend_after:
            spent = _spend(shop, org_id, dice.randrange(6_000) * MICRO)
        account, so_far = shop.balance(org_id), (names * 2)[: index + 1]
        found, wanted = (account.available, account.debt), balance_after(frozenset(so_far), spent)
        told = f"{', '.join(so_far)}; spent {spent // MICRO} after {spend_after + 1}"
        faults += [] if found == wanted else [f"{told}: {found} instead of {wanted}"]
    return faults + [f"{told}: {deviation.found}" for deviation in shop.run(org_id, verify(org_id))]


def _spend(shop: Shop, org_id: int, most: int) -> int:
    """As much as there is, up to `most`; nothing while a debt blocks."""
    account = shop.balance(org_id)
    amount = 0 if account.debt else min(most, account.available)
    if amount:
        shop.run(org_id, execute_one(RecordUsage(org_id=org_id, usage_id="u", subject=_SUBJECT, credits=amount)))
    return amount
