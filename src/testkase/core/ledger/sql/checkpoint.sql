-- account: Where the account says its journal ends.
SELECT last_seq AS seq, last_at AS at, last_hash AS hash, available, held, debt FROM ledger.account WHERE org_id = %(org_id)s;

-- entry_hash: The hash of one entry, as it now stands.
SELECT hash FROM ledger.entry WHERE org_id = %(org_id)s AND at = %(at)s AND seq = %(seq)s;

-- sums: What lots and open holds add up to.
SELECT (SELECT coalesce(sum(available), 0)::bigint FROM ledger.lot WHERE org_id = %(org_id)s) AS available,
       (SELECT coalesce(sum(held), 0)::bigint FROM ledger.lot WHERE org_id = %(org_id)s) AS held,
       (SELECT coalesce(sum(amount), 0)::bigint FROM ledger.open_hold WHERE org_id = %(org_id)s) AS in_holds;
