-- like_it: cases of a project that have at least so many of these words, those with most of them first.
SELECT key, title, steps::text AS steps
FROM (
    SELECT * FROM (
        SELECT key, title, steps, case_id,
               (SELECT count(*) FROM unnest(%(words)s::text[]) AS word WHERE recent.search LIKE word) AS shared
        FROM (
            SELECT key, title, steps, case_id, search FROM test_case
            WHERE org_id = %(org_id)s AND project_id = %(project_id)s
            ORDER BY case_id DESC LIMIT %(cases)s
        ) AS recent
    ) AS counted
    WHERE shared >= %(least)s
    ORDER BY shared DESC, case_id DESC
    LIMIT %(limit)s
) AS best
ORDER BY shared DESC, case_id DESC
