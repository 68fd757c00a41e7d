"""Reading one hold."""

from testkase.core.ledger import queries
from testkase.core.ledger.commands import Touch
from testkase.core.ledger.credits import format_credits
from testkase.core.ledger.queries import HoldState
from testkase.core.ledger.refusals import HoldNotFound
from testkase.entrypoints.api.fields import instant, now_microseconds
from testkase.entrypoints.api.reply import Reply
from testkase.entrypoints.api.route import Ask
from testkase.entrypoints.api.v1.hold_schemas import HoldView
from testkase.entrypoints.api.v1.holds import hold_id
from testkase.foundation.problems import NotFound


async def get_hold(ask: Ask[None]) -> Reply:
    """200 with the hold as it stands. One whose time is over is lapsed first, so that nobody reads it as open."""
    state = await _read(ask)
    if state.state == "open" and state.expires_at is not None and state.expires_at <= now_microseconds():
        await ask.context.engine.submit(Touch(org_id=ask.org_id))
        state = await _read(ask)
    return Reply(_view(state))


async def _read(ask: Ask[None]) -> HoldState:
    try:
        return await ask.context.database.run(queries.hold(ask.org_id, hold_id(ask)), org_id=ask.org_id)
    except NotFound:
        raise HoldNotFound("There is no such hold.", field="id") from None


def _view(state: HoldState) -> HoldView:
    is_open = state.state == "open"
    return HoldView(
        id=state.hold_id,
        state=state.state,  # type: ignore[arg-type]
        amount=format_credits(state.amount),
        charged=format_credits(state.charged),
        opened_at=instant(state.at) if is_open else None,
        expires_at=instant(state.expires_at) if state.expires_at is not None else None,
        resolved_at=None if is_open else instant(state.at),
        receipt=str(state.receipt) if state.receipt is not None else None,
    )
