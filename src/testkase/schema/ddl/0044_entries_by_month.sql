-- Entries by month (docs/decisions/0022-entries-by-month.md). ledger.entry becomes a table of partitions, one a calendar month in
-- UTC, as ledger.usage is; what was there before becomes the first of them as it stands. Nothing is copied. Each step is a
-- transaction of its own and may be repeated, so that a run killed anywhere is followed by one that finishes.

-- step: until when the entries that are there, and those that come meanwhile, belong to the first partition
-- unless: EXISTS (SELECT FROM pg_class WHERE oid = 'ledger.entry'::regclass AND relkind = 'p') OR EXISTS (SELECT FROM pg_constraint AS c WHERE c.conrelid = 'ledger.entry'::regclass AND c.conname = 'entry_until' AND substring(pg_get_constraintdef(c.oid) FROM '[0-9]{6,}')::bigint > extract(epoch FROM now() + interval '3 days') * 1000000)
-- A month at least is left for the rest of the steps. The journal may be ahead of this server's clock.
DO $$
DECLARE
    newest bigint := (SELECT max(a.last_at) FROM ledger.account AS a);
    here   bigint := (extract(epoch FROM clock_timestamp()) * 1000000)::bigint;
BEGIN
    EXECUTE format('ALTER TABLE ledger.entry DROP CONSTRAINT IF EXISTS entry_until,'
                   ' ADD CONSTRAINT entry_until CHECK (at < %s) NOT VALID',
                   ledger.month_start(greatest(newest, here), 2));
END
$$;

-- step: see that all entries keep it, while everybody goes on
-- unless: EXISTS (SELECT FROM pg_class WHERE oid = 'ledger.entry'::regclass AND relkind = 'p')
ALTER TABLE ledger.entry VALIDATE CONSTRAINT entry_until;

-- step: the table of partitions takes the place of the table, which becomes its first one
-- unless: EXISTS (SELECT FROM pg_class WHERE oid = 'ledger.entry'::regclass AND relkind = 'p')
-- The constraint spares the reading of all rows, and no index is built: a few milliseconds under the lock. A partition has the key
-- (org_id, seq) itself, which the table cannot have: it would have to name the instant.
-- The unique ids and the switches of a first partition with entries stay indexed for processes of the code before, which look
-- entries up by them; a new database has no such processes.
DO $$
DECLARE
    bound bigint := (SELECT substring(pg_get_constraintdef(c.oid) FROM '[0-9]{6,}')::bigint FROM pg_constraint AS c
                     WHERE c.conrelid = 'ledger.entry'::regclass AND c.conname = 'entry_until');
    past  text := 'entry_until_' || to_char(to_timestamp(bound / 1000000) AT TIME ZONE 'UTC', 'YYYY_MM');
BEGIN
    LOCK TABLE ledger.entry IN ACCESS EXCLUSIVE MODE;
    IF (SELECT f.org FROM ledger.fill_operations(-9223372036854775808, 0, 1) AS f) IS NULL THEN
        ALTER TABLE ledger.entry DROP CONSTRAINT entry_org_id_operation_id_key;
        DROP INDEX ledger.entry_switch;
    ELSE
        ALTER TABLE ledger.entry RENAME CONSTRAINT entry_org_id_operation_id_key TO entry_until_operation_id_key;
        ALTER INDEX ledger.entry_switch RENAME TO entry_until_switch;
    END IF;
    DROP FUNCTION ledger.fill_operations(bigint, bigint, integer);
    ALTER TABLE ledger.entry RENAME CONSTRAINT entry_pkey TO entry_until_pkey;
    ALTER INDEX ledger.entry_supply RENAME TO entry_until_supply;
    DROP POLICY tenant ON ledger.entry;
    DROP POLICY writer ON ledger.entry;
    REVOKE ALL ON ledger.entry FROM testkase_app, testkase_ledger;
    EXECUTE format('ALTER TABLE ledger.entry RENAME TO %I', past);

    EXECUTE format('CREATE TABLE ledger.entry (LIKE ledger.%I INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE'
                   ' INCLUDING COMMENTS) PARTITION BY RANGE (at)', past);
    ALTER TABLE ledger.entry DROP CONSTRAINT entry_until;
    CREATE INDEX entry_supply ON ledger.entry (org_id, seq)
        WHERE issued <> 0 OR expired <> 0 OR reversed <> 0 OR overage <> 0 OR debt <> 0;
    EXECUTE format('ALTER TABLE ledger.entry ATTACH PARTITION ledger.%I FOR VALUES FROM (MINVALUE) TO (%s)', past, bound);
    EXECUTE format('ALTER TABLE ledger.%I DROP CONSTRAINT entry_until', past);

    -- As it was for the table. Partitions have neither policy nor privilege: they are reached through it alone.
    ALTER TABLE ledger.entry ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
    CREATE POLICY tenant ON ledger.entry TO testkase_app USING (org_id = nullif(current_setting('app.org_id', true), '')::bigint);
    CREATE POLICY writer ON ledger.entry TO testkase_ledger USING (true) WITH CHECK (
        issued + available + held + used + expired + reversed + overage + debt = 0
        AND least(used, expired, available_after, held_after) >= 0 AND seq > 0 AND length(hash) = 32);
    GRANT SELECT ON ledger.entry TO testkase_app, testkase_ledger;
    GRANT INSERT ON ledger.entry TO testkase_ledger;
END
$$;

-- step: how entries are read: by number, by id, and by those who watch
-- An organization's entries behind a number, in order. One plan for all months, kept: looking into each for the number costs
-- less than planning for them.
CREATE OR REPLACE FUNCTION ledger.journal(org bigint, after bigint, most integer) RETURNS SETOF ledger.entry
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off
SET plan_cache_mode = force_generic_plan
AS $$
BEGIN
    RETURN QUERY SELECT e.* FROM ledger.entry AS e WHERE e.org_id = org AND e.seq > after ORDER BY e.seq LIMIT most;
END
$$;

-- The entry that answered an id, from its own month alone.
CREATE OR REPLACE FUNCTION ledger.entry_of(org bigint, id text) RETURNS SETOF ledger.entry
LANGUAGE plpgsql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
    place record;
BEGIN
    SELECT o.seq, o.at INTO place FROM ledger.operation AS o WHERE o.org_id = org AND o.operation_id = id;
    RETURN QUERY SELECT e.* FROM ledger.entry AS e WHERE e.org_id = org AND e.at = place.at AND e.seq = place.seq;
END
$$;
REVOKE ALL ON FUNCTION ledger.journal(bigint, bigint, integer), ledger.entry_of(bigint, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.journal(bigint, bigint, integer), ledger.entry_of(bigint, text) TO testkase_app;

-- Moves the watch on, as before (0010_notifications.sql), looking at no month but this one and the last. Where the first entry
-- behind the watch lies further back, the organization is left to whoever folds entries in one by one.
CREATE OR REPLACE FUNCTION ledger.pass_quiet(since bigint, up_to integer, forecast_every interval) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
DECLARE
    earliest bigint := ledger.month_start((extract(epoch FROM clock_timestamp()) * 1000000)::bigint, -1);
    passed   bigint;
BEGIN
    WITH behind AS MATERIALIZED (
        SELECT w.org_id, w.seq, greatest(w.thresholds[1], 9999) AS above
        FROM ledger.account AS a JOIN public.alert_watch AS w ON w.org_id = a.org_id
        WHERE a.last_at >= since AND a.last_seq > w.seq AND w.crossed = '{}'
          AND (NOT w.ai_on OR w.forecast_days = 0 OR w.forecast_at >= now() - forecast_every)
        LIMIT up_to FOR UPDATE OF w SKIP LOCKED
    ), quiet AS (
        SELECT b.org_id, max(e.seq) AS seq,
               (array_agg(e.available_after + e.held_after ORDER BY e.seq DESC))[1] AS level
        FROM behind AS b
        JOIN ledger.entry AS e ON e.org_id = b.org_id AND e.at >= earliest AND e.seq > b.seq AND e.seq <= b.seq + 2000
        GROUP BY b.org_id, b.seq, b.above
        HAVING min(e.seq) = b.seq + 1 AND min(e.available_after + e.held_after) > b.above
           AND NOT bool_or(e.kind IN ('switch', 'allowance'))
    ), moved AS (
        UPDATE public.alert_watch AS w SET seq = q.seq, level = q.level
        FROM quiet AS q WHERE w.org_id = q.org_id
        RETURNING w.org_id
    )
    SELECT count(*) INTO passed FROM moved;
    RETURN passed;
END
$$;

-- step: what makes months, of both tables, and says how far they go
-- Where the months of a table that have a partition end.
CREATE OR REPLACE FUNCTION ledger.months_end(parent text) RETURNS bigint
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT max(substring(pg_get_expr(part.relpartbound, part.oid) FROM 'TO \(''([0-9]+)''\)')::bigint)
    FROM pg_inherits AS link JOIN pg_class AS part ON part.oid = link.inhrelid
    WHERE link.inhparent = format('ledger.%I', parent)::regclass
$$;

-- A partition, closed as all of them are: whoever is not the owner reaches its rows through the table alone.
CREATE OR REPLACE FUNCTION ledger.add_part(parent text, part text, bounds text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    EXECUTE format('CREATE TABLE ledger.%I (LIKE ledger.%I INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE)',
                   part, parent);
    IF parent = 'entry' THEN
        EXECUTE format('ALTER TABLE ledger.%I ADD PRIMARY KEY (org_id, seq)', part);
    END IF;
    EXECUTE format('ALTER TABLE ledger.%I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', part);
    EXECUTE format('ALTER TABLE ledger.%I ATTACH PARTITION ledger.%I %s', parent, part, bounds);
END
$$;

-- Rows that came when their month had no partition lie in the partition for the rest. It becomes theirs, as wide as need be,
-- and a new one takes its place: no row is moved.
CREATE OR REPLACE FUNCTION ledger.keep_strays(parent text, since bigint, until bigint) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    rest text := parent || '_rest';
    part text := format('%s_%s_to_%s', parent, to_char(to_timestamp(since / 1000000) AT TIME ZONE 'UTC', 'YYYY_MM'),
                        to_char(to_timestamp(until / 1000000) AT TIME ZONE 'UTC', 'YYYY_MM'));
BEGIN
    EXECUTE format('ALTER TABLE ledger.%I ADD CONSTRAINT strays CHECK (at >= %s AND at < %s)', rest, since, until);
    EXECUTE format('ALTER TABLE ledger.%I DETACH PARTITION ledger.%I', parent, rest);
    EXECUTE format('ALTER TABLE ledger.%I RENAME TO %I', rest, part);
    IF parent = 'entry' THEN
        EXECUTE format('ALTER TABLE ledger.%I RENAME CONSTRAINT %I TO %I', part, rest || '_pkey', part || '_pkey');
    END IF;
    EXECUTE format('ALTER TABLE ledger.%I ATTACH PARTITION ledger.%I FOR VALUES FROM (%s) TO (%s)', parent, part, since, until);
    EXECUTE format('ALTER TABLE ledger.%I DROP CONSTRAINT strays', part);
    PERFORM ledger.add_part(parent, rest, 'DEFAULT');
END
$$;

-- Makes what is missing of this month's partitions and of those of so many months after it. Answers how many were made. As the
-- owner of the tables; whoever may call it can do nothing with it but this. It gives up soon rather than keep writers waiting.
-- The lock: one at a time, and nobody who reads, writes or cleans up waits for it, or is waited for.
CREATE OR REPLACE FUNCTION ledger.prepare_months(ahead integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s'
AS $$
DECLARE
    here    bigint := (extract(epoch FROM clock_timestamp()) * 1000000)::bigint;
    target  bigint := ledger.month_start(here, least(greatest(ahead, 1), 120) + 1);
    parent  text;
    reached bigint;
    made    integer := 0;
BEGIN
    FOREACH parent IN ARRAY ARRAY['entry', 'usage'] LOOP
        CONTINUE WHEN ledger.months_end(parent) >= target;
        EXECUTE format('LOCK TABLE ONLY ledger.%I IN SHARE UPDATE EXCLUSIVE MODE', parent);
        reached := ledger.months_end(parent);
        WHILE reached < target LOOP
            BEGIN
                PERFORM ledger.add_part(
                    parent, format('%s_%s', parent, to_char(to_timestamp(reached / 1000000) AT TIME ZONE 'UTC', 'YYYY_MM')),
                    format('FOR VALUES FROM (%s) TO (%s)', reached, ledger.month_start(reached, 1)));
            EXCEPTION WHEN check_violation THEN
                PERFORM ledger.keep_strays(parent, reached, target);
            END;
            made := made + 1;
            reached := ledger.months_end(parent);
        END LOOP;
    END LOOP;
    RETURN made;
END
$$;

-- By its earlier name, for processes of the code before.
CREATE OR REPLACE FUNCTION ledger.prepare_usage_months(ahead integer) RETURNS integer
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$ SELECT ledger.prepare_months(ahead) $$;

-- Where the months end, and whether rows lie behind them, of either table. Over all organizations, so as the ledger's own role.
CREATE OR REPLACE FUNCTION ledger.months_standing() RETURNS TABLE (ends_at bigint, strays boolean)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    entries_end bigint := ledger.months_end('entry');
    usage_end   bigint := ledger.months_end('usage');
BEGIN
    ends_at := least(entries_end, usage_end);
    -- Spelled out, so that the plan is for the one partition behind them.
    EXECUTE format('SELECT EXISTS (SELECT FROM ledger.entry AS e WHERE e.at >= %s)'
                   ' OR EXISTS (SELECT FROM ledger.usage AS u WHERE u.at >= %s)', entries_end, usage_end) INTO strays;
    RETURN NEXT;
END
$$;

DROP FUNCTION IF EXISTS ledger.add_usage_part(text, text), ledger.keep_usage_strays(bigint, bigint);
GRANT CREATE ON SCHEMA ledger TO testkase_ledger;
ALTER FUNCTION ledger.months_standing() OWNER TO testkase_ledger;
REVOKE CREATE ON SCHEMA ledger FROM testkase_ledger;
REVOKE ALL ON FUNCTION ledger.add_part(text, text, text), ledger.keep_strays(text, bigint, bigint), ledger.prepare_months(integer),
    ledger.months_standing() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.prepare_months(integer), ledger.months_standing() TO testkase_app;

-- step: the partition for the rest, so that no month that was forgotten stops the books
-- unless: to_regclass('ledger.entry_rest') IS NOT NULL
SELECT ledger.add_part('entry', 'entry_rest', 'DEFAULT');

-- step: the months that come next
SELECT ledger.prepare_months(3);
