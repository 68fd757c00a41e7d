"""The routes that move credits."""

from testkase.core.access import Scope
from testkase.entrypoints.api.route import Route
from testkase.entrypoints.api.v1 import batches, holds
from testkase.entrypoints.api.v1 import hold_schemas as schemas

BATCH_LIMIT = 6 * 1024 * 1024
"""Bytes: a thousand items fit whatever their fields hold, though a letter of a name be written as twelve bytes
(`\\ud83d\\ude00`, as many programs do)."""

_ADMISSION = (
    "insufficient_credits", "debt_outstanding", "budget_exceeded", "ai_disabled", "paused", "account_not_found",
)  # fmt: skip
_ON_A_HOLD = ("hold_not_found", "hold_resolved", "account_not_found")
_PRICED = ("unknown_model", "invalid_command")

_HOLD = {
    "id": "call-7f3a",
    "use_case": "test_generation",
    "user": "ada@example.com",
    "project": "DEMO",
    "model": "testkase-demo",
    "input_tokens": 1200,
    "max_output_tokens": 400,
    "ttl_seconds": 300,
}
_HELD = {
    "id": "call-7f3a",
    "state": "open",
    "amount": "0.84",
    "expires_at": "2026-11-22T12:05:00.000000Z",
    "balance": "299.16",
}
_USED = {"usage": {"input_tokens": 1180, "output_tokens": 212}, "outcome": "completed"}
_SETTLED = {"charged": "0.56", "released": "0.28", "balance": "299.44", "receipt": "17"}

ROUTES = (
    Route(
        method="POST", path="/holds", run=holds.open_hold, scope=Scope.CREDITS_WRITE, tag="Holds",
        summary="Set credits aside for one call",
        description="Hold the most the call can cost before it is made: `credits`, or `model` with `input_tokens`"
        " and `max_output_tokens`. Without `max_output_tokens` the model's own maximum counts. A hold nobody resolves"
        " returns its credits after `ttl_seconds`. Without an `id` the `Idempotency-Key` is the id; without either the"
        " server makes one, and the request cannot be repeated safely.",
        body=schemas.HoldRequest, body_example=_HOLD, answer=schemas.HoldAnswer, answer_example=_HELD, status=201,
        idempotent=True, refusals=(*_ADMISSION, *_PRICED, "id_reused"),
    ),
    Route(
        method="GET", path="/holds/{hold_id}", run=holds.get_hold, scope=Scope.CREDITS_READ, tag="Holds",
        summary="Read a hold",
        description="As it stands now: open, settled, voided or lapsed; after settlement with what was charged.",
        answer=schemas.HoldView,
        answer_example={
            "id": "call-7f3a", "state": "settled", "amount": "0.84", "charged": "0.56",
            "opened_at": "2026-11-22T12:00:00.000000Z", "expires_at": None,
            "resolved_at": "2026-11-22T12:00:09.120000Z", "receipt": "17",
        },
        refusals=("hold_not_found",),
    ),
    Route(
        method="POST", path="/holds/{hold_id}/settlement", run=holds.settle_hold, scope=Scope.CREDITS_WRITE,
        tag="Holds", summary="Charge what the call used and release the rest",
        description="Give `usage` in tokens, priced at the rates the hold was opened under, or `credits`. Outcomes"
        " `failed` and `refused` cost nothing. A hold is settled once; repeating the same settlement answers the same."
        " With `final: false` a part is charged under its own `capture_id` and the rest stays held.",
        body=schemas.SettlementRequest, body_example=_USED, answer=schemas.SettlementAnswer, answer_example=_SETTLED,
        idempotent=True, refusals=(*_ON_A_HOLD, "id_reused", "no_rate", "invalid_command"),
    ),
    Route(
        method="POST", path="/holds/{hold_id}/extension", run=holds.extend_hold, scope=Scope.CREDITS_WRITE,
        tag="Holds", summary="Let a hold live longer, or grow",
        description="The hold lives `ttl_seconds` from now, never less than before; `credits` are added if the balance"
        " covers them.",
        body=schemas.ExtensionRequest, body_example={"id": "ext-1", "ttl_seconds": 300, "credits": "0.50"},
        answer=schemas.ExtensionAnswer,
        answer_example={
            "id": "call-7f3a", "state": "open", "added": "0.50", "expires_at": "2026-11-22T12:08:00.000000Z",
            "balance": "298.66",
        },
        idempotent=True, refusals=(*_ADMISSION, "hold_not_found", "hold_resolved", "id_reused", "invalid_command"),
    ),
    Route(
        method="DELETE", path="/holds/{hold_id}", run=holds.release_hold, scope=Scope.CREDITS_WRITE, tag="Holds",
        summary="Release a hold in full",
        description="Nothing was used. Repeating it answers the same.",
        answer=schemas.ReleaseAnswer,
        answer_example={"id": "call-7f3a", "state": "voided", "released": "0.84", "balance": "300.00"},
        refusals=_ON_A_HOLD,
    ),
    Route(
        method="POST", path="/holds:batch", run=batches.open_holds, scope=Scope.CREDITS_WRITE, tag="Holds",
        summary="Open up to 1,000 holds",
        description="Each item is opened or refused on its own and answers as its single request would, in the order"
        " of the items. Every item needs an `id`.",
        body=schemas.HoldBatch, body_limit=BATCH_LIMIT, body_example={"items": [_HOLD]}, answer=schemas.BatchAnswer,
        answer_example={"items": [{"status": 201, "answer": _HELD}]},
    ),
    Route(
        method="POST", path="/settlements:batch", run=batches.settle_holds, scope=Scope.CREDITS_WRITE, tag="Holds",
        summary="Settle up to 1,000 holds",
        description="Each item names its hold by `id` and is settled or refused on its own.",
        body=schemas.SettlementBatch, body_limit=BATCH_LIMIT, body_example={"items": [{"id": "call-7f3a"} | _USED]},
        answer=schemas.BatchAnswer, answer_example={"items": [{"status": 200, "answer": _SETTLED}]},
    ),
    Route(
        method="POST", path="/usage", run=holds.record_usage, scope=Scope.CREDITS_WRITE, tag="Usage",
        summary="Meter a call after the fact",
        description="For calls made without a hold, and for holds that lapsed before they could be settled: charged at"
        " once, if the balance covers it.",
        body=schemas.UsageRequest, body_example={
            "id": "call-7f3b", "use_case": "chat", "user": "ada@example.com", "model": "testkase-demo",
            "usage": {"input_tokens": 640, "output_tokens": 90},
        },
        answer=schemas.UsageAnswer, answer_example={"charged": "0.27", "balance": "299.17", "receipt": "18"},
        status=201, idempotent=True, refusals=(*_ADMISSION, *_PRICED, "id_reused"),
    ),
)  # fmt: skip
