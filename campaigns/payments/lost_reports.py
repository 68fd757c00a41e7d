"""Lost reports: for a day of simulated time every webhook is dropped. Each payment is found within ten minutes of its
capture by looking alone; when all the reports arrive after all, nothing is credited twice (B5, P9).
"""

import random
import tempfile
from pathlib import Path

from bench.server import bench_server
from campaigns.campaign import Campaign, Tick, unheard
from campaigns.oracle import deviations
from campaigns.outcome import Outcome
from campaigns.payments.counter import Counter, Paid, counter, signed
from testkase.services.billing.model import Purchase
from testkase.services.billing.reports.inbox import claim_reports, handled, receive
from testkase.services.billing.reports.reconciling import claim_watched, look_again
from testkase.services.billing.reports.working import work_on
from tests.support.cluster import TestDatabase
from tests.support.shop import SELLER

MINUTES_OF_A_DAY = 1_440
LATEST_MINUTES = 10
_LONGEST_WAIT = 240
"""Minutes between an order and its payment: most people pay at once, some come back hours later."""


def run(size: int, seed: int, tick: Tick) -> Outcome:
    """A day on a PostgreSQL of its own."""
    with bench_server() as server, tempfile.TemporaryDirectory() as folder:
        return lost_reports(
            server.database, Path(folder), paid=size, minutes=MINUTES_OF_A_DAY, seed=seed, tick=tick
        )  # fmt: skip


LOST_REPORTS = Campaign(
    name="lost-reports", about="a day without webhooks: every payment is found within ten minutes, and credited once",
    counts="payments", full=1_000, small=100, run=run,
)  # fmt: skip


def lost_reports(
    database: TestDatabase, folder: Path, *, paid: int, minutes: int, seed: int, tick: Tick = unheard
) -> Outcome:
    """`paid` purchases ordered at random moments of so many minutes, and paid some time later."""
    dice, outcome = random.Random(seed), Outcome("lost reports", seed)
    with counter(database, folder, processes=0, worker=False) as (shop, _):
        org_id = shop.shop.organizations.make("0").org_id
        ordered = sorted(dice.randrange(minutes) for _ in range(paid))
        day = _Day(shop, dice, org_id, outcome)
        for minute in range(minutes + _LONGEST_WAIT + LATEST_MINUTES + 1):
            day.pass_minute(minute, orders=ordered.count(minute))
            tick(len(day.paid))
        day.judge(paid)
        outcome.faults += deviations(database.owner_url)
    return outcome


class _Day:
    """A day without reports, minute by minute. Time passes by moving what is due nearer."""

    def __init__(self, shop: Counter, dice: random.Random, org_id: int, outcome: Outcome) -> None:
        self.shop, self.dice, self.org_id, self.outcome = shop, dice, org_id, outcome
        self.waiting: dict[int, list[Purchase]] = {}
        self.paid: dict[str, tuple[int, Paid]] = {}
        """By purchase: the minute of its payment."""
        self.found: dict[str, int] = {}
        self.looks = 0

    def pass_minute(self, minute: int, *, orders: int) -> None:
        database = self.shop.shop.organizations.database
        with database.transaction() as connection:
            connection.execute(
                "UPDATE payment_watch SET due_at = due_at - interval '1 minute', since = since - interval '1 minute'"
            )
        for _ in range(orders):
            later = minute + min(_LONGEST_WAIT, int(self.dice.expovariate(1 / 30)))
            self.waiting.setdefault(later, []).append(self.shop.order(self.org_id, "starter"))
        for purchase in self.waiting.pop(minute, []):
            self.paid[purchase.purchase_id] = (minute, self.shop.pay(purchase))
        while due := database.run(claim_watched(limit=100)):
            for one in due:
                self.looks += 1
                if self.shop.errand(look_again(one, SELLER, self.shop.shop.books, public_url="")) == "paid":
                    self.found[one.target_id] = minute

    def judge(self, wanted: int) -> None:
        latest = max((self.found.get(name, 10**6) - minute for name, (minute, _) in self.paid.items()), default=0)
        if latest > LATEST_MINUTES:
            self.outcome.faults.append(f"a payment was found only {latest} minutes after it was made")
        self._backlog()
        grants = self.shop.shop.grants(self.org_id)
        if not grants == len(self.paid) == wanted:
            self.outcome.faults.append(f"{grants} grants of {len(self.paid)} payments")
        self.outcome.figures = {
            "payments without a report": wanted, "looks": self.looks, "found after at most": f"{latest} minutes",
        }  # fmt: skip

    def _backlog(self) -> None:
        """Everything that was lost arrives."""
        database = self.shop.shop.organizations.database
        for _, paid in self.paid.values():
            for body in paid.reports:
                assert self.shop.provider.is_webhook_signature(body, signed(body))
                database.run(receive(body, self.shop.provider.read_event(body)))
        while reports := database.run(claim_reports(limit=100)):
            for report in reports:
                database.run(handled([report.digest], self.shop.errand(work_on(report, SELLER, self.shop.shop.books))))
