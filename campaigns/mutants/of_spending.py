"""Mistakes in the rules of spending: what is taken of which lot, at what price, and what a repetition does."""

from campaigns.mutants.mutant import rule

SPENDING = (
    rule(
        "priority-after-paid",
        "free before paid counts more than priority",
        "rules.py",
        "lot.priority, lot.paid, lot.lot_id)",
        "lot.paid, lot.priority, lot.lot_id)",
    ),
    rule(
        "endless-first",
        "what never expires is spent first",
        "rules.py",
        "return (NEVER if lot.expires_at is None",
        "return (0 if lot.expires_at is None",
    ),
    rule(
        "newest-first",
        "of equal lots the newest is spent first",
        "rules.py",
        "lot.paid, lot.lot_id)",
        "lot.paid, -lot.lot_id)",
    ),
    rule(
        "whole-lots",
        "a lot is always taken whole",
        "rules.py",
        "part = min(lot.available, amount)",
        "part = lot.available",
    ),
    rule(
        "expiry-a-moment-late",
        "a lot can be spent at the instant it expires",
        "model.py",
        "self.expires_at <= instant",
        "self.expires_at < instant",
    ),
    rule(
        "one-credit-too-many",
        "a call is admitted for a micro-credit more than there is",
        "holding.py",
        "if amount > account.available and amount > (available := account.available + lendable(account)):",
        "if amount > account.available + 1 and amount > (available := account.available + lendable(account)):",
    ),
    rule(
        "charged-in-full",
        "a settlement charges all that was held",
        "holding.py",
        "movement.resolve(hold, min(cost, hold.amount), book.lots, now)",
        "movement.resolve(hold, hold.amount, book.lots, now)",
    ),
    rule(
        "overrun-twice",
        "an overrun charges the whole cost beside the hold",
        "holding.py",
        "_spend(book, movement, cost - hold.amount, now)",
        "_spend(book, movement, cost, now)",
    ),
    rule(
        "capture-beyond-the-hold",
        "a part that is captured may exceed the hold",
        "holding.py",
        '    if cost > hold.amount:\n        given = "usage"',
        '    if cost > 2 * hold.amount:\n        given = "usage"',
    ),
    rule(
        "extension-shortens",
        "an extension may end a hold sooner",
        "holding.py",
        "max(hold.expires_at, now + _ttl(command.ttl_seconds))",
        "now + _ttl(command.ttl_seconds)",
    ),
    rule(
        "extension-unasked",
        "a hold may grow while AI is off or a debt blocks",
        "holding.py",
        "        _check_admission(book, hold.subject)\n",
        "",
    ),
    rule(
        "refusal-charged",
        "what the provider refused is charged",
        "holding.py",
        'frozenset({"failed", "refused"})',
        'frozenset({"failed"})',
    ),
    rule(
        "finer-rounding",
        "charges are rounded to a tenth of what they should be",
        "holding.py",
        "CHARGE_INCREMENT = 10_000",
        "CHARGE_INCREMENT = 1_000",
    ),
    rule(
        "late-though-off",
        "a call is charged late though AI was off since",
        "holding.py",
        "account_of(book).off_seq > command.admitted",
        "account_of(book).off_seq > 10**9",
    ),
    rule(
        "dearer-model",
        "another model is charged where it comes dearer",
        "holding.py",
        "price(other, tokens) > price(hold.terms, tokens)",
        "price(other, tokens) < price(hold.terms, tokens)",
    ),
    rule(
        "rounded-down",
        "charges are rounded down",
        "credits.py",
        "return -(-microcredits // increment) * increment",
        "return microcredits // increment * increment",
    ),
    rule(
        "reasoning-twice",
        "reasoning tokens are priced as output too",
        "terms.py",
        "+ tokens.reasoning * rates.reasoning",
        "+ tokens.reasoning * (rates.reasoning + rates.output)",
    ),
    rule(
        "cache-not-in-prompt",
        "cached tokens do not count towards the tier of a prompt",
        "terms.py",
        "rates_for(terms, tokens.input + tokens.cached_input + tokens.cache_write)",
        "rates_for(terms, tokens.input)",
    ),
    rule(
        "tier-a-token-early",
        "the dearer tier begins one token early",
        "terms.py",
        "prompt_tokens > tier.above_input_tokens",
        "prompt_tokens >= tier.above_input_tokens",
    ),
    rule(
        "correction-below-zero",
        "a correction may take more than there is",
        "issuing.py",
        "    if amount > account.available:\n",
        "    if amount > 2 * account.available:\n",
    ),
)

REPETITION = (
    rule(
        "any-input",
        "the same id answers whatever the input",
        "decide.py",
        "    if past.fingerprint == command.fingerprint():\n",
        "    if past.fingerprint:\n",
    ),
    rule(
        "grants-repeat",
        "a repeated grant is granted again",
        "decide.py",
        "    if past is not None:\n        return _replay",
        '    if past is not None and past.kind != "grant":\n        return _replay',
    ),
    rule(
        "extensions-share-ids",
        "two holds cannot both have an extension of one name",
        "commands.py",
        'return f"extension:{self.hold_id}/{self.extension_id}"',
        'return f"extension:{self.extension_id}"',
    ),
    rule(
        "chain-without-links",
        "an entry's hash forgets its predecessor's",
        "posting.py",
        "hashlib.sha256(previous + _encode(entry))",
        "hashlib.sha256(_encode(entry))",
    ),
)

OF_SPENDING = (*SPENDING, *REPETITION)
