-- Claw-back (P10): what a refund or dispute takes back of a lot. Overage (P7): credits lent beyond the balance.
-- Columns come with constant defaults, so that no row is written; only lots that have expired are then filled in.

ALTER TABLE ledger.account
    ADD COLUMN covered       bigint NOT NULL DEFAULT 0 CHECK (covered >= 0),
    ADD COLUMN overage_limit bigint NOT NULL DEFAULT 0 CHECK (overage_limit >= 0),
    ADD COLUMN overage       bigint NOT NULL DEFAULT 0 CHECK (overage >= 0);

ALTER TABLE ledger.lot
    ADD COLUMN reversed bigint NOT NULL DEFAULT 0 CHECK (reversed >= 0),
    ADD COLUMN expired  bigint NOT NULL DEFAULT 0 CHECK (expired >= 0),
    ADD COLUMN clawed   bigint NOT NULL DEFAULT 0 CHECK (clawed >= 0 AND clawed <= granted),
    ADD COLUMN frozen   boolean NOT NULL DEFAULT false,
    ADD CONSTRAINT lot_unspent CHECK (available + held + reversed + expired <= granted),
    DROP CONSTRAINT lot_source_check,
    ADD CONSTRAINT lot_source_check
        CHECK (source IN ('allowance', 'purchase', 'grant', 'adjustment', 'overage'));

-- A frozen lot has nothing to spend, but people must see that it is there.
CREATE INDEX lot_frozen ON ledger.lot (org_id) WHERE frozen;

-- What has expired of the lots so far stands in the journal, and the index of what a statement is made of leads to it: an
-- expiry names its lot; a call that ended after its lot's time gave back what its charges, first come first charged, left
-- of what it had set aside. The owner reads past row-level security for this one statement.
ALTER TABLE ledger.lot NO FORCE ROW LEVEL SECURITY;
ALTER TABLE ledger.entry NO FORCE ROW LEVEL SECURITY;

WITH ending AS (
    SELECT e.org_id, e.kind, e.at, e.hold_id, e.expired, e.lots FROM ledger.entry AS e
    WHERE e.expired <> 0
      AND (e.issued <> 0 OR e.expired <> 0 OR e.reversed <> 0 OR e.overage <> 0 OR e.debt <> 0)
), part AS (
    SELECT n.org_id, n.hold_id, n.at, taken.lots[line][1] AS lot_id, taken.lots[line][3] AS amount,
           sum(taken.lots[line][3]) OVER (PARTITION BY n.org_id, n.hold_id ORDER BY taken.seq, line) AS up_to,
           charges.used
    FROM ending AS n
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(c.used), 0) AS used FROM ledger.entry AS c
        WHERE c.org_id = n.org_id AND (c.operation_id = 'resolution:' || n.hold_id
           OR (c.operation_id >= 'capture:' || n.hold_id || '/' AND c.operation_id < 'capture:' || n.hold_id || '0'))
    ) AS charges
    CROSS JOIN LATERAL (
        SELECT o.seq, o.lots FROM ledger.entry AS o
        WHERE o.org_id = n.org_id AND (o.operation_id = 'hold:' || n.hold_id
           OR (o.operation_id >= 'extension:' || n.hold_id || '/'
               AND o.operation_id < 'extension:' || n.hold_id || '0'))
    ) AS taken
    CROSS JOIN LATERAL generate_subscripts(taken.lots, 1) AS line
    WHERE n.hold_id IS NOT NULL
), gone AS (
    SELECT n.org_id, n.lots[1][1] AS lot_id, n.expired FROM ending AS n WHERE n.kind = 'expire'
    UNION ALL
    SELECT p.org_id, p.lot_id, least(p.amount, p.up_to - p.used) FROM part AS p
    JOIN ledger.lot AS l ON l.org_id = p.org_id AND l.lot_id = p.lot_id AND l.expires_at <= p.at
    WHERE p.up_to > p.used
)
UPDATE ledger.lot AS l SET expired = g.expired
FROM (SELECT org_id, lot_id, sum(expired)::bigint AS expired FROM gone GROUP BY org_id, lot_id) AS g
WHERE l.org_id = g.org_id AND l.lot_id = g.lot_id;

ALTER TABLE ledger.lot FORCE ROW LEVEL SECURITY;
ALTER TABLE ledger.entry FORCE ROW LEVEL SECURITY;

-- How a lot stands towards refunds and disputes, for ledger.load; null where nothing was ever taken back and nothing has expired.
CREATE FUNCTION ledger.claw_of(l ledger.lot) RETURNS json
LANGUAGE sql STABLE
AS $$
    SELECT CASE WHEN l.reversed <> 0 OR l.expired <> 0 OR l.clawed <> 0 OR l.frozen
                THEN json_build_object('reversed', l.reversed, 'expired', l.expired, 'clawed', l.clawed,
                                       'frozen', l.frozen) END
$$;

-- Locks the accounts in one order everywhere, then reads what the commands need. Reading comes in statements of its own,
-- because a statement's snapshot is older than the locks it waits for.
-- What was never reversed, and that is nearly every lot, says nothing about it: `claw` is null.
-- Limits are read only where the account says that there are some. `scopes`: also what these were charged, by day.
CREATE OR REPLACE FUNCTION ledger.load(requests json, clock bigint, scopes json DEFAULT NULL)
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
        SELECT a.org_id, a.available, a.held, a.debt, a.covered, a.overage_limit, a.overage, a.period_number, a.period_start,
               a.period_end, a.period_used, a.due_at, a.anchor_day, a.time_zone, a.anchor_month, a.monthly_allowance,
               a.ai_enabled, a.off_seq, a.limited, a.last_seq, a.last_at, encode(a.last_hash, 'base64') AS last_hash
        FROM ledger.account AS a WHERE a.org_id = ANY (orgs)
    ) AS x;

    SELECT json_agg(x)::text INTO lots FROM (
        SELECT l.org_id, l.lot_id, l.source, l.paid, l.priority, l.granted, l.available, l.held, l.granted_at,
               l.expires_at, l.reference, ledger.claw_of(l) AS claw
        FROM ledger.lot AS l WHERE l.org_id = ANY (orgs) AND l.live
    ) AS x;

    -- A lot that is reversed is read whatever is left of it.
    IF strpos(requests::text, '"lot_of"') > 0 THEN
        SELECT json_agg(x.lot)::text INTO lots FROM (
            SELECT live.lot FROM json_array_elements(lots::json) AS live (lot)
            UNION ALL
            SELECT row_to_json(named) FROM (
                SELECT l.org_id, l.lot_id, l.source, l.paid, l.priority, l.granted, l.available, l.held, l.granted_at,
                       l.expires_at, l.reference, ledger.claw_of(l) AS claw
                FROM json_to_recordset(requests) AS r (org_id bigint, lot_of text)
                JOIN ledger.entry AS e ON e.org_id = r.org_id AND e.operation_id = r.lot_of
                JOIN ledger.lot AS l ON l.org_id = e.org_id AND l.lot_id = e.seq AND NOT l.live
            ) AS named
        ) AS x;
    END IF;

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
-- What is zero, empty or false is left out of what comes: fewer bytes to read than if the usual were spelled out.
CREATE OR REPLACE FUNCTION ledger.append(
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
            org_id, available, held, debt, covered, overage_limit, overage, period_number, period_start, period_end,
            period_used, due_at, anchor_day, time_zone, anchor_month, monthly_allowance, ai_enabled, off_seq, limited, last_seq, last_at,
            last_hash)
        SELECT n.org_id, coalesce(n.available, 0), coalesce(n.held, 0), coalesce(n.debt, 0), coalesce(n.covered, 0),
               coalesce(n.overage_limit, 0), coalesce(n.overage, 0), coalesce(n.period_number, 0),
               coalesce(n.period_start, 0), coalesce(n.period_end, 0), coalesce(n.period_used, 0),
               coalesce(n.due_at, 0), coalesce(n.anchor_day, 1), coalesce(n.time_zone, 'UTC'),
               coalesce(n.anchor_month, 0), coalesce(n.monthly_allowance, 0), coalesce(n.ai_enabled, false),
               coalesce(n.off_seq, 0), coalesce(n.limited, false), n.last_seq, n.last_at,
               decode(n.last_hash, 'base64')
        FROM json_to_recordset(new_accounts) AS n (
            org_id bigint, available bigint, held bigint, debt bigint, covered bigint, overage_limit bigint,
            overage bigint, period_number integer, period_start bigint, period_end bigint, period_used bigint,
            due_at bigint, anchor_day smallint, time_zone text,
            anchor_month integer, monthly_allowance bigint, ai_enabled boolean, off_seq bigint, limited boolean,
            last_seq bigint,
            last_at bigint, last_hash text);
    END IF;

    UPDATE ledger.account AS a
    SET available = coalesce(n.available, 0), held = coalesce(n.held, 0), debt = coalesce(n.debt, 0),
        covered = coalesce(n.covered, 0), overage_limit = coalesce(n.overage_limit, 0),
        overage = coalesce(n.overage, 0), period_number = coalesce(n.period_number, 0),
        period_start = coalesce(n.period_start, 0), period_end = coalesce(n.period_end, 0),
        period_used = coalesce(n.period_used, 0), due_at = coalesce(n.due_at, 0),
        ai_enabled = coalesce(n.ai_enabled, false), off_seq = coalesce(n.off_seq, 0),
        limited = coalesce(n.limited, false), last_seq = n.last_seq, last_at = n.last_at,
        last_hash = decode(n.last_hash, 'base64')
    FROM json_to_recordset(accounts) AS n (
        org_id bigint, available bigint, held bigint, debt bigint, covered bigint, overage_limit bigint,
        overage bigint, period_number integer, period_start bigint, period_end bigint, period_used bigint,
        due_at bigint, ai_enabled boolean, off_seq bigint, limited boolean,
        last_seq bigint,
        last_at bigint, last_hash text)
    WHERE a.org_id = n.org_id;

    IF new_lots IS NOT NULL THEN
        INSERT INTO ledger.lot (
            org_id, lot_id, source, paid, priority, granted, available, held, granted_at, expires_at, reference,
            reversed, expired, clawed, frozen)
        SELECT n.org_id, n.lot_id, n.source, n.paid, n.priority, n.granted, n.available, n.held, n.granted_at,
               n.expires_at, coalesce(n.reference, ''), coalesce(c.reversed, 0), coalesce(c.expired, 0),
               coalesce(c.clawed, 0), coalesce(c.frozen, false)
        FROM json_to_recordset(new_lots) AS n (
            org_id bigint, lot_id bigint, source text, paid boolean, priority smallint, granted bigint,
            available bigint, held bigint, granted_at bigint, expires_at bigint, reference text, claw json)
        LEFT JOIN LATERAL json_to_record(n.claw) AS c (
            reversed bigint, expired bigint, clawed bigint, frozen boolean) ON true;
    END IF;

    IF lots IS NOT NULL THEN
        UPDATE ledger.lot AS l
        SET available = n.available, held = n.held, reversed = coalesce((n.claw->>'reversed')::bigint, 0),
            expired = coalesce((n.claw->>'expired')::bigint, 0), clawed = coalesce((n.claw->>'clawed')::bigint, 0),
            frozen = coalesce((n.claw->>'frozen')::boolean, false)
        FROM json_to_recordset(lots) AS n (org_id bigint, lot_id bigint, available bigint, held bigint, claw json)
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
