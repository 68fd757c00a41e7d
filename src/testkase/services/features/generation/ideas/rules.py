"""Ideas from what the requirement says outright: what works, its limits, and who may."""

from collections.abc import Iterator

from testkase.services.features.generation.ideas.model import Idea, capital, interleaved, titled
from testkase.services.features.generation.requirement import Limit, Reading, Rule, with_article


def main(reading: Reading, subject: str) -> Iterator[Idea]:
    """What works, for whom it is allowed."""
    for rule in reading.rules:
        if rule.allowed:
            who = with_article(rule.role)
            yield Idea(
                kind="positive",
                title=titled(f"{who} can {rule.what}"),
                hint=f"{who.capitalize()} does what is allowed: {rule.what}. It works.",
                setup=f"Sign in as {who} and ",
                key_step=f"{capital(rule.what)} ",
                priority="high",
            )
    yield Idea(
        kind="positive",
        title=titled(f"Works as described: {subject}"),
        hint=f"The ordinary case, with everything as it should be: {subject}.",
        key_step="Then ",
        priority="high",
    )
    yield Idea(
        kind="positive",
        title=titled(f"Still so after signing in again: {subject}"),
        hint=f"The effect of this is kept: {subject}.",
        key_step="Sign out, sign in again and ",
        expected="The ",
    )


def boundaries(reading: Reading, subject: str) -> Iterator[Idea]:
    """At each limit, beyond it and below it; the refused side first."""
    above = [_boundary(limit, limit.number + 1, "just above", subject) for limit in reading.limits]
    exact = [_boundary(limit, limit.number, "exactly", subject) for limit in reading.limits]
    below = [_boundary(limit, limit.number - 1, "just below", subject) for limit in reading.limits if limit.number > 1]
    first = below if reading.limits and reading.limits[0].bound == "at_least" else above
    second = above if first is below else below
    yield from interleaved([first, exact, second])


def _boundary(limit: Limit, number: int, where: str, subject: str) -> Idea:
    amount = limit.text(number)
    reference = "" if number == limit.number else f" the {limit.text(limit.number)}"
    time_like = limit.unit.rstrip("s") in ("second", "minute", "hour", "day", "week", "month", "year")
    allowed = number >= limit.number if limit.bound == "at_least" else number <= limit.number
    expected = "The "
    if limit.bound != "threshold":
        expected = "The system accepts " if allowed else "The system refuses "
    return Idea(
        kind="boundary",
        title=titled(f"{amount}: {where}{reference or ' at the limit'}"),
        hint=f"What happens with {amount}, which is {where}{reference or ' the limit'}. It is about: {subject}.",
        key_step=f"After {amount}, " if time_like else f"With {amount}, ",
        expected=expected,
        priority="high" if where != "exactly" else "medium",
    )


def permissions(reading: Reading) -> Iterator[Idea]:
    """Who may not."""
    for rule in reading.rules:
        if rule.exclusive:
            yield _refused(_other(rule, reading), rule.what)
        elif not rule.allowed:
            yield _refused(rule.role, rule.what)
    for rule in reading.rules:
        if rule.allowed:
            yield Idea(
                kind="permission",
                title=titled(f"Without signing in, nobody can {rule.what}"),
                hint=f"Somebody who is not signed in tries to {rule.what}. It is refused.",
                setup="Sign out and open ",
                key_step=f"Without signing in, try to {rule.what} ",
                expected="The system asks ",
            )


def _refused(role: str, what: str) -> Idea:
    who = with_article(role)
    return Idea(
        kind="permission",
        title=titled(f"{who} cannot {what}"),
        hint=f"{who.capitalize()} tries to {what}. It is refused.",
        setup=f"Sign in as {who} and ",
        key_step=f"Try to {what} ",
        expected="The system refuses ",
        priority="high",
    )


def _other(rule: Rule, reading: Reading) -> str:
    """Somebody whom "only" excludes: another role of the requirement, or an ordinary member."""
    others = [role for role in reading.roles if role not in rule.role and rule.role not in role]
    return others[0] if others else ("guest" if "member" in rule.role else "member")
