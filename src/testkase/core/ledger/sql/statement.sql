-- periods: Billing periods from one number to another: how each was opened and closed, and what moved in it besides usage.
-- A period runs from the entry that issued its allowance to before the next one's. One statement, so one moment: what it
-- answers adds up also while calls are being charged.
WITH account AS (
    SELECT a.available + a.held AS balance, a.last_seq, a.period_number FROM ledger.account AS a WHERE a.org_id = %(org_id)s
), begun AS (
    SELECT number, e.seq, e.at, e.available_after + e.held_after - e.available - e.held AS opening
    FROM generate_series(%(first)s::bigint, %(last)s::bigint + 1) AS number
    CROSS JOIN LATERAL (
        SELECT j.* FROM ledger.operation AS i
        JOIN ledger.entry AS j ON j.org_id = i.org_id AND j.seq = i.seq AND j.at = i.at
        WHERE i.org_id = %(org_id)s AND i.operation_id = 'allowance:' || number
          AND j.at >= %(since)s AND j.at <= %(until)s OFFSET 0
    ) AS e
), period AS (
    SELECT number, seq, at, opening, lead(seq) OVER journal AS next_seq, lead(at) OVER journal AS ended_at,
           lead(opening) OVER journal AS closing
    FROM begun WINDOW journal AS (ORDER BY number)
), moved AS (
    SELECT width_bucket(e.seq, ARRAY(SELECT seq FROM begun ORDER BY seq)) - 1 + %(first)s::bigint AS number,
           sum(-e.issued) FILTER (WHERE e.kind = 'allowance') AS allowance,
           sum(-e.issued) FILTER (WHERE e.kind = 'grant' AND l.source = 'purchase') AS bought,
           sum(-e.issued) FILTER (WHERE e.kind = 'grant' AND l.source IS DISTINCT FROM 'purchase') AS granted,
           sum(-e.issued - CASE WHEN e.kind = 'adjust' THEN e.reversed ELSE 0 END)
               FILTER (WHERE e.kind NOT IN ('allowance', 'grant', 'overage')) AS adjusted,
           sum(e.reversed) FILTER (WHERE e.kind <> 'adjust') AS reversed,
           sum(e.expired) AS expired, sum(-e.overage) FILTER (WHERE e.kind <> 'overage') AS overage,
           sum(-e.debt) AS debt,
           json_agg(json_build_array(e.at, e.available) ORDER BY e.seq) FILTER (WHERE e.kind = 'grant') AS grants
    FROM ledger.entry AS e
    LEFT JOIN ledger.lot AS l ON l.org_id = e.org_id AND l.lot_id = e.seq
    WHERE e.org_id = %(org_id)s AND e.at >= %(since)s AND e.at <= %(until)s
      AND e.seq >= (SELECT min(seq) FROM begun) AND e.seq <= (SELECT last_seq FROM account)
      AND (e.issued <> 0 OR e.expired <> 0 OR e.reversed <> 0 OR e.overage <> 0 OR e.debt <> 0)
    GROUP BY 1
)
SELECT p.number, p.seq, p.at AS started_at, p.ended_at, p.opening, coalesce(p.closing, a.balance) AS closing,
       coalesce(m.allowance, 0)::bigint AS allowance, coalesce(m.granted, 0)::bigint AS granted,
       coalesce(m.bought, 0)::bigint AS bought, coalesce(m.adjusted, 0)::bigint AS adjusted,
       coalesce(m.expired, 0)::bigint AS expired, coalesce(m.reversed, 0)::bigint AS reversed,
       coalesce(m.overage, 0)::bigint AS overage, coalesce(m.debt, 0)::bigint AS debt, m.grants::text AS grants,
       (SELECT json_agg(x ORDER BY x.charged DESC, x.part) FROM (
            SELECT u.by, u.part, sum(u.interactions)::bigint AS interactions, sum(u.charged)::bigint AS charged
            FROM (
                SELECT s.by, s.part, s.interactions, s.charged FROM ledger.usage_part_period AS s
                WHERE s.org_id = %(org_id)s AND s.by IN ('use_case', 'user', 'project')
                  AND s.first_day = %(first_day)s::date
                UNION ALL
                SELECT CASE grouping(d.use_case, d.user_ref, d.project_ref)
                           WHEN 3 THEN 'use_case' WHEN 5 THEN 'user' ELSE 'project' END,
                       coalesce(d.use_case, d.user_ref, d.project_ref), sum(d.interactions), sum(d.charged)
                FROM ledger.usage_day AS d
                WHERE d.org_id = %(org_id)s AND d.day < %(end_day)s::date AND d.day >= greatest(%(first_day)s::date,
                    (SELECT c.before FROM ledger.usage_closed AS c WHERE c.org_id = %(org_id)s))
                GROUP BY GROUPING SETS ((d.use_case), (d.user_ref), (d.project_ref))
            ) AS u
            GROUP BY u.by, u.part
        ) AS x)::text AS parts,
       (SELECT json_agg(x ORDER BY x.at, x.lot_id) FROM (
            SELECT e.at, CASE WHEN e.kind IN ('expire', 'reverse') THEN e.lots[1][1] END AS lot_id, l.source, l.granted_at,
                   l.granted, e.expired
            FROM ledger.entry AS e
            LEFT JOIN ledger.lot AS l ON l.org_id = e.org_id AND l.lot_id = e.lots[1][1]
                AND e.kind IN ('expire', 'reverse')
            WHERE %(first_day)s::date IS NOT NULL AND e.org_id = %(org_id)s AND e.at >= %(since)s AND e.at <= %(until)s
              AND e.seq >= p.seq
              AND e.seq < coalesce(p.next_seq, a.last_seq + 1) AND e.expired <> 0
              AND (e.issued <> 0 OR e.expired <> 0 OR e.reversed <> 0 OR e.overage <> 0 OR e.debt <> 0)
        ) AS x)::text AS expiries
FROM period AS p
CROSS JOIN account AS a
LEFT JOIN moved AS m ON m.number = p.number
WHERE p.number <= %(last)s
ORDER BY p.number DESC;
