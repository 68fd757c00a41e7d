-- Where in the journal each id was answered, in a table of its own (docs/decisions/0022-entries-by-month.md): that an id never acts
-- twice is a matter of the whole journal, which is about to be kept by month.
-- Ids are copied a page at a time, while everybody goes on. Each step is a transaction of its own and may be repeated, so that a
-- run killed anywhere is followed by one that finishes.

-- step: where in the journal each id was answered
-- unless: to_regclass('ledger.operation') IS NOT NULL
CREATE TABLE ledger.operation (
    org_id       bigint NOT NULL,
    operation_id text COLLATE "C" NOT NULL,
    seq          bigint NOT NULL,
    at           bigint NOT NULL,
    PRIMARY KEY (org_id, operation_id)
);
ALTER TABLE ledger.operation ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON ledger.operation TO testkase_app USING (org_id = nullif(current_setting('app.org_id', true), '')::bigint);
CREATE POLICY writer ON ledger.operation TO testkase_ledger USING (true) WITH CHECK (seq > 0 AND length(operation_id) > 0);
GRANT SELECT ON ledger.operation TO testkase_app, testkase_ledger;
GRANT INSERT ON ledger.operation TO testkase_ledger;
COMMENT ON COLUMN ledger.operation.operation_id IS 'Id of what was done: the same id never acts twice';
COMMENT ON COLUMN ledger.operation.seq IS 'Number of the entry that answered it';
COMMENT ON COLUMN ledger.operation.at IS 'When';

-- step: each entry that is written from now on takes its id there, whoever writes it
-- unless: EXISTS (SELECT FROM pg_trigger WHERE tgrelid = 'ledger.entry'::regclass AND tgname = 'id_of_entry')
-- A function that has begun goes on as it was, however long it waits for the table. It meets the trigger all the same.
CREATE OR REPLACE FUNCTION ledger.write_operation() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    INSERT INTO ledger.operation (org_id, operation_id, seq, at)
    VALUES (NEW.org_id, NEW.operation_id, NEW.seq, NEW.at) ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$$;
CREATE TRIGGER id_of_entry AFTER INSERT ON ledger.entry FOR EACH ROW EXECUTE FUNCTION ledger.write_operation();

-- step: what takes the ids of earlier entries there, a page at a time
-- Over all organizations, so as the ledger's own role. Answers the last entry of the page; nothing behind the last one.
CREATE OR REPLACE FUNCTION ledger.fill_operations(after_org bigint, after_seq bigint, most integer, OUT org bigint, OUT number bigint)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off
AS $$
BEGIN
    WITH page AS MATERIALIZED (
        SELECT e.org_id, e.operation_id, e.seq, e.at FROM ledger.entry AS e
        WHERE (e.org_id, e.seq) > (after_org, after_seq) ORDER BY e.org_id, e.seq LIMIT most
    ), taken AS (
        INSERT INTO ledger.operation (org_id, operation_id, seq, at)
        SELECT p.org_id, p.operation_id, p.seq, p.at FROM page AS p ON CONFLICT DO NOTHING
    )
    SELECT p.org_id, p.seq INTO org, number FROM page AS p ORDER BY p.org_id DESC, p.seq DESC LIMIT 1;
END
$$;
GRANT CREATE ON SCHEMA ledger TO testkase_ledger;
ALTER FUNCTION ledger.fill_operations(bigint, bigint, integer) OWNER TO testkase_ledger;
REVOKE CREATE ON SCHEMA ledger FROM testkase_ledger;
REVOKE ALL ON FUNCTION ledger.fill_operations(bigint, bigint, integer) FROM PUBLIC;
DO $$
BEGIN
    EXECUTE format('GRANT EXECUTE ON FUNCTION ledger.fill_operations(bigint, bigint, integer) TO %I', current_user);
END
$$;

-- step: the ids of earlier entries, while everybody goes on
-- unless: (SELECT prosrc LIKE '%ledger.operation%' FROM pg_proc WHERE oid = to_regproc('ledger.load'))
-- What a later step is tried again for does not cost the reading of all entries again.
DO $$
DECLARE
    org    bigint := -9223372036854775808;
    number bigint := 0;
BEGIN
    WHILE org IS NOT NULL LOOP
        SELECT f.org, f.number INTO org, number FROM ledger.fill_operations(org, number, 20000) AS f;
        COMMIT;
    END LOOP;
END
$$;

-- step: what writes a batch writes the ids, and what loads one finds entries by them
CREATE OR REPLACE FUNCTION ledger.load(
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
    places  ledger.operation[];
    since   bigint;
    latest  bigint;
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

    SELECT string_agg(ledger.row_of(l), ',') INTO lots
    FROM ledger.lot AS l WHERE l.org_id = ANY (orgs) AND l.live;

    SELECT array_agg(o) INTO places
    FROM unnest(operations) AS r
    CROSS JOIN LATERAL (
        SELECT i.* FROM ledger.operation AS i WHERE i.org_id = r.org_id AND i.operation_id = r.name OFFSET 0
    ) AS o;
    IF places IS NOT NULL THEN
        SELECT min(p.at), max(p.at) INTO since, latest FROM unnest(places) AS p;
        SELECT json_agg(json_build_array(
                   e.org_id, e.seq, e.operation_id, e.kind, e.at, e.issued, e.available, e.held, e.used, e.expired,
                   e.reversed, e.overage, e.debt, e.lots, e.available_after, e.held_after, e.hold_id, e.expires_at,
                   encode(e.fingerprint, 'base64'), e.note, encode(e.hash, 'base64')))::text
        INTO entries
        FROM unnest(places) AS p
        CROSS JOIN LATERAL (
            SELECT j.* FROM ledger.entry AS j
            WHERE j.org_id = p.org_id AND j.seq = p.seq AND j.at = p.at AND j.at >= since AND j.at <= latest OFFSET 0
        ) AS e;
    END IF;

    IF issued IS NOT NULL THEN
        SELECT concat_ws(',', load.lots, string_agg(ledger.row_of(l), ',')) INTO lots
        FROM unnest(issued) AS r
        JOIN ledger.operation AS o ON o.org_id = r.org_id AND o.operation_id = r.name
        JOIN ledger.lot AS l ON l.org_id = o.org_id AND l.lot_id = o.seq AND NOT l.live;
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

CREATE OR REPLACE FUNCTION ledger.append_many(
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
        INSERT INTO ledger.operation (org_id, operation_id, seq, at)
        SELECT n.org_id, n.operation_id, n.seq, n.at FROM unnest(entries) AS n;
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

    INSERT INTO ledger.operation (org_id, operation_id, seq, at)
    VALUES (posted.org_id, posted.operation_id, posted.seq, posted.at);
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

-- step: what processes of the code of before call writes the ids too, and leaves the rest to what it was
-- unless: to_regproc('ledger.append_rows') IS NOT NULL
ALTER FUNCTION ledger.append RENAME TO append_rows;
REVOKE ALL ON FUNCTION ledger.append_rows FROM testkase_app;
CREATE FUNCTION ledger.append(
    new_accounts json, accounts ledger.moved_account[], new_lots json, lots ledger.moved_lot[],
    opened ledger.opened_hold[], closed ledger.named[], entries ledger.posted_entry[], usages ledger.recorded_usage[],
    usage_days ledger.added_day[], limits json
) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    INSERT INTO ledger.operation (org_id, operation_id, seq, at)
    SELECT n.org_id, n.operation_id, n.seq, n.at FROM unnest(entries) AS n;
    PERFORM ledger.append_rows(
        new_accounts, accounts, new_lots, lots, opened, closed, entries, usages, usage_days, limits);
END
$$;
GRANT CREATE ON SCHEMA ledger TO testkase_ledger;
ALTER FUNCTION ledger.append OWNER TO testkase_ledger;
REVOKE CREATE ON SCHEMA ledger FROM testkase_ledger;
REVOKE ALL ON FUNCTION ledger.append FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.append TO testkase_app;

-- step: the trigger goes, once whoever may have known the functions as they were has ended: they write the ids themselves
-- unless: NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = 'ledger.entry'::regclass AND tgname = 'id_of_entry')
-- A call looks its function up when its transaction begins and may reach its first table long after, so that no lock tells of
-- it. Nothing is held meanwhile. The owner's own transactions, such as a backup's, call none of them. Whoever left one open is
-- told of as one who keeps a table locked.
DO $$
DECLARE
    latest  timestamptz := clock_timestamp() + interval '1 minute';
    running text[] := ARRAY(
        SELECT l.virtualxid FROM pg_locks AS l JOIN pg_stat_activity AS s ON s.pid = l.pid
        WHERE l.locktype = 'virtualxid' AND s.datname = current_database() AND s.usename <> current_user);
BEGIN
    WHILE EXISTS (SELECT FROM pg_locks AS l WHERE l.locktype = 'virtualxid' AND l.virtualxid = ANY (running)) LOOP
        IF clock_timestamp() > latest THEN
            RAISE EXCEPTION 'a transaction of the application does not end' USING ERRCODE = 'lock_not_available';
        END IF;
        PERFORM pg_sleep(0.01);
    END LOOP;
    DROP TRIGGER id_of_entry ON ledger.entry;
    DROP FUNCTION ledger.write_operation();
END
$$;
