-- unwatched: Organizations with entries nobody has watched yet, among those written to in the last so many microseconds.
SELECT ledger.unwatched(
    (extract(epoch FROM clock_timestamp()) * 1000000)::bigint - %(window)s, %(limit)s) AS org_id;

-- pass_quiet: Move the watch on where nothing can have happened, many organizations at once.
SELECT ledger.pass_quiet(
    (extract(epoch FROM clock_timestamp()) * 1000000)::bigint - %(window)s, %(limit)s,
    %(forecast_every)s * interval '1 second') AS passed;

-- begin: The watch over an organization that has none yet: AI as it was before the first time it was switched.
INSERT INTO alert_watch (org_id, ai_on, thresholds)
SELECT a.org_id,
       coalesce((SELECT e.note = 'off' FROM (
                     SELECT o.operation_id FROM ledger.operation AS o
                     WHERE o.org_id = a.org_id AND o.operation_id >= 'switch:' AND o.operation_id < 'switch;'
                     ORDER BY o.seq LIMIT 1
                 ) AS first CROSS JOIN LATERAL ledger.entry_of(a.org_id, first.operation_id) AS e), a.ai_enabled),
       '{}'
FROM ledger.account AS a
WHERE a.org_id = %(org_id)s
ON CONFLICT (org_id) DO NOTHING;

-- lock_free: The watch, for whoever is first; nothing while another worker reads on.
SELECT seq, level, ai_on, custom, thresholds, crossed, crossed_seq, forecast_days, forecast_period,
       coalesce(forecast_at < now() - %(forecast_every)s * interval '1 second', true) AS forecast_due
FROM alert_watch WHERE org_id = %(org_id)s FOR UPDATE SKIP LOCKED;

-- lock: The watch, after whoever reads on now has finished.
SELECT seq, level, ai_on, custom, thresholds, crossed, crossed_seq, forecast_days, forecast_period,
       coalesce(forecast_at < now() - %(forecast_every)s * interval '1 second', true) AS forecast_due
FROM alert_watch WHERE org_id = %(org_id)s FOR UPDATE;

-- look: The watch as it stands, for pages.
SELECT seq, level, ai_on, custom, thresholds, crossed, crossed_seq, forecast_days, forecast_period,
       false AS forecast_due
FROM alert_watch WHERE org_id = %(org_id)s;

-- readings: Entries after the last one watched, in order.
SELECT seq, at, kind, note, available_after AS available, available_after + held_after AS level
FROM ledger.journal(%(org_id)s, %(seq)s, %(limit)s)
ORDER BY seq;

-- keep: Where the watch stands now.
UPDATE alert_watch
SET seq = %(seq)s, level = %(level)s, ai_on = %(ai_on)s, thresholds = %(thresholds)s, crossed = %(crossed)s,
    crossed_seq = %(crossed_seq)s
WHERE org_id = %(org_id)s;

-- keep_choice: Thresholds somebody chose, or the default ones.
UPDATE alert_watch SET custom = %(custom)s, forecast_days = %(forecast_days)s WHERE org_id = %(org_id)s;

-- keep_forecast: When the forecast was last looked at, and the period in which people were told; -1: not told.
UPDATE alert_watch SET forecast_at = now(), forecast_period = %(forecast_period)s WHERE org_id = %(org_id)s;

-- crossed: A threshold the balance fell to, once an entry.
INSERT INTO alert (org_id, seq, threshold, level, at)
SELECT %(org_id)s, %(seq)s, threshold, %(level)s, %(at)s
FROM unnest(%(thresholds)s::bigint[]) AS threshold
ON CONFLICT (org_id, seq, threshold) DO NOTHING;

-- alerted: An alert about something else than a threshold: the banner speaks of something new from this entry on.
UPDATE alert_watch SET crossed_seq = %(seq)s WHERE org_id = %(org_id)s;

-- dismiss: Keep the banner away from a person until the next alert.
INSERT INTO alert_dismissal AS d (org_id, user_id, seq)
VALUES (%(org_id)s, %(user_id)s, %(seq)s)
ON CONFLICT (org_id, user_id) DO UPDATE SET seq = greatest(d.seq, excluded.seq);

-- dismissed: The alert up to which a person has dismissed the banner.
SELECT seq FROM alert_dismissal WHERE org_id = %(org_id)s AND user_id = %(user_id)s;
