-- A batch that was decided from memory (docs/decisions/0016-known-heads.md), written where memory was right.

-- An account as ledger.moved_account has it, and by which the server knew it: its last hash and its due date.
CREATE TYPE ledger.known_account AS (
    org_id bigint, available bigint, held bigint, debt bigint, covered bigint, overage_limit bigint, overage bigint,
    period_number integer, period_start bigint, period_end bigint, period_used bigint, due_at bigint, ai_enabled boolean,
    off_seq bigint, limited boolean, last_seq bigint, last_at bigint, last_hash bytea, known_hash bytea,
    known_due_at bigint);

-- Writes what was decided from memory, or raises TK001 and writes nothing. Accounts are locked in the order in which ledger.load
-- locks them; an update that had to wait compares with the row as whoever held its lock has left it. `decided_at`: what
-- the server took for the time; null: not to be compared (simulations). Answers the time it is.
CREATE FUNCTION ledger.append_known(
    decided_at bigint, accounts ledger.known_account[], new_lots json, lots ledger.moved_lot[],
    opened ledger.opened_hold[], closed ledger.named[], entries ledger.posted_entry[], usages ledger.recorded_usage[],
    usage_days ledger.added_day[], limits json
) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
    moved bigint;
    here  bigint;
BEGIN
    IF cardinality(accounts) > 1 THEN
        PERFORM FROM ledger.account AS a
        WHERE a.org_id = ANY (ARRAY(SELECT n.org_id FROM unnest(accounts) AS n)) ORDER BY a.org_id FOR NO KEY UPDATE;
    END IF;
    UPDATE ledger.account AS a
    SET available = n.available, held = n.held, debt = n.debt, covered = n.covered, overage_limit = n.overage_limit,
        overage = n.overage, period_number = n.period_number, period_start = n.period_start,
        period_end = n.period_end, period_used = n.period_used, due_at = n.due_at, ai_enabled = n.ai_enabled,
        off_seq = n.off_seq, limited = n.limited, last_seq = n.last_seq, last_at = n.last_at, last_hash = n.last_hash
    FROM unnest(accounts) AS n
    WHERE a.org_id = n.org_id AND a.last_hash = n.known_hash AND a.due_at = n.known_due_at;
    GET DIAGNOSTICS moved = ROW_COUNT;
    here := (extract(epoch FROM clock_timestamp()) * 1000000)::bigint;
    IF moved <> cardinality(accounts) OR abs(here - decided_at) > 2000000 THEN
        RAISE EXCEPTION 'what was known is not so any more' USING ERRCODE = 'TK001';
    END IF;
    PERFORM ledger.append(NULL, NULL, new_lots, lots, opened, closed, entries, usages, usage_days, limits);
    RETURN here;
END
$$;

-- An owner must be allowed to create in the schema at the moment it becomes one, and not afterwards.
GRANT CREATE ON SCHEMA ledger TO testkase_ledger;
ALTER FUNCTION ledger.append_known OWNER TO testkase_ledger;
REVOKE CREATE ON SCHEMA ledger FROM testkase_ledger;

REVOKE ALL ON FUNCTION ledger.append_known FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.append_known TO testkase_app;
