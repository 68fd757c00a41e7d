"""What engines of one machine say to each other arrives as it was meant."""

from random import Random

import msgspec
import pytest

from testkase.core.ledger import refusals
from testkase.core.ledger.commands import Command
from testkase.core.ledger.messages import COMMANDS, Messages, Told, asked_in, encoded, message, told_in
from testkase.core.ledger.operations import Answer
from testkase.foundation import problems
from testkase.foundation.problems import Problem, Unavailable
from tests.support.ledger import hold
from tests.support.random_commands import Script
from tests.support.side_by_side import SideBySide


def test_whatever_is_asked_and_answered_arrives_as_it_was_said() -> None:
    told, asked = SideBySide(thorough=False), set[type[Command]]()
    script = Script(Random("said"), told)
    command: Command = script.opening()
    now = script.now
    for number in range(3_000):
        assert asked_in(_content(message([encoded((number, 0.5, command))]))) == [(number, 0.5, command)]
        asked.add(type(command))
        outcome = told.submit(command, now)
        if not isinstance(outcome, Problem):
            said = Answer(entry=outcome.entry, replayed=outcome.replayed)
            (found,) = told_in(_content(message([encoded(Told.of(number, said))])))
            assert (found.number, found.outcome) == (number, said)
        command, now = script.next()
    assert asked == set(COMMANDS)


def test_all_commands_are_known() -> None:
    def leaves(kind: type[Command]) -> set[type[Command]]:
        return set[type[Command]]().union(*map(leaves, kind.__subclasses__())) or {kind}

    assert set(COMMANDS) == leaves(Command)


@pytest.mark.parametrize(
    "kind", [one for module in (problems, refusals) for one in vars(module).values()
             if isinstance(one, type) and issubclass(one, Problem)],
)  # fmt: skip
def test_every_refusal_arrives_with_its_facts(kind: type[Problem]) -> None:
    said = kind("Why “not”.", field="amount", available=-1, needed=2**70, name='b "c", \\{d}(é)\t', nothing=None)
    (told,) = told_in(_content(message([encoded(Told.of(7, said))])))
    found = told.outcome
    assert isinstance(found, kind)
    assert (told.number, type(found), str(found), found.detail, found.field, found.facts) == (
        7, kind, said.detail, said.detail, "amount", said.facts,
    )  # fmt: skip


def test_what_was_not_taken_and_what_nobody_here_knows_have_no_outcome() -> None:
    class Unheard(Problem):
        pass

    for told in (Told(3), Told.of(3, Unheard("of it"))):
        (found,) = told_in(_content(message([encoded(told)])))
        assert found.outcome is None


def test_what_no_message_can_hold_is_said_before_anything_is_sent() -> None:
    with pytest.raises(ValueError, match="surrogates"):
        encoded((1, 0.5, hold(1, "\ud800")))
    with pytest.raises(TypeError):
        encoded(Told.of(1, Unavailable("for a reason", why=object())))


def test_messages_come_in_whatever_pieces_they_come() -> None:
    dice, sent = Random(20_261_130), list[bytes]()
    for number in range(200):
        sent.append(
            message([encoded((number, 0.5, hold(1, "h" * dice.randrange(300)))) for _ in range(dice.randrange(4))])
        )
    stream, found, messages = b"".join(sent), list[bytes](), Messages()
    while stream:
        piece, stream = stream[: (size := dice.choice((1, 2, 3, 5, 1_000)))], stream[size:]
        found += messages.of(piece)
    assert found == [_content(one) for one in sent]


def test_a_message_that_is_too_large_is_none() -> None:
    with pytest.raises(msgspec.MsgspecError):
        list(Messages().of(b"\xff\xff\xff\xff and so on"))


@pytest.mark.parametrize("content", [b"", b"{}", b"[[1]]", b"[[1,{}]]", b'[[1,{"type":"Oops"}]]', b"\xff"])
def test_what_is_no_message_of_ours_is_refused(content: bytes) -> None:
    with pytest.raises(msgspec.MsgspecError):
        asked_in(content)


def _content(sent: bytes) -> bytes:
    return sent[4:]
