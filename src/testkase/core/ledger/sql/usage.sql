-- ledger.usage and ledger.entry have a partition a month. Whatever reads them names the span of instants, so that the plan is
-- made for the months of that span alone; along the journal instants never decrease, so that their order is that of the numbers.
-- Where a column IS NULL it also leads the ORDER BY: the planner does not see by itself that it is always the same.

-- page: AI interactions, newest first, of a span of time, below a sequence number.
SELECT u.seq, u.usage_id, u.at, u.use_case, u.user_ref, u.project_ref, u.model, u.outcome, u.measurement,
       u.input, u.cached_input, u.cache_write, u.output, u.reasoning, u.cost, u.charged, u.rate_card
FROM ledger.usage AS u
WHERE u.org_id = %(org_id)s AND u.at >= %(since)s AND u.at <= %(latest)s AND u.seq < %(before_seq)s
ORDER BY u.at DESC, u.seq DESC
LIMIT %(limit)s;

-- page_of_user: The same of one user, from the newest rows of each kind of interaction named.
SELECT u.seq, u.usage_id, u.at, u.use_case, u.user_ref, u.project_ref, u.model, u.outcome, u.measurement,
       u.input, u.cached_input, u.cache_write, u.output, u.reasoning, u.cost, u.charged, u.rate_card
FROM (
    SELECT newest.at, newest.seq FROM unnest(%(use_cases)s::text[], %(projects)s::text[]) AS kind (use_case, project)
    CROSS JOIN LATERAL (
        SELECT x.at, x.seq FROM ledger.usage AS x
        WHERE x.org_id = %(org_id)s AND x.user_ref = %(user)s AND x.project_ref = kind.project AND x.use_case = kind.use_case
          AND x.at >= %(since)s AND x.at <= %(latest)s AND x.seq < %(before_seq)s
        ORDER BY x.at DESC, x.seq DESC LIMIT %(limit)s
    ) AS newest
    UNION ALL
    SELECT newest.at, newest.seq FROM unnest(%(without_project)s::text[]) AS kind (use_case)
    CROSS JOIN LATERAL (
        SELECT x.at, x.seq FROM ledger.usage AS x
        WHERE x.org_id = %(org_id)s AND x.user_ref = %(user)s AND x.project_ref IS NULL AND x.use_case = kind.use_case
          AND x.at >= %(since)s AND x.at <= %(latest)s AND x.seq < %(before_seq)s
        ORDER BY x.project_ref DESC, x.at DESC, x.seq DESC LIMIT %(limit)s
    ) AS newest
    ORDER BY seq DESC LIMIT %(limit)s
) AS found
CROSS JOIN LATERAL (
    SELECT y.* FROM ledger.usage AS y
    WHERE y.org_id = %(org_id)s AND y.at = found.at AND y.seq = found.seq
      AND y.at >= %(since)s AND y.at <= %(latest)s OFFSET 0
) AS u
ORDER BY u.seq DESC;

-- page_of_kinds: The same of every user.
SELECT u.seq, u.usage_id, u.at, u.use_case, u.user_ref, u.project_ref, u.model, u.outcome, u.measurement,
       u.input, u.cached_input, u.cache_write, u.output, u.reasoning, u.cost, u.charged, u.rate_card
FROM (
    SELECT newest.at, newest.seq FROM unnest(%(use_cases)s::text[], %(projects)s::text[]) AS kind (use_case, project)
    CROSS JOIN LATERAL (
        SELECT x.at, x.seq FROM ledger.usage AS x
        WHERE x.org_id = %(org_id)s AND x.project_ref = kind.project AND x.use_case = kind.use_case
          AND x.at >= %(since)s AND x.at <= %(latest)s AND x.seq < %(before_seq)s
        ORDER BY x.at DESC, x.seq DESC LIMIT %(limit)s
    ) AS newest
    UNION ALL
    SELECT newest.at, newest.seq FROM unnest(%(without_project)s::text[]) AS kind (use_case)
    CROSS JOIN LATERAL (
        SELECT x.at, x.seq FROM ledger.usage AS x
        WHERE x.org_id = %(org_id)s AND x.project_ref IS NULL AND x.use_case = kind.use_case
          AND x.at >= %(since)s AND x.at <= %(latest)s AND x.seq < %(before_seq)s
        ORDER BY x.project_ref DESC, x.at DESC, x.seq DESC LIMIT %(limit)s
    ) AS newest
    ORDER BY seq DESC LIMIT %(limit)s
) AS found
CROSS JOIN LATERAL (
    SELECT y.* FROM ledger.usage AS y
    WHERE y.org_id = %(org_id)s AND y.at = found.at AND y.seq = found.seq
      AND y.at >= %(since)s AND y.at <= %(latest)s OFFSET 0
) AS u
ORDER BY u.seq DESC;

-- span: When the first period's credits came, which is when the journal begins, and when the entry of a number was posted, or
-- the newest where there is none.
SELECT coalesce((SELECT o.at FROM ledger.operation AS o
                 WHERE o.org_id = a.org_id AND o.operation_id = 'allowance:0'), 0) AS first,
       coalesce(CASE WHEN %(before)s < a.last_seq
                     THEN (SELECT e.at FROM ledger.journal(%(org_id)s, %(before)s, 1) AS e) END, a.last_at) AS latest
FROM ledger.account AS a WHERE a.org_id = %(org_id)s;

-- kinds: Use case and project of everything an organization ever did, stepping over the days between them.
WITH RECURSIVE kind AS (
    (SELECT d.project_ref, d.use_case FROM ledger.usage_day AS d
     WHERE d.org_id = %(org_id)s
     ORDER BY d.project_ref, d.use_case LIMIT 1)
    UNION ALL
    SELECT following.project_ref, following.use_case FROM kind
    CROSS JOIN LATERAL (
        SELECT d.project_ref, d.use_case FROM ledger.usage_day AS d
        WHERE d.org_id = %(org_id)s
          AND (d.project_ref, d.use_case) > (kind.project_ref, kind.use_case)
        ORDER BY d.project_ref, d.use_case LIMIT 1
    ) AS following
)
SELECT use_case, project_ref AS project FROM kind;

-- kinds_of_user: The same of one user.
WITH RECURSIVE kind AS (
    (SELECT d.project_ref, d.use_case FROM ledger.usage_day AS d
     WHERE d.org_id = %(org_id)s AND d.user_ref = %(user)s
     ORDER BY d.project_ref, d.use_case LIMIT 1)
    UNION ALL
    SELECT following.project_ref, following.use_case FROM kind
    CROSS JOIN LATERAL (
        SELECT d.project_ref, d.use_case FROM ledger.usage_day AS d
        WHERE d.org_id = %(org_id)s AND d.user_ref = %(user)s
          AND (d.project_ref, d.use_case) > (kind.project_ref, kind.use_case)
        ORDER BY d.project_ref, d.use_case LIMIT 1
    ) AS following
)
SELECT use_case, project_ref AS project FROM kind;

-- users: Everybody who ever used AI, stepping from one to the next.
WITH RECURSIVE person AS (
    (SELECT d.user_ref FROM ledger.usage_day AS d WHERE d.org_id = %(org_id)s ORDER BY d.user_ref LIMIT 1)
    UNION ALL
    SELECT following.user_ref FROM person
    CROSS JOIN LATERAL (
        SELECT d.user_ref FROM ledger.usage_day AS d
        WHERE d.org_id = %(org_id)s AND d.user_ref > person.user_ref
        ORDER BY d.user_ref LIMIT 1
    ) AS following
)
SELECT user_ref FROM person LIMIT %(limit)s;

-- by_day: What was consumed by day and use case, user or project, '' being no project. Where there are more than so many
-- parts, the largest keep their names and the others are summed up without one, and so is all of a day before the first.
-- Days that are over come from their sums (decision 18): a row a day of all of it and of each part that keeps its name.
-- The planner takes a range with one end that it cannot know for most of the table, and one with both for a small part.
WITH span AS MATERIALIZED (
    SELECT least(%(first_day)s::date, %(back_to)s::date) AS since,
           (SELECT c.before FROM ledger.usage_closed AS c WHERE c.org_id = %(org_id)s) AS open_from,
           EXISTS (SELECT FROM ledger.account AS a WHERE a.org_id = %(org_id)s
                   AND ledger.period_day(a.anchor_day, %(first_day)s::date) = %(first_day)s::date) AS begins_month
), fresh AS MATERIALIZED (
    SELECT d.day,
           CASE %(part)s::text WHEN 'use_case' THEN d.use_case WHEN 'user' THEN d.user_ref ELSE d.project_ref END AS part,
           sum(d.interactions)::bigint AS interactions, sum(d.charged)::bigint AS charged
    FROM ledger.usage_day AS d
    WHERE d.org_id = %(org_id)s AND d.day >= (SELECT greatest(since, open_from) FROM span) AND d.day <= 'infinity'
    GROUP BY 1, 2
), ranked AS (
    SELECT x.part, row_number() OVER (ORDER BY sum(x.charged) DESC, x.part COLLATE "C") AS place, count(*) OVER () AS parts
    FROM (
        SELECT p.part, p.charged FROM ledger.usage_part_period AS p
        WHERE p.org_id = %(org_id)s AND p.by = %(part)s AND p.first_day >= %(first_day)s::date
          AND (SELECT begins_month FROM span)
        UNION ALL
        SELECT p.part, p.charged FROM ledger.usage_part_day AS p
        WHERE p.org_id = %(org_id)s AND p.by = %(part)s AND p.day >= %(first_day)s::date
          AND NOT (SELECT begins_month FROM span)
        UNION ALL
        SELECT o.part, o.charged FROM fresh AS o WHERE o.day >= %(first_day)s::date
    ) AS x
    GROUP BY x.part
), named AS MATERIALIZED (
    SELECT r.part FROM ranked AS r WHERE r.place < %(most)s OR r.parts <= %(most)s
), told AS MATERIALIZED (
    SELECT p.day, p.part, p.interactions, p.charged FROM named
    CROSS JOIN LATERAL (
        SELECT x.* FROM ledger.usage_part_day AS x
        WHERE x.org_id = %(org_id)s AND x.by = %(part)s AND x.part = named.part AND x.day >= %(first_day)s::date OFFSET 0
    ) AS p
    UNION ALL
    SELECT o.day, o.part, o.interactions, o.charged FROM fresh AS o JOIN named ON named.part = o.part
    WHERE o.day >= %(first_day)s::date
)
SELECT t.day, t.part, t.interactions, t.charged FROM told AS t
UNION ALL
SELECT x.day, NULL, sum(x.interactions)::bigint, sum(x.charged)::bigint
FROM (
    SELECT p.day, p.interactions, p.charged FROM ledger.usage_part_day AS p
    WHERE p.org_id = %(org_id)s AND p.by = 'all' AND p.part = '' AND p.day >= (SELECT since FROM span)
    UNION ALL
    SELECT o.day, o.interactions, o.charged FROM fresh AS o
    UNION ALL
    SELECT t.day, -t.interactions, -t.charged FROM told AS t
) AS x
GROUP BY x.day
HAVING sum(x.interactions) <> 0 OR sum(x.charged) <> 0;
