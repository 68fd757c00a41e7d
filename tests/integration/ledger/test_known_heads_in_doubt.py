"""Batches decided from memory of which nobody knows whether they were written, and neighbours who repeat what memory
never saw."""

import psycopg
import pytest
from msgspec.structs import replace

from testkase.core.ledger import commands as ask
from testkase.core.ledger.conversation import Conversation
from testkase.core.ledger.credits import MICRO
from testkase.core.ledger.engine import Engine
from testkase.core.ledger.operations import Answer, execute_one
from testkase.core.ledger.queries import balance
from testkase.core.ledger.verify import verify
from testkase.foundation.database import Statement, SyncDatabase
from testkase.foundation.problems import Unavailable
from tests.support.ledger import SUBJECT, hold, organization, settle

UNWRITABLE = replace(SUBJECT, user="\ud800")
"""No text: whatever has it undoes its batch."""


@pytest.mark.requirement("I5", "I6")
async def test_whoever_asked_the_same_beside_an_unheard_acceptance_is_not_refused_either(
    engine: Engine, elsewhere: SyncDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    org = await organization(engine, credits=5)

    async def lose(_: Conversation, __: Statement) -> int:
        elsewhere.run(execute_one(hold(org, "theirs", 5)))
        raise psycopg.OperationalError("the connection broke off")

    monkeypatch.setattr(Conversation, "append_known", lose)
    outcomes = await engine.submit_many([hold(org, "ours", 5), hold(org, "ours", 5)])
    assert [type(outcome) for outcome in outcomes] == [Unavailable, Unavailable]


@pytest.mark.requirement("I5", "I6")
async def test_nothing_is_told_as_refused_that_was_accepted_unheard_while_a_batch_was_taken_apart(
    engine: Engine, elsewhere: SyncDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    org, other = await organization(engine, credits=5), await organization(engine)
    sent = list[Statement]()

    async def lose(_: Conversation, statement: Statement) -> int:
        sent.append(statement)
        elsewhere.run(execute_one(hold(org, "theirs", 5)))
        raise psycopg.OperationalError("the connection broke off")

    monkeypatch.setattr(Conversation, "append_known", lose)
    undoing = replace(hold(other, "undoing"), subject=UNWRITABLE)
    outcomes = await engine.submit_many([undoing, hold(org, "a", 2), hold(org, "b", 3)])
    assert not sent, "what is taken apart is loaded"
    assert [type(outcome) for outcome in outcomes] == [Unavailable, Answer, Answer]


@pytest.mark.requirement("I5")
async def test_a_server_that_goes_down_has_not_said_that_nothing_was_written(
    engine: Engine, elsewhere: SyncDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever stands between may say it as well, of a commit that was on its way."""
    org = await organization(engine)
    commit = Conversation.append_known

    async def lose(self: Conversation, statement: Statement) -> int:
        await commit(self, statement)
        raise psycopg.errors.AdminShutdown("terminating connection due to administrator command")

    monkeypatch.setattr(Conversation, "append_known", lose)
    assert not (await engine.submit(hold(org, "a", 5))).replayed
    assert elsewhere.read(verify(org), org_id=org) == []


@pytest.mark.requirement("I5", "B3")
async def test_an_answer_that_was_written_unheard_says_what_was_charged(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is stored is loaded without its usage; what was decided had it."""
    org = await organization(engine)
    await engine.submit(hold(org, "a", 5))
    commit = Conversation.append_known

    async def lose(self: Conversation, statement: Statement) -> int:
        await commit(self, statement)
        raise psycopg.OperationalError("the connection broke off")

    monkeypatch.setattr(Conversation, "append_known", lose)
    answer = await engine.submit(settle(org, "a", 2))
    assert not answer.replayed
    assert answer.entry.usage is not None
    assert answer.entry.usage.cost == 2 * MICRO


async def test_a_neighbour_who_repeats_an_id_of_another_process_costs_nobody_the_memory(
    engine: Engine, elsewhere: SyncDatabase
) -> None:
    org, neighbour, changed = [await organization(engine) for _ in range(3)]
    elsewhere.run(execute_one(hold(neighbour, "once")))
    await engine.submit(ask.Touch(org_id=neighbour))  # now the head is known, and the id is not
    elsewhere.run(execute_one(hold(changed, "theirs")))
    await engine.submit_many([hold(org, "a"), hold(neighbour, "once"), hold(changed, "a")])
    assert engine.heads.refuted == 1
    confirmed = engine.heads.confirmed
    await engine.submit(hold(org, "b"))
    assert engine.heads.confirmed == confirmed + 1, "of this organization memory was right"
    await engine.submit(hold(neighbour, "b"))
    await engine.submit(hold(changed, "b"))
    assert engine.heads.confirmed == confirmed + 1, "of these it was wrong a moment ago"
    assert elsewhere.read(balance(org), org_id=org).held == 2 * MICRO


@pytest.mark.requirement("I5")
async def test_what_a_part_of_a_batch_committed_unheard_is_no_repetition_by_its_caller(
    engine: Engine, elsewhere: SyncDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    org, other = await organization(engine), await organization(engine)
    commit, lost = Conversation.append, list[Statement | None]()

    async def lose(self: Conversation, statement: Statement | None) -> None:
        await commit(self, statement)
        if not lost:
            lost.append(statement)
            raise psycopg.OperationalError("the connection broke off")

    monkeypatch.setattr(Conversation, "append", lose)
    undoing = replace(hold(other, "undoing"), subject=UNWRITABLE)
    _, *outcomes = await engine.submit_many([undoing, hold(org, "a", 2), hold(org, "b", 3)])
    assert lost
    assert [outcome.replayed for outcome in outcomes if isinstance(outcome, Answer)] == [False, False]
    assert elsewhere.read(balance(org), org_id=org).held == 5 * MICRO
