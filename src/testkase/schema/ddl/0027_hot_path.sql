-- The two ways into the ledger's tables, at a fraction of what they cost (docs/performance.md). A lone command spent a third
-- of its time reading the definitions of some forty CHECK constraints, which PostgreSQL does for every statement anew; a
-- large batch spent half of it reading JSON whose every row names all its columns.

-- The same rules, one constraint a table: what is read for each statement is as long as the constraints are many.
-- NOT VALID spares the reading of the whole journal: what is there has passed the constraints that these take the place of.
ALTER TABLE ledger.account
    DROP CONSTRAINT account_available_check, DROP CONSTRAINT account_held_check, DROP CONSTRAINT account_debt_check,
    DROP CONSTRAINT account_covered_check, DROP CONSTRAINT account_overage_limit_check,
    DROP CONSTRAINT account_overage_check, DROP CONSTRAINT account_period_number_check,
    DROP CONSTRAINT account_check, DROP CONSTRAINT account_period_used_check,
    DROP CONSTRAINT account_anchor_day_check, DROP CONSTRAINT account_monthly_allowance_check,
    DROP CONSTRAINT account_off_seq_check, DROP CONSTRAINT account_last_seq_check,
    DROP CONSTRAINT account_last_hash_check,
    ADD CONSTRAINT account_is_sound CHECK (
        least(available, held, debt, covered, overage_limit, overage, period_used, monthly_allowance, off_seq) >= 0
        AND least(period_number, anchor_day - 1, 31 - anchor_day) >= 0
        AND period_end > period_start AND last_seq > 0 AND length(last_hash) = 32) NOT VALID;

ALTER TABLE ledger.lot
    DROP CONSTRAINT lot_granted_check, DROP CONSTRAINT lot_available_check, DROP CONSTRAINT lot_held_check,
    DROP CONSTRAINT lot_check, DROP CONSTRAINT lot_check1, DROP CONSTRAINT lot_reversed_check,
    DROP CONSTRAINT lot_expired_check, DROP CONSTRAINT lot_check2, DROP CONSTRAINT lot_unspent,
    ADD CONSTRAINT lot_is_sound CHECK (
        least(available, held, reversed, expired, clawed) >= 0 AND granted >= clawed AND granted > 0
        AND available + held + reversed + expired <= granted AND expires_at > granted_at) NOT VALID;

ALTER TABLE ledger.open_hold
    DROP CONSTRAINT open_hold_amount_check, DROP CONSTRAINT open_hold_check, DROP CONSTRAINT open_hold_hold_id_check,
    ADD CONSTRAINT open_hold_is_sound CHECK (
        amount >= 0 AND expires_at > opened_at AND length(hold_id) BETWEEN 1 AND 128) NOT VALID;

ALTER TABLE ledger.entry
    DROP CONSTRAINT entry_seq_check, DROP CONSTRAINT entry_used_check, DROP CONSTRAINT entry_expired_check,
    DROP CONSTRAINT entry_available_after_check, DROP CONSTRAINT entry_held_after_check,
    DROP CONSTRAINT entry_hash_check,
    ADD CONSTRAINT entry_is_sound CHECK (
        least(used, expired, available_after, held_after) >= 0 AND seq > 0 AND length(hash) = 32) NOT VALID;

ALTER TABLE ledger.usage_day
    DROP CONSTRAINT usage_day_interactions_check, DROP CONSTRAINT usage_day_charged_check,
    DROP CONSTRAINT usage_day_input_tokens_check, DROP CONSTRAINT usage_day_output_tokens_check,
    ADD CONSTRAINT usage_day_is_sound CHECK (
        least(charged, input_tokens, output_tokens) >= 0 AND interactions > 0) NOT VALID;

-- What a batch hands over, column by column: read at less than half of what objects with names cost.
CREATE TYPE ledger.named AS (org_id bigint, name text);
CREATE TYPE ledger.moved_account AS (
    org_id bigint, available bigint, held bigint, debt bigint, covered bigint, overage_limit bigint, overage bigint,
    period_number integer, period_start bigint, period_end bigint, period_used bigint, due_at bigint, ai_enabled boolean,
    off_seq bigint, limited boolean, last_seq bigint, last_at bigint, last_hash bytea);
CREATE TYPE ledger.moved_lot AS (
    org_id bigint, lot_id bigint, available bigint, held bigint, reversed bigint, expired bigint, clawed bigint,
    frozen boolean);
CREATE TYPE ledger.opened_hold AS (
    org_id bigint, hold_id text, amount bigint, lots bigint[], opened_at bigint, expires_at bigint, use_case text,
    user_ref text, project_ref text, model text, terms text);
CREATE TYPE ledger.posted_entry AS (
    org_id bigint, seq bigint, operation_id text, kind text, at bigint, issued bigint, available bigint, held bigint,
    used bigint, expired bigint, reversed bigint, overage bigint, debt bigint, lots bigint[], available_after bigint,
    held_after bigint, hold_id text, expires_at bigint, fingerprint bytea, note text, hash bytea);
CREATE TYPE ledger.recorded_usage AS (
    org_id bigint, seq bigint, usage_id text, at bigint, use_case text, user_ref text, project_ref text, model text,
    outcome text, measurement text, input bigint, cached_input bigint, cache_write bigint, output bigint,
    reasoning bigint, cost bigint, charged bigint, rate_card text, terms text);
CREATE TYPE ledger.added_day AS (
    org_id bigint, day date, use_case text, user_ref text, project_ref text, interactions bigint, charged bigint,
    input_tokens bigint, output_tokens bigint);

DROP FUNCTION ledger.load(json, bigint, json);
DROP FUNCTION ledger.append(json, json, json, json, json, json, json, json, json, json);

-- A lot as ledger.load answers it. Its source is one of few words; only the reference is anything people may write.
CREATE FUNCTION ledger.row_of(l ledger.lot) RETURNS text
LANGUAGE sql STABLE
AS $$
    SELECT format('[%s,%s,"%s",%s,%s,%s,%s,%s,%s,%s,%s,%s]',
                  l.org_id, l.lot_id, l.source, l.paid::text, l.priority, l.granted, l.available, l.held, l.granted_at,
                  coalesce(l.expires_at::text, 'null'),
                  CASE WHEN l.reference = '' THEN '""' ELSE to_json(l.reference)::text END,
                  coalesce(ledger.claw_of(l)::text, 'null'))
$$;

-- Locks the accounts in one order everywhere, and has each as whoever held its lock before has left it. Reads the rest in
-- statements of their own, because a statement's snapshot is older than the locks it waits for.
-- Rows come as JSON arrays: their places are those of the structs they are read into (model.py).
-- Of the operations, past entries; of the holds, those that are open: all of them in the organizations of `every_hold`, and
-- where something may be due. Of the lots, those with credits, and whatever is left of those that `issued` names.
-- Limits are read only where the account says that there are some. `scopes`: also what these were charged, by day.
CREATE FUNCTION ledger.load(
    orgs bigint[], operations ledger.named[], held ledger.named[], every_hold bigint[], issued ledger.named[],
    clock bigint, scopes json,
    OUT now bigint, OUT accounts text, OUT lots text, OUT holds text, OUT entries text, OUT budgets text,
    OUT pauses text, OUT spent text
)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
    soonest bigint;
    behind  boolean;
    limited bigint[];
BEGIN
    SELECT string_agg(format(
               '[%s,%s,%s,%s,%s,%s,%s,%s,%s,%s,%s,%s,%s,"%s",%s,%s,%s,%s,%s,%s,%s,"%s"]',
               a.org_id, a.available, a.held, a.debt, a.covered, a.overage_limit, a.overage, a.period_number,
               a.period_start, a.period_end, a.period_used, a.due_at, a.anchor_day, a.time_zone,
               a.anchor_month, a.monthly_allowance, a.ai_enabled::text, a.off_seq, a.limited::text, a.last_seq,
               a.last_at, encode(a.last_hash, 'base64')), ','),
           min(a.due_at), bool_or(a.due_at <= a.last_at), array_agg(a.org_id) FILTER (WHERE a.limited)
    INTO accounts, soonest, behind, limited
    FROM (
        SELECT o.* FROM ledger.account AS o WHERE o.org_id = ANY (orgs) ORDER BY o.org_id FOR NO KEY UPDATE
    ) AS a;
    now := coalesce(clock, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint);

    SELECT (
        SELECT string_agg(ledger.row_of(l), ',')
        FROM ledger.lot AS l WHERE l.org_id = ANY (orgs) AND l.live
    ), (
        SELECT json_agg(json_build_array(
                   e.org_id, e.seq, e.operation_id, e.kind, e.at, e.issued, e.available, e.held, e.used, e.expired,
                   e.reversed, e.overage, e.debt, e.lots, e.available_after, e.held_after, e.hold_id, e.expires_at,
                   encode(e.fingerprint, 'base64'), e.note, encode(e.hash, 'base64')))::text
        FROM unnest(operations) AS r
        CROSS JOIN LATERAL (
            SELECT j.* FROM ledger.entry AS j WHERE j.org_id = r.org_id AND j.operation_id = r.name OFFSET 0
        ) AS e
    ) INTO lots, entries;

    IF issued IS NOT NULL THEN
        SELECT concat_ws(',', load.lots, string_agg(ledger.row_of(l), ',')) INTO lots
        FROM unnest(issued) AS r
        JOIN ledger.entry AS e ON e.org_id = r.org_id AND e.operation_id = r.name
        JOIN ledger.lot AS l ON l.org_id = e.org_id AND l.lot_id = e.seq AND NOT l.live;
    END IF;

    IF soonest <= now OR behind THEN
        every_hold := ARRAY(
            SELECT a.org_id FROM ledger.account AS a
            WHERE a.org_id = ANY (orgs) AND a.due_at <= greatest(load.now, a.last_at)
            UNION SELECT unnest(every_hold)
        );
    END IF;
    IF held IS NOT NULL OR every_hold IS NOT NULL THEN
        SELECT json_agg(json_build_array(
                   h.org_id, h.hold_id, h.amount, h.lots, h.opened_at, h.expires_at,
                   json_build_object('use_case', h.use_case, 'user', h.user_ref, 'project', h.project_ref,
                                     'model', h.model), h.terms::json))::text
        INTO holds
        FROM (
            SELECT found.* FROM unnest(held) AS r
            CROSS JOIN LATERAL (
                SELECT o.* FROM ledger.open_hold AS o WHERE o.org_id = r.org_id AND o.hold_id = r.name OFFSET 0
            ) AS found
            WHERE every_hold IS NULL OR r.org_id <> ALL (every_hold)
            UNION ALL
            SELECT o.* FROM ledger.open_hold AS o WHERE o.org_id = ANY (every_hold)
        ) AS h;
    END IF;

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
END
$$;

-- Writes what a batch decided. The constraints of the tables are the last line: a batch that breaks one is undone whole.
-- New accounts and lots are rare and come as JSON; what is zero, empty or false is left out of it.
CREATE FUNCTION ledger.append(
    new_accounts json, accounts ledger.moved_account[], new_lots json, lots ledger.moved_lot[],
    opened ledger.opened_hold[], closed ledger.named[], entries ledger.posted_entry[], usages ledger.recorded_usage[],
    usage_days ledger.added_day[], limits json
) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET plan_cache_mode = force_generic_plan
AS $$
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
        FROM unnest(accounts) AS n WHERE a.org_id = n.org_id;
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
        FROM unnest(opened) AS n
        ON CONFLICT (org_id, hold_id) DO UPDATE
        SET amount = excluded.amount, lots = excluded.lots, expires_at = excluded.expires_at;
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
END
$$;

-- An owner must be allowed to create in the schema at the moment it becomes one, and not afterwards.
GRANT CREATE ON SCHEMA ledger TO testkase_ledger;
ALTER FUNCTION ledger.load(bigint[], ledger.named[], ledger.named[], bigint[], ledger.named[], bigint, json) OWNER TO testkase_ledger;
ALTER FUNCTION ledger.append(json, ledger.moved_account[], json, ledger.moved_lot[], ledger.opened_hold[], ledger.named[], ledger.posted_entry[], ledger.recorded_usage[], ledger.added_day[], json) OWNER TO testkase_ledger;
REVOKE CREATE ON SCHEMA ledger FROM testkase_ledger;

REVOKE ALL ON FUNCTION ledger.load FROM PUBLIC;
REVOKE ALL ON FUNCTION ledger.append FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.load TO testkase_app;
GRANT EXECUTE ON FUNCTION ledger.append TO testkase_app;
