-- claim: A delivery whose time has come, taken by this worker: until its lease ends nobody else takes it. Endpoints that
-- have one under way wait, and organizations that have several.
UPDATE webhook_delivery AS q
SET attempts = q.attempts + 1, tried_at = now(), due_at = now() + %(lease)s * interval '1 second'
FROM (SELECT d.org_id, d.delivery_id FROM webhook_delivery AS d
      WHERE d.due_at <= now() AND d.delivered_at IS NULL AND d.given_up_at IS NULL
        AND d.endpoint_id <> ALL (%(busy)s::text[]) AND d.org_id <> ALL (%(full)s::bigint[])
      ORDER BY d.due_at, d.delivery_id LIMIT 1 FOR UPDATE SKIP LOCKED) AS due
WHERE q.org_id = due.org_id AND q.delivery_id = due.delivery_id
RETURNING q.org_id, q.delivery_id, q.endpoint_id, q.event_id, q.attempts;

-- parcel: What to send, and where to; nothing where the endpoint is gone.
SELECT e.url, e.state, v.kind, v.title, v.body, v.link, v.facts::text AS facts, v.created_at
FROM webhook_endpoint AS e
JOIN webhook_event AS v ON v.org_id = e.org_id AND v.event_id = %(event_id)s
WHERE e.org_id = %(org_id)s AND e.endpoint_id = %(endpoint_id)s;

-- well: The endpoint takes what it is sent.
UPDATE webhook_endpoint SET last_delivered_at = now(), failing_since = NULL
WHERE org_id = %(org_id)s AND endpoint_id = %(endpoint_id)s;

-- delivered: It was taken.
UPDATE webhook_delivery SET delivered_at = now(), fault = ''
WHERE org_id = %(org_id)s AND delivery_id = %(delivery_id)s;

-- unwell: Since when the endpoint takes nothing, and whether that is too long.
UPDATE webhook_endpoint SET failing_since = coalesce(failing_since, now())
WHERE org_id = %(org_id)s AND endpoint_id = %(endpoint_id)s AND state = 'on'
RETURNING now() - failing_since > %(patience)s * interval '1 second' AS is_dead;

-- failed: It was not taken: again after a pause, or never. Nothing where it was given up meanwhile, or where another
-- worker has taken it over.
UPDATE webhook_delivery
SET fault = %(fault)s, due_at = now() + %(pause)s * interval '1 second',
    given_up_at = CASE WHEN %(give_up)s THEN now() END
WHERE org_id = %(org_id)s AND delivery_id = %(delivery_id)s AND attempts = %(attempts)s
  AND delivered_at IS NULL AND given_up_at IS NULL;

-- dropped: It will not be sent: where it was to go takes nothing more.
UPDATE webhook_delivery SET given_up_at = now(), fault = %(fault)s
WHERE org_id = %(org_id)s AND delivery_id = %(delivery_id)s;

-- dead: An endpoint that takes nothing is switched off, once.
UPDATE webhook_endpoint SET state = 'failed'
WHERE org_id = %(org_id)s AND endpoint_id = %(endpoint_id)s AND state = 'on'
RETURNING url;

-- page: An endpoint's deliveries, newest first, from below a number.
SELECT d.delivery_id, v.event_id, v.kind, v.title, v.created_at, d.attempts, d.due_at, d.tried_at, d.delivered_at,
       d.given_up_at, d.fault
FROM webhook_delivery AS d
JOIN webhook_event AS v ON v.org_id = d.org_id AND v.event_id = d.event_id
WHERE d.org_id = %(org_id)s AND d.endpoint_id = %(endpoint_id)s AND d.delivery_id < %(before)s
ORDER BY d.delivery_id DESC LIMIT %(limit)s;

-- again: From the beginning, at once; nothing where it is under way.
UPDATE webhook_delivery SET due_at = now(), attempts = 0, delivered_at = NULL, given_up_at = NULL
WHERE org_id = %(org_id)s AND endpoint_id = %(endpoint_id)s AND delivery_id = %(delivery_id)s
  AND (delivered_at IS NOT NULL OR given_up_at IS NOT NULL OR due_at > now() + %(lease)s * interval '1 second')
RETURNING delivery_id;

-- there: Whether there is such a delivery.
SELECT true AS is_there FROM webhook_delivery
WHERE org_id = %(org_id)s AND endpoint_id = %(endpoint_id)s AND delivery_id = %(delivery_id)s;

-- try_out: A test for one endpoint alone. The same form twice is one.
WITH event AS (
    INSERT INTO webhook_event (org_id, kind, event_key, title, body, link, facts)
    VALUES (%(org_id)s, %(kind)s, %(event_key)s, %(title)s, %(body)s, '', '{}')
    ON CONFLICT DO NOTHING
    RETURNING org_id, event_id
)
INSERT INTO webhook_delivery (org_id, endpoint_id, event_id)
SELECT v.org_id, %(endpoint_id)s, v.event_id FROM event AS v;

-- waiting: For how long the endpoint of all organizations that waits longest has had something due and was not tried.
SELECT coalesce(extract(epoch FROM max(now() - greatest(due.since, last.tried_at))), 0)::float8 AS seconds
FROM (SELECT d.org_id, d.endpoint_id, min(d.due_at) AS since FROM webhook_delivery AS d
      WHERE d.due_at <= now() AND d.delivered_at IS NULL AND d.given_up_at IS NULL
      GROUP BY d.org_id, d.endpoint_id) AS due
LEFT JOIN LATERAL (
    SELECT t.tried_at FROM webhook_delivery AS t WHERE t.org_id = due.org_id AND t.endpoint_id = due.endpoint_id
    ORDER BY t.tried_at DESC NULLS LAST LIMIT 1) AS last ON true;
