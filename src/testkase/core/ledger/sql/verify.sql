-- account_ids: The next organizations to verify, by id.
SELECT ledger.account_ids(%(after)s, %(limit)s) AS org_id;

-- account: What the account says of itself.
SELECT available, held, debt, covered, overage_limit, overage, period_number, period_start, period_end, period_used, due_at, anchor_day, time_zone,
       anchor_month, monthly_allowance, ai_enabled, off_seq, limited, last_seq, last_at,
       encode(last_hash, 'base64') AS last_hash
FROM ledger.account
WHERE org_id = %(org_id)s;

-- left_behind: Whether there is anything of an organization's books.
SELECT EXISTS (SELECT FROM ledger.entry WHERE org_id = %(org_id)s)
    OR EXISTS (SELECT FROM ledger.operation WHERE org_id = %(org_id)s)
    OR EXISTS (SELECT FROM ledger.lot WHERE org_id = %(org_id)s)
    OR EXISTS (SELECT FROM ledger.usage WHERE org_id = %(org_id)s)
    OR EXISTS (SELECT FROM ledger.usage_day WHERE org_id = %(org_id)s)
    OR EXISTS (SELECT FROM ledger.usage_closed WHERE org_id = %(org_id)s)
    OR EXISTS (SELECT FROM ledger.usage_part_day WHERE org_id = %(org_id)s)
    OR EXISTS (SELECT FROM ledger.usage_part_period WHERE org_id = %(org_id)s)
    OR EXISTS (SELECT FROM ledger.open_hold WHERE org_id = %(org_id)s) AS there;

-- journal: The journal in order, a page at a time.
SELECT e.seq, e.operation_id, e.kind, e.at, e.issued, e.available, e.held, e.used, e.expired, e.reversed, e.overage,
       e.debt, to_json(e.lots)::text AS lots, e.available_after, e.held_after, e.hold_id, e.expires_at, e.fingerprint,
       e.note, e.hash
FROM ledger.journal(%(org_id)s, %(after)s, %(limit)s) AS e
ORDER BY e.seq;

-- ids_posted: How many entries there are, and what their ids, numbers and instants come to. `salt`: another one each time, so that
-- nobody can look for others that come to the same.
SELECT count(*) AS found, coalesce(sum(hashtextextended(at || ' ' || operation_id, seq # %(salt)s)), 0) AS sum
FROM ledger.entry WHERE org_id = %(org_id)s;

-- ids_kept: The same of what ids are found by.
SELECT count(*) AS found, coalesce(sum(hashtextextended(at || ' ' || operation_id, seq # %(salt)s)), 0) AS sum
FROM ledger.operation WHERE org_id = %(org_id)s;

-- misplaced_ids: Entries whose id does not lead to them, and ids that lead to no entry.
(SELECT operation_id, seq, at FROM ledger.entry WHERE org_id = %(org_id)s
 EXCEPT ALL SELECT operation_id, seq, at FROM ledger.operation WHERE org_id = %(org_id)s)
UNION
(SELECT operation_id, seq, at FROM ledger.operation WHERE org_id = %(org_id)s
 EXCEPT ALL SELECT operation_id, seq, at FROM ledger.entry WHERE org_id = %(org_id)s)
ORDER BY seq LIMIT 10;

-- usage: What was used in a span of time and of the journal: a page's, so that no month but its own is looked at.
SELECT u.seq, u.usage_id, u.use_case, u.user_ref, u.project_ref, u.model, u.outcome, u.measurement, u.input, u.cached_input,
       u.cache_write, u.output, u.reasoning, u.cost, u.charged, u.terms, u.at AS used_at, u.rate_card
FROM ledger.usage AS u
WHERE u.org_id = %(org_id)s AND u.at >= %(since)s AND u.at <= %(latest)s AND u.seq >= %(first)s AND u.seq <= %(last)s;

-- lots: Every lot the organization ever had.
SELECT lot_id, source, paid, priority, granted, available, held, granted_at, expires_at, reference, reversed, expired,
       clawed, frozen
FROM ledger.lot
WHERE org_id = %(org_id)s;

-- open_holds: Every hold that is not resolved.
SELECT hold_id, amount, to_json(lots)::text AS lots, opened_at, expires_at, use_case, user_ref, project_ref, model, terms
FROM ledger.open_hold WHERE org_id = %(org_id)s;

-- usage_rows: How many interactions there are.
SELECT count(*) AS found FROM ledger.usage WHERE org_id = %(org_id)s;

-- usage_without_entry: Usage that no entry charged at its instant. No join, which may be planned by old figures to compare
-- each row with all entries.
SELECT seq, at FROM ledger.usage WHERE org_id = %(org_id)s
EXCEPT
SELECT seq, at FROM ledger.entry WHERE org_id = %(org_id)s
ORDER BY seq LIMIT 10;

-- days: Every day's sums, as pages read them.
SELECT day::text AS day, use_case, user_ref, project_ref, interactions, charged, input_tokens, output_tokens
FROM ledger.usage_day WHERE org_id = %(org_id)s;

-- used_since: What the days of the current period add up to.
SELECT coalesce(sum(charged), 0)::bigint AS used FROM ledger.usage_day
WHERE org_id = %(org_id)s AND day >= %(first_day)s::date;

-- misplaced_end: Up to where days are said to be summed up, where it is before the first one or beyond what may be: the day
-- before the newest one is left open.
SELECT c.before::text AS before FROM ledger.usage_closed AS c
CROSS JOIN (SELECT min(day) AS oldest, max(day) AS newest FROM ledger.usage_day WHERE org_id = %(org_id)s) AS d
WHERE c.org_id = %(org_id)s AND (c.before BETWEEN d.oldest AND greatest(d.oldest, d.newest - 1)) IS NOT TRUE;

-- wrong_day_sums: Sums of days that are over that are not what their days come to, either missing where one is.
WITH told AS (
    SELECT p.by, p.part, p.day, p.interactions, p.charged, p.input_tokens, p.output_tokens
    FROM ledger.usage_part_day AS p WHERE p.org_id = %(org_id)s
), added AS (
    SELECT x.by, x.part, d.day, sum(d.interactions) AS interactions, sum(d.charged) AS charged,
           sum(d.input_tokens) AS input_tokens, sum(d.output_tokens) AS output_tokens
    FROM ledger.usage_day AS d
    CROSS JOIN LATERAL (VALUES ('all', ''), ('use_case', d.use_case), ('user', d.user_ref), ('project', d.project_ref))
        AS x (by, part)
    WHERE d.org_id = %(org_id)s
      AND d.day < (SELECT c.before FROM ledger.usage_closed AS c WHERE c.org_id = %(org_id)s)
    GROUP BY x.by, x.part, d.day
)
SELECT by, part, day::text AS day FROM told AS t FULL JOIN added AS a USING (by, part, day)
WHERE (t.interactions, t.charged, t.input_tokens, t.output_tokens)
      IS DISTINCT FROM (a.interactions, a.charged, a.input_tokens, a.output_tokens)
ORDER BY 3, 1, 2 LIMIT 10;

-- wrong_month_sums: The same of billing months, whose first days are given in order.
WITH told AS (
    SELECT p.by, p.part, p.first_day, p.interactions, p.charged, p.input_tokens, p.output_tokens
    FROM ledger.usage_part_period AS p WHERE p.org_id = %(org_id)s
), added AS (
    SELECT d.by, d.part, m.first_day, sum(d.interactions) AS interactions, sum(d.charged) AS charged,
           sum(d.input_tokens) AS input_tokens, sum(d.output_tokens) AS output_tokens
    FROM (SELECT first_day, lead(first_day, 1, 'infinity') OVER (ORDER BY first_day) AS next_day
          FROM unnest(%(first_days)s::date[]) AS first_day) AS m
    JOIN ledger.usage_part_day AS d ON d.org_id = %(org_id)s AND d.day >= m.first_day AND d.day < m.next_day
    WHERE d.by <> 'all'
    GROUP BY d.by, d.part, m.first_day
)
SELECT by, part, first_day::text AS day FROM told AS t FULL JOIN added AS a USING (by, part, first_day)
WHERE (t.interactions, t.charged, t.input_tokens, t.output_tokens)
      IS DISTINCT FROM (a.interactions, a.charged, a.input_tokens, a.output_tokens)
ORDER BY 3, 1, 2 LIMIT 10;
