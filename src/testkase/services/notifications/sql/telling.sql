-- tell: A row for each member it is for who has none yet, and an e-mail for each of those.
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
)
SELECT count(*) AS told FROM told;
