-- checkpoint: Up to where the journal was verified, and whether all of it was of late, with nothing found since.
SELECT c.seq, c.at, c.hash, c.available, c.held, c.debt,
       coalesce(c.walked_at > now() - interval '7 days', false)
       AND NOT EXISTS (SELECT FROM ledger_deviation AS d WHERE d.org_id = c.org_id AND d.gone_at IS NULL) AS resumable
FROM ledger_check AS c WHERE c.org_id = %(org_id)s;

-- payments_differ: Purchases without exactly one lot of their credits, and lots that nobody paid for (I8, P10).
SELECT count(*) AS differing FROM (
    SELECT lot_id, reference, granted, clawed, frozen FROM ledger.lot WHERE org_id = %(org_id)s AND source = 'purchase'
) AS l
FULL JOIN (
    SELECT purchase_id, credits, clawed, frozen FROM purchase WHERE org_id = %(org_id)s AND state = 'paid'
) AS p ON p.purchase_id = l.reference
WHERE (l.granted, l.clawed, l.frozen) IS DISTINCT FROM (p.credits, p.clawed, p.frozen)
   OR EXISTS (SELECT FROM ledger.lot AS o
              WHERE o.org_id = %(org_id)s AND o.source = 'purchase' AND o.reference = l.reference
                AND o.lot_id <> l.lot_id);

-- broken_series: How many series of receipts have a gap. Crosses organizations.
SELECT ledger.broken_receipt_series() AS broken;
