"""Histories made up by chance, and what reports must find in them, recomputed the long way round."""

from collections.abc import Iterable
from fractions import Fraction
from random import Random

from testkase.services.features.reports.facts.history import Execution, History, PastCase, PastCycle

RESULTS = ("passed", "failed", "blocked", "skipped", "not_executed", None)
DAY = 86_400_000_000
_WORDS = ["cart", "voucher", "pay", "order", "login", "mail", "price", "stock", "ship", "refund", "user", "search"]


def made_up(seed: int, *, cases: int = 30, cycles: int = 6) -> History:
    """Some cases are executed several times in a cycle, edited in between, deprecated, or never looked at."""
    chance = Random(seed)
    window = tuple(PastCycle(100 + place, f"Sprint {place}") for place in range(cycles))
    made = [_case(chance, number, cycles) for number in range(1, cases + 1)]
    return History(cycles=window, target=PastCycle(999, "Sprint now", finished=False), cases=tuple(made))


def _case(chance: Random, number: int, cycles: int) -> PastCase:
    weights = (8, 3, 1, 1, 2, 2)
    results = tuple(chance.choices(RESULTS, weights)[0] for _ in range(cycles))
    executions: list[Execution] = []
    for place, result in enumerate(results):
        at = (place + 1) * 10 * DAY
        early = sorted(chance.randrange(1, DAY) for _ in range(chance.choice((0, 0, 1, 2))))
        executions += [Execution(place, chance.random() < 0.7, at + moment) for moment in early]
        if result in ("passed", "failed"):
            executions.append(Execution(place, result == "passed", at + DAY))
    return PastCase(
        case_id=number,
        key=f"SHOP-{number}",
        title=f"Case {number}",
        priority=chance.choice(("low", "medium", "high", "critical")),
        status=chance.choice(("ready", "ready", "ready", "draft", "deprecated")),
        folder=chance.choice(("No folder", "Checkout", "Checkout / Vouchers", "Search")),
        text=" ".join(chance.choices(_WORDS, k=chance.randrange(0, 7))),
        edits=tuple(
            sorted(chance.randrange(10 * DAY, (cycles + 2) * 10 * DAY) for _ in range(chance.choice((0, 0, 1, 3))))
        ),
        executions=tuple(executions),
        results=results,
        durations_ms=tuple(chance.choice((None, chance.randrange(1, 400_000))) for _ in range(cycles)),
        now=chance.choices(RESULTS, weights)[0],
    )


def naive_alternations(case: PastCase) -> tuple[int, int]:
    """Alternations and pairs, by looking at every two neighbours and at every edit."""
    alternations = pairs = 0
    for number in range(1, len(case.executions)):
        one, other = case.executions[number - 1], case.executions[number]
        changed = False
        for edit in case.edits:
            if edit > one.at and edit <= other.at:
                changed = True
        if not changed:
            pairs += 1
            if one.passed is not other.passed:
                alternations += 1
    return alternations, pairs


def naive_likelihood(case: PastCase, history: History) -> float:
    """In floating point, term by term."""
    every = [one for each in history.cases for one in each.results if one in {"passed", "failed"}]
    above = every.count("failed") / len(every) if every else 0.0
    below, weight = 1.0, 1.0
    for result in reversed(case.results):
        if result == "failed":
            above += weight
        if result in {"passed", "failed"}:
            below += weight
        weight *= 0.75
    return above / below


def naive_risk(folder: str, history: History) -> float:
    """Failure rate times size, in floating point."""
    inside = [case for case in history.cases if case.folder == folder and case.status != "deprecated"]
    failed = decided = 0.0
    for case in inside:
        for age, result in enumerate(reversed(case.results)):
            if result in {"passed", "failed"}:
                decided += 0.75**age
                failed += 0.75**age if result == "failed" else 0.0
    return failed / decided * len(inside) if decided else 0.0


def naive_pairs(texts: Iterable[str], least: Fraction) -> set[tuple[int, int]]:
    """All pairs, compared one by one."""
    words = [set(text.split()) for text in texts]
    return {
        (one, other)
        for one in range(len(words))
        for other in range(one + 1, len(words))
        if words[one]
        and words[other]
        and Fraction(len(words[one] & words[other]), len(words[one] | words[other])) >= least
    }
