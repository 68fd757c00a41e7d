"""Many holds or settlements in one request. Each item is answered on its own, as its single request would have been;
together they reach the ledger as one batch."""

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from testkase.core.ledger.commands import Command
from testkase.core.ledger.model import Entry
from testkase.core.ledger.operations import Answer
from testkase.entrypoints.api.body import decode
from testkase.entrypoints.api.refusals import as_problem, details
from testkase.entrypoints.api.reply import Reply
from testkase.entrypoints.api.route import Ask
from testkase.entrypoints.api.v1 import asking
from testkase.entrypoints.api.v1.hold_schemas import (
    BatchAnswer,
    HoldBatch,
    HoldRequest,
    ItemAnswer,
    SettlementBatch,
    SettlementItem,
)
from testkase.foundation.problems import InvalidInput, Problem

T = TypeVar("T")

_hold = msgspec.json.Decoder(HoldRequest)
_settlement = msgspec.json.Decoder(SettlementItem)


async def open_holds(ask: Ask[HoldBatch]) -> Reply:
    """200 with an answer for every item."""
    book = ask.context.book()

    def command(item: HoldRequest) -> Command:
        if item.id is None:
            raise InvalidInput("Every hold of a batch needs an id: without one it could not be repeated.", field="id")
        return asking.open_hold(ask.org_id, item.id, item, book)

    return await _each(ask, [_item(_hold, raw, command) for raw in ask.body.items], 201, asking.opened)


async def settle_holds(ask: Ask[SettlementBatch]) -> Reply:
    """200 with an answer for every item."""

    def command(item: SettlementItem) -> Command:
        return asking.settle_hold(ask.org_id, item.id, item, item.capture_id)

    return await _each(ask, [_item(_settlement, raw, command) for raw in ask.body.items], 200, asking.settled)


def _item(decoder: msgspec.json.Decoder[T], raw: msgspec.Raw, command: Callable[[T], Command]) -> Command | Problem:
    """The command of one item, or why it is none."""
    try:
        return command(decode(decoder, raw))
    except Problem as problem:
        return problem


async def _each(ask: Ask[Any], items: list[Command | Problem], status: int, content: Callable[[Entry], Any]) -> Reply:
    commands = [item for item in items if isinstance(item, Command)]
    outcomes = iter(await ask.context.engine.submit_many(commands))
    public_url = ask.context.settings.public_url

    def answer(outcome: Answer | Problem) -> ItemAnswer:
        if isinstance(outcome, Answer):
            return ItemAnswer(status=status, answer=content(outcome.entry), replayed=outcome.replayed)
        problem = details(as_problem(outcome), public_url)
        return ItemAnswer(status=problem["status"], problem=problem)

    return Reply(BatchAnswer(items=[answer(item if isinstance(item, Problem) else next(outcomes)) for item in items]))
