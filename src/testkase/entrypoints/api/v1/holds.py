"""Holds, one at a time: open, settle, extend, release."""

from typing import Any

from testkase.core.ledger.commands import VoidHold
from testkase.core.ledger.refusals import HoldNotFound
from testkase.entrypoints.api.fields import is_id
from testkase.entrypoints.api.reply import Reply
from testkase.entrypoints.api.route import Ask
from testkase.entrypoints.api.v1 import asking
from testkase.entrypoints.api.v1.hold_schemas import ExtensionRequest, HoldRequest, SettlementRequest, UsageRequest
from testkase.foundation.ids import new_id


async def open_hold(ask: Ask[HoldRequest]) -> Reply:
    """201 with the hold, or the refusal."""
    hold_id = ask.effect_id(ask.body.id) or new_id("hold")
    command = asking.open_hold(ask.org_id, hold_id, ask.body, ask.context.book())
    answer = await ask.context.engine.submit(command)
    return Reply(asking.opened(answer.entry), 201, answer.replayed)


async def settle_hold(ask: Ask[SettlementRequest]) -> Reply:
    """200 with what was charged and released."""
    capture_id = None if ask.body.final else ask.effect_id(ask.body.capture_id)
    command = asking.settle_hold(ask.org_id, hold_id(ask), ask.body, capture_id)
    answer = await ask.context.engine.submit(command)
    return Reply(asking.settled(answer.entry), 200, answer.replayed)


async def extend_hold(ask: Ask[ExtensionRequest]) -> Reply:
    """200 with its new time to live."""
    extension_id = ask.effect_id(ask.body.id) or new_id("ext")
    command = asking.extend_hold(ask.org_id, hold_id(ask), extension_id, ask.body)
    answer = await ask.context.engine.submit(command)
    return Reply(asking.extended(answer.entry), 200, answer.replayed)


async def release_hold(ask: Ask[None]) -> Reply:
    """200: the hold is voided and everything went back."""
    answer = await ask.context.engine.submit(VoidHold(org_id=ask.org_id, hold_id=hold_id(ask)))
    return Reply(asking.released(answer.entry), 200, answer.replayed)


async def record_usage(ask: Ask[UsageRequest]) -> Reply:
    """201 with what was charged."""
    usage_id = ask.effect_id(ask.body.id) or new_id("usage")
    command = asking.record_usage(ask.org_id, usage_id, ask.body, ask.context.book())
    answer = await ask.context.engine.submit(command)
    return Reply(asking.recorded(answer.entry), 201, answer.replayed)


def hold_id(ask: Ask[Any]) -> str:
    """The id in the path. What cannot be an id names nothing: it answers like an absent hold."""
    text = ask.path("hold_id")
    if not is_id(text):
        raise HoldNotFound("There is no such hold.", field="id")
    return text
