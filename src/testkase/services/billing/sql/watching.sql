-- receive: Keep a report. No row: these very bytes came before.
INSERT INTO payment_event (digest, name, order_id, payment_id, refund_id, dispute_id, link_id)
VALUES (%(digest)s, %(name)s, %(order_id)s, %(payment_id)s, %(refund_id)s, %(dispute_id)s, %(link_id)s)
ON CONFLICT (digest) DO NOTHING
RETURNING digest;

-- receive_found: Keep what was found by looking, unless a report of the same waits, or it was found before.
INSERT INTO payment_event (digest, name, order_id, payment_id, refund_id, dispute_id, link_id)
SELECT %(digest)s, %(name)s, %(order_id)s, %(payment_id)s, %(refund_id)s, %(dispute_id)s, %(link_id)s
WHERE NOT EXISTS (
    SELECT FROM payment_event AS e WHERE e.handled_at IS NULL AND e.payment_id = %(payment_id)s
    AND coalesce(e.dispute_id, e.refund_id) = coalesce(%(dispute_id)s, %(refund_id)s))
ON CONFLICT (digest) DO NOTHING;

-- claim_events: Take reports that are due; whoever dies at one leaves it to the next after a while.
UPDATE payment_event AS e
SET attempts = e.attempts + 1, due_at = now() + least(%(most)s, %(first)s * 2 ^ least(e.attempts, 10)) * interval '1 second'
WHERE e.digest IN (
    SELECT digest FROM payment_event WHERE handled_at IS NULL AND due_at <= now()
    ORDER BY due_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED)
RETURNING e.digest, e.name, e.order_id, e.payment_id, e.refund_id, e.dispute_id, e.link_id, e.attempts;

-- waiting_events: Reports nobody has worked on to their end, oldest first.
SELECT name, order_id, payment_id, received_at, due_at, attempts, outcome AS reason
FROM payment_event WHERE handled_at IS NULL ORDER BY received_at LIMIT %(limit)s;

-- handled: Worked on, with what came of it.
UPDATE payment_event SET handled_at = now(), outcome = %(outcome)s
WHERE digest = ANY (%(digests)s) AND handled_at IS NULL;

-- waits: Why a report stays for later.
UPDATE payment_event SET outcome = %(reason)s WHERE digest = %(digest)s AND handled_at IS NULL;

-- forget_events: Reports of long ago; the provider repeats none that old.
DELETE FROM payment_event WHERE received_at < now() - interval '90 days' AND handled_at IS NOT NULL;

-- watch: Look again at this time, or at an earlier one already set.
INSERT INTO payment_watch AS w (org_id, kind, target_id, due_at)
VALUES (%(org_id)s, %(kind)s, %(target_id)s, now() + %(seconds)s * interval '1 second')
ON CONFLICT (org_id, kind, target_id) DO UPDATE SET due_at = least(w.due_at, excluded.due_at);

-- watch_until: Look again at this very time.
INSERT INTO payment_watch AS w (org_id, kind, target_id, due_at)
VALUES (%(org_id)s, %(kind)s, %(target_id)s, %(due_at)s)
ON CONFLICT (org_id, kind, target_id) DO UPDATE SET due_at = excluded.due_at;

-- watch_in: Look again after so long, if it is still watched.
UPDATE payment_watch SET due_at = now() + %(seconds)s * interval '1 second'
WHERE org_id = %(org_id)s AND kind = %(kind)s AND target_id = %(target_id)s;

-- claim_watched: Take what is due; whoever dies at one leaves it to the next after a while. Crosses organizations.
UPDATE payment_watch AS w SET due_at = now() + %(again)s * interval '1 second'
WHERE (w.org_id, w.kind, w.target_id) IN (
    SELECT org_id, kind, target_id FROM payment_watch WHERE due_at <= now()
    ORDER BY due_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED)
RETURNING w.org_id, w.kind, w.target_id, extract(epoch FROM now() - w.since)::bigint AS age_seconds;

-- everything_open: All that is watched, oldest first. Crosses organizations.
SELECT org_id, kind, target_id, extract(epoch FROM now() - since)::bigint AS age_seconds
FROM payment_watch ORDER BY since, org_id, target_id;

-- unwatch: Nothing to look at any more.
DELETE FROM payment_watch WHERE org_id = %(org_id)s AND kind = %(kind)s AND target_id = %(target_id)s;

-- keep_report: A day's payments beside ours; made again, it takes the place of the one before.
INSERT INTO match_report (day, captured, matched, taken, faults)
VALUES (%(day)s, %(captured)s, %(matched)s, %(taken)s, %(faults)s)
ON CONFLICT (day) DO UPDATE
SET made_at = now(), captured = excluded.captured, matched = excluded.matched, taken = excluded.taken,
    faults = excluded.faults;

-- reports: The newest reports.
SELECT day, made_at, captured, matched, taken, faults FROM match_report ORDER BY day DESC LIMIT %(limit)s;

-- standing: What operators watch: reports nobody has worked on, receipts ever issued, what the newest report found.
SELECT (SELECT count(*) FROM payment_event WHERE handled_at IS NULL) AS waiting,
       (SELECT coalesce(sum(last_number), 0)::bigint FROM receipt_series) AS receipts,
       coalesce((SELECT captured - matched FROM match_report ORDER BY day DESC LIMIT 1), 0) AS faults;
