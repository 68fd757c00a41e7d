-- budgets: Every budget of the organization.
SELECT budget_id, name, project_ref, user_ref, use_case, period, limit_amount, extra_amount, period_start,
       period_end, used, held
FROM ledger.budget WHERE org_id = %(org_id)s;

-- pauses: Everything that is or was paused.
SELECT org_id, kind, ref, reason, burned, usual, paused_at, resumed_at FROM ledger.pause WHERE org_id = %(org_id)s;

-- counted: What a scope used since an instant, by interaction and by day, and what it holds.
SELECT
    (SELECT coalesce(sum(u.charged), 0)::bigint FROM ledger.usage AS u
     WHERE u.org_id = %(org_id)s AND u.at >= %(since)s
       AND (%(project)s::text IS NULL OR u.project_ref = %(project)s)
       AND (%(user)s::text IS NULL OR u.user_ref = %(user)s)
       AND (%(use_case)s::text IS NULL OR u.use_case = %(use_case)s)) AS used,
    (SELECT coalesce(max(u.at), 0) FROM ledger.usage AS u
     WHERE u.org_id = %(org_id)s AND u.charged > 0
       AND (%(project)s::text IS NULL OR u.project_ref = %(project)s)
       AND (%(user)s::text IS NULL OR u.user_ref = %(user)s)
       AND (%(use_case)s::text IS NULL OR u.use_case = %(use_case)s)) AS last_used_at,
    (SELECT coalesce(sum(d.charged), 0)::bigint FROM ledger.usage_day AS d
     WHERE d.org_id = %(org_id)s AND d.day >= %(first_day)s::date
       AND (%(project)s::text IS NULL OR d.project_ref = %(project)s)
       AND (%(user)s::text IS NULL OR d.user_ref = %(user)s)
       AND (%(use_case)s::text IS NULL OR d.use_case = %(use_case)s)) AS used_by_day,
    (SELECT coalesce(sum(h.amount), 0)::bigint FROM ledger.open_hold AS h
     WHERE h.org_id = %(org_id)s
       AND (%(project)s::text IS NULL OR h.project_ref = %(project)s)
       AND (%(user)s::text IS NULL OR h.user_ref = %(user)s)
       AND (%(use_case)s::text IS NULL OR h.use_case = %(use_case)s)) AS held;
