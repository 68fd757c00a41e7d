-- enrol: Organizations nobody has checked yet are due now. Crosses organizations.
INSERT INTO ledger_check (org_id)
SELECT org_id FROM unnest(%(org_ids)s::bigint[]) AS new (org_id) ON CONFLICT (org_id) DO NOTHING;

-- hasten: Those where something was posted are due as soon as an hour has passed since they were checked.
UPDATE ledger_check SET active_at = now(), due_at = least(due_at, coalesce(checked_at, now()) + interval '1 hour')
WHERE org_id = ANY(%(org_ids)s);

-- claim: The next one: what is long overdue first, then where something happened last. Whoever dies at it leaves it to the
-- next after half an hour. Crosses organizations.
UPDATE ledger_check SET due_at = now() + interval '30 minutes'
WHERE org_id = (
    SELECT org_id FROM ledger_check WHERE due_at <= now()
    ORDER BY due_at < now() - interval '2 hours' DESC, active_at DESC NULLS LAST, due_at
    LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING org_id;

-- keep: An organization was checked; it is due again well before a day has passed. Where something deviates the checkpoint
-- stays where it was, so that the deviation is met again.
UPDATE ledger_check
SET checked_at = now(), due_at = now() + interval '20 hours',
    walked_at = CASE WHEN %(whole)s THEN now() ELSE walked_at END,
    seq = %(seq)s, at = %(at)s, hash = %(hash)s, available = %(available)s, held = %(held)s, debt = %(debt)s
WHERE org_id = %(org_id)s;

-- keep_faulty: An organization was checked and something deviates.
UPDATE ledger_check SET checked_at = now(), due_at = now() + interval '1 hour' WHERE org_id = %(org_id)s;

-- found: A deviation, told once for as long as it stands.
INSERT INTO ledger_deviation AS d (org_id, invariant, seq) VALUES (%(org_id)s, %(invariant)s, %(seq)s)
ON CONFLICT (org_id, invariant, seq) DO UPDATE SET found_at = now(), told_at = NULL, gone_at = NULL
WHERE d.gone_at IS NOT NULL
RETURNING invariant, seq;

-- gone: What is not found any more.
UPDATE ledger_deviation SET gone_at = now()
WHERE org_id = %(org_id)s AND gone_at IS NULL
  AND (invariant, seq) NOT IN (SELECT * FROM unnest(%(invariants)s::text[], %(seqs)s::bigint[]));

-- untold: Deviations nobody was written to about. Crosses organizations.
SELECT org_id, invariant, seq, found_at, gone_at FROM ledger_deviation
WHERE told_at IS NULL AND gone_at IS NULL ORDER BY found_at, org_id LIMIT 100;

-- told: Somebody was written to about these.
UPDATE ledger_deviation AS d SET told_at = now()
FROM unnest(%(org_ids)s::bigint[], %(invariants)s::text[], %(seqs)s::bigint[]) AS t (org_id, invariant, seq)
WHERE (d.org_id, d.invariant, d.seq) = (t.org_id, t.invariant, t.seq);

-- staff: Whom to write to.
SELECT email FROM app_user WHERE is_staff AND is_active ORDER BY email;

-- deviations: The newest deviations, standing ones first. Crosses organizations.
SELECT org_id, invariant, seq, found_at, gone_at FROM ledger_deviation
ORDER BY gone_at IS NOT NULL, found_at DESC LIMIT %(limit)s;

-- checked: How much was checked, since when. Crosses organizations.
SELECT count(*) FILTER (WHERE org_id > 0) AS organizations,
       count(*) FILTER (WHERE org_id > 0 AND checked_at IS NOT NULL) AS checked, coalesce(sum(seq), 0)::bigint AS entries,
       max(checked_at) AS newest, min(checked_at) AS oldest, min(walked_at) AS walked,
       (SELECT count(*) FROM ledger_deviation WHERE gone_at IS NULL) AS deviations
FROM ledger_check;

-- published: The newest heads written outside the database.
SELECT day, published_at, organizations, digest FROM published_heads ORDER BY day DESC LIMIT %(limit)s;

-- publish: The heads of a day were written.
INSERT INTO published_heads (day, organizations, digest) VALUES (%(day)s, %(organizations)s, %(digest)s)
ON CONFLICT (day) DO NOTHING;

-- heads: Where an organization's two chains end.
SELECT a.last_seq AS seq, a.last_hash AS hash, coalesce(h.seq, 0) AS activity_seq,
       coalesce(h.hash, decode(repeat('00', 32), 'hex')) AS activity_hash
FROM ledger.account AS a LEFT JOIN activity_head AS h ON h.org_id = a.org_id
WHERE a.org_id = %(org_id)s;

-- hashes: What now stands where heads were published, a day's each; of the journal and of the activity history. Planned for all
-- months each time, which costs less than looking into each of them for one head after the other.
SELECT 'entry' AS chain, seq, hash FROM ledger.entry WHERE org_id = %(org_id)s AND seq = ANY(%(seqs)s)
UNION ALL
SELECT 'activity', seq, hash FROM activity WHERE org_id = %(org_id)s AND seq = ANY(%(activity_seqs)s);
