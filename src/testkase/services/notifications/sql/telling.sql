-- tell: A row for each member it is for who has none yet, and an e-mail for each of those; and an event for endpoints,
-- unless somebody was told under this key before: who joins later is told late, and programs are not told again.
WITH told AS (
    INSERT INTO notification (
        org_id, user_id, kind, event_key, title, body, link, link_label, leads_to_buying)
    SELECT m.org_id, m.user_id, %(kind)s, %(event_key)s, %(title)s, %(body)s, %(link)s, %(link_label)s,
           %(leads_to_buying)s
    FROM membership AS m
    WHERE m.org_id = %(org_id)s AND (m.role = ANY (%(roles)s::text[]) OR m.user_id = ANY (%(people)s::bigint[]))
    ORDER BY m.user_id
    ON CONFLICT (org_id, user_id, event_key) DO NOTHING
    RETURNING org_id, notification_id
), mailed AS (
    INSERT INTO mail_queue (org_id, notification_id)
    SELECT t.org_id, t.notification_id FROM told AS t WHERE %(email)s
), event AS (
    INSERT INTO webhook_event (org_id, kind, event_key, title, body, link, facts)
    SELECT %(org_id)s, %(kind)s, %(event_key)s, %(title)s, %(body)s, %(link)s, %(facts)s::jsonb
    WHERE %(to_endpoints)s AND EXISTS (SELECT FROM told)
      AND EXISTS (SELECT FROM webhook_endpoint AS e
                  WHERE e.org_id = %(org_id)s AND e.state = 'on' AND (e.kinds = '{}' OR %(kind)s = ANY (e.kinds)))
      AND NOT EXISTS (SELECT FROM membership AS m JOIN notification AS n
                          ON n.org_id = m.org_id AND n.user_id = m.user_id AND n.event_key = %(event_key)s
                      WHERE m.org_id = %(org_id)s)
    ON CONFLICT DO NOTHING
    RETURNING org_id, event_id
), sent AS (
    INSERT INTO webhook_delivery (org_id, endpoint_id, event_id)
    SELECT e.org_id, e.endpoint_id, v.event_id
    FROM event AS v JOIN webhook_endpoint AS e ON e.org_id = v.org_id
    WHERE e.state = 'on' AND (e.kinds = '{}' OR %(kind)s = ANY (e.kinds))
)
SELECT count(*) AS told FROM told;
