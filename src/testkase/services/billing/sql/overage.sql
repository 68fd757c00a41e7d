-- make: One bill a period, however often it is asked for.
INSERT INTO overage_bill (
    org_id, bill_id, period_number, period_start, period_end, credits, amount, currency, price_book, due_at)
VALUES (
    %(org_id)s, %(bill_id)s, %(period_number)s, %(period_start)s, %(period_end)s, %(credits)s, %(amount)s,
    %(currency)s, %(price_book)s, now() + %(due_days)s * interval '1 day')
ON CONFLICT (org_id, period_number) DO NOTHING
RETURNING bill_id;

-- bill: One bill.
SELECT * FROM overage_bill WHERE org_id = %(org_id)s AND bill_id = %(bill_id)s;

-- bill_locked: One bill, which nobody else moves on meanwhile.
SELECT * FROM overage_bill WHERE org_id = %(org_id)s AND bill_id = %(bill_id)s FOR UPDATE;

-- bills: Bills newest first, below a period, with the receipt of each: of the newest payment, where it was paid again.
SELECT b.*, (SELECT r.number FROM receipt AS r WHERE r.org_id = b.org_id AND r.target_id = b.bill_id
             ORDER BY r.issued_at DESC, r.number DESC LIMIT 1) AS receipt
FROM overage_bill AS b
WHERE b.org_id = %(org_id)s AND (%(before)s::integer IS NULL OR b.period_number < %(before)s)
ORDER BY b.period_number DESC
LIMIT %(limit)s;

-- paid_by: Which payment pays each of some bills.
SELECT bill_id, payment_id FROM overage_bill WHERE org_id = %(org_id)s AND bill_id = ANY (%(bill_ids)s);

-- unpaid: Whether a bill's time is over.
SELECT EXISTS (SELECT FROM overage_bill WHERE org_id = %(org_id)s AND state = 'unpaid') AS unpaid;

-- linked: A page of the provider waits for the money. The time to pay runs from the first page; another takes its place
-- where nobody can pay on it any more.
UPDATE overage_bill
SET link_id = %(link_id)s, link_url = %(link_url)s, state = CASE WHEN link_id IS NULL THEN 'open' ELSE state END,
    due_at = CASE WHEN link_id IS NULL THEN now() + %(due_days)s * interval '1 day' ELSE due_at END
WHERE org_id = %(org_id)s AND bill_id = %(bill_id)s AND state NOT IN ('paid', 'waived')
  AND link_id IS NOT DISTINCT FROM %(before)s;

-- earlier_pages: The pages made for a bill before the one it has. The orders of those that were paid are routes as well.
SELECT r.ref FROM payment_route AS r
WHERE r.org_id = %(org_id)s AND r.target_id = %(bill_id)s AND r.ref IS DISTINCT FROM %(link_id)s
  AND NOT EXISTS (SELECT FROM payment AS p WHERE p.org_id = r.org_id AND p.target_id = r.target_id AND p.order_id = r.ref)
ORDER BY r.ref;

-- bill_routed: Whose a bill is that the provider names. Needs no context.
SELECT org_id FROM payment_route WHERE target_id = %(bill_id)s LIMIT 1;

-- bill_paid: The money has come, in time or late.
UPDATE overage_bill SET state = 'paid', payment_id = %(payment_id)s, paid_at = now()
WHERE org_id = %(org_id)s AND bill_id = %(bill_id)s AND state <> 'paid';

-- reminded: Told once more.
UPDATE overage_bill SET reminders = reminders + 1 WHERE org_id = %(org_id)s AND bill_id = %(bill_id)s;

-- bill_unpaid: Its time is over.
UPDATE overage_bill SET state = 'unpaid'
WHERE org_id = %(org_id)s AND bill_id = %(bill_id)s AND state IN ('due', 'open');

-- bill_reopened: What had paid it went back: its time is over, and its page is used up. One that was waived stays so.
UPDATE overage_bill
SET state = CASE WHEN waived_at IS NULL THEN 'unpaid' ELSE 'waived' END, payment_id = NULL, paid_at = NULL, link_url = ''
WHERE org_id = %(org_id)s AND bill_id = %(bill_id)s AND state = 'paid';

-- bill_waived: Nobody is to pay it.
UPDATE overage_bill SET state = 'waived', waived_at = now(), link_url = ''
WHERE org_id = %(org_id)s AND bill_id = %(bill_id)s;

-- owner: Whom to send the bill to.
SELECT coalesce(nullif(u.display_name, ''), split_part(u.email, '@', 1)) AS name, u.email
FROM membership AS m JOIN app_user AS u ON u.id = m.user_id
WHERE m.org_id = %(org_id)s AND m.role = 'owner';
