-- What keeps open pages and running calls up to date: one look a second a process at all organizations somebody watches.

-- When AI was switched last, for the card that shows it: a handful of rows an organization.
CREATE INDEX entry_switch ON ledger.entry (org_id, seq) WHERE kind = 'switch';

-- The look must see that somebody was told something, and nothing of what.
CREATE POLICY reader ON notification FOR SELECT TO testkase_ledger USING (true);
GRANT SELECT (org_id, notification_id) ON notification TO testkase_ledger;

-- Of the organizations named, those that have changed since the caller last looked (`seqs`, `notices`: what it saw then).
-- Places in the journal and what is available; the words and rows behind them are read in the organization's own context.
CREATE FUNCTION ledger.pulses(orgs bigint[], seqs bigint[], notices bigint[])
RETURNS TABLE (org_id bigint, last_seq bigint, usage_seq bigint, off_seq bigint, notice bigint, available bigint,
               ai_enabled boolean)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
    SELECT a.org_id, a.last_seq,
           coalesce((SELECT u.seq FROM ledger.usage AS u
                     WHERE u.org_id = a.org_id ORDER BY u.seq DESC LIMIT 1), 0),
           a.off_seq, told.notice, a.available, a.ai_enabled
    FROM unnest(orgs, seqs, notices) AS seen (org_id, seq, notice)
    JOIN ledger.account AS a ON a.org_id = seen.org_id
    CROSS JOIN LATERAL (
        SELECT coalesce((SELECT n.notification_id FROM public.notification AS n
                         WHERE n.org_id = a.org_id ORDER BY n.notification_id DESC LIMIT 1), 0) AS notice OFFSET 0
    ) AS told
    WHERE a.last_seq <> seen.seq OR told.notice <> seen.notice
$$;

GRANT CREATE ON SCHEMA ledger TO testkase_ledger;
ALTER FUNCTION ledger.pulses(bigint[], bigint[], bigint[]) OWNER TO testkase_ledger;
REVOKE CREATE ON SCHEMA ledger FROM testkase_ledger;
REVOKE ALL ON FUNCTION ledger.pulses(bigint[], bigint[], bigint[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.pulses(bigint[], bigint[], bigint[]) TO testkase_app;
