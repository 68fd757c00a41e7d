"""Holds, their settlement, and usage metered after the fact."""

from typing import Any

from msgspec import Struct

from testkase_client.amounts import Amount, amount_text, new_id
from testkase_client.answers.holds import (
    Extension,
    HoldState,
    Measurement,
    OpenedHold,
    Outcome,
    RawBatch,
    RecordedUsage,
    Release,
    Settlement,
    Tokens,
)
from testkase_client.request import Request, below, given

MOST_ITEMS = 1_000
"""Of one batch request; longer lists are sent in several."""


class HoldItem(Struct, frozen=True, kw_only=True):
    """A hold to open: `credits`, or `model` with the size of the call."""

    use_case: str
    user: str
    id: str | None = None
    project: str | None = None
    model: str | None = None
    input_tokens: int | None = None
    max_output_tokens: int | None = None
    credits: Amount | None = None
    ttl_seconds: int | None = None


class SettlementItem(Struct, frozen=True, kw_only=True):
    """A hold to settle: its `id`, and what the call used. A part (`final=False`) needs a `capture_id` where the list
    may be sent again: the client's own would make it another part."""

    id: str
    usage: Tokens | None = None
    credits: Amount | None = None
    outcome: Outcome = "completed"
    measurement: Measurement = "exact"
    final: bool = True
    capture_id: str | None = None


def open_hold(
    *,
    use_case: str,
    user: str,
    id: str | None = None,
    project: str | None = None,
    model: str | None = None,
    input_tokens: int | None = None,
    max_output_tokens: int | None = None,
    credits: Amount | None = None,
    ttl_seconds: int | None = None,
) -> Request[OpenedHold]:
    """Set credits aside for one call. Do not call the model where this raises."""
    item = HoldItem(
        use_case=use_case, user=user, id=id, project=project, model=model, input_tokens=input_tokens,
        max_output_tokens=max_output_tokens, credits=credits, ttl_seconds=ttl_seconds,
    )  # fmt: skip
    return Request(method="POST", path="/holds", body=hold_body(item), answer=OpenedHold)


def get_hold(hold_id: str) -> Request[HoldState]:
    """How a hold stands."""
    return Request(method="GET", path=below("holds", hold_id), answer=HoldState)


def settle_hold(
    hold_id: str,
    *,
    usage: Tokens | None = None,
    credits: Amount | None = None,
    outcome: Outcome = "completed",
    measurement: Measurement = "exact",
    final: bool = True,
    capture_id: str | None = None,
) -> Request[Settlement]:
    """Charge what the call used and release the rest; `final=False` charges a part and leaves the rest held."""
    item = SettlementItem(
        id=hold_id, usage=usage, credits=credits, outcome=outcome, measurement=measurement, final=final,
        capture_id=capture_id,
    )  # fmt: skip
    body = settlement_body(item)
    del body["id"]
    return Request(method="POST", path=below("holds", hold_id, "settlement"), body=body, answer=Settlement)


def extend_hold(
    hold_id: str,
    *,
    ttl_seconds: int = 300,
    credits: Amount | None = None,
    id: str | None = None,
) -> Request[Extension]:
    """Let a hold live `ttl_seconds` from now, and grow by `credits`."""
    body = given(id=id or new_id("ext"), ttl_seconds=ttl_seconds, credits=_amount(credits))
    return Request(method="POST", path=below("holds", hold_id, "extension"), body=body, answer=Extension)


def void_hold(hold_id: str) -> Request[Release]:
    """Release a hold in full."""
    return Request(method="DELETE", path=below("holds", hold_id), answer=Release)


def record_usage(
    *,
    use_case: str,
    user: str,
    id: str | None = None,
    project: str | None = None,
    model: str | None = None,
    usage: Tokens | None = None,
    credits: Amount | None = None,
    outcome: Outcome = "completed",
    measurement: Measurement = "exact",
) -> Request[RecordedUsage]:
    """Meter after the fact; also for a hold that lapsed before it was settled."""
    body = given(
        id=id or new_id("usage"), use_case=use_case, user=user, project=project, model=model, usage=usage,
        credits=_amount(credits), outcome=outcome, measurement=measurement,
    )  # fmt: skip
    return Request(method="POST", path="/usage", body=body, answer=RecordedUsage)


def batch(path: str, bodies: list[dict[str, Any]]) -> Request[RawBatch]:
    """One batch request, of MOST_ITEMS at the most."""
    return Request(method="POST", path=path, body={"items": bodies}, answer=RawBatch)


def hold_body(item: HoldItem) -> dict[str, Any]:
    """With an id, so that it can be repeated."""
    return given(
        id=item.id or new_id("hold"), use_case=item.use_case, user=item.user, project=item.project, model=item.model,
        input_tokens=item.input_tokens, max_output_tokens=item.max_output_tokens, credits=_amount(item.credits),
        ttl_seconds=item.ttl_seconds,
    )  # fmt: skip


def settlement_body(item: SettlementItem) -> dict[str, Any]:
    """A final settlement is the hold's one and only; a part needs an id of its own."""
    part = None if item.final else item.capture_id or new_id("part")
    return given(
        id=item.id, usage=item.usage, credits=_amount(item.credits), outcome=item.outcome,
        measurement=item.measurement, final=item.final, capture_id=part,
    )  # fmt: skip


def _amount(amount: Amount | None) -> str | None:
    return None if amount is None else amount_text(amount)
