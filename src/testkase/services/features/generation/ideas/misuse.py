"""Ideas from what people do all the same: wrong input, attacks, other ways of using a page, and what fits anything."""

from collections.abc import Iterator

from testkase.services.features.generation.ideas.model import Idea, titled
from testkase.services.features.generation.requirement import Reading


def negatives(reading: Reading, subject: str) -> Iterator[Idea]:
    """What is prohibited, and what is entered wrongly or not at all."""
    for clause in reading.prohibitions:
        yield Idea(
            kind="negative",
            title=titled(clause),
            hint=f"Somebody tries it all the same: {clause}. It is refused.",
            key_step="Try to ",
            expected="The system refuses ",
            priority="high",
        )
    if reading.takes_input:
        yield Idea(
            kind="negative",
            title=titled(f"Missing input: {subject}"),
            hint=f"Something that is needed is left empty: {subject}. It is refused with a message.",
            key_step="Leave the ",
            expected="An error message says ",
        )
        yield Idea(
            kind="negative",
            title=titled(f"Invalid input: {subject}"),
            hint=f"The input is wrong: {subject}. It is refused with a message.",
            key_step="Enter an invalid ",
            expected="An error message says ",
        )
    else:
        yield Idea(
            kind="negative",
            title=titled(f"Nothing there yet: {subject}"),
            hint=f"There is no data at all: {subject}. The page says so.",
            key_step="With no data, ",
            expected="A message says ",
        )
    yield from last_resort(subject)


def security(reading: Reading, subject: str) -> Iterator[Idea]:
    """What somebody with bad intentions tries."""
    if reading.takes_input:
        yield Idea(
            kind="security",
            title=titled(f"A script as input: {subject}"),
            hint=f"Somebody enters script code: {subject}. It is shown as text and never runs.",
            key_step="Enter script code ",
            expected="The code is shown as text ",
            priority="high",
        )
    for rule in reading.rules:
        if rule.allowed:
            yield Idea(
                kind="security",
                title=titled(f"With the address of somebody else's data: {rule.what}"),
                hint=f"A user changes the address to somebody else's data and tries to {rule.what}. It is refused.",
                setup="Sign in as a user and ",
                key_step="Change the address to somebody else's ",
                expected="The system refuses ",
                priority="critical",
            )
    yield Idea(
        kind="security",
        title=titled(f"After signing out, with the back button: {subject}"),
        hint=f"Somebody signs out and goes back in the browser: {subject}. Nothing of it can be seen or done.",
        key_step="Sign out, press the back button and ",
        expected="The system asks ",
        priority="high",
    )
    yield Idea(
        kind="security",
        title=titled(f"Sent many times in a second: {subject}"),
        hint=f"The same request is sent many times at once: {subject}. It takes effect once.",
        key_step="Send the same request many times ",
        expected="The system ",
    )


def accessibility(subject: str) -> Iterator[Idea]:
    """Without a mouse, without sight, enlarged."""
    yield Idea(
        kind="accessibility",
        title=titled(f"With the keyboard alone: {subject}"),
        hint=f"Somebody uses no mouse: {subject}. Everything is reached with the keyboard and the focus is seen.",
        key_step="With the keyboard alone, ",
        expected="The focus ",
        priority="high",
    )
    yield Idea(
        kind="accessibility",
        title=titled(f"With a screen reader: {subject}"),
        hint=f"Somebody hears the page: {subject}. Names, states and messages are read out.",
        key_step="With a screen reader, ",
        expected="The screen reader says ",
        priority="high",
    )
    yield Idea(
        kind="accessibility",
        title=titled(f"At 200 percent zoom: {subject}"),
        hint=f"Somebody enlarges the page to 200 percent: {subject}. Nothing is cut off or covered.",
        key_step="At 200 percent zoom, ",
        expected="The page shows ",
    )


def last_resort(subject: str) -> Iterator[Idea]:
    """Ideas that fit any requirement."""
    yield Idea(
        kind="negative",
        title=titled(f"Interrupted half-way: {subject}"),
        hint=f"The page is closed before the end: {subject}. Nothing half-done is left.",
        key_step="Close the page before ",
        expected="Nothing ",
    )
    yield Idea(
        kind="permission",
        title=titled(f"Not signed in: {subject}"),
        hint=f"Somebody who is not signed in tries this: {subject}. It is refused.",
        setup="Sign out and open ",
        key_step="Without signing in, try to ",
        expected="The system asks ",
    )
    yield Idea(
        kind="boundary",
        title=titled(f"The longest input: {subject}"),
        hint=f"The longest input that is allowed is used: {subject}.",
        key_step="Enter the longest ",
        expected="The system accepts ",
    )
    yield Idea(
        kind="positive",
        title=titled(f"Done twice: {subject}"),
        hint=f"The same is done twice in a row: {subject}.",
        key_step="Do it once more and ",
        expected="The ",
    )
