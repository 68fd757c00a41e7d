-- balance: An organization's account as last posted; `due` says that time has something to post first.
SELECT a.org_id, a.available, a.held, a.debt, a.overage_limit, a.overage,
       a.overage - CASE WHEN a.overage = 0 THEN 0 ELSE (
           SELECT coalesce(sum(l.held), 0)::bigint FROM ledger.lot AS l
           WHERE l.org_id = a.org_id AND l.live AND l.source = 'overage') END AS overage_used,
       a.period_number, a.period_start, a.period_end, a.period_used, a.monthly_allowance, a.ai_enabled, a.anchor_day,
       a.anchor_month, a.time_zone, a.last_seq, a.last_at,
       a.due_at <= (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS due
FROM ledger.account AS a
WHERE a.org_id = %(org_id)s;

-- usage_summary: What each use case consumed in the billing month that began on a day: of its days that are over from
-- their sums (decision 18), of the others from the days themselves. `infinity`: see usage.sql, by_day.
SELECT x.use_case, sum(x.interactions)::bigint AS interactions, sum(x.charged)::bigint AS charged,
       sum(x.input_tokens)::bigint AS input_tokens, sum(x.output_tokens)::bigint AS output_tokens
FROM (
    SELECT p.part AS use_case, p.interactions, p.charged, p.input_tokens, p.output_tokens
    FROM ledger.usage_part_period AS p
    WHERE p.org_id = %(org_id)s AND p.by = 'use_case' AND p.first_day = %(first_day)s::date
    UNION ALL
    SELECT d.use_case, d.interactions, d.charged, d.input_tokens, d.output_tokens
    FROM ledger.usage_day AS d
    WHERE d.org_id = %(org_id)s AND d.day <= 'infinity' AND d.day >= greatest(%(first_day)s::date,
        (SELECT c.before FROM ledger.usage_closed AS c WHERE c.org_id = %(org_id)s))
) AS x
GROUP BY x.use_case
ORDER BY charged DESC, x.use_case;

-- instant: When an entry was posted.
SELECT e.at FROM ledger.journal(%(org_id)s, %(before)s, 1) AS e WHERE e.seq = %(seq)s;

-- receipt: One AI interaction, of an instant, with the entry that charged it.
SELECT u.seq, u.usage_id, u.at, u.use_case, u.user_ref, u.project_ref, u.model, u.outcome, u.measurement,
       u.input, u.cached_input, u.cache_write, u.output, u.reasoning, u.cost, u.charged, u.rate_card, u.terms,
       e.kind, e.available, e.held, e.expired, e.reversed, e.overage, e.debt, e.issued, e.available_after, e.held_after, to_json(e.lots)::text AS lots,
       encode(e.hash, 'hex') AS hash
FROM ledger.usage AS u
JOIN ledger.entry AS e ON e.org_id = u.org_id AND e.at = %(at)s AND e.seq = u.seq
WHERE u.org_id = %(org_id)s AND u.at = %(at)s AND u.seq = %(seq)s;

-- lots: Credits the organization still has, in the order in which they are spent, and those a dispute has frozen.
SELECT lot_id, source, paid, priority, granted, available, held, granted_at, expires_at, reference, reversed, expired,
       clawed, frozen
FROM ledger.lot
WHERE org_id = %(org_id)s AND (live OR frozen)
ORDER BY expires_at NULLS LAST, priority, paid, lot_id;

-- lots_by_id: Named lots, spent ones included.
SELECT lot_id, source, paid, priority, granted, available, held, granted_at, expires_at, reference, reversed, expired,
       clawed, frozen
FROM ledger.lot
WHERE org_id = %(org_id)s AND lot_id = ANY (%(lot_ids)s)
ORDER BY lot_id;

-- entries_page: The journal, newest first, of a span of time, from below a sequence number.
SELECT seq, operation_id, kind, at, issued, available, held, used, expired, reversed, overage, debt,
       available_after, held_after, hold_id, note
FROM ledger.entry
WHERE org_id = %(org_id)s AND at >= %(since)s AND at <= %(latest)s AND seq < %(before_seq)s
ORDER BY seq DESC
LIMIT %(limit)s;

-- open_hold: A hold that is not resolved yet.
SELECT hold_id, amount, opened_at, expires_at
FROM ledger.open_hold
WHERE org_id = %(org_id)s AND hold_id = %(hold_id)s;

-- resolution: How a hold was resolved, and when it was opened.
SELECT e.seq, e.kind, e.at, e.held, e.used, o.at AS opened_at
FROM ledger.entry_of(%(org_id)s, 'resolution:' || %(hold_id)s) AS e
JOIN ledger.operation AS o ON o.org_id = %(org_id)s AND o.operation_id = 'hold:' || %(hold_id)s;

-- overage_bills: What each period that is over used beyond the balance, oldest first, from one period on.
SELECT number::integer AS period_number, e.seq, e.at, e.overage AS credits
FROM ledger.account AS a
CROSS JOIN generate_series(%(first)s::bigint, a.period_number - 1) AS number
CROSS JOIN LATERAL ledger.entry_of(%(org_id)s, 'overage:' || number) AS e
WHERE a.org_id = %(org_id)s
ORDER BY number;

-- overage_limits_set: When the limits that held in a span of time were set, found by the family of their ids.
WITH told AS (
    SELECT o.at FROM ledger.operation AS o
    WHERE o.org_id = %(org_id)s AND o.operation_id >= 'overage_limit:' AND o.operation_id < 'overage_limit;'
)
SELECT at FROM told
WHERE at < %(until)s AND at >= coalesce((SELECT max(at) FROM told WHERE at <= %(since)s), 0)
ORDER BY at;

-- due_accounts: Organizations whose due date has passed, soonest first: the sweeper's work. Crosses organizations.
SELECT ledger.due_accounts(%(limit)s) AS org_id;
