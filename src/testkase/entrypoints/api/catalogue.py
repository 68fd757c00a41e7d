"""Every problem a program can meet: its HTTP status, and what to do next. The one table from code to status."""

from typing import NamedTuple


class Known(NamedTuple):
    """One row. `title` is the same for every occurrence; `next` is what the caller can do about it."""

    status: int
    title: str
    next: str


PROBLEMS: dict[str, Known] = {
    "invalid_json": Known(400, "The body is not JSON", "Send a JSON object, UTF-8 encoded."),
    "invalid_body": Known(400, "The body could not be read", "Send the whole body with a correct Content-Length."),
    "invalid_signature": Known(400, "The signature is not valid", "Sign the bytes sent with the webhook's secret."),
    "invalid_api_key": Known(401, "No valid API key", "Send `Authorization: Bearer tk_live_…` with a live key."),
    "insufficient_credits": Known(402, "Not enough credits", "Buy at `buy_url`, ask your Owner to, or ask for less."),
    "debt_outstanding": Known(402, "A debt must be covered first", "Buy credits at `buy_url` to cover the debt."),
    "budget_exceeded": Known(402, "A budget is used up", "Ask an admin for more, or wait until `resets_at`."),
    "forbidden": Known(403, "Not allowed", "Use a key that may do this."),
    "missing_scope": Known(403, "The API key may not do this", "Use a key with the scope named in `scope`."),
    "ai_disabled": Known(403, "AI is switched off", "Ask the Owner to switch AI on under Settings → AI Credits."),
    "paused": Known(403, "Paused", "Ask the Owner or an admin to resume it under Settings → AI Credits."),
    "may_not_buy": Known(403, "Not allowed to buy credits", "Use a key made by somebody who may, or ask the Owner."),
    "not_found": Known(404, "Not found", "Check the address and the id."),
    "account_not_found": Known(404, "No credit account", "Use a key of an organization that has one."),
    "hold_not_found": Known(404, "No such hold", "Check the id; only the organization that opened a hold sees it."),
    "grant_not_found": Known(404, "No such grant", "Check the id; only the organization that was granted it sees it."),
    "budget_not_found": Known(404, "No such budget", "Check the id; only the organization that set a budget sees it."),
    "purchase_not_found": Known(404, "No such purchase", "Check the id; only the organization that buys sees it."),
    "receipt_not_found": Known(404, "No such receipt", "Check the number; read GET /api/v1/purchases."),
    "too_many_pauses": Known(409, "Too much is paused", "Resume one of GET /api/v1/pauses first."),
    "not_paused": Known(404, "Nothing of that name is paused", "Read GET /api/v1/pauses."),
    "method_not_allowed": Known(405, "The method is not allowed here", "Use a method named in the `Allow` header."),
    "conflict": Known(409, "Conflict with what already happened", "Read the current state before trying again."),
    "id_reused": Known(409, "The id came before with another input", "Use a new id, or repeat the first input."),
    "hold_resolved": Known(409, "The hold is already resolved", "Read the hold; after `lapsed`, use POST /usage."),
    "not_owed": Known(409, "So much is not owed", "Read `debt` of GET /api/v1/balance."),
    "already_called": Known(409, "This call was already made", "Read its charge from the hold; use a new key."),
    "payment_mismatch": Known(409, "The payment does not match the order", "Tell support; nothing was granted for it."),
    "money_back_undecided": Known(409, "What went back of a payment is not decided", "Staff say it: `count-back`."),
    "purchase_not_paid": Known(409, "The purchase is not paid", "Read the purchase; there is nothing to give back."),
    "overage_bill_unpaid": Known(409, "A bill for extra credits was not paid", "Pay the bill of GET /overage/bills."),
    "too_many_purchases": Known(409, "Too many purchases wait for their payment", "Have one of them paid, or wait."),
    "too_slow": Known(408, "The body came too slowly", "Send the whole body within a minute."),
    "too_large": Known(413, "The body is too large", "Send less at once: a batch in several requests."),
    "unsupported_media_type": Known(415, "The body is not of a kind taken here", "Send it as `detail` says."),
    "invalid_input": Known(422, "The request is not valid", "Correct `field`, or else what `detail` says."),
    "invalid_command": Known(422, "The request is not valid", "Correct `field`, or else what `detail` says."),
    "no_rate": Known(422, "Tokens have no price here", "Name a model in the hold, or settle with `credits`."),
    "unknown_model": Known(422, "The model has no rate", "Use a model listed by GET /openai/v1/models."),
    "unknown_bundle": Known(422, "No such bundle", "Use a `key` of GET /api/v1/bundles."),
    "unknown_currency": Known(422, "No prices in that currency", "Use a currency of GET /api/v1/bundles."),
    "unsupported_parameter": Known(422, "The request asks for something not offered", "Leave out the field named."),
    "too_many_open_calls": Known(429, "Too many calls at once", "Wait until one of the calls in progress has ended."),
    "internal": Known(500, "Something went wrong on our side", "Repeat the call with the same id."),
    "provider_error": Known(502, "The model provider did not answer", "Try again later. Nothing was charged."),
    "provider_cut": Known(502, "The model's answer broke off", "Try again. What was delivered was charged."),
    "cut_off": Known(502, "The answer was cut off", "Try again with a smaller request."),
    "payment_refused": Known(502, "The payment provider refused", "Read `detail`; the same call is refused again."),
    "payments_not_set_up": Known(503, "Buying is not set up here", "Ask the operator to name a payment provider."),
    "payment_provider_unavailable": Known(503, "The payment provider did not answer", "Repeat it with the same id."),
    "unavailable": Known(503, "Try again with the same id", "Repeat the call with the same id after a moment."),
    "provider_timeout": Known(504, "The model provider took too long", "Try again later. Nothing was charged."),
}  # fmt: skip


def known(code: str) -> Known:
    """The row of a code; a code without a row is a fault of ours and answers like one."""
    return PROBLEMS.get(code, PROBLEMS["internal"])
