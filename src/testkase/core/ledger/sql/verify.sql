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
    OR EXISTS (SELECT FROM ledger.lot WHERE org_id = %(org_id)s)
    OR EXISTS (SELECT FROM ledger.usage WHERE org_id = %(org_id)s)
    OR EXISTS (SELECT FROM ledger.usage_day WHERE org_id = %(org_id)s)
    OR EXISTS (SELECT FROM ledger.open_hold WHERE org_id = %(org_id)s) AS there;

-- journal: The journal in order, a page at a time.
SELECT e.seq, e.operation_id, e.kind, e.at, e.issued, e.available, e.held, e.used, e.expired, e.reversed, e.overage,
       e.debt, to_json(e.lots)::text AS lots, e.available_after, e.held_after, e.hold_id, e.expires_at, e.fingerprint,
       e.note, e.hash
FROM ledger.entry AS e
WHERE e.org_id = %(org_id)s AND e.seq > %(after)s
ORDER BY e.seq
LIMIT %(limit)s;

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

-- usage_without_entry: Usage that no entry charged at its instant.
SELECT u.seq FROM ledger.usage AS u
WHERE u.org_id = %(org_id)s
  AND NOT EXISTS (SELECT 1 FROM ledger.entry AS e WHERE e.org_id = u.org_id AND e.seq = u.seq AND e.at = u.at)
LIMIT 10;

-- days: Every day's sums, as pages read them.
SELECT day::text AS day, use_case, user_ref, project_ref, interactions, charged, input_tokens, output_tokens
FROM ledger.usage_day WHERE org_id = %(org_id)s;

-- used_since: What the days of the current period add up to.
SELECT coalesce(sum(charged), 0)::bigint AS used FROM ledger.usage_day
WHERE org_id = %(org_id)s AND day >= %(first_day)s::date;
