"""Mistakes on the way from what the provider says to credits: ranks, verdicts, amounts, signatures, looking again."""

from campaigns.mutants.mutant import Mutant, Patch

_LIFE = "services/billing/purchasing/lifecycle.py"
_FULFIL = "services/billing/purchasing/fulfilment.py"
_SIGNATURES = "services/billing/providers/razorpay/signatures.py"


def _pure(name: str, what: str, old: str, new: str) -> Mutant:
    return Mutant(name, what, (Patch(_LIFE, old, new),), ("money-back on the model", "money-back"))


OF_PAYMENTS = (
    _pure(
        "failed-after-captured",
        "a late failure moves a paid payment back",
        '"failed": 1, "authorized": 2, "captured": 3',
        '"failed": 5, "authorized": 2, "captured": 3',
    ),
    _pure(
        "last-heard-counts",
        "what is heard last counts, however old it is",
        "return heard if known is None or rank(heard) >= rank(known) else known",
        "return heard",
    ),
    _pure(
        "won-after-lost",
        "a dispute that is lost can still be heard to be open",
        '"won": 3, "lost": 4}',
        '"won": 3, "lost": -1}',
    ),
    _pure(
        "lost-costs-nothing",
        "a lost dispute takes nothing back",
        "return max(dispute.amount, dispute.amount_deducted)",
        "return 0",
    ),
    _pure(
        "more-than-all",
        "more than all the money may go back",
        "return min(amount, _refunded(refunds) + sum(_lost(dispute) for dispute in disputes))",
        "return _refunded(refunds) + sum(_lost(dispute) for dispute in disputes)",
    ),
    _pure(
        "disputes-do-not-count",
        "a dispute under way is overlooked",
        'any(dispute.status in ("open", "under_review") for',
        'any(dispute.status == "under_review" for',
    ),
    _pure(
        "cents-as-credits",
        "a cent that went back takes one credit, whatever it had bought",
        "return credits if money_returned == amount else in_hundredths(credits * money_returned // amount)",
        "return 1_000_000 * money_returned",
    ),
    Mutant(
        "authorized-is-paid",
        "credits come when the bank has only authorized",
        (Patch(_FULFIL, "    if not payment.captured:\n", '    if payment.status == "failed":\n'),),
        ("money-back",),
    ),
    Mutant(
        "two-keys-of-one-payment",
        "each report of a payment grants under a key of its own",
        (
            Patch(_FULFIL, 'if verdict == "granted" and purchase.state != "paid":', 'if verdict == "granted":'),
            Patch(
                _FULFIL,
                "org_id=org_id, grant_id=payment.payment_id, amount",
                "org_id=org_id, grant_id=f\"{payment.payment_id}-{clock['now']}\", amount",
            ),
        ),
        ("money-back",),
    ),
    Mutant(
        "one-id-of-all-claw-backs",
        "every claw-back of a purchase carries the same id",
        (
            Patch(
                _FULFIL,
                "org_id, number = purchase.org_id, purchase.reversals + 1",
                "org_id, number = purchase.org_id, 1",
            ),
        ),
        ("money-back",),
    ),
    Mutant(
        "second-refund-overlooked",
        "of the refunds of one payment only the first counts",
        (
            Patch(
                _FULFIL, "refund != known.get(heard.refund_id):", "refund != known.get(heard.refund_id) and not known:"
            ),
        ),
        ("money-back",),
    ),
    Mutant(
        "any-signature",
        "a report is believed whatever its signature",
        (
            Patch(
                _SIGNATURES,
                "given) for secret in secrets if secret)",
                "given) or True for secret in secrets if secret)",
            ),
        ),
        ("payments",),
    ),
    Mutant(
        "any-amount",
        "a payment over another amount pays for the order",
        (
            Patch(
                _LIFE,
                "payment.order_id == order_id and payment.amount == amount and",
                "payment.order_id == order_id and",
            ),
        ),
        ("payments",),
    ),
    Mutant(
        "watch-a-quarter-hour",
        "an open purchase is looked at every quarter of an hour",
        (
            Patch(
                "services/billing/reports/reconciling.py",
                "return max(SOON_SECONDS, min(MOST_PAUSE_SECONDS, age_seconds // 8))",
                "return 1_200",
            ),
        ),
        ("lost-reports",),
    ),
)
