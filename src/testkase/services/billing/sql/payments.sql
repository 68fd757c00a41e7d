-- payments: The payments known of a purchase or bill.
SELECT payment_id, order_id, amount, currency, status, captured, amount_refunded, method, instrument, international, fee,
       tax, failure, created_at, verdict
FROM payment WHERE org_id = %(org_id)s AND target_id = %(target_id)s;

-- keep_payment: A payment as far as it has come.
INSERT INTO payment (
    org_id, payment_id, target_id, order_id, amount, currency, status, captured, amount_refunded, method, instrument,
    international, fee, tax, failure, created_at, verdict)
VALUES (
    %(org_id)s, %(payment_id)s, %(target_id)s, %(order_id)s, %(amount)s, %(currency)s, %(status)s, %(captured)s,
    %(amount_refunded)s, %(method)s, %(instrument)s, %(international)s, %(fee)s, %(tax)s, %(failure)s, %(created_at)s,
    %(verdict)s)
ON CONFLICT (org_id, payment_id) DO UPDATE
SET status = excluded.status, captured = excluded.captured, amount_refunded = excluded.amount_refunded,
    method = excluded.method, instrument = excluded.instrument, international = excluded.international,
    fee = excluded.fee, tax = excluded.tax, failure = excluded.failure, verdict = excluded.verdict;

-- given_back: What of a payment was given back, as its refunds say.
UPDATE payment SET status = %(status)s, amount_refunded = %(amount_refunded)s
WHERE org_id = %(org_id)s AND payment_id = %(payment_id)s;

-- refunds: The refunds known of some payments.
SELECT refund_id, payment_id, amount, currency, status, created_at
FROM payment_refund WHERE org_id = %(org_id)s AND payment_id = ANY (%(payment_ids)s) ORDER BY created_at, refund_id;

-- counted_back: Money that went back in another currency, and what of the payment staff have counted it as.
SELECT refund_id AS thing_id, counted_as AS amount FROM payment_refund
WHERE org_id = %(org_id)s AND payment_id = ANY (%(payment_ids)s) AND counted_as IS NOT NULL
UNION ALL
SELECT dispute_id, counted_as FROM payment_dispute
WHERE org_id = %(org_id)s AND payment_id = ANY (%(payment_ids)s) AND counted_as IS NOT NULL;

-- count_refund: What of the payment staff count a refund as, the last word of theirs.
UPDATE payment_refund SET counted_as = %(amount)s WHERE org_id = %(org_id)s AND refund_id = %(thing_id)s;

-- count_dispute: The same of a dispute.
UPDATE payment_dispute SET counted_as = %(amount)s WHERE org_id = %(org_id)s AND dispute_id = %(thing_id)s;

-- keep_refund: A refund as far as it has come.
INSERT INTO payment_refund (org_id, refund_id, payment_id, amount, currency, status, created_at)
VALUES (%(org_id)s, %(refund_id)s, %(payment_id)s, %(amount)s, %(currency)s, %(status)s, %(created_at)s)
ON CONFLICT (org_id, refund_id) DO UPDATE SET status = excluded.status;

-- disputes: The disputes known of some payments.
SELECT dispute_id, payment_id, amount, currency, amount_deducted, status, phase, created_at, respond_by
FROM payment_dispute WHERE org_id = %(org_id)s AND payment_id = ANY (%(payment_ids)s) ORDER BY created_at, dispute_id;

-- keep_dispute: A dispute as far as it has come.
INSERT INTO payment_dispute (
    org_id, dispute_id, payment_id, amount, currency, amount_deducted, status, phase, created_at, respond_by)
VALUES (
    %(org_id)s, %(dispute_id)s, %(payment_id)s, %(amount)s, %(currency)s, %(amount_deducted)s, %(status)s, %(phase)s,
    %(created_at)s, %(respond_by)s)
ON CONFLICT (org_id, dispute_id) DO UPDATE
SET amount = excluded.amount, amount_deducted = excluded.amount_deducted, status = excluded.status,
    phase = excluded.phase, respond_by = excluded.respond_by;

-- restored: When the books were last restored; null: never.
SELECT max(restored_at) AS restored_at FROM restoration;

-- next_number: The next number of a series. Its row stays locked until the receipt is kept or given up: no gaps.
INSERT INTO receipt_series (series, last_number) VALUES (%(series)s, 1)
ON CONFLICT (series) DO UPDATE SET last_number = receipt_series.last_number + 1
RETURNING last_number;

-- keep_receipt: What a receipt says, for ever.
INSERT INTO receipt (org_id, number, target_id, issued_at, document)
VALUES (%(org_id)s, %(number)s, %(target_id)s, %(issued_at)s, %(document)s);

-- receipt_of: The receipt of a purchase or bill; of one that was paid again, of its newest payment.
SELECT number, issued_at, document FROM receipt WHERE org_id = %(org_id)s AND target_id = %(target_id)s
ORDER BY issued_at DESC, number DESC LIMIT 1;

-- receipt_of_payment: The receipt of one payment of a purchase or bill.
SELECT number, issued_at, document FROM receipt
WHERE org_id = %(org_id)s AND target_id = %(target_id)s AND document::jsonb ->> 'payment_id' = %(payment_id)s;

-- receipts_of: The receipts of some purchases or bills, by payment.
SELECT target_id, document::jsonb ->> 'payment_id' AS payment_id, number FROM receipt
WHERE org_id = %(org_id)s AND target_id = ANY (%(targets)s) ORDER BY issued_at, number;

-- receipt: A receipt by its number.
SELECT number, target_id, issued_at, document FROM receipt WHERE org_id = %(org_id)s AND number = %(number)s;

-- now: The transaction's instant.
SELECT now() AS now;

-- settings: What an organization chose about buying.
SELECT purchase_roles, overage_cap_cents, billed_period, buyer_name, buyer_address, buyer_tax_id
FROM billing_setting WHERE org_id = %(org_id)s;

-- settings_locked: The same, which nobody else changes meanwhile.
INSERT INTO billing_setting AS s (org_id) VALUES (%(org_id)s)
ON CONFLICT (org_id) DO UPDATE SET purchase_roles = s.purchase_roles
RETURNING purchase_roles, overage_cap_cents, billed_period, buyer_name, buyer_address, buyer_tax_id;

-- keep_settings: What an organization chose about buying, as it now is.
UPDATE billing_setting
SET purchase_roles = %(purchase_roles)s, overage_cap_cents = %(overage_cap_cents)s, billed_period = %(billed_period)s,
    buyer_name = %(buyer_name)s, buyer_address = %(buyer_address)s, buyer_tax_id = %(buyer_tax_id)s
WHERE org_id = %(org_id)s;
