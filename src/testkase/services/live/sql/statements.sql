-- pulses: Organizations that changed since each was last looked at. Crosses organizations.
SELECT org_id, last_seq, usage_seq, off_seq, notice, available, ai_enabled
FROM ledger.pulses(%(orgs)s::bigint[], %(seqs)s::bigint[], %(notices)s::bigint[])

-- open_calls: How many calls have credits set aside at this moment.
SELECT count(*) AS open_calls FROM ledger.open_hold WHERE org_id = %(org_id)s

-- last_switch: When AI was last switched, and who did it by the activity history, which knows the switch by the same id.
SELECT o.at, a.actor_name AS by
FROM ledger.operation AS o LEFT JOIN activity AS a ON a.org_id = o.org_id AND a.event_id = o.operation_id
WHERE o.org_id = %(org_id)s AND o.operation_id >= 'switch:' AND o.operation_id < 'switch;'
ORDER BY o.seq DESC LIMIT 1
