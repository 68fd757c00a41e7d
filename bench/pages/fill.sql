-- clear: Nothing of the organization's own history, so that what follows is all there is.
DELETE FROM ledger.usage_closed WHERE org_id = %(org_id)s;
DELETE FROM ledger.usage_part_day WHERE org_id = %(org_id)s;
DELETE FROM ledger.usage_part_period WHERE org_id = %(org_id)s;
DELETE FROM ledger.usage_day WHERE org_id = %(org_id)s;
DELETE FROM ledger.usage WHERE org_id = %(org_id)s;
DELETE FROM ledger.open_hold WHERE org_id = %(org_id)s;
DELETE FROM ledger.lot WHERE org_id = %(org_id)s;
DELETE FROM ledger.entry WHERE org_id = %(org_id)s;
DELETE FROM ledger.operation WHERE org_id = %(org_id)s;

-- months: Where each billing month begins in the journal: an entry that expires what is left, then the new allowance.
CREATE TEMP TABLE bench_month AS
SELECT k AS number, CASE WHEN k = 0 THEN 1 ELSE %(rows)s::bigint * k / %(months)s::bigint END AS seq,
       (extract(epoch FROM to_timestamp(%(first)s::bigint / 1000000) AT TIME ZONE 'UTC' + k * interval '1 month') * 1000000)::bigint AS at
FROM generate_series(0, %(months)s::bigint - 1) AS k;
CREATE TEMP TABLE bench_row AS
SELECT n, m.number, m.seq AS month_seq,
       m.at + (coalesce(f.at, %(now)s::bigint) - m.at) / (coalesce(f.seq, %(rows)s::bigint + 1) - m.seq) * (n - m.seq) AS at,
       CASE WHEN n = m.seq THEN 'allowance' WHEN n = f.seq - 1 THEN 'expire' ELSE 'usage' END AS kind
FROM bench_month AS m
LEFT JOIN bench_month AS f ON f.number = m.number + 1
CROSS JOIN LATERAL generate_series(m.seq, coalesce(f.seq - 1, %(rows)s::bigint)) AS n;

-- entries: The journal: a charge of 0.02 credit each, but for two entries a month.
INSERT INTO ledger.entry (org_id, seq, operation_id, kind, at, issued, available, held, used, expired, reversed,
    overage, debt, lots, available_after, held_after, fingerprint, note, hash)
SELECT %(org_id)s, n,
       CASE kind WHEN 'allowance' THEN 'allowance:' || number WHEN 'expire' THEN 'expiry:' || month_seq ELSE 'usage:' || n END,
       kind, at,
       CASE kind WHEN 'allowance' THEN -%(allowance)s::bigint ELSE 0 END,
       CASE kind WHEN 'allowance' THEN %(allowance)s::bigint WHEN 'expire' THEN -(left_over + 20000) ELSE -20000 END,
       0, CASE kind WHEN 'usage' THEN 20000 ELSE 0 END, CASE kind WHEN 'expire' THEN left_over + 20000 ELSE 0 END, 0, 0, 0,
       ARRAY[[month_seq, CASE kind WHEN 'allowance' THEN %(allowance)s::bigint WHEN 'expire' THEN -(left_over + 20000) ELSE -20000 END, 0]],
       CASE kind WHEN 'allowance' THEN %(allowance)s::bigint WHEN 'expire' THEN 0 ELSE left_over END, 0,
       '\x00112233445566778899aabbccddeeff', '', decode(repeat('ab', 32), 'hex')
FROM (SELECT *, %(allowance)s::bigint - 20000 * (n - month_seq) AS left_over FROM bench_row) AS x;

-- ids: Where each is found.
INSERT INTO ledger.operation (org_id, operation_id, seq, at)
SELECT org_id, operation_id, seq, at FROM ledger.entry WHERE org_id = %(org_id)s;

-- usage: 200 people, each at home in two of 20 projects, using three features; weekends are as busy as any day.
INSERT INTO ledger.usage (org_id, seq, usage_id, at, use_case, user_ref, project_ref, model, outcome, measurement, input,
    cached_input, cache_write, output, reasoning, cost, charged, rate_card)
SELECT %(org_id)s, n, 'call-' || n, at,
       (ARRAY['test_generation', 'chat', 'chat', 'report'])[1 + n * 7 %% 4], 'person' || n * 31 %% 200 || '@example.com',
       CASE WHEN n * 31 %% 200 < 10 THEN NULL ELSE 'P' || (n * 31 %% 200 + n / 200 %% 2) %% 20 END,
       'testkase-demo', 'completed', 'exact', 1180, 0, 0, 212, 0, 20000, 20000, '2026-11-01'
FROM bench_row WHERE kind = 'usage';

-- days: The daily figures, as the ledger would have written them.
INSERT INTO ledger.usage_day (org_id, day, use_case, user_ref, project_ref, interactions, charged, input_tokens, output_tokens)
SELECT org_id, (to_timestamp(at / 1000000) AT TIME ZONE 'UTC')::date, use_case, user_ref, coalesce(project_ref, ''), count(*),
       sum(charged), sum(input), sum(output)
FROM ledger.usage WHERE org_id = %(org_id)s GROUP BY 1, 2, 3, 4, 5;

-- standing: The lots and the account after all of it.
INSERT INTO ledger.lot (org_id, lot_id, source, paid, priority, granted, available, held, granted_at, expires_at, reference)
SELECT %(org_id)s, m.seq, 'allowance', false, 0, %(allowance)s,
       CASE WHEN f.at IS NULL THEN %(allowance)s::bigint - 20000 * (%(rows)s::bigint - m.seq) ELSE 0 END, 0, m.at,
       coalesce(f.at, %(period_end)s::bigint), ''
FROM bench_month AS m LEFT JOIN bench_month AS f ON f.number = m.number + 1;
UPDATE ledger.account AS a
SET available = %(allowance)s::bigint - 20000 * (%(rows)s::bigint - m.seq), held = 0, debt = 0, period_number = m.number,
    period_start = m.at, period_end = %(period_end)s, period_used = 20000 * (%(rows)s::bigint - m.seq), due_at = %(period_end)s,
    anchor_day = 1, time_zone = 'UTC', monthly_allowance = %(allowance)s, ai_enabled = true, last_seq = %(rows)s,
    last_at = %(now)s, anchor_month = a.anchor_month - m.number
FROM (SELECT * FROM bench_month ORDER BY number DESC LIMIT 1) AS m
WHERE a.org_id = %(org_id)s;

-- sums: The days that are over, as the worker sums them up each hour.
SELECT ledger.close_days(%(org_id)s, 1000);
