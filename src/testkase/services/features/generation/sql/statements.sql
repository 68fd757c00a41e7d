-- insert_generation: a request, waiting for its job.
INSERT INTO generation (org_id, project_id, project_ref, requested_by, user_ref, requirement, options, progress)
VALUES (%(org_id)s, %(project_id)s, %(project_ref)s, %(requested_by)s, %(user_ref)s, %(requirement)s,
        %(options)s::jsonb, %(progress)s::jsonb)
RETURNING generation_id

-- count_under_way: how many generations one person has queued or running.
SELECT count(*) FROM generation
WHERE org_id = %(org_id)s AND requested_by = %(user_id)s AND state IN ('queued', 'running')

-- find_generation: a generation as its page shows it.
SELECT generation_id, project_id, requirement, options::text AS options, state, progress::text AS progress, user_ref,
       charged, receipt, error, created_at, finished_at
FROM generation
WHERE org_id = %(org_id)s AND generation_id = %(generation_id)s

-- list_drafts: its drafts, in the order they came.
SELECT position, content::text AS content, state, case_key
FROM draft_case
WHERE org_id = %(org_id)s AND generation_id = %(generation_id)s
ORDER BY position

-- list_generations: a project's generations, newest first.
SELECT g.generation_id, left(g.requirement, 120) AS title, g.state, g.user_ref, g.charged, g.created_at,
       (SELECT count(*) FROM draft_case d
        WHERE d.org_id = g.org_id AND d.generation_id = g.generation_id) AS draft_count,
       (SELECT count(*) FROM draft_case d
        WHERE d.org_id = g.org_id AND d.generation_id = g.generation_id AND d.state = 'accepted') AS accepted_count
FROM generation g
WHERE g.org_id = %(org_id)s AND g.project_id = %(project_id)s
  AND (%(before)s::bigint IS NULL OR g.generation_id < %(before)s)
ORDER BY g.generation_id DESC
LIMIT %(limit)s

-- lock_draft: a draft about to be decided.
SELECT d.state, d.case_key, d.content::text AS content, g.project_id
FROM draft_case d JOIN generation g USING (org_id, generation_id)
WHERE d.org_id = %(org_id)s AND d.generation_id = %(generation_id)s AND d.position = %(position)s
FOR UPDATE OF d

-- decide_draft: who decided what, and the test case it became.
UPDATE draft_case
SET state = %(state)s, decided_by = %(user_id)s, decided_at = now(), case_key = %(case_key)s
WHERE org_id = %(org_id)s AND generation_id = %(generation_id)s AND position = %(position)s

-- begin_attempt: take a generation for a run of its job; the attempt before it can write no more.
UPDATE generation SET state = 'running', attempt = attempt + 1
WHERE org_id = %(org_id)s AND generation_id = %(generation_id)s AND state IN ('queued', 'running')
RETURNING attempt, hold_id AS earlier_hold, requirement, options::text AS options, user_ref, project_ref

-- name_hold: the hold of this attempt, written before it is opened.
UPDATE generation SET hold_id = %(hold_id)s
WHERE org_id = %(org_id)s AND generation_id = %(generation_id)s AND attempt = %(attempt)s AND state = 'running'
RETURNING 1

-- report_progress: how far this attempt is.
UPDATE generation SET progress = %(progress)s::jsonb
WHERE org_id = %(org_id)s AND generation_id = %(generation_id)s AND attempt = %(attempt)s AND state = 'running'
RETURNING 1

-- insert_draft: a draft of this attempt; a place that is taken stays as it is.
INSERT INTO draft_case (org_id, generation_id, position, content)
SELECT org_id, generation_id, %(position)s, %(content)s::jsonb
FROM generation
WHERE org_id = %(org_id)s AND generation_id = %(generation_id)s AND attempt = %(attempt)s AND state = 'running'
ON CONFLICT (org_id, generation_id, position) DO NOTHING

-- finish: the end of this attempt and of the generation.
UPDATE generation
SET state = %(state)s, charged = %(charged)s, receipt = %(receipt)s, error = %(error)s, finished_at = now(),
    progress = %(progress)s::jsonb
WHERE org_id = %(org_id)s AND generation_id = %(generation_id)s AND attempt = %(attempt)s AND state = 'running'
RETURNING 1
