-- The only two ways into the ledger's tables. Both take a whole batch, so that a thousand commands cost two round trips.
-- They run as testkase_ledger, which can append to the journal but neither change nor remove what stands there.
-- Joins on keys are forced onto indexes: a plan made while the tables were empty must not live on as a sequential scan.
-- Holds and entries are looked up key by key (LATERAL … OFFSET 0 leaves the planner no choice): open_hold is nearly empty
-- whenever it is vacuumed, and a join planned then reads every open hold of every organization for each batch.
-- Plans are kept: left to choose, PostgreSQL plans each statement anew for every batch, which costs a lone command more
-- than carrying it out.

-- Locks the accounts in one order everywhere, then reads what the commands need. Reading comes in statements of its own,
-- because a statement's snapshot is older than the locks it waits for.
-- Limits are read only where the account says that there are some. `scopes`: also what these were charged, by day.
CREATE FUNCTION ledger.load(requests json, clock bigint, scopes json DEFAULT NULL)
RETURNS TABLE (
    now bigint, accounts text, lots text, holds text, entries text, budgets text, pauses text, spent text)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
    orgs bigint[] := ARRAY(SELECT DISTINCT r.org_id FROM json_to_recordset(requests) AS r (org_id bigint) ORDER BY 1);
    whole bigint[];
    limited bigint[];
BEGIN
    PERFORM 1 FROM ledger.account AS a WHERE a.org_id = ANY (orgs) ORDER BY a.org_id FOR NO KEY UPDATE;
    now := coalesce(clock, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint);

    -- Every open hold is read where something may be due, or where the switch or a new budget must see them all.
    SELECT coalesce(array_agg(a.org_id) FILTER (WHERE a.due_at <= greatest(load.now, a.last_at)), '{}'),
           array_agg(a.org_id) FILTER (WHERE a.limited)
    INTO whole, limited
    FROM ledger.account AS a WHERE a.org_id = ANY (orgs);
    whole := whole || ARRAY(
        SELECT DISTINCT r.org_id FROM json_to_recordset(requests) AS r (org_id bigint, all_holds boolean)
        WHERE r.all_holds AND r.org_id <> ALL (whole)
    );

    SELECT json_agg(x)::text INTO accounts FROM (
        SELECT a.org_id, a.available, a.held, a.debt, a.period_number, a.period_start, a.period_end, a.period_used,
               a.due_at, a.anchor_day, a.time_zone, a.anchor_month, a.monthly_allowance, a.ai_enabled,
               a.off_seq, a.limited, a.last_seq, a.last_at, encode(a.last_hash, 'base64') AS last_hash
        FROM ledger.account AS a WHERE a.org_id = ANY (orgs)
    ) AS x;

    SELECT json_agg(x)::text INTO lots FROM (
        SELECT l.org_id, l.lot_id, l.source, l.paid, l.priority, l.granted, l.available, l.held, l.granted_at,
               l.expires_at, l.reference
        FROM ledger.lot AS l WHERE l.org_id = ANY (orgs) AND l.live
    ) AS x;

    SELECT json_agg(x)::text INTO holds FROM (
        SELECT h.org_id, h.hold_id, h.amount, to_json(h.lots) AS lots, h.opened_at, h.expires_at,
               json_build_object('use_case', h.use_case, 'user', h.user_ref, 'project', h.project_ref,
                                 'model', h.model) AS subject,
               h.terms::json AS terms
        FROM (
            SELECT found.* FROM json_to_recordset(requests) AS r (org_id bigint, hold_id text)
            CROSS JOIN LATERAL (
                SELECT o.* FROM ledger.open_hold AS o
                WHERE o.org_id = r.org_id AND o.hold_id = r.hold_id OFFSET 0
            ) AS found
            WHERE r.org_id <> ALL (whole)
            UNION ALL
            SELECT o.* FROM ledger.open_hold AS o WHERE o.org_id = ANY (whole)
        ) AS h
    ) AS x;

    SELECT json_agg(x)::text INTO entries FROM (
        SELECT e.org_id, e.seq, e.operation_id, e.kind, e.at,
               json_build_object('issued', e.issued, 'available', e.available, 'held', e.held, 'used', e.used,
                                 'expired', e.expired, 'reversed', e.reversed, 'overage', e.overage,
                                 'debt', e.debt) AS deltas,
               to_json(e.lots) AS lots, e.available_after, e.held_after, e.hold_id, e.expires_at,
               encode(e.fingerprint, 'base64') AS fingerprint, e.note, encode(e.hash, 'base64') AS hash
        FROM json_to_recordset(requests) AS r (org_id bigint, operation_id text)
        CROSS JOIN LATERAL (
            SELECT j.* FROM ledger.entry AS j
            WHERE j.org_id = r.org_id AND j.operation_id = r.operation_id OFFSET 0
        ) AS e
    ) AS x;

    IF limited IS NOT NULL THEN
        SELECT json_agg(x)::text INTO budgets FROM (
            SELECT b.org_id, b.budget_id, b.name, b.period, b.limit_amount AS "limit", b.extra_amount AS extra,
                   json_build_object('project', b.project_ref, 'user', b.user_ref, 'use_case', b.use_case) AS scope,
                   b.period_start, b.period_end, b.used, b.held
            FROM ledger.budget AS b WHERE b.org_id = ANY (limited)
        ) AS x;
        SELECT json_agg(x)::text INTO pauses FROM (
            SELECT p.org_id, p.kind, p.ref, p.reason, p.burned, p.usual, p.paused_at
            FROM ledger.pause AS p WHERE p.org_id = ANY (limited) AND p.resumed_at IS NULL
        ) AS x;
    END IF;

    IF scopes IS NOT NULL THEN
        SELECT json_agg(x)::text INTO spent FROM (
            SELECT s.number, d.day, sum(d.charged)::bigint AS charged
            FROM json_to_recordset(scopes) AS s (number integer, org_id bigint, project text, "user" text, use_case text)
            JOIN ledger.usage_day AS d ON d.org_id = s.org_id
                AND d.day >= to_timestamp(load.now / 1000000)::date - 33  -- longer than any period
                AND d.use_case = coalesce(s.use_case, d.use_case)
                AND d.user_ref = coalesce(s."user", d.user_ref)
                AND d.project_ref = coalesce(s.project, d.project_ref)
            GROUP BY s.number, d.day
        ) AS x;
    END IF;
    RETURN NEXT;
END
$$;

-- Writes what a batch decided. The constraints of the tables are the last line: a batch that breaks one is undone whole.
CREATE FUNCTION ledger.append(
    new_accounts json, accounts json, new_lots json, lots json, opened json, closed json, entries json, usages json,
    usage_days json, limits json
) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET plan_cache_mode = force_generic_plan
AS $$
BEGIN
    IF new_accounts IS NOT NULL THEN
        INSERT INTO ledger.account (
            org_id, available, held, debt, period_number, period_start, period_end, period_used, due_at, anchor_day,
            time_zone, anchor_month, monthly_allowance, ai_enabled, off_seq, limited, last_seq, last_at,
            last_hash)
        SELECT n.org_id, n.available, n.held, n.debt, n.period_number, n.period_start, n.period_end, n.period_used,
               n.due_at, n.anchor_day, n.time_zone, n.anchor_month, n.monthly_allowance, n.ai_enabled, n.off_seq,
               n.limited,
               n.last_seq, n.last_at, decode(n.last_hash, 'base64')
        FROM json_to_recordset(new_accounts) AS n (
            org_id bigint, available bigint, held bigint, debt bigint, period_number integer, period_start bigint,
            period_end bigint, period_used bigint, due_at bigint, anchor_day smallint, time_zone text,
            anchor_month integer, monthly_allowance bigint, ai_enabled boolean, off_seq bigint, limited boolean,
            last_seq bigint,
            last_at bigint, last_hash text);
    END IF;

    UPDATE ledger.account AS a
    SET available = n.available, held = n.held, debt = n.debt, period_number = n.period_number,
        period_start = n.period_start, period_end = n.period_end, period_used = n.period_used, due_at = n.due_at,
        ai_enabled = n.ai_enabled, off_seq = n.off_seq, limited = n.limited, last_seq = n.last_seq, last_at = n.last_at,
        last_hash = decode(n.last_hash, 'base64')
    FROM json_to_recordset(accounts) AS n (
        org_id bigint, available bigint, held bigint, debt bigint, period_number integer, period_start bigint,
        period_end bigint, period_used bigint, due_at bigint, ai_enabled boolean, off_seq bigint, limited boolean,
        last_seq bigint,
        last_at bigint, last_hash text)
    WHERE a.org_id = n.org_id;

    IF new_lots IS NOT NULL THEN
        INSERT INTO ledger.lot (
            org_id, lot_id, source, paid, priority, granted, available, held, granted_at, expires_at, reference)
        SELECT n.org_id, n.lot_id, n.source, n.paid, n.priority, n.granted, n.available, n.held, n.granted_at,
               n.expires_at, n.reference
        FROM json_to_recordset(new_lots) AS n (
            org_id bigint, lot_id bigint, source text, paid boolean, priority smallint, granted bigint,
            available bigint, held bigint, granted_at bigint, expires_at bigint, reference text);
    END IF;

    IF lots IS NOT NULL THEN
        UPDATE ledger.lot AS l SET available = n.available, held = n.held
        FROM json_to_recordset(lots) AS n (org_id bigint, lot_id bigint, available bigint, held bigint)
        WHERE l.org_id = n.org_id AND l.lot_id = n.lot_id;
    END IF;

    IF opened IS NOT NULL THEN
        INSERT INTO ledger.open_hold (
            org_id, hold_id, amount, lots, opened_at, expires_at, use_case, user_ref, project_ref, model, terms)
        SELECT n.org_id, n.hold_id, n.amount, n.lots, n.opened_at, n.expires_at, n.subject->>'use_case',
               n.subject->>'user', n.subject->>'project', n.subject->>'model', n.terms::text
        FROM json_to_recordset(opened) AS n (
            org_id bigint, hold_id text, amount bigint, lots bigint[], opened_at bigint, expires_at bigint,
            subject json, terms json)
        ON CONFLICT (org_id, hold_id) DO UPDATE
        SET amount = excluded.amount, lots = excluded.lots, expires_at = excluded.expires_at;
    END IF;

    IF closed IS NOT NULL THEN
        DELETE FROM ledger.open_hold AS h
        WHERE h.ctid = ANY (ARRAY(
            SELECT found.place FROM json_to_recordset(closed) AS n (org_id bigint, hold_id text)
            CROSS JOIN LATERAL (
                SELECT o.ctid AS place FROM ledger.open_hold AS o
                WHERE o.org_id = n.org_id AND o.hold_id = n.hold_id OFFSET 0
            ) AS found
        ));
    END IF;

    IF entries IS NOT NULL THEN
        INSERT INTO ledger.entry (
            org_id, seq, operation_id, kind, at, issued, available, held, used, expired, reversed, overage, debt,
            lots, available_after, held_after, hold_id, expires_at, fingerprint, note, hash)
        SELECT n.org_id, n.seq, n.operation_id, n.kind, n.at, n.issued, n.available, n.held, n.used, n.expired,
               n.reversed, n.overage, n.debt, n.lots, n.available_after, n.held_after, n.hold_id, n.expires_at,
               decode(n.fingerprint, 'base64'), n.note, decode(n.hash, 'base64')
        FROM json_to_recordset(entries) AS n (
            org_id bigint, seq bigint, operation_id text, kind text, at bigint, issued bigint, available bigint,
            held bigint, used bigint, expired bigint, reversed bigint, overage bigint, debt bigint, lots bigint[],
            available_after bigint, held_after bigint, hold_id text, expires_at bigint, fingerprint text, note text,
            hash text);
    END IF;

    IF usages IS NOT NULL THEN
        INSERT INTO ledger.usage (
            org_id, seq, usage_id, at, use_case, user_ref, project_ref, model, outcome, measurement, input,
            cached_input, cache_write, output, reasoning, cost, charged, rate_card, terms)
        SELECT n.org_id, n.seq, n.usage_id, n.at, n.use_case, n.user_ref, n.project_ref, n.model, n.outcome,
               n.measurement, n.input, n.cached_input, n.cache_write, n.output, n.reasoning, n.cost, n.charged,
               n.terms->>'rate_card', n.terms::text
        FROM json_to_recordset(usages) AS n (
            org_id bigint, seq bigint, usage_id text, at bigint, use_case text, user_ref text, project_ref text,
            model text, outcome text, measurement text, input bigint, cached_input bigint, cache_write bigint,
            output bigint, reasoning bigint, cost bigint, charged bigint, terms json);
    END IF;

    IF usage_days IS NOT NULL THEN
        INSERT INTO ledger.usage_day AS d (
            org_id, day, use_case, user_ref, project_ref, interactions, charged, input_tokens, output_tokens)
        SELECT n.org_id, n.day, n.use_case, n.user_ref, n.project_ref, n.interactions, n.charged, n.input_tokens,
               n.output_tokens
        FROM json_to_recordset(usage_days) AS n (
            org_id bigint, day date, use_case text, user_ref text, project_ref text, interactions bigint,
            charged bigint, input_tokens bigint, output_tokens bigint)
        ON CONFLICT (org_id, day, use_case, user_ref, project_ref) DO UPDATE
        SET interactions = d.interactions + excluded.interactions, charged = d.charged + excluded.charged,
            input_tokens = d.input_tokens + excluded.input_tokens,
            output_tokens = d.output_tokens + excluded.output_tokens;
    END IF;

    IF limits IS NOT NULL THEN
        PERFORM ledger.append_limits(limits);
    END IF;
END
$$;

-- The rest of what a batch decided, where it concerns budgets and pauses.
CREATE FUNCTION ledger.append_limits(limits json) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET plan_cache_mode = force_generic_plan
AS $$
BEGIN
    DELETE FROM ledger.budget AS b
    USING json_to_recordset(limits->'removed') AS n (org_id bigint, budget_id text)
    WHERE b.org_id = n.org_id AND b.budget_id = n.budget_id;

    INSERT INTO ledger.budget (
        org_id, budget_id, name, project_ref, user_ref, use_case, period, limit_amount, extra_amount, period_start,
        period_end, used, held)
    SELECT n.org_id, n.budget_id, n.name, n.scope->>'project', n.scope->>'user', n.scope->>'use_case', n.period,
           n."limit", n.extra, n.period_start, n.period_end, n.used, n.held
    FROM json_to_recordset(limits->'budgets') AS n (
        org_id bigint, budget_id text, name text, scope json, period text, "limit" bigint, extra bigint,
        period_start bigint, period_end bigint, used bigint, held bigint)
    ON CONFLICT (org_id, budget_id) DO UPDATE
    SET name = excluded.name, project_ref = excluded.project_ref, user_ref = excluded.user_ref,
        use_case = excluded.use_case, period = excluded.period, limit_amount = excluded.limit_amount,
        extra_amount = excluded.extra_amount, period_start = excluded.period_start,
        period_end = excluded.period_end, used = excluded.used, held = excluded.held;

    INSERT INTO ledger.pause (org_id, kind, ref, reason, burned, usual, paused_at, resumed_at)
    SELECT n.org_id, n.kind, n.ref, n.reason, n.burned, n.usual, n.paused_at, n.resumed_at
    FROM json_to_recordset(limits->'pauses') AS n (
        org_id bigint, kind text, ref text, reason text, burned bigint, usual bigint, paused_at bigint,
        resumed_at bigint)
    ON CONFLICT (org_id, kind, ref) DO UPDATE
    SET reason = excluded.reason, burned = excluded.burned, usual = excluded.usual, paused_at = excluded.paused_at,
        resumed_at = excluded.resumed_at;
END
$$;

-- Organizations whose due date has passed: the sweeper's work list. Ids only, nothing an organization could hide.
CREATE FUNCTION ledger.due_accounts(up_to integer) RETURNS SETOF bigint
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT a.org_id FROM ledger.account AS a
    WHERE a.due_at <= (extract(epoch FROM clock_timestamp()) * 1000000)::bigint
    ORDER BY a.due_at LIMIT up_to
$$;

-- Every organization with an account, by id: what `verify` walks. Ids only.
CREATE FUNCTION ledger.account_ids(after bigint, up_to integer) RETURNS SETOF bigint
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT a.org_id FROM ledger.account AS a WHERE a.org_id > after ORDER BY a.org_id LIMIT up_to
$$;

-- An owner must be allowed to create in the schema at the moment it becomes one, and not afterwards.
GRANT CREATE ON SCHEMA ledger TO testkase_ledger;
ALTER FUNCTION ledger.load(json, bigint, json) OWNER TO testkase_ledger;
ALTER FUNCTION ledger.append(json, json, json, json, json, json, json, json, json, json) OWNER TO testkase_ledger;
ALTER FUNCTION ledger.append_limits(json) OWNER TO testkase_ledger;
ALTER FUNCTION ledger.due_accounts(integer) OWNER TO testkase_ledger;
ALTER FUNCTION ledger.account_ids(bigint, integer) OWNER TO testkase_ledger;
REVOKE CREATE ON SCHEMA ledger FROM testkase_ledger;

REVOKE ALL ON FUNCTION ledger.load(json, bigint, json) FROM PUBLIC;
REVOKE ALL ON FUNCTION ledger.append(json, json, json, json, json, json, json, json, json, json) FROM PUBLIC;
REVOKE ALL ON FUNCTION ledger.append_limits(json) FROM PUBLIC;
REVOKE ALL ON FUNCTION ledger.due_accounts(integer) FROM PUBLIC;
REVOKE ALL ON FUNCTION ledger.account_ids(bigint, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.due_accounts(integer) TO testkase_app;
GRANT EXECUTE ON FUNCTION ledger.account_ids(bigint, integer) TO testkase_app;
GRANT EXECUTE ON FUNCTION ledger.load(json, bigint, json) TO testkase_app;
GRANT EXECUTE ON FUNCTION ledger.append(json, json, json, json, json, json, json, json, json, json) TO testkase_app;
