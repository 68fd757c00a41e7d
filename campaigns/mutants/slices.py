"""Campaigns at the size of seconds, to hunt one mutant with: `python -m campaigns.mutants.slices NAME`.

Runs in a process of its own, whose source is the mutant's. Exit code 1 and the first fault on standard output where
something was found; where nothing was, 0. `MUTANT_DATABASES` names databases made by the mutant's own migrations.
"""

import itertools
import json
import os
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

from campaigns.ledger.calendar import calendar
from campaigns.ledger.rush import rush
from campaigns.ledger.simulate import LENGTHS, why
from campaigns.ledger.simulate_postgres import Drivers, told_block
from campaigns.payments.lost_reports import lost_reports
from campaigns.payments.money_back import every_order, money_back
from campaigns.payments.payments import payments
from tests.support.cluster import TestDatabase
from tests.support.heard import oracle
from tests.support.random_commands import tell

SEED = 1
BLOCKS, BLOCKS_ON_POSTGRES = 10, 5
_ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Pacific/Auckland", "Asia/Kolkata")
_ANCHORS = (1, 15, 28, 29, 30, 31)


def databases() -> Iterator[TestDatabase]:
    """Those that were made for this run."""
    for told in json.loads(os.environ["MUTANT_DATABASES"]):
        yield TestDatabase(**told)


def _simulate() -> Iterator[str]:
    for block, (index, length) in itertools.product(range(BLOCKS), enumerate(LENGTHS)):
        try:
            tell(Random(f"{SEED}/{block}/{index}"), length)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the finding
            yield why(error)


def _simulate_postgres() -> Iterator[str]:
    drivers = Drivers(*itertools.islice(databases(), 2))
    for block in range(BLOCKS_ON_POSTGRES):
        yield from told_block(drivers, SEED, block, shorten=False).faults
    drivers.close()


def _calendar() -> Iterator[str]:
    yield from calendar(_ZONES, months=14, seed=SEED, anchors=_ANCHORS).faults


def _rush() -> Iterator[str]:
    yield from rush(next(databases()), rounds=12, seed=SEED).faults


def _money_back_on_the_model() -> Iterator[str]:
    for known, names in every_order(3):
        if known.standing() != oracle(frozenset(names)):
            yield f"{' → '.join(names)}: {known.standing()}"


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


SLICES: dict[str, Callable[[], Iterator[str]]] = {
    "simulate": _simulate,
    "simulate-postgres": _simulate_postgres,
    "calendar": _calendar,
    "rush": _rush,
    "money-back on the model": _money_back_on_the_model,
    "money-back": _money_back,
    "payments": _payments,
    "lost-reports": _lost_reports,
}
WITHOUT_A_DATABASE = {"simulate", "calendar", "money-back on the model"}


def main(name: str) -> int:
    """Run one until its first fault. One that breaks off has found something."""
    try:
        fault = next(SLICES[name](), None)
    except Exception:  # noqa: BLE001 - as above
        fault = f"broke off: {traceback.format_exc().strip().splitlines()[-1]}"
    if fault is not None:
        print(fault.splitlines()[0][:500])
    return 1 if fault is not None else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
