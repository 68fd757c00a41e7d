-- requests: Open requests first, then the latest decisions; of everybody, or of one person.
SELECT r.request_id, r.budget_id, r.user_id,
       coalesce((SELECT 'Erased person ' || gone.number FROM erased_person AS gone
                 WHERE gone.org_id = r.org_id AND gone.person_ref = u.ref AND NOT EXISTS (
                     SELECT FROM membership AS back WHERE back.org_id = gone.org_id AND back.user_id = u.id)),
                nullif(u.display_name, ''), split_part(u.email, '@', 1)) AS person,
       u.email, r.amount, r.reason, r.state, r.for_good,
       r.asked_at, r.decided_at
FROM budget_request AS r
JOIN app_user AS u ON u.id = r.user_id
WHERE r.org_id = %(org_id)s AND (%(user_id)s::bigint IS NULL OR r.user_id = %(user_id)s)
ORDER BY r.state <> 'open', coalesce(r.decided_at, r.asked_at) DESC, r.request_id
LIMIT 100;

-- ask: A new request; an open one of the same person for the same budget is replaced. No row: this one is known already.
-- A row that was there before, and is updated, carries the updater's number in xmax.
INSERT INTO budget_request (org_id, request_id, budget_id, user_id, amount, reason)
SELECT %(org_id)s, %(request_id)s, %(budget_id)s, %(user_id)s, %(amount)s, %(reason)s
WHERE NOT EXISTS (SELECT 1 FROM budget_request WHERE org_id = %(org_id)s AND request_id = %(request_id)s)
ON CONFLICT (org_id, budget_id, user_id) WHERE state = 'open' DO UPDATE
SET request_id = excluded.request_id, amount = excluded.amount, reason = excluded.reason, asked_at = now()
RETURNING xmax = 0 AS is_new;

-- locked: One request, which nobody else can decide meanwhile.
SELECT r.request_id, r.budget_id, r.user_id,
       coalesce((SELECT 'Erased person ' || gone.number FROM erased_person AS gone
                 WHERE gone.org_id = r.org_id AND gone.person_ref = u.ref AND NOT EXISTS (
                     SELECT FROM membership AS back WHERE back.org_id = gone.org_id AND back.user_id = u.id)),
                nullif(u.display_name, ''), split_part(u.email, '@', 1)) AS person,
       u.email, r.amount, r.reason, r.state, r.for_good,
       r.asked_at, r.decided_at
FROM budget_request AS r
JOIN app_user AS u ON u.id = r.user_id
WHERE r.org_id = %(org_id)s AND r.request_id = %(request_id)s
FOR UPDATE OF r;

-- decide: What was decided, by whom.
UPDATE budget_request SET state = %(state)s, for_good = %(for_good)s, decided_by = %(by)s, decided_at = now()
WHERE org_id = %(org_id)s AND request_id = %(request_id)s;

-- close: The budget is gone: nobody decides on the open requests for it any more.
UPDATE budget_request SET state = 'declined', for_good = false, decided_at = now()
WHERE org_id = %(org_id)s AND budget_id = %(budget_id)s AND state = 'open'
RETURNING request_id, user_id, amount;

-- close_of: Whoever asked has left: nobody decides on what they asked for any more.
UPDATE budget_request SET state = 'declined', for_good = false, decided_at = now()
WHERE org_id = %(org_id)s AND user_id = %(user_id)s AND state = 'open';
