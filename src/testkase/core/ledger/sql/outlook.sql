-- daily_charges: What was consumed on each day of the billing zone, from one to another.
SELECT d.day, sum(d.charged)::bigint AS charged
FROM ledger.usage_day AS d
WHERE d.org_id = %(org_id)s AND d.day >= %(first_day)s::date AND d.day <= %(last_day)s::date
  AND (%(use_case)s::text IS NULL OR d.use_case = %(use_case)s)
  AND (%(user)s::text IS NULL OR d.user_ref = %(user)s)
  AND (%(project)s::text IS NULL OR d.project_ref = %(project)s)
GROUP BY d.day;
