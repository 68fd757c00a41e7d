"""Stories told by hand: the ledger's commands in short, at seconds after the start, beside the naive model."""

from testkase.core.ledger import commands as c
from testkase.core.ledger.decide import Decision
from testkase.core.ledger.model import Entry
from tests.support.random_commands import ORG, SECOND, START, SUBJECT, TERMS
from tests.support.side_by_side import SideBySide

CREDIT = 1_000_000


class Story:
    """A story told by hand: commands at seconds after the start, compared like the random ones."""

    def __init__(self, *, allowance: int = 0, anchor_day: int = 1) -> None:
        self.world = SideBySide()
        opening = c.OpenAccount(org_id=ORG, monthly_allowance=allowance, anchor_day=anchor_day, ai_enabled=True)
        self.at(0, opening)

    def at(self, second: int, command: c.Command) -> Entry:
        outcome = self.world.submit(command, START + second * SECOND)
        assert isinstance(outcome, Decision), outcome
        return outcome.entry

    def refused(self, second: int, command: c.Command) -> type[Exception]:
        outcome = self.world.submit(command, START + second * SECOND)
        assert isinstance(outcome, Exception), outcome
        return type(outcome)

    @property
    def available(self) -> int:
        return self.world.account().available


def grant(name: str, amount: int, *, until: int | None = None, priority: int = 0, paid: bool = False) -> c.Grant:
    expires_at = None if until is None else START + until * SECOND
    return c.Grant(org_id=ORG, grant_id=name, amount=amount, expires_at=expires_at, priority=priority, paid=paid)


def hold(name: str, amount: int, *, ttl: int = 600) -> c.OpenHold:
    return c.OpenHold(org_id=ORG, hold_id=name, amount=amount, ttl_seconds=ttl, subject=SUBJECT, terms=TERMS)


def settle(name: str, credits: int) -> c.SettleHold:
    return c.SettleHold(org_id=ORG, hold_id=name, credits=credits)


def void(name: str) -> c.VoidHold:
    return c.VoidHold(org_id=ORG, hold_id=name)


def usage(name: str, credits: int) -> c.RecordUsage:
    return c.RecordUsage(org_id=ORG, usage_id=name, credits=credits, subject=SUBJECT, terms=TERMS)


TOUCH = c.Touch(org_id=ORG)
OFF = c.SwitchAi(org_id=ORG, switch_id="off", enabled=False)
