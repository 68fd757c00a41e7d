-- now: The instant, as the journal counts them.
SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS now;

-- active: Organizations that posted something lately, by id. Crosses organizations.
SELECT ledger.active_accounts(%(since)s, %(after)s, %(limit)s) AS org_id;

-- burns: What was charged since an instant, by user and feature.
SELECT u.user_ref AS "user", u.use_case, sum(u.charged)::bigint AS burned
FROM ledger.usage AS u
WHERE u.org_id = %(org_id)s AND u.at >= %(since)s AND u.charged > 0
GROUP BY 1, 2;

-- days: On how many of some days a user or feature used anything, and the most on one day.
SELECT count(*) AS days, coalesce(max(d.burned), 0)::bigint AS busiest
FROM (
    SELECT sum(x.charged) AS burned FROM ledger.usage_day AS x
    WHERE x.org_id = %(org_id)s AND x.day >= %(first_day)s::date AND x.day < %(today)s::date
      AND (x.user_ref = %(user)s OR x.use_case = %(use_case)s)
    GROUP BY x.day
) AS d;

-- busiest: The busiest ten minutes of a user or feature between two instants.
SELECT coalesce(max(w.burned), 0)::bigint AS busiest
FROM (
    SELECT sum(u.charged) AS burned FROM ledger.usage AS u
    WHERE u.org_id = %(org_id)s AND u.at >= %(since)s AND u.at < %(until)s
      AND (u.user_ref = %(user)s OR u.use_case = %(use_case)s)
    GROUP BY u.at / %(window)s
) AS w;

-- stopped_users: Users who are paused, or were of late: their burn is known and judged.
SELECT ref FROM ledger.pause
WHERE org_id = %(org_id)s AND kind = 'user' AND (resumed_at IS NULL OR resumed_at > %(since)s);

-- alone: One guard at a time decides to pause in this organization.
INSERT INTO guard_setting (org_id, enabled) VALUES (%(org_id)s, true)
ON CONFLICT (org_id) DO UPDATE SET enabled = guard_setting.enabled
RETURNING enabled;
