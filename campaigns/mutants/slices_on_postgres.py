"""The slices that need databases: `MUTANT_DATABASES` names them, made by the mutant's own migrations."""

import itertools
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from campaigns.isolation.row_security import row_security
from campaigns.ledger.drivers import Drivers
from campaigns.ledger.rush import rush
from campaigns.ledger.simulate_postgres import told_block
from campaigns.payments.lost_reports import lost_reports
from campaigns.payments.money_back import money_back
from campaigns.payments.payments import payments
from campaigns.tampering.tampering import tamper
from tests.support.cluster import TestDatabase

SEED = 1
BLOCKS = 2


def databases() -> Iterator[TestDatabase]:
    """Those that were made for this run."""
    for told in json.loads(os.environ["MUTANT_DATABASES"]):
        yield TestDatabase(**told)


def _simulate_postgres() -> Iterator[str]:
    drivers = Drivers(*itertools.islice(databases(), 2))
    for block in range(BLOCKS):
        yield from told_block(drivers, SEED, block, shorten=False).faults
    drivers.close()


def _rush() -> Iterator[str]:
    yield from rush(next(databases()), rounds=60, seed=SEED).faults


def _money_back() -> Iterator[str]:
    yield from money_back(next(databases()), stories=60, longest=0, seed=SEED).faults


def _payments() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        yield from payments(
            next(databases()), Path(folder), paid=4, deliveries=200, forged=100, kills=0, seed=SEED
        ).faults  # fmt: skip


def _lost_reports() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        yield from lost_reports(next(databases()), Path(folder), paid=6, minutes=30, seed=SEED).faults


def _row_security() -> Iterator[str]:
    yield from row_security(next(databases()), tries=2_500, seed=SEED).faults


def _tamper() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        yield from tamper(next(databases()), Path(folder), changes=1_200, seed=SEED).faults


SLICES: dict[str, Callable[[], Iterator[str]]] = {
    "simulate-postgres": _simulate_postgres,
    "rush": _rush,
    "money-back": _money_back,
    "payments": _payments,
    "lost-reports": _lost_reports,
    "row-security": _row_security,
    "tamper": _tamper,
}
