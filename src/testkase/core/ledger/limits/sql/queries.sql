-- budgets: Every budget as last counted, with what is needed to say how it stands now.
SELECT b.budget_id, b.name, b.project_ref, b.user_ref, b.use_case, b.period, b.limit_amount, b.extra_amount,
       b.period_start, b.period_end, b.used, b.held, a.anchor_day, a.time_zone,
       greatest(a.last_at, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint) AS now
FROM ledger.budget AS b
JOIN ledger.account AS a ON a.org_id = b.org_id
WHERE b.org_id = %(org_id)s
ORDER BY b.project_ref NULLS FIRST, b.user_ref NULLS FIRST, b.use_case NULLS FIRST, b.name, b.budget_id;

-- pause: The latest pause of one user or use case, in force or over.
SELECT kind, ref, reason, burned, usual, paused_at, resumed_at
FROM ledger.pause
WHERE org_id = %(org_id)s AND kind = %(kind)s AND ref = %(ref)s;

-- pauses: What is paused first, then what was, newest first. The limit is that of what can be paused at once.
SELECT kind, ref, reason, burned, usual, paused_at, resumed_at
FROM ledger.pause
WHERE org_id = %(org_id)s
ORDER BY resumed_at IS NOT NULL, paused_at DESC, kind, ref
LIMIT 200;
