"""From what a program asks to the ledger's commands, and from the ledger's entries to what is answered."""

import msgspec

from testkase.core.ledger.commands import ExtendHold, OpenHold, RecordUsage, SettleHold
from testkase.core.ledger.credits import format_credits, parse_credits
from testkase.core.ledger.model import Entry, Subject
from testkase.core.ledger.terms import price_ceiling
from testkase.core.pricing import PriceBook
from testkase.entrypoints.api.fields import instant
from testkase.entrypoints.api.v1.hold_schemas import (
    ExtensionAnswer,
    ExtensionRequest,
    HoldAnswer,
    HoldRequest,
    ReleaseAnswer,
    SettlementAnswer,
    SettlementRequest,
    UsageAnswer,
    UsageRequest,
)
from testkase.foundation.problems import InvalidInput

_encode = msgspec.msgpack.Encoder().encode


def open_hold(org_id: int, hold_id: str, ask: HoldRequest, book: PriceBook) -> OpenHold:
    """Raises InvalidInput where the amount is not determined, UnknownModel."""
    terms = book.terms(ask.model) if ask.model is not None else None
    sized = ask.input_tokens is not None or ask.max_output_tokens is not None
    if ask.credits is not None:
        if sized:
            raise InvalidInput("Give either credits or token counts, not both.", field="credits")
        amount = parse_credits(ask.credits)
    elif terms is None or not sized:
        raise InvalidInput("Give credits, or a model with input_tokens and max_output_tokens.", field="credits")
    elif ask.input_tokens is None:  # the answer alone: a hold smaller than what the call may use
        raise InvalidInput("Give input_tokens too: how many the call will send, 0 for none.", field="input_tokens")
    else:
        amount = price_ceiling(terms, input_tokens=ask.input_tokens, output_tokens=_most_output(ask, book))
    return OpenHold(
        org_id=org_id,
        hold_id=hold_id,
        amount=amount,
        ttl_seconds=ask.ttl_seconds,
        subject=Subject(use_case=ask.use_case, user=ask.user, project=ask.project, model=ask.model),
        terms=terms,
        asked=_asked(ask),
    )


def settle_hold(org_id: int, hold_id: str, ask: SettlementRequest, capture_id: str | None) -> SettleHold:
    """Raises InvalidInput unless exactly one of usage and credits is given, where the outcome is not free of charge."""
    credits = parse_credits(ask.credits) if ask.credits is not None else None
    tokens = ask.usage.tokens() if ask.usage is not None else None
    if tokens is not None and credits is not None:
        raise InvalidInput("Give either usage or credits, not both.", field="usage")
    if tokens is None and credits is None:
        if ask.outcome not in ("failed", "refused"):
            raise InvalidInput("Give usage or credits: what the call used.", field="usage")
        credits = 0
    if not ask.final and capture_id is None:
        raise InvalidInput("A partial settlement needs a capture_id of its own.", field="capture_id")
    return SettleHold(
        org_id=org_id,
        hold_id=hold_id,
        tokens=tokens,
        credits=credits,
        outcome=ask.outcome,
        measurement=ask.measurement,
        final=ask.final,
        capture_id="" if ask.final else capture_id or "",
    )


def extend_hold(org_id: int, hold_id: str, extension_id: str, ask: ExtensionRequest) -> ExtendHold:
    return ExtendHold(
        org_id=org_id,
        hold_id=hold_id,
        extension_id=extension_id,
        ttl_seconds=ask.ttl_seconds,
        amount=parse_credits(ask.credits) if ask.credits is not None else 0,
    )


def record_usage(org_id: int, usage_id: str, ask: UsageRequest, book: PriceBook) -> RecordUsage:
    """Raises InvalidInput unless exactly one of usage and credits is given, UnknownModel."""
    if (ask.usage is None) == (ask.credits is None):
        raise InvalidInput("Give either usage or credits.", field="usage")
    if ask.usage is not None and ask.model is None:
        raise InvalidInput("Tokens have a price only with a model. Name it, or give credits.", field="model")
    return RecordUsage(
        org_id=org_id,
        usage_id=usage_id,
        subject=Subject(use_case=ask.use_case, user=ask.user, project=ask.project, model=ask.model),
        tokens=ask.usage.tokens() if ask.usage is not None else None,
        credits=parse_credits(ask.credits) if ask.credits is not None else None,
        terms=book.terms(ask.model) if ask.model is not None else None,
        outcome=ask.outcome,
        measurement=ask.measurement,
        asked=_asked(ask),
    )


def _asked(ask: HoldRequest | UsageRequest) -> bytes:
    """What makes a repetition the same input: the caller's own words, not the rates found for them, and not where the
    id came from. "0.5" and "0.50" are one amount, as they are where holds are settled and extended."""
    amount = None if ask.credits is None else format_credits(parse_credits(ask.credits))
    return _encode(msgspec.structs.replace(ask, id=None, credits=amount))


def _most_output(ask: HoldRequest, book: PriceBook) -> int:
    """Without a maximum the call may answer as much as the model can: a smaller hold would bound nothing."""
    if ask.max_output_tokens is not None:
        return ask.max_output_tokens
    return book.rate(ask.model or "").max_output_tokens


def opened(entry: Entry) -> HoldAnswer:
    return HoldAnswer(
        id=entry.hold_id or "",
        state="open",
        amount=format_credits(entry.deltas.held),
        expires_at=instant(entry.expires_at or 0),
        balance=format_credits(entry.available_after),
    )


def extended(entry: Entry) -> ExtensionAnswer:
    return ExtensionAnswer(
        id=entry.hold_id or "",
        state="open",
        added=format_credits(entry.deltas.held),
        expires_at=instant(entry.expires_at or 0),
        balance=format_credits(entry.available_after),
    )


def settled(entry: Entry) -> SettlementAnswer:
    return SettlementAnswer(
        charged=format_credits(entry.deltas.used),
        released=format_credits(max(0, entry.deltas.available + entry.deltas.overage)),
        balance=format_credits(entry.available_after),
        receipt=str(entry.seq),
    )


def released(entry: Entry) -> ReleaseAnswer:
    return ReleaseAnswer(
        id=entry.hold_id or "",
        state="voided",
        released=format_credits(max(0, entry.deltas.available + entry.deltas.overage)),
        balance=format_credits(entry.available_after),
    )


def recorded(entry: Entry) -> UsageAnswer:
    return UsageAnswer(
        charged=format_credits(entry.deltas.used),
        balance=format_credits(entry.available_after),
        receipt=str(entry.seq),
    )
