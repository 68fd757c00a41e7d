-- A lone settlement adds to its day by the key of days. As an update it could go by any index, and by the statistics of many
-- organizations it went by the one of users: through every day on which somebody ever called anything. What decides whether
-- there is a conflict is always the key. An account is found by its id alone for the same reason: there is an index of due dates.

-- What ledger.append_many does, where there is one account and of every other table one row or none: null, then. `opened`
-- is a hold nobody has opened: where somebody has, its key refuses it (23505), as an id that was used before does.
-- `closed` is the hold that goes.
CREATE OR REPLACE FUNCTION ledger.append_one(
    decided_at bigint, moved ledger.known_account, lot ledger.moved_lot, opened ledger.opened_hold, closed text,
    posted ledger.posted_entry, recorded ledger.recorded_usage, added ledger.added_day
) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
    here bigint;
BEGIN
    UPDATE ledger.account AS a
    SET available = moved.available, held = moved.held, debt = moved.debt, covered = moved.covered,
        overage_limit = moved.overage_limit, overage = moved.overage, period_number = moved.period_number,
        period_start = moved.period_start, period_end = moved.period_end, period_used = moved.period_used,
        due_at = moved.due_at, ai_enabled = moved.ai_enabled, off_seq = moved.off_seq, limited = moved.limited,
        last_seq = moved.last_seq, last_at = moved.last_at, last_hash = moved.last_hash
    WHERE a.org_id = moved.org_id AND a.last_hash = moved.known_hash
      AND a.due_at IS NOT DISTINCT FROM moved.known_due_at;  -- which no index serves
    here := (extract(epoch FROM clock_timestamp()) * 1000000)::bigint;
    IF NOT FOUND OR abs(here - decided_at) > 2000000 THEN
        RAISE EXCEPTION 'what was known is not so any more' USING ERRCODE = 'TK001';
    END IF;

    IF lot.org_id IS NOT NULL THEN
        UPDATE ledger.lot AS l
        SET available = lot.available, held = lot.held, reversed = lot.reversed, expired = lot.expired,
            clawed = lot.clawed, frozen = lot.frozen
        WHERE l.org_id = lot.org_id AND l.lot_id = lot.lot_id;
    END IF;

    IF opened.org_id IS NOT NULL THEN
        INSERT INTO ledger.open_hold (
            org_id, hold_id, amount, lots, opened_at, expires_at, use_case, user_ref, project_ref, model, terms)
        VALUES (opened.org_id, opened.hold_id, opened.amount, opened.lots, opened.opened_at, opened.expires_at,
                opened.use_case, opened.user_ref, opened.project_ref, opened.model, opened.terms);
    ELSIF closed IS NOT NULL THEN
        DELETE FROM ledger.open_hold AS h WHERE h.org_id = moved.org_id AND h.hold_id = closed;
    END IF;

    INSERT INTO ledger.entry (
        org_id, seq, operation_id, kind, at, issued, available, held, used, expired, reversed, overage, debt,
        lots, available_after, held_after, hold_id, expires_at, fingerprint, note, hash)
    VALUES (posted.org_id, posted.seq, posted.operation_id, posted.kind, posted.at, posted.issued, posted.available,
            posted.held, posted.used, posted.expired, posted.reversed, posted.overage, posted.debt, posted.lots,
            posted.available_after, posted.held_after, posted.hold_id, posted.expires_at, posted.fingerprint,
            posted.note, posted.hash);

    IF recorded.org_id IS NOT NULL THEN
        INSERT INTO ledger.usage (
            org_id, seq, usage_id, at, use_case, user_ref, project_ref, model, outcome, measurement, input,
            cached_input, cache_write, output, reasoning, cost, charged, rate_card, terms)
        VALUES (recorded.org_id, recorded.seq, recorded.usage_id, recorded.at, recorded.use_case, recorded.user_ref,
                recorded.project_ref, recorded.model, recorded.outcome, recorded.measurement, recorded.input,
                recorded.cached_input, recorded.cache_write, recorded.output, recorded.reasoning, recorded.cost,
                recorded.charged, recorded.rate_card, recorded.terms);
        INSERT INTO ledger.usage_day AS d (
            org_id, day, use_case, user_ref, project_ref, interactions, charged, input_tokens, output_tokens)
        VALUES (added.org_id, added.day, added.use_case, added.user_ref, added.project_ref, added.interactions,
                added.charged, added.input_tokens, added.output_tokens)
        ON CONFLICT (org_id, day, use_case, user_ref, project_ref) DO UPDATE
        SET interactions = d.interactions + excluded.interactions, charged = d.charged + excluded.charged,
            input_tokens = d.input_tokens + excluded.input_tokens,
            output_tokens = d.output_tokens + excluded.output_tokens;
    END IF;
    RETURN here;
END
$$;
