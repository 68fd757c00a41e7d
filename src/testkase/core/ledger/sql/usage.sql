-- Where a column IS NULL it also leads the ORDER BY: the planner does not see by itself that it is always the same.

-- page: AI interactions, newest first, from one sequence number to below another.
SELECT u.seq, u.usage_id, u.at, u.use_case, u.user_ref, u.project_ref, u.model, u.outcome, u.measurement,
       u.input, u.cached_input, u.cache_write, u.output, u.reasoning, u.cost, u.charged, u.rate_card
FROM ledger.usage AS u
WHERE u.org_id = %(org_id)s AND u.seq >= %(from_seq)s AND u.seq < %(before_seq)s
ORDER BY u.seq DESC
LIMIT %(limit)s;

-- page_of_user: The same of one user, from the newest rows of each kind of interaction named.
SELECT u.seq, u.usage_id, u.at, u.use_case, u.user_ref, u.project_ref, u.model, u.outcome, u.measurement,
       u.input, u.cached_input, u.cache_write, u.output, u.reasoning, u.cost, u.charged, u.rate_card
FROM (
    SELECT newest.seq FROM unnest(%(use_cases)s::text[], %(projects)s::text[]) AS kind (use_case, project)
    CROSS JOIN LATERAL (
        SELECT x.at, x.seq FROM ledger.usage AS x
        WHERE x.org_id = %(org_id)s AND x.user_ref = %(user)s AND x.project_ref = kind.project AND x.use_case = kind.use_case
          AND x.at >= %(since)s AND x.at <= %(latest)s AND x.seq < %(before_seq)s
        ORDER BY x.at DESC, x.seq DESC LIMIT %(limit)s
    ) AS newest
    UNION ALL
    SELECT newest.seq FROM unnest(%(without_project)s::text[]) AS kind (use_case)
    CROSS JOIN LATERAL (
        SELECT x.at, x.seq FROM ledger.usage AS x
        WHERE x.org_id = %(org_id)s AND x.user_ref = %(user)s AND x.project_ref IS NULL AND x.use_case = kind.use_case
          AND x.at >= %(since)s AND x.at <= %(latest)s AND x.seq < %(before_seq)s
        ORDER BY x.project_ref DESC, x.at DESC, x.seq DESC LIMIT %(limit)s
    ) AS newest
    ORDER BY seq DESC LIMIT %(limit)s
) AS found
CROSS JOIN LATERAL (SELECT y.* FROM ledger.usage AS y WHERE y.org_id = %(org_id)s AND y.seq = found.seq OFFSET 0) AS u
ORDER BY u.seq DESC;

-- page_of_kinds: The same of every user.
SELECT u.seq, u.usage_id, u.at, u.use_case, u.user_ref, u.project_ref, u.model, u.outcome, u.measurement,
       u.input, u.cached_input, u.cache_write, u.output, u.reasoning, u.cost, u.charged, u.rate_card
FROM (
    SELECT newest.seq FROM unnest(%(use_cases)s::text[], %(projects)s::text[]) AS kind (use_case, project)
    CROSS JOIN LATERAL (
        SELECT x.at, x.seq FROM ledger.usage AS x
        WHERE x.org_id = %(org_id)s AND x.project_ref = kind.project AND x.use_case = kind.use_case
          AND x.at >= %(since)s AND x.at <= %(latest)s AND x.seq < %(before_seq)s
        ORDER BY x.at DESC, x.seq DESC LIMIT %(limit)s
    ) AS newest
    UNION ALL
    SELECT newest.seq FROM unnest(%(without_project)s::text[]) AS kind (use_case)
    CROSS JOIN LATERAL (
        SELECT x.at, x.seq FROM ledger.usage AS x
        WHERE x.org_id = %(org_id)s AND x.project_ref IS NULL AND x.use_case = kind.use_case
          AND x.at >= %(since)s AND x.at <= %(latest)s AND x.seq < %(before_seq)s
        ORDER BY x.project_ref DESC, x.at DESC, x.seq DESC LIMIT %(limit)s
    ) AS newest
    ORDER BY seq DESC LIMIT %(limit)s
) AS found
CROSS JOIN LATERAL (SELECT y.* FROM ledger.usage AS y WHERE y.org_id = %(org_id)s AND y.seq = found.seq OFFSET 0) AS u
ORDER BY u.seq DESC;

-- instant_before: When the last entry up to a sequence number was posted.
SELECT e.at FROM ledger.entry AS e WHERE e.org_id = %(org_id)s AND e.seq <= %(seq)s ORDER BY e.seq DESC LIMIT 1;

-- kinds: Use case and project of everything an organization ever did, stepping over the rows between them.
WITH RECURSIVE kind AS (
    (SELECT u.project_ref, u.use_case FROM ledger.usage AS u
     WHERE u.org_id = %(org_id)s AND u.project_ref IS NOT NULL
     ORDER BY u.project_ref, u.use_case LIMIT 1)
    UNION ALL
    SELECT following.project_ref, following.use_case FROM kind
    CROSS JOIN LATERAL (
        (SELECT u.project_ref, u.use_case FROM ledger.usage AS u
         WHERE u.org_id = %(org_id)s AND u.project_ref = kind.project_ref
           AND u.use_case > kind.use_case
         ORDER BY u.use_case LIMIT 1)
        UNION ALL
        (SELECT u.project_ref, u.use_case FROM ledger.usage AS u
         WHERE u.org_id = %(org_id)s AND u.project_ref > kind.project_ref
         ORDER BY u.project_ref, u.use_case LIMIT 1)
        ORDER BY project_ref, use_case LIMIT 1
    ) AS following
), without_project AS (
    (SELECT u.use_case FROM ledger.usage AS u
     WHERE u.org_id = %(org_id)s AND u.project_ref IS NULL
     ORDER BY u.project_ref, u.use_case LIMIT 1)
    UNION ALL
    SELECT following.use_case FROM without_project
    CROSS JOIN LATERAL (
        SELECT u.use_case FROM ledger.usage AS u
        WHERE u.org_id = %(org_id)s AND u.project_ref IS NULL
          AND u.use_case > without_project.use_case
        ORDER BY u.project_ref, u.use_case LIMIT 1
    ) AS following
)
SELECT use_case, project_ref AS project FROM kind
UNION ALL
SELECT use_case, '' FROM without_project;

-- kinds_of_user: The same of one user.
WITH RECURSIVE kind AS (
    (SELECT u.project_ref, u.use_case FROM ledger.usage AS u
     WHERE u.org_id = %(org_id)s AND u.user_ref = %(user)s AND u.project_ref IS NOT NULL
     ORDER BY u.project_ref, u.use_case LIMIT 1)
    UNION ALL
    SELECT following.project_ref, following.use_case FROM kind
    CROSS JOIN LATERAL (
        (SELECT u.project_ref, u.use_case FROM ledger.usage AS u
         WHERE u.org_id = %(org_id)s AND u.user_ref = %(user)s AND u.project_ref = kind.project_ref
           AND u.use_case > kind.use_case
         ORDER BY u.use_case LIMIT 1)
        UNION ALL
        (SELECT u.project_ref, u.use_case FROM ledger.usage AS u
         WHERE u.org_id = %(org_id)s AND u.user_ref = %(user)s AND u.project_ref > kind.project_ref
         ORDER BY u.project_ref, u.use_case LIMIT 1)
        ORDER BY project_ref, use_case LIMIT 1
    ) AS following
), without_project AS (
    (SELECT u.use_case FROM ledger.usage AS u
     WHERE u.org_id = %(org_id)s AND u.user_ref = %(user)s AND u.project_ref IS NULL
     ORDER BY u.project_ref, u.use_case LIMIT 1)
    UNION ALL
    SELECT following.use_case FROM without_project
    CROSS JOIN LATERAL (
        SELECT u.use_case FROM ledger.usage AS u
        WHERE u.org_id = %(org_id)s AND u.user_ref = %(user)s AND u.project_ref IS NULL
          AND u.use_case > without_project.use_case
        ORDER BY u.project_ref, u.use_case LIMIT 1
    ) AS following
)
SELECT use_case, project_ref AS project FROM kind
UNION ALL
SELECT use_case, '' FROM without_project;

-- users: Everybody who ever used AI, stepping from one to the next.
WITH RECURSIVE person AS (
    (SELECT u.user_ref FROM ledger.usage AS u WHERE u.org_id = %(org_id)s ORDER BY u.user_ref LIMIT 1)
    UNION ALL
    SELECT following.user_ref FROM person
    CROSS JOIN LATERAL (
        SELECT u.user_ref FROM ledger.usage AS u
        WHERE u.org_id = %(org_id)s AND u.user_ref > person.user_ref
        ORDER BY u.user_ref LIMIT 1
    ) AS following
)
SELECT user_ref FROM person LIMIT %(limit)s;

-- first_seq_from: The first sequence number at or after an instant. Instants never decrease along the journal and its
-- numbers have no gaps, so it is found by halving: twenty look-ups among a million entries.
WITH RECURSIVE half AS (
    SELECT 1::bigint AS low, a.last_seq + 1 AS high FROM ledger.account AS a WHERE a.org_id = %(org_id)s
    UNION ALL
    SELECT CASE WHEN e.at < %(instant)s THEN e.seq + 1 ELSE half.low END,
           CASE WHEN e.at < %(instant)s THEN half.high ELSE e.seq END
    FROM half
    CROSS JOIN LATERAL (
        SELECT j.seq, j.at FROM ledger.entry AS j
        WHERE j.org_id = %(org_id)s AND j.seq = (half.low + half.high) / 2 OFFSET 0
    ) AS e
    WHERE half.low < half.high
)
SELECT low AS seq FROM half WHERE low = high;

-- by_day: What was consumed by day and use case, user or project, '' being no project. Where there are more than so many
-- parts, the largest keep their names and the others are summed up without one, and so is all of a day before the first.
WITH daily AS MATERIALIZED (
    SELECT d.day,
           CASE WHEN d.day < %(first_day)s::date THEN NULL
                WHEN %(part)s::text = 'use_case' THEN d.use_case
                WHEN %(part)s::text = 'user' THEN d.user_ref
                ELSE d.project_ref END AS part,
           sum(d.interactions)::bigint AS interactions, sum(d.charged)::bigint AS charged
    FROM ledger.usage_day AS d
    WHERE d.org_id = %(org_id)s AND d.day >= least(%(first_day)s::date, %(back_to)s::date)
    GROUP BY 1, 2
), ranked AS (
    SELECT x.part, row_number() OVER (ORDER BY sum(x.charged) DESC, x.part COLLATE "C") AS place, count(*) OVER () AS parts
    FROM daily AS x
    WHERE x.part IS NOT NULL
    GROUP BY x.part
)
SELECT x.day, named.part, sum(x.interactions)::bigint AS interactions, sum(x.charged)::bigint AS charged
FROM daily AS x
LEFT JOIN ranked AS named ON named.part = x.part AND (named.place < %(most)s OR named.parts <= %(most)s)
GROUP BY 1, 2;
