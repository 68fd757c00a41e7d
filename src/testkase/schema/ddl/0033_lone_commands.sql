-- A batch that changes one row of a table at most, which is what a lone command is, decided from memory and written by statements that need
-- neither arrays nor joins (docs/performance.md): starting those is most of what it cost.

-- What ledger.append_known does, where there is one account and of every other table one row or none: null, then. `opened`
-- is a hold nobody has opened: where somebody has, its key refuses it (23505), as an id that was used before does.
-- `closed` is the hold that goes.
CREATE FUNCTION ledger.append_one(
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
    WHERE a.org_id = moved.org_id AND a.last_hash = moved.known_hash AND a.due_at = moved.known_due_at;
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
        -- Nobody else writes a day of this organization while its account is locked.
        UPDATE ledger.usage_day AS d
        SET interactions = d.interactions + added.interactions, charged = d.charged + added.charged,
            input_tokens = d.input_tokens + added.input_tokens, output_tokens = d.output_tokens + added.output_tokens
        WHERE d.org_id = added.org_id AND d.day = added.day AND d.use_case = added.use_case
          AND d.user_ref = added.user_ref AND d.project_ref = added.project_ref;
        IF NOT FOUND THEN
            INSERT INTO ledger.usage_day (
                org_id, day, use_case, user_ref, project_ref, interactions, charged, input_tokens, output_tokens)
            VALUES (added.org_id, added.day, added.use_case, added.user_ref, added.project_ref, added.interactions,
                    added.charged, added.input_tokens, added.output_tokens);
        END IF;
    END IF;
    RETURN here;
END
$$;

-- An owner must be allowed to create in the schema at the moment it becomes one, and not afterwards.
GRANT CREATE ON SCHEMA ledger TO testkase_ledger;
ALTER FUNCTION ledger.append_one OWNER TO testkase_ledger;
REVOKE CREATE ON SCHEMA ledger FROM testkase_ledger;

REVOKE ALL ON FUNCTION ledger.append_one FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.append_one TO testkase_app;
