-- find: a project's schedule, with the name of whoever set it up.
SELECT s.project_id, s.every, s.kinds, s.set_at, s.stopped_because, s.last_told, s.last_ran_at, s.set_by_ref,
       coalesce((SELECT 'Erased person ' || gone.number FROM erased_person AS gone
                 WHERE gone.org_id = s.org_id AND gone.person_ref = s.set_by_ref AND NOT EXISTS (
                     SELECT FROM membership AS back WHERE back.org_id = gone.org_id AND back.user_id = u.id)),
                nullif(u.display_name, ''), u.email, s.set_by_ref) AS set_by_name, w.due_at
FROM report_schedule s
LEFT JOIN app_user u ON u.id = s.set_by
LEFT JOIN report_watch w ON w.org_id = s.org_id AND w.project_id = s.project_id
WHERE s.org_id = %(org_id)s AND s.project_id = %(project_id)s

-- set: a schedule, or another one in its place. Cycles finished until now are done with.
INSERT INTO report_schedule (org_id, project_id, every, kinds, set_by, set_by_ref)
VALUES (%(org_id)s, %(project_id)s, %(every)s, %(kinds)s, %(user_id)s, %(user_ref)s)
ON CONFLICT (org_id, project_id) DO UPDATE
SET every = excluded.every, kinds = excluded.kinds, set_by = excluded.set_by, set_by_ref = excluded.set_by_ref,
    set_at = now(), seen_cycle_at = now(), stopped_because = NULL, last_told = ''

-- watch: when it must be looked at next.
INSERT INTO report_watch (org_id, project_id, due_at)
VALUES (%(org_id)s, %(project_id)s, now() + make_interval(secs => %(seconds)s))
ON CONFLICT (org_id, project_id) DO UPDATE SET due_at = excluded.due_at, faults = 0

-- fault: a look went wrong through a fault of ours: the next one waits, each time twice as long.
UPDATE report_watch SET faults = faults + 1, due_at = now() + interval '1 minute' * power(2, least(faults, 10))
WHERE org_id = %(org_id)s AND project_id = %(project_id)s
RETURNING faults, due_at

-- tell: why the last look brought no reports.
UPDATE report_schedule SET last_told = %(told)s WHERE org_id = %(org_id)s AND project_id = %(project_id)s

-- whose: a schedule's project, for what is said about it.
SELECT p.key, p.name FROM report_schedule AS s JOIN project AS p ON p.org_id = s.org_id AND p.project_id = s.project_id
WHERE s.org_id = %(org_id)s AND s.project_id = %(project_id)s

-- unwatch: it need not be looked at any more.
DELETE FROM report_watch WHERE org_id = %(org_id)s AND project_id = %(project_id)s

-- remove: end a schedule.
DELETE FROM report_schedule WHERE org_id = %(org_id)s AND project_id = %(project_id)s RETURNING 1

-- due: schedules to be looked at, of any organization: ids only.
SELECT org_id, project_id FROM report_watch WHERE due_at <= now() ORDER BY due_at LIMIT %(limit)s

-- lock: a schedule that is due, with who set it up and what they may do now; nobody else looks at it meanwhile.
SELECT s.every, s.kinds, s.set_by, s.set_by_ref, s.set_at, s.seen_cycle_at, s.stopped_because, p.key, p.name,
       coalesce((SELECT 'Erased person ' || gone.number FROM erased_person AS gone
                 WHERE gone.org_id = s.org_id AND gone.person_ref = s.set_by_ref AND NOT EXISTS (
                     SELECT FROM membership AS back WHERE back.org_id = gone.org_id AND back.user_id = u.id)),
                nullif(u.display_name, ''), u.email, s.set_by_ref) AS set_by_name,
       CASE WHEN u.is_active THEN o.role END AS role, m.role AS project_role,
       coalesce(m.may_generate, false) AS may_generate
FROM report_schedule s
JOIN report_watch w ON w.org_id = s.org_id AND w.project_id = s.project_id AND w.due_at <= now()
JOIN project p ON p.org_id = s.org_id AND p.project_id = s.project_id
LEFT JOIN app_user u ON u.id = s.set_by
LEFT JOIN membership o ON o.org_id = s.org_id AND o.user_id = s.set_by
LEFT JOIN project_member m ON m.org_id = s.org_id AND m.project_id = s.project_id AND m.user_id = s.set_by
WHERE s.org_id = %(org_id)s AND s.project_id = %(project_id)s
FOR UPDATE OF s SKIP LOCKED

-- finished_since: the newest cycle finished since a schedule last saw one.
SELECT cycle_id, finished_at FROM test_cycle
WHERE org_id = %(org_id)s AND project_id = %(project_id)s AND state = 'finished' AND finished_at > %(since)s
ORDER BY finished_at DESC, cycle_id DESC LIMIT 1

-- seen: what came of the last look.
UPDATE report_schedule
SET seen_cycle_at = coalesce(%(seen)s, seen_cycle_at), last_told = %(told)s,
    last_ran_at = CASE WHEN %(told)s = '' THEN now() ELSE last_ran_at END
WHERE org_id = %(org_id)s AND project_id = %(project_id)s

-- stop: the schedule stays as it was, and does nothing any more.
UPDATE report_schedule SET stopped_because = %(reason)s WHERE org_id = %(org_id)s AND project_id = %(project_id)s

-- defer: the run's job, in the same transaction as the run.
SELECT procrastinate_defer_jobs_v1(ARRAY[
    ROW('ai', 'report.run', 0, NULL, NULL, jsonb_build_object('org_id', %(org_id)s::bigint, 'run_id', %(run_id)s::bigint), NULL)
]::procrastinate_job_to_defer_v1[])
