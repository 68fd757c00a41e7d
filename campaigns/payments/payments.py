"""Payments: everything that reports a payment does so at once, in any order and many times, while workers are killed.
Each payment is credited exactly once; what is forged, does not match, or is not ours is never credited (P9, I8, R33).
"""

import asyncio
import random
import tempfile
import time
from collections import Counter as Tally
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench.server import bench_server
from campaigns.campaign import Campaign, Tick, unheard
from campaigns.oracle import deviations
from campaigns.outcome import Outcome
from campaigns.payments.counter import Counter, Paid, counter, signed
from testkase.foundation.problems import Problem
from testkase.services.billing.purchasing.buying import look_at, returned_from_checkout
from tests.support.cluster import TestDatabase
from tests.support.shop import SELLER
from tests.support.wire import Wire

CONNECTIONS = 64
_PATIENCE_SECONDS = 180


DELIVERIES, FORGED = 1_000, 10
"""Of each payment."""


def run(size: int, seed: int, tick: Tick) -> Outcome:
    """On a PostgreSQL of its own; workers are killed meanwhile."""
    with bench_server() as server, tempfile.TemporaryDirectory() as folder:
        return payments(
            server.database, Path(folder), paid=size, deliveries=DELIVERIES * size, forged=FORGED * size, kills=20,
            seed=seed, tick=tick,
        )  # fmt: skip


PAYMENTS = Campaign(
    name="payments", about="a thousand reports of each payment, shuffled, forged, while workers are killed: one grant",
    counts="payments", full=1_000, small=20, run=run,
)  # fmt: skip


def payments(
    database: TestDatabase, folder: Path, *, paid: int, deliveries: int, forged: int, kills: int, seed: int,
    tick: Tick = unheard,
) -> Outcome:  # fmt: skip
    """`paid` payments, `deliveries` webhooks of them beside browser returns and the reconciler, and `forged` ones."""
    dice, outcome = random.Random(seed), Outcome("payments", seed)
    with counter(database, folder) as (shop, urls):
        org_ids = [shop.shop.organizations.make("0").org_id for _ in range(max(2, paid // 10))]
        made = [_paid(shop, dice, dice.choice(org_ids)) for _ in range(paid)]
        wrong = [_mismatched(shop, dice.choice(org_ids)) for _ in range(max(1, forged // 100))]
        strays = [shop.stray() for _ in range(max(1, forged // 100))]
        bodies = [body for one in (*made, *wrong) for body in one.reports] + strays
        messages = _messages(dice, bodies, deliveries, forged)
        answers = asyncio.run(
            _everything_at_once(shop, urls[0], dice, made=made, messages=messages, kills=kills, tick=tick)
        )
        _wait_until_quiet(shop)
        outcome.faults += _judged(shop, made, wrong)
        outcome.figures = {
            "payments": paid, "deliveries": answers[200], "refused as forged": answers[400], "kills": shop.kills,
            "that do not match": len(wrong), "of other orders": len(strays),
        }  # fmt: skip
        if answers[200] != deliveries or answers[400] != forged:
            outcome.faults.append(f"answers: {dict(answers)}")
        outcome.faults += deviations(database.owner_url)
    return outcome


def _paid(shop: Counter, dice: random.Random, org_id: int) -> Paid:
    """Paid in one of the ways in which payments come: captured, only authorized, failed at first."""
    purchase = shop.order(org_id, dice.choice(["starter", "professional", "enterprise", "ultimate"]))
    return shop.pay(purchase, faults=dice.choice([[], [], ["F8"], ["F9"]]))


def _mismatched(shop: Counter, org_id: int) -> Paid:
    """The provider holds a payment of this order over another amount."""
    purchase = shop.order(org_id, "starter")
    return shop.pay(purchase, faults=[{"fault": "F12", "mode": "amount", "amount": 1}])


async def _everything_at_once(
    shop: Counter,
    url: str,
    dice: random.Random,
    *,
    made: Sequence[Paid],
    messages: Sequence[tuple[bytes, str]],
    kills: int,
    tick: Tick,
) -> Tally[int]:
    wires = [await Wire.connect(url, "") for _ in range(CONNECTIONS)]
    wanted = iter(messages)
    answers: Tally[int] = Tally()
    loop = asyncio.get_running_loop()

    async def send(wire: Wire) -> None:
        for body, signature in wanted:
            answer = await wire.request(
                "POST", "/webhooks/razorpay", body, headers=f"X-Razorpay-Signature: {signature}\r\n"
            )
            answers[answer.status] += 1
            tick(len(made) * answers.total() // len(messages))

    async def kill() -> None:
        for _ in range(kills):
            await asyncio.sleep(dice.uniform(1.0, 3.0))
            shop.kill_worker()  # on this thread: a process dies with the thread that began it

    with ThreadPoolExecutor(8) as people:
        returns = [loop.run_in_executor(people, _report_in_person, shop, one, dice.random()) for one in made]
        await asyncio.gather(*(send(wire) for wire in wires), *returns, kill())
    for wire in wires:
        wire.close()
    return answers


def _messages(
    dice: random.Random, bodies: Sequence[bytes], deliveries: int, forged: int
) -> Sequence[tuple[bytes, str]]:
    """Every report at least once, in any order, and again until there are enough; forgeries strewn among them."""
    known = [(body, signed(body)) for body in bodies]
    messages = [*known, *dice.choices(known, k=max(0, deliveries - len(known)))][:deliveries]
    messages += [_forged(dice, dice.choice(bodies)) for _ in range(forged)]
    dice.shuffle(messages)
    return messages


def _forged(dice: random.Random, body: bytes) -> tuple[bytes, str]:
    """Not signed, signed for other bytes, or signed with a guess."""
    guess = f"{dice.getrandbits(256):064x}"
    return dice.choice([(body, ""), (body, guess), (body + b" ", signed(body)), (body, signed(body)[:-1] + "g")])


def _report_in_person(shop: Counter, one: Paid, chance: float) -> None:
    """The browser comes back, the reconciler comes by, both, or neither; now and then somebody forges a return."""
    org_id, purchase = one.purchase.org_id, one.purchase
    try:
        if chance < 0.5 and one.signature:
            back = {"payment_id": one.payment_id, "signature": one.signature, "seller": SELLER}
            shop.errand(returned_from_checkout(org_id, purchase.purchase_id, **back))  # type: ignore[arg-type]
        if 0.3 < chance < 0.7:
            shop.errand(look_at(purchase, SELLER))
        if chance > 0.8:
            back = {"payment_id": one.payment_id, "signature": "0" * 64, "seller": SELLER}
            assert shop.errand(returned_from_checkout(org_id, purchase.purchase_id, **back)) is None  # type: ignore[arg-type]
    except Problem:
        pass  # the provider was busy: the reports will do


def _wait_until_quiet(shop: Counter) -> None:
    """Until every report has been worked on. Those a killed worker had in hand would come again later: not so late."""
    database, deadline = shop.shop.organizations.database, time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        with database.transaction() as connection:
            connection.execute("UPDATE payment_event SET due_at = now() WHERE handled_at IS NULL AND due_at > now()")
            row = connection.execute("SELECT count(*) FROM payment_event WHERE handled_at IS NULL").fetchone()
        if row == (0,):
            return
        time.sleep(1)


def _judged(shop: Counter, made: Sequence[Paid], wrong: Sequence[Paid]) -> list[str]:
    faults = []
    wanted: Tally[int] = Tally()
    for one in made:
        wanted[one.purchase.org_id] += one.purchase.credits
        if shop.shop.purchase(one.purchase).payment_id != one.payment_id:
            faults.append(f"{one.purchase.purchase_id} was not credited for {one.payment_id}")
    faults += [f"{one.payment_id} does not match" for one in wrong if shop.shop.purchase(one.purchase).state == "paid"]
    for org_id, credits in wanted.items():
        if (found := shop.shop.balance(org_id).available) != credits:
            faults.append(f"organization {org_id} has {found} instead of {credits}")
    grants = sum(shop.shop.grants(org_id) for org_id in wanted)
    return faults + ([f"{grants} grants of {len(made)} payments"] if grants != len(made) else [])
