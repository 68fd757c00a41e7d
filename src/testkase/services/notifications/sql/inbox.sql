-- unread: How many a person has not read, counted no further than a bell shows.
SELECT count(*) AS unread
FROM (SELECT FROM notification
      WHERE org_id = %(org_id)s AND user_id = %(user_id)s AND read_at IS NULL LIMIT %(most)s) AS found;

-- page: A person's notifications, newest first, from below an id.
SELECT notification_id, kind, title, body, link, link_label, leads_to_buying, created_at, read_at
FROM notification
WHERE org_id = %(org_id)s AND user_id = %(user_id)s AND notification_id < %(before)s
ORDER BY notification_id DESC
LIMIT %(limit)s;

-- read: One of a person's notifications, read from now on or since before.
UPDATE notification SET read_at = coalesce(read_at, now())
WHERE org_id = %(org_id)s AND user_id = %(user_id)s AND notification_id = %(notification_id)s
RETURNING notification_id, kind, title, body, link, link_label, leads_to_buying, created_at, read_at;

-- read_all: Everything a person had been told when they said so.
UPDATE notification SET read_at = now()
WHERE org_id = %(org_id)s AND user_id = %(user_id)s AND read_at IS NULL AND notification_id <= %(up_to)s;
