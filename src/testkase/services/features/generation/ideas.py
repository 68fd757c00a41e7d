"""Test ideas, computed: which cases a requirement asks for, before any model is called.

An idea fixes what a small model gets wrong (kind, title, numbers, roles, the start of the decisive step) and leaves it
the words in between. A large model gets the same ideas as hints.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from testkase.services.features.generation.model import ORDINARY_KINDS
from testkase.services.features.generation.requirement import Limit, Reading, Rule, read_requirement, with_article
from testkase.services.workspace.model import CaseKind, Priority


@dataclass(frozen=True, slots=True, kw_only=True)
class Idea:
    """One test case to be written. `key_step` and `expected` are how the decisive step and its outcome begin."""

    kind: CaseKind
    title: str
    hint: str
    """What the case is about, in a sentence for the model."""
    setup: str = "Open "
    key_step: str
    expected: str = "The "
    priority: Priority = "medium"


def ideas_for(requirement: str, count: int, kinds: tuple[CaseKind, ...] = ()) -> tuple[Idea, ...]:
    """At most `count` ideas, the most telling first, of the kinds asked for (empty: the ordinary); at least one."""
    reading = read_requirement(requirement)
    subject = _subject(reading)
    ideas = _interleaved([
        [*_main(reading, subject)],
        [*_boundaries(reading, subject)],
        [*_permissions(reading)],
        [*_negatives(reading, subject)],
        [*_security(reading, subject)],
        [*_accessibility(subject)],
    ])  # fmt: skip
    wanted = [idea for idea in ideas if idea.kind in (kinds or ORDINARY_KINDS)]
    chosen = wanted or [idea for idea in _last_resort(subject) if idea.kind in kinds]
    return tuple(_distinct(chosen or list(ideas)))[:count]


def _main(reading: Reading, subject: str) -> Iterator[Idea]:
    for rule in reading.rules:
        if rule.allowed:
            who = with_article(rule.role)
            yield Idea(
                kind="positive",
                title=_title(f"{who} can {rule.what}"),
                hint=f"{who.capitalize()} does what is allowed: {rule.what}. It works.",
                setup=f"Sign in as {who} and ",
                key_step=f"{_capital(rule.what)} ",
                priority="high",
            )
    yield Idea(
        kind="positive",
        title=_title(f"Works as described: {subject}"),
        hint=f"The ordinary case, with everything as it should be: {subject}.",
        key_step="Then ",
        priority="high",
    )
    yield Idea(
        kind="positive",
        title=_title(f"Still so after signing in again: {subject}"),
        hint=f"The effect of this is kept: {subject}.",
        key_step="Sign out, sign in again and ",
        expected="The ",
    )


def _boundaries(reading: Reading, subject: str) -> Iterator[Idea]:
    above = [_boundary(limit, limit.number + 1, "just above", subject) for limit in reading.limits]
    exact = [_boundary(limit, limit.number, "exactly", subject) for limit in reading.limits]
    below = [_boundary(limit, limit.number - 1, "just below", subject) for limit in reading.limits if limit.number > 1]
    first = below if reading.limits and reading.limits[0].bound == "at_least" else above
    second = above if first is below else below
    yield from _interleaved([first, exact, second])


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
        title=_title(f"{amount}: {where}{reference or ' at the limit'}"),
        hint=f"What happens with {amount}, which is {where}{reference or ' the limit'}. It is about: {subject}.",
        key_step=f"After {amount}, " if time_like else f"With {amount}, ",
        expected=expected,
        priority="high" if where != "exactly" else "medium",
    )


def _permissions(reading: Reading) -> Iterator[Idea]:
    for rule in reading.rules:
        if rule.exclusive:
            yield _refused(_other(rule, reading), rule.what)
        elif not rule.allowed:
            yield _refused(rule.role, rule.what)
    for rule in reading.rules:
        if rule.allowed:
            yield Idea(
                kind="permission",
                title=_title(f"Without signing in, nobody can {rule.what}"),
                hint=f"Somebody who is not signed in tries to {rule.what}. It is refused.",
                setup="Sign out and open ",
                key_step=f"Without signing in, try to {rule.what} ",
                expected="The system asks ",
            )


def _refused(role: str, what: str) -> Idea:
    who = with_article(role)
    return Idea(
        kind="permission",
        title=_title(f"{who} cannot {what}"),
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


def _negatives(reading: Reading, subject: str) -> Iterator[Idea]:
    for clause in reading.prohibitions:
        yield Idea(
            kind="negative",
            title=_title(clause),
            hint=f"Somebody tries it all the same: {clause}. It is refused.",
            key_step="Try to ",
            expected="The system refuses ",
            priority="high",
        )
    if reading.takes_input:
        yield Idea(
            kind="negative",
            title=_title(f"Missing input: {subject}"),
            hint=f"Something that is needed is left empty: {subject}. It is refused with a message.",
            key_step="Leave the ",
            expected="An error message says ",
        )
        yield Idea(
            kind="negative",
            title=_title(f"Invalid input: {subject}"),
            hint=f"The input is wrong: {subject}. It is refused with a message.",
            key_step="Enter an invalid ",
            expected="An error message says ",
        )
    else:
        yield Idea(
            kind="negative",
            title=_title(f"Nothing there yet: {subject}"),
            hint=f"There is no data at all: {subject}. The page says so.",
            key_step="With no data, ",
            expected="A message says ",
        )
    yield from _last_resort(subject)


def _security(reading: Reading, subject: str) -> Iterator[Idea]:
    if reading.takes_input:
        yield Idea(
            kind="security",
            title=_title(f"A script as input: {subject}"),
            hint=f"Somebody enters script code: {subject}. It is shown as text and never runs.",
            key_step="Enter script code ",
            expected="The code is shown as text ",
            priority="high",
        )
    for rule in reading.rules:
        if rule.allowed:
            yield Idea(
                kind="security",
                title=_title(f"With the address of somebody else's data: {rule.what}"),
                hint=f"A user changes the address to somebody else's data and tries to {rule.what}. It is refused.",
                setup="Sign in as a user and ",
                key_step="Change the address to somebody else's ",
                expected="The system refuses ",
                priority="critical",
            )
    yield Idea(
        kind="security",
        title=_title(f"After signing out, with the back button: {subject}"),
        hint=f"Somebody signs out and goes back in the browser: {subject}. Nothing of it can be seen or done.",
        key_step="Sign out, press the back button and ",
        expected="The system asks ",
        priority="high",
    )
    yield Idea(
        kind="security",
        title=_title(f"Sent many times in a second: {subject}"),
        hint=f"The same request is sent many times at once: {subject}. It takes effect once.",
        key_step="Send the same request many times ",
        expected="The system ",
    )


def _accessibility(subject: str) -> Iterator[Idea]:
    yield Idea(
        kind="accessibility",
        title=_title(f"With the keyboard alone: {subject}"),
        hint=f"Somebody uses no mouse: {subject}. Everything is reached with the keyboard and the focus is seen.",
        key_step="With the keyboard alone, ",
        expected="The focus ",
        priority="high",
    )
    yield Idea(
        kind="accessibility",
        title=_title(f"With a screen reader: {subject}"),
        hint=f"Somebody hears the page: {subject}. Names, states and messages are read out.",
        key_step="With a screen reader, ",
        expected="The screen reader says ",
        priority="high",
    )
    yield Idea(
        kind="accessibility",
        title=_title(f"At 200 percent zoom: {subject}"),
        hint=f"Somebody enlarges the page to 200 percent: {subject}. Nothing is cut off or covered.",
        key_step="At 200 percent zoom, ",
        expected="The page shows ",
    )


def _last_resort(subject: str) -> Iterator[Idea]:
    """Ideas that fit any requirement."""
    yield Idea(
        kind="negative",
        title=_title(f"Interrupted half-way: {subject}"),
        hint=f"The page is closed before the end: {subject}. Nothing half-done is left.",
        key_step="Close the page before ",
        expected="Nothing ",
    )
    yield Idea(
        kind="permission",
        title=_title(f"Not signed in: {subject}"),
        hint=f"Somebody who is not signed in tries this: {subject}. It is refused.",
        setup="Sign out and open ",
        key_step="Without signing in, try to ",
        expected="The system asks ",
    )
    yield Idea(
        kind="boundary",
        title=_title(f"The longest input: {subject}"),
        hint=f"The longest input that is allowed is used: {subject}.",
        key_step="Enter the longest ",
        expected="The system accepts ",
    )
    yield Idea(
        kind="positive",
        title=_title(f"Done twice: {subject}"),
        hint=f"The same is done twice in a row: {subject}.",
        key_step="Do it once more and ",
        expected="The ",
    )


def _subject(reading: Reading) -> str:
    """The requirement in a few words: what its first sentence lets somebody do, or the sentence, cut at a word."""
    first = reading.sentences[0].rstrip(".!?:;") if reading.sentences else "the requirement"
    doing = next((rule.what for rule in reading.rules if rule.allowed and rule.what in first), first)
    if len(doing) > 60:
        doing = doing[:60].rsplit(" ", 1)[0].rstrip(" ,;:-")
    return doing


def _interleaved(lists: list[list[Idea]]) -> tuple[Idea, ...]:
    """The first of each, then the second of each, …"""
    longest = max((len(one) for one in lists), default=0)
    return tuple(one[place] for place in range(longest) for one in lists if place < len(one))


def _distinct(ideas: Iterable[Idea]) -> Iterator[Idea]:
    seen: set[str] = set()
    for idea in ideas:
        if idea.title.lower() not in seen:
            seen.add(idea.title.lower())
            yield idea


def _title(text: str) -> str:
    return _capital(text)[:200]


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
