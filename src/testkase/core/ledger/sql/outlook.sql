-- daily_charges: What was consumed on each day of the billing zone, from one to another, of all or of one part: days that
-- are over from their sums (decision 18), the others from the days themselves.
SELECT p.day, p.charged
FROM ledger.usage_part_day AS p
WHERE p.org_id = %(org_id)s AND p.by = %(by)s AND p.part = %(part)s
  AND p.day >= %(first_day)s::date AND p.day <= %(last_day)s::date
UNION ALL
SELECT d.day, sum(d.charged)::bigint
FROM ledger.usage_day AS d
WHERE d.org_id = %(org_id)s AND d.day <= %(last_day)s::date AND d.day >= greatest(%(first_day)s::date,
    (SELECT c.before FROM ledger.usage_closed AS c WHERE c.org_id = %(org_id)s))
  AND CASE %(by)s::text WHEN 'use_case' THEN d.use_case WHEN 'user' THEN d.user_ref WHEN 'project' THEN d.project_ref
                        ELSE '' END = %(part)s
GROUP BY d.day;

-- daily_charges_between: The same of what several filters leave, which no sum tells apart.
SELECT d.day, sum(d.charged)::bigint AS charged
FROM ledger.usage_day AS d
WHERE d.org_id = %(org_id)s AND d.day >= %(first_day)s::date AND d.day <= %(last_day)s::date
  AND (%(use_case)s::text IS NULL OR d.use_case = %(use_case)s)
  AND (%(user)s::text IS NULL OR d.user_ref = %(user)s)
  AND (%(project)s::text IS NULL OR d.project_ref = %(project)s)
GROUP BY d.day;
