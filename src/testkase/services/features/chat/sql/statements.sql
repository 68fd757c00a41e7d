-- list_threads: a person's threads in a project, the one last asked in first.
SELECT t.thread_id, t.title, t.asked_at,
       (SELECT count(*) FROM chat_turn AS u WHERE u.org_id = t.org_id AND u.thread_id = t.thread_id) AS turn_count,
       EXISTS (SELECT FROM chat_turn AS u WHERE u.org_id = t.org_id AND u.thread_id = t.thread_id
               AND u.state IN ('queued', 'running')) AS running
FROM chat_thread AS t
WHERE t.org_id = %(org_id)s AND t.project_id = %(project_id)s AND t.user_id = %(user_id)s
  AND (%(before_at)s::timestamptz IS NULL
       OR (t.asked_at, t.thread_id) < (%(before_at)s::timestamptz, %(before_id)s::bigint))
ORDER BY t.asked_at DESC, t.thread_id DESC
LIMIT %(limit)s

-- thread_line: one of a person's threads, as the list shows it.
SELECT t.thread_id, t.title, t.asked_at,
       (SELECT count(*) FROM chat_turn AS u WHERE u.org_id = t.org_id AND u.thread_id = t.thread_id) AS turn_count,
       EXISTS (SELECT FROM chat_turn AS u WHERE u.org_id = t.org_id AND u.thread_id = t.thread_id
               AND u.state IN ('queued', 'running')) AS running
FROM chat_thread AS t
WHERE t.org_id = %(org_id)s AND t.project_id = %(project_id)s AND t.user_id = %(user_id)s AND t.thread_id = %(thread_id)s

-- newest_threads: everybody's threads of an organization, without a word of what was said.
SELECT t.thread_id, t.user_ref, p.key AS project_key, t.asked_at,
       (SELECT count(*) FROM chat_turn AS u WHERE u.org_id = t.org_id AND u.thread_id = t.thread_id) AS turn_count
FROM chat_thread AS t JOIN project AS p ON p.org_id = t.org_id AND p.project_id = t.project_id
WHERE t.org_id = %(org_id)s
ORDER BY t.asked_at DESC, t.thread_id DESC
LIMIT %(limit)s

-- find_thread: one of a person's threads.
SELECT thread_id, title, created_at, asked_at FROM chat_thread
WHERE org_id = %(org_id)s AND project_id = %(project_id)s AND user_id = %(user_id)s AND thread_id = %(thread_id)s

-- rename_thread: another title.
UPDATE chat_thread SET title = %(title)s
WHERE org_id = %(org_id)s AND project_id = %(project_id)s AND user_id = %(user_id)s AND thread_id = %(thread_id)s
RETURNING thread_id

-- delete_thread: a thread with everything said in it.
DELETE FROM chat_thread
WHERE org_id = %(org_id)s AND project_id = %(project_id)s AND user_id = %(user_id)s AND thread_id = %(thread_id)s
RETURNING thread_id

-- list_turns: the newest turns of a thread before one, newest first.
SELECT thread_id, turn_id, question, model, state, doing, answer, facts, sources::text AS sources, stop_asked, charged,
       receipt, ending, error, created_at, finished_at
FROM chat_turn
WHERE org_id = %(org_id)s AND thread_id = %(thread_id)s AND (%(before)s::bigint IS NULL OR turn_id < %(before)s)
ORDER BY turn_id DESC
LIMIT %(limit)s

-- find_turn: one turn of a thread.
SELECT thread_id, turn_id, question, model, state, doing, answer, facts, sources::text AS sources, stop_asked, charged,
       receipt, ending, error, created_at, finished_at
FROM chat_turn
WHERE org_id = %(org_id)s AND thread_id = %(thread_id)s AND turn_id = %(turn_id)s

-- ask_to_stop: somebody pressed Stop; what no worker has begun ends at once.
UPDATE chat_turn
SET stop_asked = true, state = CASE state WHEN 'queued' THEN 'answered' ELSE state END,
    ending = CASE state WHEN 'queued' THEN 'stopped' ELSE ending END,
    charged = CASE state WHEN 'queued' THEN 0 ELSE charged END,
    finished_at = CASE state WHEN 'queued' THEN now() ELSE finished_at END
WHERE org_id = %(org_id)s AND thread_id = %(thread_id)s AND turn_id = %(turn_id)s AND state IN ('queued', 'running')

-- count_threads: how many threads a person has in a project.
SELECT count(*) AS threads FROM chat_thread
WHERE org_id = %(org_id)s AND project_id = %(project_id)s AND user_id = %(user_id)s

-- count_turns: how many turns a thread has.
SELECT count(*) AS turns FROM chat_turn WHERE org_id = %(org_id)s AND thread_id = %(thread_id)s

-- insert_thread: a new conversation.
INSERT INTO chat_thread (org_id, project_id, user_id, user_ref, title)
VALUES (%(org_id)s, %(project_id)s, %(user_id)s, %(user_ref)s, %(title)s)
RETURNING thread_id

-- give_up_lost: what no worker has brought to an end within an hour must not keep a person from asking again. One
-- that began late and is being written keeps its hold open.
UPDATE chat_turn AS t
SET state = 'failed', charged = coalesce(t.charged, told.used, 0), receipt = coalesce(t.receipt, told.seq),
    error = 'The answer was lost.', finished_at = now()
FROM chat_turn AS lost
LEFT JOIN LATERAL ledger.entry_of(lost.org_id, 'resolution:' || lost.hold_id) AS told ON told.kind = 'settle'
WHERE lost.org_id = t.org_id AND lost.thread_id = t.thread_id AND lost.turn_id = t.turn_id
  AND t.org_id = %(org_id)s AND t.user_id = %(user_id)s AND t.state IN ('queued', 'running')
  AND t.created_at < now() - interval '1 hour'
  AND NOT EXISTS (SELECT FROM ledger.open_hold AS held WHERE held.org_id = lost.org_id AND held.hold_id = lost.hold_id
                  AND held.expires_at > (extract(epoch FROM now()) * 1000000)::bigint)

-- insert_turn: a question, waiting for its job; nothing where the person has another answer under way.
INSERT INTO chat_turn (org_id, thread_id, project_id, project_ref, user_id, user_ref, question, model)
VALUES (%(org_id)s, %(thread_id)s, %(project_id)s, %(project_ref)s, %(user_id)s, %(user_ref)s, %(question)s, %(model)s)
ON CONFLICT (org_id, user_id) WHERE state IN ('queued', 'running') DO NOTHING
RETURNING turn_id

-- answer_under_way: in which chat of which project the person's one answer under way is being written.
SELECT thread.title, turn.project_ref
FROM chat_turn AS turn JOIN chat_thread AS thread USING (org_id, thread_id)
WHERE turn.org_id = %(org_id)s AND turn.user_id = %(user_id)s AND turn.state IN ('queued', 'running')

-- touch_thread: it was asked in just now.
UPDATE chat_thread SET asked_at = now() WHERE org_id = %(org_id)s AND thread_id = %(thread_id)s

-- begin_attempt: take a turn for a run of its job; the attempt before it can write no more.
UPDATE chat_turn SET state = 'running', attempt = attempt + 1
WHERE org_id = %(org_id)s AND thread_id = %(thread_id)s AND turn_id = %(turn_id)s AND state IN ('queued', 'running')
RETURNING attempt, hold_id AS earlier_hold, project_id, project_ref, user_id, user_ref, question, model, stop_asked,
          answer, facts, sources::text AS sources

-- earlier_turns: what was said before in a thread, newest first.
SELECT question, answer, facts FROM chat_turn
WHERE org_id = %(org_id)s AND thread_id = %(thread_id)s AND state = 'answered'
  AND (%(turn_id)s::bigint IS NULL OR turn_id < %(turn_id)s)
ORDER BY turn_id DESC
LIMIT %(limit)s

-- name_hold: the hold of this attempt, written before it is opened.
UPDATE chat_turn SET hold_id = %(hold_id)s
WHERE org_id = %(org_id)s AND thread_id = %(thread_id)s AND turn_id = %(turn_id)s AND attempt = %(attempt)s
  AND state = 'running'
RETURNING 1

-- report: how far this attempt is. Answers whether it is still the current one, and whether it is to stop.
UPDATE chat_turn SET doing = %(doing)s, answer = %(answer)s, facts = %(facts)s, sources = %(sources)s::jsonb
WHERE org_id = %(org_id)s AND thread_id = %(thread_id)s AND turn_id = %(turn_id)s AND attempt = %(attempt)s
  AND state = 'running'
RETURNING stop_asked

-- look: whose turn it is and whether it is to stop, where there is nothing to report.
SELECT attempt, state, stop_asked FROM chat_turn
WHERE org_id = %(org_id)s AND thread_id = %(thread_id)s AND turn_id = %(turn_id)s

-- finish: the end of this attempt and of the turn.
UPDATE chat_turn
SET state = %(state)s, doing = '', answer = %(answer)s, facts = %(facts)s, sources = %(sources)s::jsonb,
    charged = %(charged)s, receipt = %(receipt)s, ending = %(ending)s, error = %(error)s, finished_at = now()
WHERE org_id = %(org_id)s AND thread_id = %(thread_id)s AND turn_id = %(turn_id)s AND attempt = %(attempt)s
  AND state = 'running'
RETURNING 1
