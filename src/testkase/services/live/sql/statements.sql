-- pulses: Organizations that changed since each was last looked at. Crosses organizations.
SELECT org_id, last_seq, usage_seq, off_seq, notice, available, ai_enabled
FROM ledger.pulses(%(orgs)s::bigint[], %(seqs)s::bigint[], %(notices)s::bigint[])

-- open_calls: How many calls have credits set aside at this moment.
SELECT count(*) AS open_calls FROM ledger.open_hold WHERE org_id = %(org_id)s

-- last_switched: When AI was last switched on (or off), by its place in the journal.
SELECT seq, at FROM ledger.entry
WHERE org_id = %(org_id)s AND kind = 'switch' AND note = %(note)s
ORDER BY seq DESC LIMIT 1
