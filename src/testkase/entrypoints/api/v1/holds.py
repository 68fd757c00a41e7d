"""Holds, one at a time: open, settle, extend, release, read."""

from typing import Any

from testkase.core.ledger import queries
from testkase.core.ledger.commands import Touch, VoidHold
from testkase.core.ledger.credits import format_credits
from testkase.core.ledger.queries import HoldState
from testkase.core.ledger.refusals import HoldNotFound
from testkase.entrypoints.api.fields import instant, is_id, now_microseconds
from testkase.entrypoints.api.reply import Reply
from testkase.entrypoints.api.route import Ask
from testkase.entrypoints.api.v1 import asking
from testkase.entrypoints.api.v1.hold_schemas import (
    ExtensionRequest,
    HoldRequest,
    HoldView,
    SettlementRequest,
    UsageRequest,
)
from testkase.foundation.ids import new_id
from testkase.foundation.problems import NotFound
from testkase.services.metering import bare_name, is_metered


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
    if is_metered(text):
        raise HoldNotFound("There is no such hold of yours: what begins with ~ is settled by metering.", field="id")
    if not is_id(text):
        raise HoldNotFound("There is no such hold.", field="id")
    return text


async def get_hold(ask: Ask[None]) -> Reply:
    """200 with the hold as it stands. One whose time is over is lapsed first, so that nobody reads it as open."""
    state = await _standing(ask)
    if state.state == "open" and state.expires_at is not None and state.expires_at <= now_microseconds():
        await ask.context.engine.submit(Touch(org_id=ask.org_id))
        state = await _standing(ask)
    return Reply(_view(state))


async def _standing(ask: Ask[None]) -> HoldState:
    """Holds of metered calls can be read as well, though nobody but metering resolves them."""
    text = ask.path("hold_id")
    try:
        if not is_id(bare_name(text)):
            raise NotFound("What cannot be an id names no hold.")
        return await ask.context.database.run(queries.hold(ask.org_id, text), org_id=ask.org_id)
    except NotFound:
        raise HoldNotFound("There is no such hold.", field="id") from None


def _view(state: HoldState) -> HoldView:
    return HoldView(
        id=state.hold_id,
        state=state.state,  # type: ignore[arg-type]
        amount=format_credits(state.amount),
        charged=format_credits(state.charged),
        opened_at=instant(state.opened_at),
        expires_at=instant(state.expires_at) if state.expires_at is not None else None,
        resolved_at=instant(state.resolved_at) if state.resolved_at is not None else None,
        receipt=str(state.receipt) if state.receipt is not None else None,
    )
