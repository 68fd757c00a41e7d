-- begin: A purchase at the terms of this moment. No row: the caller's id came before, or the purchase's own, where
-- several begin a forgotten one again. Both are looked at: of two that come at once, either may be met first.
INSERT INTO purchase (
    org_id, purchase_id, request_id, bundle, bundle_name, credits, amount, currency, validity, validity_months,
    price_book, buyer_kind, buyer_ref, buyer_name, buyer_id)
VALUES (
    %(org_id)s, %(purchase_id)s, %(request_id)s, %(bundle)s, %(bundle_name)s, %(credits)s, %(amount)s, %(currency)s,
    %(validity)s, %(validity_months)s, %(price_book)s, %(buyer_kind)s, %(buyer_ref)s, %(buyer_name)s, %(buyer_id)s)
ON CONFLICT DO NOTHING
RETURNING purchase_id;

-- is_older: The organization, if it was there at that time already (seconds since 1970).
SELECT id FROM organization WHERE id = %(org_id)s AND created_at <= to_timestamp(%(before)s);

-- waiting: How many purchases of the last days wait for money, counted up to a number.
SELECT count(*) AS waiting FROM (
    SELECT FROM purchase
    WHERE org_id = %(org_id)s AND state IN ('created', 'open') AND created_at > now() - interval '4 days'
    LIMIT %(most)s) AS found;

-- by_request: The purchase a caller's id began.
SELECT * FROM purchase WHERE org_id = %(org_id)s AND request_id = %(request_id)s;

-- by_id: One purchase.
SELECT * FROM purchase WHERE org_id = %(org_id)s AND purchase_id = %(purchase_id)s;

-- locked: One purchase, which nobody else moves on meanwhile.
SELECT * FROM purchase WHERE org_id = %(org_id)s AND purchase_id = %(purchase_id)s FOR UPDATE;

-- open: The provider has an order for it.
UPDATE purchase SET state = 'open', order_id = %(order_id)s
WHERE org_id = %(org_id)s AND purchase_id = %(purchase_id)s AND state = 'created';

-- route: Whose an order or a link is. It never changes.
INSERT INTO payment_route (ref, org_id, target_id) VALUES (%(ref)s, %(org_id)s, %(target_id)s)
ON CONFLICT (ref) DO NOTHING;

-- routed: Whose an order or a link is.
SELECT org_id, target_id FROM payment_route WHERE ref = %(ref)s;

-- paid: The payment has come, and the credits with it.
UPDATE purchase
SET state = 'paid', payment_id = %(payment_id)s, lot_expires_at = %(lot_expires_at)s, paid_at = now(), failure = ''
WHERE org_id = %(org_id)s AND purchase_id = %(purchase_id)s;

-- failed: What the provider says of the last attempt.
UPDATE purchase SET failure = %(failure)s
WHERE org_id = %(org_id)s AND purchase_id = %(purchase_id)s AND state <> 'paid' AND failure <> %(failure)s;

-- tried_of_late: Whether somebody has tried to pay in the last so many seconds.
SELECT EXISTS (
    SELECT FROM payment
    WHERE org_id = %(org_id)s AND target_id = %(purchase_id)s
      AND created_at > extract(epoch FROM now()) - %(seconds)s) AS tried;

-- close: Nobody has paid for days.
UPDATE purchase SET state = 'closed'
WHERE org_id = %(org_id)s AND purchase_id = %(purchase_id)s AND state = 'open';

-- reversed: What refunds and disputes have taken of it.
UPDATE purchase SET clawed = %(clawed)s, frozen = %(frozen)s, reversals = reversals + 1
WHERE org_id = %(org_id)s AND purchase_id = %(purchase_id)s;

-- page: Purchases newest first, from a place on, with the receipt of each.
SELECT p.*, r.number AS receipt
FROM purchase AS p
LEFT JOIN receipt AS r ON r.org_id = p.org_id AND r.target_id = p.purchase_id
WHERE p.org_id = %(org_id)s
  AND (%(before_at)s::timestamptz IS NULL OR (p.created_at, p.purchase_id) < (%(before_at)s, %(before_id)s))
  AND (%(state)s::text IS NULL OR p.state = %(state)s)
ORDER BY p.created_at DESC, p.purchase_id DESC
LIMIT %(limit)s;

-- receipt_of: The number of a purchase's receipt.
SELECT number FROM receipt WHERE org_id = %(org_id)s AND target_id = %(purchase_id)s;

-- became: What became of the credits that a payment brought, besides being used: those that covered a debt, that expired,
-- and that refunds and disputes took back unspent.
SELECT e.debt AS covered, l.expired, l.reversed FROM ledger.entry_of(%(org_id)s, 'grant:' || %(payment_id)s) AS e
JOIN ledger.lot AS l ON l.org_id = e.org_id AND l.lot_id = e.seq;

-- payments_of: What was tried for each of some purchases or bills, oldest first, with what refunds and disputes took of it.
SELECT p.*, least(p.amount, refunded.amount + lost.amount) AS went_back, EXISTS (
    SELECT FROM payment_dispute AS d
    WHERE d.org_id = p.org_id AND d.payment_id = p.payment_id AND d.status IN ('open', 'under_review')) AS contested
FROM payment AS p
CROSS JOIN LATERAL (
    -- Refunds of what bought nothing are not known one by one: there the payment's own figure stands.
    SELECT CASE WHEN count(*) = 0 THEN p.amount_refunded ELSE coalesce(sum(
        CASE WHEN r.currency = p.currency THEN r.amount ELSE r.counted_as END) FILTER (WHERE r.status <> 'failed'), 0)::bigint
        END AS amount
    FROM payment_refund AS r
    WHERE r.org_id = p.org_id AND r.payment_id = p.payment_id) AS refunded
CROSS JOIN LATERAL (
    SELECT coalesce(sum(
        CASE WHEN d.currency <> p.currency THEN d.counted_as WHEN d.status = 'lost' THEN d.amount
        ELSE d.amount_deducted END), 0)::bigint AS amount
    FROM payment_dispute AS d
    WHERE d.org_id = p.org_id AND d.payment_id = p.payment_id AND d.status IN ('lost', 'closed')) AS lost
WHERE p.org_id = %(org_id)s AND p.target_id = ANY (%(targets)s)
ORDER BY p.created_at, p.payment_id;
