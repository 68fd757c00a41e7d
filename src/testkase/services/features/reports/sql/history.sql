-- finished_cycles: the newest finished cycles of a project, oldest first.
SELECT cycle_id, name FROM (
    SELECT cycle_id, name, finished_at FROM test_cycle
    WHERE org_id = %(org_id)s AND project_id = %(project_id)s AND state = 'finished'
    ORDER BY finished_at DESC, cycle_id DESC LIMIT %(limit)s) AS newest
ORDER BY finished_at, cycle_id

-- target_cycle: the cycle whose release is looked at: the one named, else the newest running, else the newest finished.
SELECT cycle_id, name, state = 'finished' AS finished FROM test_cycle
WHERE org_id = %(org_id)s AND project_id = %(project_id)s AND state <> 'planned'
  AND (%(cycle_id)s::bigint IS NULL OR cycle_id = %(cycle_id)s)
ORDER BY (state = 'running') DESC, coalesce(finished_at, started_at) DESC, cycle_id DESC
LIMIT 1

-- cases: the newest cases of a project, with their number; the text of steps only where cases are compared, and none of an
-- automated test of which nothing was written but its name: names that differ in a parameter are no duplicates.
SELECT case_id, key, title, priority, status, folder_id, count(*) OVER () AS of,
       CASE WHEN %(texts)s AND NOT (automation_id <> '' AND preconditions = '' AND jsonb_array_length(steps) = 1
                AND steps -> 0 ->> 'action' = 'Run the automated test ' || automation_id)
            THEN title || ' ' || preconditions || ' ' || coalesce((
           SELECT string_agg(coalesce(step ->> 'action', '') || ' ' || coalesce(step ->> 'expected', ''), ' ')
           FROM jsonb_array_elements(steps) AS step), '') ELSE '' END AS text
FROM test_case
WHERE org_id = %(org_id)s AND project_id = %(project_id)s
ORDER BY case_id DESC
LIMIT %(limit)s

-- entries: how cases ended in each of these cycles.
SELECT case_id, array_agg(cycle_id) AS cycles, array_agg(result) AS results, array_agg(duration_ms) AS durations
FROM cycle_entry
WHERE org_id = %(org_id)s AND cycle_id = ANY(%(cycles)s)
GROUP BY case_id

-- executions: every time a case passed or failed in these cycles, in the order of time.
SELECT case_id, array_agg(cycle_id ORDER BY executed_at, execution_id) AS cycles,
       array_agg(result = 'passed' ORDER BY executed_at, execution_id) AS passed,
       array_agg((extract(epoch FROM executed_at) * 1000000)::bigint ORDER BY executed_at, execution_id) AS instants
FROM execution
WHERE org_id = %(org_id)s AND cycle_id = ANY(%(cycles)s) AND result IN ('passed', 'failed')
GROUP BY case_id

-- edits: when what is tested was changed, of cases that were executed in these cycles.
SELECT h.case_id, array_agg((extract(epoch FROM h.changed_at) * 1000000)::bigint ORDER BY h.changed_at) AS instants
FROM case_change h
WHERE h.org_id = %(org_id)s AND h.case_id = ANY(%(cases)s) AND h.action = 'edited'
  AND jsonb_exists_any(h.fields, array['title', 'preconditions', 'steps', 'automation_id'])
GROUP BY h.case_id
