"""Random commands for one organization, chosen where mistakes live: exact balances, one more, zero, ids used before,
the instant at which something falls due, its neighbours, and clocks that go backwards."""

from bisect import bisect
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate, islice
from random import Random
from typing import NamedTuple, TypeVar

import msgspec

from testkase.core.ledger import commands as c
from testkase.core.ledger.limits import commands as limit
from testkase.core.ledger.limits.model import PauseKind, Period, Scope
from testkase.core.ledger.model import Lot, Measurement, Outcome, Subject
from testkase.core.ledger.terms import Rates, Terms, Tokens
from tests.support.side_by_side import SideBySide

Option = TypeVar("Option")
CENT = 10_000
SECOND = 1_000_000
DAY = 86_400 * SECOND
START = 1_790_000_000 * SECOND
"""21 September 2026."""
ORG = 7
SUBJECT = Subject(use_case="test_generation", user="ana@example.com", project="WEB", model="m")
ODD = 'b "c", \\{d}(é)\t'
"""What people and programs may write too: every sign that means something on the way to a row and back."""
USERS = ("ana@example.com", ODD)
USE_CASES = ("test_generation", "chat")
TERMS = Terms(
    rate_card="2026-11-01",
    model="m",
    charge_increment=CENT,
    tiers=(
        Rates(above_input_tokens=0, input=300 * 10**6, cached_input=15 * 10**6, cache_write=375 * 10**6,
              output=1_500 * 10**6, reasoning=1_600 * 10**6),
        Rates(above_input_tokens=272_000, input=600 * 10**6, cached_input=30 * 10**6, cache_write=750 * 10**6,
              output=2_250 * 10**6, reasoning=2_250 * 10**6),
    ),
)  # fmt: skip
CHEAPER = msgspec.structs.replace(TERMS, model="small", tiers=(
    msgspec.structs.replace(TERMS.tiers[0], output=1_000 * 10**6), TERMS.tiers[1],
))  # fmt: skip
DEARER = msgspec.structs.replace(TERMS, model="large", tiers=(
    msgspec.structs.replace(TERMS.tiers[0], input=301 * 10**6, cached_input=14 * 10**6),
))  # fmt: skip
"""Dearer for most prompts, not for all."""
OUTCOMES: tuple[Outcome, ...] = ("completed", "completed", "completed", "cancelled", "failed", "refused")
MEASUREMENTS: tuple[Measurement, ...] = ("exact", "partial", "estimated")
PACES = (0, 0, 1, SECOND, 5 * SECOND, 60 * SECOND, 60 * SECOND, 3_600 * SECOND)
SIZES = (0, 0, 1, 100, 1_000, 20_000, 272_000, 272_001)
ABSURD: tuple[tuple[Tokens | None, int | None], ...] = (
    (None, None), (Tokens(input=1), 1), (Tokens(output=-1), None), (Tokens(input=10**30), None),
    (Tokens(reasoning=10**12), None), (Tokens(cache_write=10**12 + 1), None), (None, 10**15 + 1),
)  # fmt: skip
OTHERWISE: tuple[tuple[str, object], ...] = (
    ("amount", CENT), ("credits", CENT), ("enabled", True), ("ttl_seconds", 77), ("reason", "Why."),
    ("name", "another"), ("frozen", True),
)  # fmt: skip
"""What is changed of a command that comes again: the first of these that it has."""
ZONES = (
    "UTC",
    "Europe/Berlin",
    "Asia/Kolkata",
    "America/New_York",
    "Pacific/Auckland",
    "America/Havana",
    "Africa/Cairo",
)


THEMES = (
    (26, 10, 18, 8, 6, 10, 9, 5, 3, 5, 5, 3, 1, 2, 5, 3, 3),
    (26, 6, 18, 6, 6, 14, 16, 2, 1, 5, 0, 0, 0, 0, 24, 8, 0),  # refunds and disputes
    (30, 10, 18, 8, 6, 10, 4, 2, 2, 5, 2, 1, 0, 0, 3, 1, 8),  # calls beyond the balance
)
"""How often each kind of command comes, in the order of `MAKERS`."""


class Step(NamedTuple):
    """One step of a story: a command at an instant, or without a command a restart."""

    command: c.Command | None
    now: int

    def __str__(self) -> str:
        """In short: what is not as usual."""
        if self.command is None:
            return "restart"
        kind = type(self.command)
        usual = dict(zip(reversed(kind.__struct_fields__), reversed(kind.__struct_defaults__), strict=False))
        said = {name: value for name, value in msgspec.structs.asdict(self.command).items() if name != "org_id"}
        told = ", ".join(f"{name}={value!r}" for name, value in said.items() if value != usual.get(name, said))
        return f"{self.now} {kind.__name__}({told})"


def pick(dice: Random, options: Sequence[Option]) -> Option:
    """One of them. `Random.choice` is as fair to more than there are atoms, and takes thrice as long."""
    return options[int(dice.random() * len(options))]


class Script:
    """Draws commands and the instants they come at. The same dice give the same story."""

    def __init__(self, dice: Random, world: SideBySide) -> None:
        self.dice = dice
        self.world = world
        self.now = START + dice.randrange(0, 400) * DAY + dice.randrange(0, DAY)
        self.weigh(pick(dice, THEMES))
        self.calm = dice.random() < 0.35
        """An hour of many small calls, rather than years with a few."""
        self.past: list[c.Command] = []
        self.holds: list[str] = []
        """Ids that holds were asked for under."""
        self._read = 0
        self._opened: list[int] = []
        self._grants: dict[str, int] = {}
        self.jumped = False
        self.counter = 0

    def weigh(self, weights: Sequence[int]) -> None:
        """How often each kind of command comes."""
        self._up_to = list(accumulate(weights))

    def opening(self) -> c.OpenAccount:
        dice = self.dice
        opening = c.OpenAccount(
            org_id=ORG,
            monthly_allowance=pick(dice, [0, 1, 20 * CENT, 300 * 100 * CENT]),
            anchor_day=pick(dice, [1, 1, 15, 28, 29, 30, 31]),
            time_zone=pick(dice, ZONES),
            ai_enabled=dice.random() < 0.9,
        )
        self.past.append(opening)
        return opening

    def next(self) -> tuple[c.Command, int]:
        """The next command and its instant."""
        now = self._instant()
        return self.at(now), now

    def at(self, now: int) -> c.Command:
        """The next command, at an instant given from outside."""
        self.jumped, self.now = now - self.now > 5 * DAY, now
        command = self._again() if self.past and self.dice.random() < 0.15 else self._new()
        self.past.append(command)
        if isinstance(command, c.OpenHold):
            self.holds.append(command.hold_id)
        return command

    def _instant(self) -> int:
        dice = self.dice
        step = pick(dice, PACES)
        kind = dice.random() * (6 if self.calm else 1)
        if kind < 0.12:
            due = self._falls_due()
            return max(due) if due and dice.random() < 0.1 else min(due, default=self.now) + pick(dice, [-1, 0, 0, 1])
        if kind < 0.15:
            return self.now + pick(dice, [DAY, 9 * DAY, 12 * DAY, 20 * DAY, 40 * DAY, 100 * DAY, 400 * DAY])
        if kind < 0.20:
            return max(self.now - pick(dice, [1, SECOND, DAY]), 0)
        return self.now + step

    def _falls_due(self) -> list[int]:
        book = self.world.book
        if book.account is None:
            return []
        lots = [lot.expires_at for lot in book.lots.values() if lot.expires_at is not None]
        return [book.account.period_end, *lots, *(hold.expires_at for hold in book.holds.values())]

    def _again(self) -> c.Command:
        """A command that came before, as it was or with one thing changed."""
        command = pick(self.dice, self.past)
        if self.dice.random() < 0.6:
            return command
        for name, value in OTHERWISE:
            if hasattr(command, name) and getattr(command, name) is not None:
                return msgspec.structs.replace(command, **{name: value})
        return command

    def _new(self) -> c.Command:
        make = MAKERS[bisect(self._up_to, self.dice.random() * self._up_to[-1])]
        self.counter += 1
        account = self.world.book.account
        if account is not None and not account.ai_enabled and self.dice.random() < 0.3:
            return self._switch()  # off is a short chapter: little can happen in it
        if account is not None and account.debt and self.dice.random() < 0.25:
            return self._pay_debt()  # so is debt
        limits = self.world.book.limits
        if limits is not None and limits.pauses and self.dice.random() < 0.1:
            return self._resume() if self.dice.random() < 0.7 else self._pause()  # so is a pause; it may be said again
        if self.jumped and self.dice.random() < 0.35:
            return self._set_budget()  # of a month, it must see what was used weeks ago
        if self._blocked() and self.dice.random() < 0.35:
            return pick(self.dice, [self._open_hold, self._extend, self._extend, self._usage])()
        if make in ON_A_HOLD and not self.world.book.holds and self.dice.random() < 0.7:
            return self._open_hold()
        return make(self)

    def _blocked(self) -> bool:
        """Whether somebody may not begin a call, or let one grow, though there may be credits: it is tried all the
        more."""
        account, limits = self.world.book.account, self.world.book.limits
        return bool(account and account.debt and account.available) or bool(limits and limits.pauses)

    def _name(self, letter: str, shared: float = 0.1) -> str:
        """A new one, or one that others have too: names are unique in their family alone, and within one hold."""
        return f"{letter}{self.counter}" if self.dice.random() >= shared else pick(self.dice, ("a", ODD))

    def _amount(self) -> int:
        """Amounts of every size, and the ones around what is there."""
        dice, account = self.dice, self.world.book.account
        there = account.available if account else 0
        if dice.random() < 0.05:
            return pick(dice, [-1, 10**15, 10**15 + 1, 2**63, -(2**63)])
        limits = self.world.book.limits
        if limits is not None and limits.budgets and dice.random() < 0.3:
            left = pick(dice, sorted(max(budget.left, 0) for budget in limits.budgets.values()))
            return left + pick(dice, [0, 1])
        if self.calm and dice.random() < 0.6:
            return pick(dice, [1, CENT, 3 * CENT, there // 10])
        beyond = there + max(account.overage_limit - account.overage, 0) if account else 0
        return pick(dice, (
            0, 1, CENT, 3 * CENT, 7 * CENT + 1, there // 2, there // 3, there, there + 1, 500 * CENT, beyond,
            beyond + 1,
        ))  # fmt: skip

    def _ttl(self) -> int:
        if self.dice.random() < 0.04:
            return pick(self.dice, [0, -1, 86_401, 10**12])
        return pick(self.dice, [3_600, 86_400] if self.calm else [1, 5, 60, 600, 3_600, 86_400])

    def _some_hold(self) -> str:
        """Mostly one that is open, sometimes one resolved long ago, now and then one that never was."""
        open_holds = self.world.book.holds
        if open_holds and self.dice.random() < 0.8:
            return pick(self.dice, list(open_holds))
        return pick(self.dice, self.holds) if self.holds and self.dice.random() < 0.8 else "nobody's"

    def _open_hold(self) -> c.Command:
        return c.OpenHold(
            org_id=ORG,
            hold_id=self._name("h"),
            amount=self._amount(),
            ttl_seconds=self._ttl(),
            subject=self._subject(),
            terms=TERMS if self.dice.random() < 0.8 else None,
        )

    def _extend(self) -> c.Command:
        amount = self._amount() if self.dice.random() < 0.7 else 0
        return c.ExtendHold(
            org_id=ORG,
            hold_id=self._some_hold(),
            extension_id=self._name("e", shared=0.5),
            ttl_seconds=self._ttl(),
            amount=amount,
        )

    def _measured(self, hold: str | None) -> tuple[Tokens | None, int | None]:
        """Tokens or credits; rarely both, neither, negative or absurd."""
        dice = self.dice
        if dice.random() < 0.04:
            return pick(dice, ABSURD)
        if dice.random() < 0.5:
            return Tokens(**{name: pick(dice, SIZES) for name in Tokens.__struct_fields__}), None
        held = self.world.book.holds[hold].amount if hold in self.world.book.holds else 0
        return None, pick(dice, [self._amount(), held, held // 2, held - held // 3, held + 1, held + 2 * CENT])

    def _settle(self) -> c.Command:
        hold = self._some_hold()
        tokens, credits = self._measured(hold)
        return c.SettleHold(org_id=ORG, hold_id=hold, tokens=tokens, credits=credits, terms=self._other_terms(),
                            outcome=pick(self.dice, OUTCOMES), measurement=pick(self.dice, MEASUREMENTS))  # fmt: skip

    def _other_terms(self) -> Terms | None:
        """Now and then another model answered than the one that was asked."""
        return pick(self.dice, [CHEAPER, DEARER]) if self.dice.random() < 0.2 else None

    def _capture(self) -> c.Command:
        hold = self._some_hold()
        tokens, credits = self._measured(hold)
        return c.SettleHold(org_id=ORG, hold_id=hold, tokens=tokens, credits=credits, final=False,
                            capture_id=pick(self.dice, [self._name("c", shared=0.5)] * 20 + [""]))  # fmt: skip

    def _void(self) -> c.Command:
        return c.VoidHold(org_id=ORG, hold_id=self._some_hold())

    def _usage(self) -> c.Command:
        tokens, credits = self._measured(None)
        terms = TERMS if self.dice.random() < 0.8 else None
        return c.RecordUsage(org_id=ORG, usage_id=self._name("u"), subject=self._subject(), tokens=tokens,
                             credits=credits, terms=terms, outcome=pick(self.dice, OUTCOMES),
                             admitted=self._admitted())  # fmt: skip

    def _admitted(self) -> int | None:
        """A third is told late: of a call whose hold was opened once."""
        if self.dice.random() >= 0.35:
            return None
        self._read_journal()
        return pick(self.dice, self._opened[-8:]) if self._opened else None

    def _read_journal(self) -> None:
        """What was posted since it was read last: the entries that opened holds, and what each grant issued."""
        entries = self.world.book.entries
        for entry in islice(entries.values(), self._read, None):
            if entry.kind == "hold":
                self._opened.append(entry.seq)
            elif entry.kind == "grant":
                self._grants[entry.operation_id.removeprefix("grant:")] = -entry.deltas.issued
        self._read = len(entries)

    def _grant(self) -> c.Command:
        dice, account = self.dice, self.world.book.account
        paid = dice.random() < 0.5
        ends = [
            None,
            None,
            self.now - 1,
            self.now,
            self.now + 1,
            self.now + 60 * SECOND,
            self.now + 3 * DAY,
            self.now + 90 * DAY,
        ]
        ends += [account.period_end] if account else []
        return c.Grant(
            org_id=ORG,
            grant_id=self._name("g"),
            amount=self._amount(),
            source="purchase" if paid else "grant",
            paid=paid,
            priority=pick(dice, [0, 0, 0, 1, -1]),
            expires_at=pick(dice, ends),
        )

    def _adjust(self) -> c.Command:
        amount = self._amount() * pick(self.dice, [1, -1])
        return c.Adjust(org_id=ORG, adjustment_id=f"a{self.counter}", amount=amount, note=f"a correction: {ODD}")

    def _reverse(self) -> c.Command:
        """Refunds and disputes of something granted, often of what was reversed before; amounts around what is left."""
        dice = self.dice
        self._read_journal()
        grants = self._grants
        before = [one.grant_id for one in self.past if isinstance(one, c.Reverse) and one.grant_id in grants]
        again = before and dice.random() < 0.5
        name = pick(dice, before if again else list(grants)[-6:]) if grants and dice.random() < 0.97 else "nobody's"
        if (busy := [one for one in grants if self._is_busy(one)]) and dice.random() < 0.3:
            return c.Reverse(
                org_id=ORG, reversal_id=f"r{self.counter}", grant_id=pick(dice, busy), clawed=0, frozen=True
            )
        granted = grants.get(name, CENT)
        lot = self._lot_of(name)
        left = lot.available if lot is not None else 0
        amounts = [0, 0, granted, granted, granted // 2, granted // 3, left, left + 1, granted - left]
        amounts += [granted + 1, -1] if dice.random() < 0.1 else []
        return c.Reverse(org_id=ORG, reversal_id=f"r{self.counter}", grant_id=name, clawed=pick(dice, amounts),
                         frozen=dice.random() < 0.25)  # fmt: skip

    def _is_busy(self, grant_id: str) -> bool:
        """Whether all that is left of it is set aside: a dispute finds nothing yet, and much when it comes back."""
        lot = self._lot_of(grant_id)
        return lot is not None and bool(lot.held) and not lot.available

    def _lot_of(self, grant_id: str) -> Lot | None:
        book = self.world.book
        entry = book.entries.get(f"grant:{grant_id}")
        return book.lots.get(entry.seq) if entry is not None else None

    def _pay_debt(self) -> c.Command:
        if self.dice.random() < 0.5:
            return c.CoverDebt(org_id=ORG, cover_id=f"k{self.counter}")
        debt = self.world.book.account.debt if self.world.book.account else 0
        amount = pick(self.dice, [None, debt // 2, debt, debt + 1, 1])
        return c.WriteOff(org_id=ORG, writeoff_id=f"w{self.counter}", note="a courtesy", amount=amount)

    def _overage(self) -> c.Command:
        account = self.world.book.account
        lent = account.overage if account else 0
        some = pick(self.dice, [0, 0, 5 * CENT, 100 * CENT, 100 * CENT, lent, lent + CENT, -1, 10**15 + 1])
        return c.SetOverage(org_id=ORG, setting_id=f"o{self.counter}", limit=some)

    def _switch(self) -> c.Command:
        account = self.world.book.account
        return c.SwitchAi(org_id=ORG, switch_id=f"s{self.counter}", enabled=not (account and account.ai_enabled))

    def _touch(self) -> c.Command:
        return c.Touch(org_id=ORG)

    def _subject(self) -> Subject:
        dice = self.dice
        return Subject(
            use_case=pick(dice, USE_CASES),
            user=pick(dice, USERS),
            project=pick(dice, ["WEB", "APP", ODD, None]),
            model="m",
        )

    def _set_budget(self) -> c.Command:
        """New ones, changed ones, of every scope and period; limits around what is used and held already."""
        dice = self.dice
        periods: tuple[Period, ...] = ("day", "week", "week", "month", "month")
        scope = Scope(
            project=pick(dice, [None, None, "WEB"]),
            user=pick(dice, [None, None, *USERS]),
            use_case=pick(dice, [None, None, *USE_CASES]),
        )
        period = pick(dice, periods)
        if self.jumped and dice.random() < 0.7:
            scope, period = pick(dice, [Scope(), scope]), "month"
        amount = pick(dice, [self._amount(), 5 * CENT, 40 * CENT, 200 * CENT, 10**14])
        name = pick(dice, ["weekly"] * 20 + [""])
        return limit.SetBudget(org_id=ORG, change_id=f"b{self.counter}", budget_id=self._some_budget(), name=name,
                               limit=amount, period=period, scope=scope)  # fmt: skip

    def _some_budget(self) -> str:
        """Mostly one that is set."""
        limits = self.world.book.limits
        if limits and limits.budgets and self.dice.random() < 0.6:
            return pick(self.dice, sorted(limits.budgets))
        return f"budget {self.dice.randrange(4)}"

    def _change_budget(self) -> c.Command:
        name, change = self._some_budget(), f"b{self.counter}"
        if self.dice.random() < 0.3:
            return limit.RemoveBudget(org_id=ORG, change_id=change, budget_id=name)
        return limit.RaiseBudget(
            org_id=ORG, change_id=change, budget_id=name, amount=self._amount(), for_good=self.dice.random() < 0.5
        )

    def _whom(self) -> tuple[PauseKind, str]:
        if self.dice.random() < 0.5:
            return "user", pick(self.dice, USERS)
        return "use_case", pick(self.dice, USE_CASES)

    def _pause(self) -> c.Command:
        limits = self.world.book.limits
        paused = list(limits.pauses) if limits else []
        kind, ref = pick(self.dice, paused) if paused and self.dice.random() < 0.5 else self._whom()
        return limit.Pause(org_id=ORG, change_id=f"p{self.counter}", kind=kind, ref=ref, reason=f"It runs away: {ODD}")

    def _resume(self) -> c.Command:
        limits = self.world.book.limits
        kind, ref = pick(self.dice, list(limits.pauses)) if limits and limits.pauses else self._whom()
        return limit.Resume(org_id=ORG, change_id=f"p{self.counter}", kind=kind, ref=ref)


MAKERS: tuple[Callable[[Script], c.Command], ...] = (
    Script._open_hold, Script._extend, Script._settle, Script._capture, Script._void, Script._usage, Script._grant,
    Script._adjust, Script._switch, Script._touch, Script._set_budget, Script._change_budget, Script._pause,
    Script._resume, Script._reverse, Script._pay_debt, Script._overage,
)  # fmt: skip
ON_A_HOLD = frozenset({Script._extend, Script._settle, Script._capture, Script._void})


def tell(dice: Random, steps: int, record: list[Step] | None = None, *, thorough: bool = True) -> SideBySide:
    """One organization's story: opened, then `steps` commands, forgetting now and then all that is not in a row.

    `record` takes down each step before it is taken, so that it is known what a story that fails had come to.
    `thorough`: everything is compared after every step, and not after restarts and at the end alone.
    """
    world = SideBySide(thorough=thorough)
    for step in _steps(dice, Script(dice, world), steps):
        if record is not None:
            record.append(step)
        retell_step(world, step)
    world.close()
    return world


def _steps(dice: Random, script: Script, steps: int) -> Iterator[Step]:
    """Each is drawn once the one before was taken."""
    if dice.random() < 0.1:
        yield Step(c.Touch(org_id=ORG), script.now)  # an account nobody has opened yet
    yield Step(script.opening(), script.now)
    for _ in range(steps):
        yield Step(*script.next())
        if dice.random() < 0.05:
            yield Step(None, script.now)


def retell(steps: Sequence[Step]) -> SideBySide:
    """A story that was taken down, or what is left of it."""
    world = SideBySide()
    for step in steps:
        retell_step(world, step)
    world.close()
    return world


def retell_step(world: SideBySide, step: Step) -> None:
    if step.command is not None:
        world.submit(step.command, step.now)
    elif world.book.account is not None:
        world.restart()
