-- lock: Whoever adds an endpoint waits for another who does.
SELECT FROM organization WHERE id = %(org_id)s FOR NO KEY UPDATE;

-- standing: How many endpoints there are, and whether one has this address.
SELECT count(*) AS number, coalesce(bool_or(url = %(url)s AND endpoint_id <> %(endpoint_id)s), false) AS is_taken
FROM webhook_endpoint WHERE org_id = %(org_id)s;

-- add: A new endpoint.
INSERT INTO webhook_endpoint (org_id, endpoint_id, url, kinds, added_by)
VALUES (%(org_id)s, %(endpoint_id)s, %(url)s, %(kinds)s::text[], %(added_by)s);

-- all: Every endpoint, the oldest first.
SELECT e.endpoint_id, e.url, e.kinds, e.state, e.failing_since, e.last_delivered_at, e.created_at, e.added_by,
       e.added_by IS NOT NULL AND NOT EXISTS (
           SELECT FROM app_user AS u JOIN membership AS m ON m.org_id = e.org_id AND m.user_id = u.id
           WHERE u.ref = e.added_by) AS left_behind
FROM webhook_endpoint AS e WHERE e.org_id = %(org_id)s ORDER BY e.created_at, e.endpoint_id;

-- one: One endpoint.
SELECT e.endpoint_id, e.url, e.kinds, e.state, e.failing_since, e.last_delivered_at, e.created_at, e.added_by,
       e.added_by IS NOT NULL AND NOT EXISTS (
           SELECT FROM app_user AS u JOIN membership AS m ON m.org_id = e.org_id AND m.user_id = u.id
           WHERE u.ref = e.added_by) AS left_behind
FROM webhook_endpoint AS e WHERE e.org_id = %(org_id)s AND e.endpoint_id = %(endpoint_id)s;

-- locked: The same, and nobody else changes it meanwhile.
SELECT e.endpoint_id, e.url, e.kinds, e.state, e.failing_since, e.last_delivered_at, e.created_at, e.added_by,
       e.added_by IS NOT NULL AND NOT EXISTS (
           SELECT FROM app_user AS u JOIN membership AS m ON m.org_id = e.org_id AND m.user_id = u.id
           WHERE u.ref = e.added_by) AS left_behind
FROM webhook_endpoint AS e WHERE e.org_id = %(org_id)s AND e.endpoint_id = %(endpoint_id)s FOR NO KEY UPDATE;

-- change: Where it leads, what it wants, and whether it is on; switched on it begins anew.
UPDATE webhook_endpoint
SET url = %(url)s, kinds = %(kinds)s::text[], state = %(state)s,
    failing_since = CASE WHEN state = %(state)s AND url = %(url)s THEN failing_since END
WHERE org_id = %(org_id)s AND endpoint_id = %(endpoint_id)s;

-- give_up_waiting: Nothing more is sent to an endpoint that is not on.
UPDATE webhook_delivery SET given_up_at = now(), fault = %(fault)s
WHERE org_id = %(org_id)s AND endpoint_id = %(endpoint_id)s AND delivered_at IS NULL AND given_up_at IS NULL;

-- remove_deliveries: What was sent to an endpoint that goes.
DELETE FROM webhook_delivery WHERE org_id = %(org_id)s AND endpoint_id = %(endpoint_id)s;

-- remove: With its secrets.
DELETE FROM webhook_endpoint WHERE org_id = %(org_id)s AND endpoint_id = %(endpoint_id)s;

-- secrets_in_force: How many sign now, and the newest one's number.
SELECT count(*) FILTER (WHERE ends_at IS NULL OR ends_at > now()) AS in_force, coalesce(max(number), 0) AS newest
FROM webhook_secret WHERE org_id = %(org_id)s AND endpoint_id = %(endpoint_id)s;

-- secrets: All that sign now, the newest first.
SELECT number, sealed FROM webhook_secret
WHERE org_id = %(org_id)s AND endpoint_id = %(endpoint_id)s AND (ends_at IS NULL OR ends_at > now())
ORDER BY number DESC;

-- end_secrets: Those in force end in a while; those that have ended are gone.
WITH gone AS (
    DELETE FROM webhook_secret
    WHERE org_id = %(org_id)s AND endpoint_id = %(endpoint_id)s AND ends_at <= now()
)
UPDATE webhook_secret SET ends_at = now() + %(hours)s * interval '1 hour'
WHERE org_id = %(org_id)s AND endpoint_id = %(endpoint_id)s AND ends_at IS NULL;

-- add_secret: The newest, which signs until there is another.
INSERT INTO webhook_secret (org_id, endpoint_id, number, sealed)
VALUES (%(org_id)s, %(endpoint_id)s, %(number)s, %(sealed)s);
