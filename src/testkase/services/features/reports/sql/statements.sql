-- insert_run: a request, waiting for its job.
INSERT INTO report_run (org_id, project_id, project_ref, requested_by, user_ref, options, origin, progress)
VALUES (%(org_id)s, %(project_id)s, %(project_ref)s, %(requested_by)s, %(user_ref)s, %(options)s::jsonb, %(origin)s,
        %(progress)s::jsonb)
RETURNING run_id

-- insert_reports: the reports of a request, in the order asked for.
INSERT INTO report (org_id, run_id, project_id, kind, model)
SELECT %(org_id)s, %(run_id)s, %(project_id)s, asked.kind, %(model)s
FROM unnest(%(kinds)s::text[]) WITH ORDINALITY AS asked (kind, place)
ORDER BY asked.place
RETURNING report_id

-- give_up_lost: what no worker has brought to an end within an hour must not keep a person from asking again. One
-- that began late and is being written keeps its hold open.
WITH lost AS (
    UPDATE report_run AS gone
    SET state = CASE WHEN EXISTS (SELECT FROM report AS r WHERE r.org_id = gone.org_id AND r.run_id = gone.run_id
                                  AND r.state = 'succeeded') THEN 'succeeded' ELSE 'failed' END,
        charged = coalesce(gone.charged, told.used, 0), receipt = coalesce(gone.receipt, told.seq), finished_at = now(),
        error = 'The reports were lost.' || CASE WHEN told.used > 0 THEN '' ELSE ' Nothing was charged.' END
    FROM report_run AS same
    LEFT JOIN LATERAL ledger.entry_of(same.org_id, 'resolution:' || same.hold_id) AS told ON told.kind = 'settle'
    WHERE same.org_id = gone.org_id AND same.run_id = gone.run_id
      AND gone.org_id = %(org_id)s AND gone.requested_by = %(user_id)s AND gone.state IN ('queued', 'running')
      AND gone.created_at < now() - interval '1 hour'
      AND NOT EXISTS (SELECT FROM ledger.open_hold AS held WHERE held.org_id = same.org_id AND held.hold_id = same.hold_id
                      AND held.expires_at > (extract(epoch FROM now()) * 1000000)::bigint)
    RETURNING gone.run_id, gone.error)
UPDATE report r SET state = 'failed', error = lost.error
FROM lost WHERE r.org_id = %(org_id)s AND r.run_id = lost.run_id AND r.state IN ('queued', 'running')

-- count_under_way: how many runs one person has queued or running.
SELECT count(*) FROM report_run
WHERE org_id = %(org_id)s AND requested_by = %(user_id)s AND state IN ('queued', 'running')

-- past_costs: what the newest reports of these kinds took with a model.
SELECT asked.kind, past.input_tokens, past.cached_tokens, past.output_tokens
FROM unnest(%(kinds)s::text[]) AS asked (kind)
CROSS JOIN LATERAL (
    SELECT input_tokens, cached_tokens, output_tokens FROM report
    WHERE org_id = %(org_id)s AND kind = asked.kind AND model = %(model)s AND state = 'succeeded'
    ORDER BY report_id DESC LIMIT %(limit)s) AS past

-- find_report: a report as its page shows it, with the run it belongs to.
SELECT r.report_id, r.run_id, r.project_id, r.kind, r.state, r.facts::text AS facts, r.narrative::text AS narrative,
       r.ending, coalesce(r.error, CASE WHEN r.state = 'failed' THEN run.error END) AS error, run.options::text AS options,
       run.state AS run_state, run.stop_asked, run.progress::text AS progress, run.origin, run.user_ref, run.charged, run.receipt,
       run.created_at, run.finished_at
FROM report r JOIN report_run run USING (org_id, run_id)
WHERE r.org_id = %(org_id)s AND r.project_id = %(project_id)s AND r.report_id = %(report_id)s

-- siblings: the reports of a run, in order.
SELECT report_id, kind, state FROM report WHERE org_id = %(org_id)s AND run_id = %(run_id)s ORDER BY report_id

-- list_reports: a project's reports, newest first.
SELECT r.report_id, r.run_id, r.kind, r.state, r.ending, run.state AS run_state, run.user_ref, run.origin, run.charged,
       run.created_at, (SELECT count(*) FROM report o WHERE o.org_id = r.org_id AND o.run_id = r.run_id) AS together
FROM report r JOIN report_run run USING (org_id, run_id)
WHERE r.org_id = %(org_id)s AND r.project_id = %(project_id)s
  AND (%(before)s::bigint IS NULL OR r.report_id < %(before)s)
ORDER BY r.report_id DESC
LIMIT %(limit)s

-- ask_to_cancel: somebody pressed Cancel at a report of the run; what no worker has begun ends at once.
WITH asked AS (
    UPDATE report_run AS run
    SET stop_asked = true, state = CASE state WHEN 'queued' THEN 'failed' ELSE state END,
        charged = CASE state WHEN 'queued' THEN 0 ELSE charged END,
        finished_at = CASE state WHEN 'queued' THEN now() ELSE finished_at END
    WHERE org_id = %(org_id)s AND run_id = %(run_id)s AND state IN ('queued', 'running')
    RETURNING state)
UPDATE report SET state = 'failed', ending = 'cancelled'
FROM asked
WHERE org_id = %(org_id)s AND run_id = %(run_id)s AND asked.state = 'failed' AND report.state IN ('queued', 'running')

-- delete_report: take a report of a finished run away, and the run with its last one.
WITH gone AS (
    DELETE FROM report r USING report_run run
    WHERE r.org_id = %(org_id)s AND r.project_id = %(project_id)s AND r.report_id = %(report_id)s
      AND run.org_id = r.org_id AND run.run_id = r.run_id AND run.state IN ('succeeded', 'failed')
    RETURNING r.run_id, r.kind)
SELECT run_id, kind FROM gone

-- delete_empty_run: the run of the last report that was taken away.
DELETE FROM report_run run
WHERE run.org_id = %(org_id)s AND run.run_id = %(run_id)s AND run.state IN ('succeeded', 'failed')
  AND NOT EXISTS (SELECT FROM report r WHERE r.org_id = run.org_id AND r.run_id = run.run_id)

-- begin_attempt: take a run for its job; the attempt before it can write no more.
UPDATE report_run SET state = 'running', attempt = attempt + 1
WHERE org_id = %(org_id)s AND run_id = %(run_id)s AND state IN ('queued', 'running')
RETURNING attempt, hold_id AS earlier_hold, project_id, requested_by, origin, options::text AS options, user_ref,
          project_ref, stop_asked

-- name_hold: the hold of this attempt, written before it is opened.
UPDATE report_run SET hold_id = %(hold_id)s
WHERE org_id = %(org_id)s AND run_id = %(run_id)s AND attempt = %(attempt)s AND state = 'running'
RETURNING 1

-- report_progress: how far this attempt is.
UPDATE report_run SET progress = %(progress)s::jsonb
WHERE org_id = %(org_id)s AND run_id = %(run_id)s AND attempt = %(attempt)s AND state = 'running'
RETURNING 1

-- is_to_stop: whether somebody pressed Cancel while this attempt is the current one.
SELECT stop_asked FROM report_run
WHERE org_id = %(org_id)s AND run_id = %(run_id)s AND attempt = %(attempt)s AND state = 'running'

-- reports_of_run: what is there already, in order.
SELECT report_id, kind, state, facts::text AS facts FROM report
WHERE org_id = %(org_id)s AND run_id = %(run_id)s ORDER BY report_id

-- keep_facts: what was found, as soon as it is.
UPDATE report SET facts = %(facts)s::jsonb, state = 'running'
WHERE org_id = %(org_id)s AND report_id = %(report_id)s AND state IN ('queued', 'running')

-- keep_text: the text that may be shown, and what it took.
UPDATE report SET narrative = %(narrative)s::jsonb, state = 'succeeded', input_tokens = %(input)s,
       cached_tokens = %(cached)s, output_tokens = %(output)s
WHERE org_id = %(org_id)s AND report_id = %(report_id)s AND state IN ('queued', 'running')

-- fail_report: no text that may be shown; the facts stay.
UPDATE report SET state = 'failed', error = %(error)s
WHERE org_id = %(org_id)s AND report_id = %(report_id)s AND state IN ('queued', 'running')

-- finish: the end of this attempt and of the run.
UPDATE report_run
SET state = CASE WHEN EXISTS (SELECT FROM report r WHERE r.org_id = report_run.org_id AND r.run_id = report_run.run_id
                              AND r.state = 'succeeded') THEN 'succeeded' ELSE 'failed' END,
    charged = %(charged)s, receipt = %(receipt)s, error = %(error)s, finished_at = now(),
    progress = progress - 'writing' - 'now'
WHERE org_id = %(org_id)s AND run_id = %(run_id)s AND attempt = %(attempt)s AND state = 'running'
RETURNING 1

-- finish_reports: those that never got their text.
UPDATE report SET state = 'failed', ending = %(ending)s, error = %(error)s
WHERE org_id = %(org_id)s AND run_id = %(run_id)s AND state IN ('queued', 'running')
