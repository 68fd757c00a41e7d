-- Everything a batch writes, by one function whichever way it was decided: from memory (docs/decisions/0016-known-heads.md) or
-- under the lock. What starts once a batch is most of what a small one costs (docs/performance.md), so that there is no function within a
-- function, no look at the accounts before their update, and nothing that has to find out whether a row is there.
-- ledger.append and ledger.append_known stay for processes that go on with the code of before while others are restarted.

-- Writes what a batch decided, or raises TK001 and writes nothing: where an account is not as it was known, or where
-- `decided_at`, what the server took for the time, is not what the time is (null: not to be compared). Answers the time it is.
-- `accounts` are in order of id, and their update locks them in that order, as ledger.load does: each is looked up by its key in
-- turn. An update that had to wait compares with the row as whoever held its lock has left it.
-- `opened` are holds nobody has opened (23505 where somebody has), `extended` those that were open before.
-- New accounts and lots are rare and come as JSON; what is zero, empty or false is left out of it.
CREATE FUNCTION ledger.append_many(
    decided_at bigint, new_accounts json, accounts ledger.known_account[], new_lots json, lots ledger.moved_lot[],
    opened ledger.opened_hold[], extended ledger.opened_hold[], closed ledger.named[], entries ledger.posted_entry[],
    usages ledger.recorded_usage[], usage_days ledger.added_day[], limits json
) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
    moved bigint;
    here  bigint;
BEGIN
    IF new_accounts IS NOT NULL THEN
        INSERT INTO ledger.account (
            org_id, available, held, debt, covered, overage_limit, overage, period_number, period_start, period_end,
            period_used, due_at, anchor_day, time_zone, anchor_month, monthly_allowance, ai_enabled, off_seq, limited,
            last_seq, last_at, last_hash)
        SELECT n.org_id, n.available, n.held, n.debt, n.covered, n.overage_limit, n.overage, n.period_number,
               n.period_start, n.period_end, n.period_used, n.due_at, n.anchor_day, n.time_zone, n.anchor_month,
               n.monthly_allowance, n.ai_enabled, n.off_seq, n.limited, n.last_seq, n.last_at,
               decode(n.last_hash, 'base64')
        FROM json_to_recordset(new_accounts) AS n (
            org_id bigint, available bigint, held bigint, debt bigint, covered bigint, overage_limit bigint,
            overage bigint, period_number integer, period_start bigint, period_end bigint, period_used bigint,
            due_at bigint, anchor_day smallint, time_zone text, anchor_month integer, monthly_allowance bigint,
            ai_enabled boolean, off_seq bigint, limited boolean, last_seq bigint, last_at bigint, last_hash text);
    END IF;

    IF accounts IS NOT NULL THEN
        UPDATE ledger.account AS a
        SET available = n.available, held = n.held, debt = n.debt, covered = n.covered,
            overage_limit = n.overage_limit, overage = n.overage, period_number = n.period_number,
            period_start = n.period_start, period_end = n.period_end, period_used = n.period_used, due_at = n.due_at,
            ai_enabled = n.ai_enabled, off_seq = n.off_seq, limited = n.limited, last_seq = n.last_seq,
            last_at = n.last_at, last_hash = n.last_hash
        FROM unnest(accounts) AS n
        WHERE a.org_id = n.org_id AND a.last_hash = n.known_hash
          AND a.due_at IS NOT DISTINCT FROM n.known_due_at;  -- which no index serves: the id alone does
        GET DIAGNOSTICS moved = ROW_COUNT;
    END IF;
    here := (extract(epoch FROM clock_timestamp()) * 1000000)::bigint;
    IF moved <> cardinality(accounts) OR abs(here - decided_at) > 2000000 THEN
        RAISE EXCEPTION 'what was known is not so any more' USING ERRCODE = 'TK001';
    END IF;

    IF new_lots IS NOT NULL THEN
        INSERT INTO ledger.lot (
            org_id, lot_id, source, paid, priority, granted, available, held, granted_at, expires_at, reference,
            reversed, expired, clawed, frozen)
        SELECT n.org_id, n.lot_id, n.source, n.paid, n.priority, n.granted, n.available, n.held, n.granted_at,
               n.expires_at, n.reference, coalesce(c.reversed, 0), coalesce(c.expired, 0), coalesce(c.clawed, 0),
               coalesce(c.frozen, false)
        FROM json_to_recordset(new_lots) AS n (
            org_id bigint, lot_id bigint, source text, paid boolean, priority smallint, granted bigint,
            available bigint, held bigint, granted_at bigint, expires_at bigint, reference text, claw json)
        LEFT JOIN LATERAL json_to_record(n.claw) AS c (
            reversed bigint, expired bigint, clawed bigint, frozen boolean) ON true;
    END IF;

    IF lots IS NOT NULL THEN
        UPDATE ledger.lot AS l
        SET available = n.available, held = n.held, reversed = n.reversed, expired = n.expired, clawed = n.clawed,
            frozen = n.frozen
        FROM unnest(lots) AS n WHERE l.org_id = n.org_id AND l.lot_id = n.lot_id;
    END IF;

    IF opened IS NOT NULL THEN
        INSERT INTO ledger.open_hold (
            org_id, hold_id, amount, lots, opened_at, expires_at, use_case, user_ref, project_ref, model, terms)
        SELECT n.org_id, n.hold_id, n.amount, n.lots, n.opened_at, n.expires_at, n.use_case, n.user_ref,
               n.project_ref, n.model, n.terms
        FROM unnest(opened) AS n;
    END IF;

    IF extended IS NOT NULL THEN
        UPDATE ledger.open_hold AS h SET amount = n.amount, lots = n.lots, expires_at = n.expires_at
        FROM unnest(extended) AS n WHERE h.org_id = n.org_id AND h.hold_id = n.hold_id;
    END IF;

    IF closed IS NOT NULL THEN
        DELETE FROM ledger.open_hold AS h
        WHERE h.ctid = ANY (ARRAY(
            SELECT found.place FROM unnest(closed) AS n
            CROSS JOIN LATERAL (
                SELECT o.ctid AS place FROM ledger.open_hold AS o
                WHERE o.org_id = n.org_id AND o.hold_id = n.name OFFSET 0
            ) AS found
        ));
    END IF;

    IF entries IS NOT NULL THEN
        INSERT INTO ledger.entry (
            org_id, seq, operation_id, kind, at, issued, available, held, used, expired, reversed, overage, debt,
            lots, available_after, held_after, hold_id, expires_at, fingerprint, note, hash)
        SELECT n.org_id, n.seq, n.operation_id, n.kind, n.at, n.issued, n.available, n.held, n.used, n.expired,
               n.reversed, n.overage, n.debt, n.lots, n.available_after, n.held_after, n.hold_id, n.expires_at,
               n.fingerprint, n.note, n.hash
        FROM unnest(entries) AS n;
    END IF;

    IF usages IS NOT NULL THEN
        INSERT INTO ledger.usage (
            org_id, seq, usage_id, at, use_case, user_ref, project_ref, model, outcome, measurement, input,
            cached_input, cache_write, output, reasoning, cost, charged, rate_card, terms)
        SELECT n.org_id, n.seq, n.usage_id, n.at, n.use_case, n.user_ref, n.project_ref, n.model, n.outcome,
               n.measurement, n.input, n.cached_input, n.cache_write, n.output, n.reasoning, n.cost, n.charged,
               n.rate_card, n.terms
        FROM unnest(usages) AS n;
    END IF;

    IF usage_days IS NOT NULL THEN
        INSERT INTO ledger.usage_day AS d (
            org_id, day, use_case, user_ref, project_ref, interactions, charged, input_tokens, output_tokens)
        SELECT n.org_id, n.day, n.use_case, n.user_ref, n.project_ref, n.interactions, n.charged, n.input_tokens,
               n.output_tokens
        FROM unnest(usage_days) AS n
        ON CONFLICT (org_id, day, use_case, user_ref, project_ref) DO UPDATE
        SET interactions = d.interactions + excluded.interactions, charged = d.charged + excluded.charged,
            input_tokens = d.input_tokens + excluded.input_tokens,
            output_tokens = d.output_tokens + excluded.output_tokens;
    END IF;

    IF limits IS NOT NULL THEN
        PERFORM ledger.append_limits(limits);
    END IF;
    RETURN here;
END
$$;

-- An owner must be allowed to create in the schema at the moment it becomes one, and not afterwards.
GRANT CREATE ON SCHEMA ledger TO testkase_ledger;
ALTER FUNCTION ledger.append_many OWNER TO testkase_ledger;
REVOKE CREATE ON SCHEMA ledger FROM testkase_ledger;

REVOKE ALL ON FUNCTION ledger.append_many FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.append_many TO testkase_app;
