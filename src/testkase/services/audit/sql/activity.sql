-- lock_head: The end of the chain, locked until the transaction ends; the first record of an organization makes it.
INSERT INTO activity_head AS h (org_id, seq, at, hash)
VALUES (%(org_id)s, 0, 0, decode(repeat('00', 32), 'hex'))
ON CONFLICT (org_id) DO UPDATE SET seq = h.seq
RETURNING h.seq, h.hash, greatest(h.at, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint) AS now;

-- known: Whether this event is on record. A statement of its own, younger than the lock it waited for.
SELECT 1 AS known FROM activity WHERE org_id = %(org_id)s AND event_id = %(event_id)s;

-- append: The record, and the end of the chain moved onto it.
WITH moved AS (
    UPDATE activity_head SET seq = %(seq)s, at = %(at)s, hash = %(hash)s WHERE org_id = %(org_id)s
)
INSERT INTO activity (org_id, seq, at, event_id, category, action, actor_kind, actor_ref, actor_name, target, project,
                      use_case, details, hash)
VALUES (%(org_id)s, %(seq)s, %(at)s, %(event_id)s, %(category)s, %(action)s, %(actor_kind)s, %(actor_ref)s,
        %(actor_name)s, %(target)s, %(project)s, %(use_case)s, %(details)s::jsonb, %(hash)s);

-- head: The end of the chain.
SELECT seq, at, hash FROM activity_head WHERE org_id = %(org_id)s;

-- chain: Records in order, a page at a time.
SELECT org_id, seq, at, event_id, category, action, actor_kind, actor_ref, actor_name, target, project, use_case,
       details::text AS details, hash
FROM activity
WHERE org_id = %(org_id)s AND seq > %(after)s
ORDER BY seq
LIMIT %(limit)s;

-- switched_on: When AI was last switched on, by whom.
SELECT at, actor_name, actor_ref, details::text AS details FROM activity
WHERE org_id = %(org_id)s AND action = 'ai.switched_on'
ORDER BY seq DESC LIMIT 1;
