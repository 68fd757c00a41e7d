-- account: Where the account says its journal ends.
SELECT last_seq AS seq, last_at AS at, last_hash AS hash, available, held, debt FROM ledger.account WHERE org_id = %(org_id)s;

-- entry_hash: The hash of one entry, as it now stands.
SELECT hash FROM ledger.entry WHERE org_id = %(org_id)s AND at = %(at)s AND seq = %(seq)s;

-- misplaced_ids: Entries of a page whose id does not lead to them.
SELECT e.seq FROM unnest(%(ids)s::text[], %(seqs)s::bigint[], %(instants)s::bigint[]) AS e (id, seq, at)
LEFT JOIN ledger.operation AS o ON o.org_id = %(org_id)s AND o.operation_id = e.id
WHERE (o.seq, o.at) IS DISTINCT FROM (e.seq, e.at)
ORDER BY e.seq LIMIT 10;

-- sums: What lots and open holds add up to.
SELECT (SELECT coalesce(sum(available), 0)::bigint FROM ledger.lot WHERE org_id = %(org_id)s) AS available,
       (SELECT coalesce(sum(held), 0)::bigint FROM ledger.lot WHERE org_id = %(org_id)s) AS held,
       (SELECT coalesce(sum(amount), 0)::bigint FROM ledger.open_hold WHERE org_id = %(org_id)s) AS in_holds;
