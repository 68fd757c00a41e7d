-- claim: E-mails whose time has come, taken by this worker: until their next time nobody else takes them.
UPDATE mail_queue AS q
SET attempts = q.attempts + 1,
    due_at = now() + least(%(most)s, %(first)s * power(2, least(q.attempts, 20))) * interval '1 second'
FROM (SELECT d.org_id, d.notification_id FROM mail_queue AS d
      WHERE d.due_at <= now() AND d.sent_at IS NULL AND d.given_up_at IS NULL
      ORDER BY d.due_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED) AS due
WHERE q.org_id = due.org_id AND q.notification_id = due.notification_id
RETURNING q.org_id, q.notification_id, q.attempts;

-- letter: What an e-mail says and to whom; nothing where the person has left the organization or may not sign in.
SELECT n.notification_id, n.title, n.body, n.link, n.link_label, n.leads_to_buying, n.created_at, u.email,
       coalesce(nullif(u.display_name, ''), split_part(u.email, '@', 1)) AS name, m.role, o.name AS organization,
       coalesce(s.purchase_roles, 'owner') AS purchase_roles,
       EXISTS (SELECT FROM membership AS x WHERE x.user_id = m.user_id AND x.org_id <> m.org_id) AS is_elsewhere_too
FROM notification AS n
JOIN membership AS m ON m.org_id = n.org_id AND m.user_id = n.user_id
JOIN app_user AS u ON u.id = n.user_id AND u.is_active
JOIN organization AS o ON o.id = n.org_id
LEFT JOIN billing_setting AS s ON s.org_id = n.org_id
WHERE n.org_id = %(org_id)s AND n.notification_id = %(notification_id)s;

-- sent: The mail server has taken it.
UPDATE mail_queue SET sent_at = now(), fault = ''
WHERE org_id = %(org_id)s AND notification_id = %(notification_id)s;

-- failed: It was not taken: again when it is due next, or never.
UPDATE mail_queue SET fault = %(fault)s, given_up_at = CASE WHEN %(give_up)s THEN now() END
WHERE org_id = %(org_id)s AND notification_id = %(notification_id)s;
