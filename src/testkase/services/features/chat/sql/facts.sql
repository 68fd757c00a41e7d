-- patience: a look-up gives up after so many milliseconds.
SELECT set_config('statement_timeout', %(milliseconds)s, true)

-- counts: how much there is of everything in the project.
SELECT count(*) AS cases, count(*) FILTER (WHERE status = 'ready') AS ready,
       count(*) FILTER (WHERE status = 'draft') AS draft, count(*) FILTER (WHERE status = 'deprecated') AS deprecated,
       count(*) FILTER (WHERE priority = 'critical') AS critical, count(*) FILTER (WHERE priority = 'high') AS high,
       count(*) FILTER (WHERE kind = 'positive') AS positive, count(*) FILTER (WHERE kind = 'negative') AS negative,
       count(*) FILTER (WHERE kind = 'boundary') AS boundary, count(*) FILTER (WHERE kind = 'permission') AS permission,
       count(*) FILTER (WHERE generation_id IS NOT NULL) AS generated,
       (SELECT count(*) FROM case_folder AS f
        WHERE f.org_id = %(org_id)s AND f.project_id = %(project_id)s) AS folders,
       (SELECT count(*) FROM test_cycle AS c
        WHERE c.org_id = %(org_id)s AND c.project_id = %(project_id)s) AS cycles,
       (SELECT count(*) FROM test_cycle AS c
        WHERE c.org_id = %(org_id)s AND c.project_id = %(project_id)s AND c.state = 'running') AS running_cycles
FROM test_case WHERE org_id = %(org_id)s AND project_id = %(project_id)s

-- search: test cases that hold some of the words, those with most of them first.
SELECT key, title, kind, priority, status, folder_id, found, count(*) OVER () AS total
FROM test_case
CROSS JOIN LATERAL (SELECT count(*) AS found FROM unnest(%(words)s::text[]) AS word WHERE search LIKE word) AS matched
WHERE org_id = %(org_id)s AND project_id = %(project_id)s AND (found > 0 OR cardinality(%(words)s::text[]) = 0)
  AND (%(status)s::text IS NULL OR status = %(status)s) AND (%(priority)s::text IS NULL OR priority = %(priority)s)
  AND (%(folders)s::bigint[] IS NULL OR folder_id = ANY(%(folders)s))
ORDER BY found DESC, case_id DESC
LIMIT %(limit)s

-- flaky: cases whose result changed between passed and failed at least twice in the last 90 days.
SELECT t.key, t.title, x.runs, x.failed, x.changes
FROM (SELECT case_id, count(*) AS runs, count(*) FILTER (WHERE result = 'failed') AS failed,
             count(*) FILTER (WHERE result <> before) AS changes
      FROM (SELECT e.case_id, e.result,
                   lag(e.result) OVER (PARTITION BY e.case_id ORDER BY e.execution_id) AS before
            FROM execution AS e JOIN test_cycle AS c USING (org_id, cycle_id)
            WHERE e.org_id = %(org_id)s AND c.project_id = %(project_id)s AND e.result IN ('passed', 'failed')
              AND e.executed_at > now() - interval '90 days') AS each
      GROUP BY case_id) AS x
JOIN test_case AS t ON t.org_id = %(org_id)s AND t.case_id = x.case_id
WHERE x.changes >= 2
ORDER BY x.changes DESC, x.failed DESC, t.case_id
LIMIT %(limit)s

-- failures: cases that stand as failed in a cycle, the latest first.
SELECT t.key, t.title, t.priority, e.comment, e.defect, e.executed_at, c.cycle_id, c.name AS cycle,
       count(*) OVER () AS total
FROM test_cycle AS c
JOIN cycle_entry AS e ON e.org_id = c.org_id AND e.cycle_id = c.cycle_id AND e.result = 'failed'
JOIN test_case AS t ON t.org_id = e.org_id AND t.case_id = e.case_id
WHERE c.org_id = %(org_id)s AND c.project_id = %(project_id)s
  AND (%(cycle_id)s::bigint IS NULL OR c.cycle_id = %(cycle_id)s)
ORDER BY e.executed_at DESC, t.case_id
LIMIT %(limit)s

-- coverage: what kinds of cases each folder has, and how many of them were never executed.
SELECT t.folder_id, count(*) AS cases, count(*) FILTER (WHERE t.kind = 'positive') AS positive,
       count(*) FILTER (WHERE t.kind = 'negative') AS negative, count(*) FILTER (WHERE t.kind = 'boundary') AS boundary,
       count(*) FILTER (WHERE t.kind = 'permission') AS permission,
       count(*) FILTER (WHERE NOT EXISTS (SELECT FROM cycle_entry AS e WHERE e.org_id = t.org_id
                                          AND e.case_id = t.case_id AND e.executions > 0)) AS never_executed
FROM test_case AS t
WHERE t.org_id = %(org_id)s AND t.project_id = %(project_id)s AND t.status <> 'deprecated'
  AND (cardinality(%(words)s::text[]) = 0 OR t.search LIKE ANY(%(words)s))
  AND (%(folders)s::bigint[] IS NULL OR t.folder_id = ANY(%(folders)s))
GROUP BY t.folder_id
