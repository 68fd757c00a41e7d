"""The slices that need no database."""

import itertools
from collections.abc import Callable, Iterator
from random import Random

from campaigns.ledger.calendar import calendar
from campaigns.ledger.simulate import LENGTHS, why
from campaigns.payments.money_back import every_order
from tests.support.heard import oracle
from tests.support.random_commands import tell

SEED = 1
BLOCKS = 40
_ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Pacific/Auckland", "Asia/Kolkata")
_ANCHORS = (1, 15, 28, 29, 30, 31)


def _simulate() -> Iterator[str]:
    for block, (index, length) in itertools.product(range(BLOCKS), enumerate(LENGTHS)):
        try:
            tell(Random(f"{SEED}/{block}/{index}"), length, thorough=False)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the finding
            yield why(error)


def _calendar() -> Iterator[str]:
    yield from calendar(_ZONES, months=14, seed=SEED, anchors=_ANCHORS).faults


def _money_back_on_the_model() -> Iterator[str]:
    for known, names in every_order(3):
        if known.standing() != oracle(frozenset(names)):
            yield f"{' → '.join(names)}: {known.standing()}"


SLICES: dict[str, Callable[[], Iterator[str]]] = {
    "simulate": _simulate,
    "calendar": _calendar,
    "money-back on the model": _money_back_on_the_model,
}
