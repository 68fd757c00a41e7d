-- insert_generation: a request, waiting for its job.
INSERT INTO generation (org_id, project_id, project_ref, requested_by, user_ref, requirement, criteria, folder_id,
                        case_key, options, progress)
VALUES (%(org_id)s, %(project_id)s, %(project_ref)s, %(requested_by)s, %(user_ref)s, %(requirement)s, %(criteria)s,
        %(folder_id)s, %(case_key)s, %(options)s::jsonb, %(progress)s::jsonb)
RETURNING generation_id

-- give_up_lost: what no worker has brought to an end within an hour must not keep a person from asking again. What was
-- charged before its worker was lost is known to the ledger. One that began late and is being written keeps its hold open.
UPDATE generation AS g
SET state = CASE WHEN EXISTS (SELECT FROM draft_case AS d WHERE d.org_id = g.org_id AND d.generation_id = g.generation_id)
                 THEN 'succeeded' ELSE 'failed' END,
    charged = coalesce(g.charged, told.used, 0), receipt = coalesce(g.receipt, told.seq), finished_at = now(),
    error = 'The generation was lost.' || CASE WHEN told.used > 0 THEN '' ELSE ' Nothing was charged.' END
FROM generation AS lost
LEFT JOIN LATERAL ledger.entry_of(lost.org_id, 'resolution:' || lost.hold_id) AS told ON told.kind = 'settle'
WHERE lost.org_id = g.org_id AND lost.generation_id = g.generation_id
  AND g.org_id = %(org_id)s AND g.requested_by = %(user_id)s AND g.state IN ('queued', 'running')
  AND g.created_at < now() - interval '1 hour'
  AND NOT EXISTS (SELECT FROM ledger.open_hold AS held WHERE held.org_id = lost.org_id AND held.hold_id = lost.hold_id
                  AND held.expires_at > (extract(epoch FROM now()) * 1000000)::bigint)

-- count_under_way: how many generations one person has queued or running.
SELECT count(*) FROM generation
WHERE org_id = %(org_id)s AND requested_by = %(user_id)s AND state IN ('queued', 'running')

-- find_generation: a generation as its page shows it.
SELECT generation_id, project_id, requirement, criteria, folder_id, case_key, options::text AS options, state, stop_asked,
       progress::text AS progress, user_ref, charged, receipt, ending, error, created_at, finished_at
FROM generation
WHERE org_id = %(org_id)s AND generation_id = %(generation_id)s

-- list_drafts: its drafts, in the order they came.
SELECT position, content::text AS content, state, case_key, twin_key, likeness, after_step
FROM draft_case
WHERE org_id = %(org_id)s AND generation_id = %(generation_id)s
ORDER BY position

-- list_generations: a project's generations, newest first.
SELECT g.generation_id, left(g.requirement, 120) AS title, g.state, g.ending, g.user_ref, g.charged, g.created_at,
       (SELECT count(*) FROM draft_case d
        WHERE d.org_id = g.org_id AND d.generation_id = g.generation_id) AS draft_count,
       (SELECT count(*) FROM draft_case d
        WHERE d.org_id = g.org_id AND d.generation_id = g.generation_id AND d.state = 'accepted') AS accepted_count
FROM generation g
WHERE g.org_id = %(org_id)s AND g.project_id = %(project_id)s AND g.case_key IS NULL
  AND (%(before)s::bigint IS NULL OR g.generation_id < %(before)s)
ORDER BY g.generation_id DESC
LIMIT %(limit)s

-- ask_to_cancel: somebody pressed Cancel; what no worker has begun ends at once.
UPDATE generation
SET stop_asked = true, state = CASE state WHEN 'queued' THEN 'failed' ELSE state END,
    ending = CASE state WHEN 'queued' THEN 'cancelled' ELSE ending END,
    charged = CASE state WHEN 'queued' THEN 0 ELSE charged END,
    finished_at = CASE state WHEN 'queued' THEN now() ELSE finished_at END
WHERE org_id = %(org_id)s AND generation_id = %(generation_id)s AND state IN ('queued', 'running')

-- lock_draft: a draft about to be decided.
SELECT d.state, d.case_key, d.content::text AS content, d.after_step, g.project_id, g.case_key AS for_case
FROM draft_case d JOIN generation g USING (org_id, generation_id)
WHERE d.org_id = %(org_id)s AND d.generation_id = %(generation_id)s AND d.position = %(position)s
FOR UPDATE OF d

-- decide_draft: who decided what, and the test case it became.
UPDATE draft_case
SET state = %(state)s, decided_by = %(user_id)s, decided_at = now(), case_key = %(case_key)s, edited = %(edited)s
WHERE org_id = %(org_id)s AND generation_id = %(generation_id)s AND position = %(position)s

-- begin_attempt: take a generation for a run of its job; the attempt before it can write no more.
UPDATE generation SET state = 'running', attempt = attempt + 1
WHERE org_id = %(org_id)s AND generation_id = %(generation_id)s AND state IN ('queued', 'running')
RETURNING attempt, hold_id AS earlier_hold, project_id, requested_by, requirement, criteria, case_key,
          options::text AS options, user_ref, project_ref, stop_asked

-- name_hold: the hold of this attempt, written before it is opened.
UPDATE generation SET hold_id = %(hold_id)s
WHERE org_id = %(org_id)s AND generation_id = %(generation_id)s AND attempt = %(attempt)s AND state = 'running'
RETURNING 1

-- report_progress: how far this attempt is.
UPDATE generation SET progress = %(progress)s::jsonb
WHERE org_id = %(org_id)s AND generation_id = %(generation_id)s AND attempt = %(attempt)s AND state = 'running'
RETURNING 1

-- is_to_stop: whether somebody pressed Cancel while this attempt is the current one.
SELECT stop_asked FROM generation
WHERE org_id = %(org_id)s AND generation_id = %(generation_id)s AND attempt = %(attempt)s AND state = 'running'

-- insert_draft: a draft of this attempt; a place that is taken stays as it is.
INSERT INTO draft_case (org_id, generation_id, position, content, after_step, twin_key, likeness)
SELECT org_id, generation_id, %(position)s, %(content)s::jsonb, %(after_step)s, %(twin_key)s, %(likeness)s
FROM generation
WHERE org_id = %(org_id)s AND generation_id = %(generation_id)s AND attempt = %(attempt)s AND state = 'running'
ON CONFLICT (org_id, generation_id, position) DO NOTHING

-- finish: the end of this attempt and of the generation.
UPDATE generation
SET state = %(state)s, charged = %(charged)s, receipt = %(receipt)s, ending = %(ending)s, error = %(error)s,
    finished_at = now(), progress = %(progress)s::jsonb
WHERE org_id = %(org_id)s AND generation_id = %(generation_id)s AND attempt = %(attempt)s AND state = 'running'
RETURNING 1

-- latest_for_case: the newest suggestions for a test case.
SELECT generation_id FROM generation
WHERE org_id = %(org_id)s AND case_key = %(case_key)s
ORDER BY generation_id DESC LIMIT 1

-- undecided_drafts: drafts nobody has decided on, in their order; those of one generation are locked in it.
SELECT position FROM draft_case
WHERE org_id = %(org_id)s AND generation_id = %(generation_id)s AND state = 'proposed'
ORDER BY position FOR UPDATE

-- provenance: where a test case came from. Erased content leaves only the number.
SELECT g.options ->> 'model' AS model, g.options ->> 'level' AS level, g.user_ref, g.created_at, d.edited, d.decided_at,
       coalesce((SELECT 'Erased person ' || gone.number FROM erased_person AS gone
                 WHERE gone.org_id = d.org_id AND gone.person_ref = u.ref AND NOT EXISTS (
                     SELECT FROM membership AS back WHERE back.org_id = gone.org_id AND back.user_id = u.id)),
                nullif(u.display_name, ''), u.email) AS decided_by
FROM generation g JOIN draft_case d USING (org_id, generation_id) LEFT JOIN app_user u ON u.id = d.decided_by
WHERE g.org_id = %(org_id)s AND g.generation_id = %(generation_id)s AND d.case_key = %(case_key)s AND g.case_key IS NULL

-- usual_costs: what this organization's latest runs with a model were charged, and for how many drafts.
SELECT charged, drafts
FROM (
    SELECT charged, greatest((progress ->> 'total')::integer, 1) AS drafts, state, ending, options ->> 'model' AS model, case_key
    FROM generation WHERE org_id = %(org_id)s ORDER BY generation_id DESC LIMIT %(recent)s
) AS recent
WHERE state = 'succeeded' AND ending = '' AND charged > 0 AND model = %(model)s AND (case_key IS NOT NULL) = %(of_steps)s
