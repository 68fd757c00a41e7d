-- newest_below: The instant of the newest record below a number: nothing below the number is younger.
SELECT a.at FROM activity AS a WHERE a.org_id = %(org_id)s AND a.seq < %(before_seq)s ORDER BY a.seq DESC LIMIT 1;

-- page: Records, newest first, of a span of time. Its end is one comparison: of two, the index may begin with the later.
SELECT a.org_id, a.seq, a.at, a.event_id, a.category, a.action, a.actor_kind, a.actor_ref, a.actor_name, a.target,
       a.project, a.use_case, a.details::text AS details, a.hash
FROM activity AS a
WHERE a.org_id = %(org_id)s AND a.at >= %(since)s AND (a.at, a.seq) < (%(until)s, %(until_seq)s)
ORDER BY a.at DESC, a.seq DESC
LIMIT %(limit)s;

-- page_of_actor: The same of one actor, from the newest records of each kind named.
SELECT a.org_id, a.seq, a.at, a.event_id, a.category, a.action, a.actor_kind, a.actor_ref, a.actor_name, a.target,
       a.project, a.use_case, a.details::text AS details, a.hash
FROM (
    SELECT newest.at, newest.seq
    FROM unnest(%(projects)s::text[], %(use_cases)s::text[], %(categories)s::text[]) AS kind (project, use_case, category)
    CROSS JOIN LATERAL (
        SELECT x.at, x.seq FROM activity AS x
        WHERE x.org_id = %(org_id)s AND x.actor_ref = %(actor)s
          AND x.project = kind.project AND x.use_case = kind.use_case AND x.category = kind.category
          AND x.at >= %(since)s AND (x.at, x.seq) < (%(until)s, %(until_seq)s)
        ORDER BY x.at DESC, x.seq DESC LIMIT %(limit)s
    ) AS newest
    ORDER BY newest.at DESC, newest.seq DESC LIMIT %(limit)s
) AS found
CROSS JOIN LATERAL (SELECT y.* FROM activity AS y WHERE y.org_id = %(org_id)s AND y.seq = found.seq OFFSET 0) AS a
ORDER BY a.seq DESC;

-- page_of_kinds: The same of everybody.
SELECT a.org_id, a.seq, a.at, a.event_id, a.category, a.action, a.actor_kind, a.actor_ref, a.actor_name, a.target,
       a.project, a.use_case, a.details::text AS details, a.hash
FROM (
    SELECT newest.at, newest.seq
    FROM unnest(%(projects)s::text[], %(use_cases)s::text[], %(categories)s::text[]) AS kind (project, use_case, category)
    CROSS JOIN LATERAL (
        SELECT x.at, x.seq FROM activity AS x
        WHERE x.org_id = %(org_id)s
          AND x.project = kind.project AND x.use_case = kind.use_case AND x.category = kind.category
          AND x.at >= %(since)s AND (x.at, x.seq) < (%(until)s, %(until_seq)s)
        ORDER BY x.at DESC, x.seq DESC LIMIT %(limit)s
    ) AS newest
    ORDER BY newest.at DESC, newest.seq DESC LIMIT %(limit)s
) AS found
CROSS JOIN LATERAL (SELECT y.* FROM activity AS y WHERE y.org_id = %(org_id)s AND y.seq = found.seq OFFSET 0) AS a
ORDER BY a.seq DESC;

-- kinds: Project, feature and category of everything on record, stepping over the rows between them.
WITH RECURSIVE kind AS (
    (SELECT a.project, a.use_case, a.category FROM activity AS a
     WHERE a.org_id = %(org_id)s
     ORDER BY a.project, a.use_case, a.category LIMIT 1)
    UNION ALL
    SELECT following.project, following.use_case, following.category FROM kind
    CROSS JOIN LATERAL (
        SELECT a.project, a.use_case, a.category FROM activity AS a
        WHERE a.org_id = %(org_id)s
          AND (a.project, a.use_case, a.category) > (kind.project, kind.use_case, kind.category)
        ORDER BY a.project, a.use_case, a.category LIMIT 1
    ) AS following
)
SELECT project, use_case, category FROM kind;

-- kinds_of_actor: The same of one actor.
WITH RECURSIVE kind AS (
    (SELECT a.project, a.use_case, a.category FROM activity AS a
     WHERE a.org_id = %(org_id)s AND a.actor_ref = %(actor)s
     ORDER BY a.project, a.use_case, a.category LIMIT 1)
    UNION ALL
    SELECT following.project, following.use_case, following.category FROM kind
    CROSS JOIN LATERAL (
        SELECT a.project, a.use_case, a.category FROM activity AS a
        WHERE a.org_id = %(org_id)s AND a.actor_ref = %(actor)s
          AND (a.project, a.use_case, a.category) > (kind.project, kind.use_case, kind.category)
        ORDER BY a.project, a.use_case, a.category LIMIT 1
    ) AS following
)
SELECT project, use_case, category FROM kind;

-- actors: Everybody on record under a name they had, stepping from one to the next.
WITH RECURSIVE actor AS (
    (SELECT a.actor_ref, a.actor_name FROM activity AS a WHERE a.org_id = %(org_id)s ORDER BY a.actor_ref LIMIT 1)
    UNION ALL
    SELECT following.actor_ref, following.actor_name FROM actor
    CROSS JOIN LATERAL (
        SELECT a.actor_ref, a.actor_name FROM activity AS a
        WHERE a.org_id = %(org_id)s AND a.actor_ref > actor.actor_ref
        ORDER BY a.actor_ref LIMIT 1
    ) AS following
)
SELECT actor_ref, actor_name FROM actor LIMIT %(limit)s;
