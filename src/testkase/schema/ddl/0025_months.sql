-- Usage by month (docs/decisions/0015-months.md). ledger.usage becomes a table of partitions, one a calendar month in UTC;
-- what was there before becomes the first of them as it stands. Nothing is copied: the steps that read the whole table block
-- nobody, and those that block somebody change the catalogue alone. Each step is a transaction of its own and may be
-- repeated, so that a run killed anywhere is followed by one that finishes.

-- step: take away what a killed run left of the new key
-- unless: EXISTS (SELECT FROM pg_class WHERE oid = 'ledger.usage'::regclass AND relkind = 'p') OR EXISTS (SELECT FROM pg_index WHERE indexrelid = to_regclass('ledger.usage_key') AND indisvalid)
DROP INDEX CONCURRENTLY IF EXISTS ledger.usage_key;

-- step: the new key: by instant, which orders an organization's rows as the sequence number does
-- unless: EXISTS (SELECT FROM pg_class WHERE oid = 'ledger.usage'::regclass AND relkind = 'p')
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS usage_key ON ledger.usage (org_id, at, seq);

-- step: take away what a killed run left of the subjects by user
-- unless: EXISTS (SELECT FROM pg_index WHERE indexrelid = to_regclass('ledger.usage_day_by_user') AND indisvalid)
DROP INDEX CONCURRENTLY IF EXISTS ledger.usage_day_by_user;

-- step: who did what where, from the days: found without asking every month. Written once a day and subject
-- unless: to_regclass('ledger.usage_day_by_user') IS NOT NULL
CREATE INDEX CONCURRENTLY usage_day_by_user ON ledger.usage_day (org_id, user_ref, project_ref, use_case);

-- step: take away what a killed run left of the subjects by project
-- unless: EXISTS (SELECT FROM pg_index WHERE indexrelid = to_regclass('ledger.usage_day_by_project') AND indisvalid)
DROP INDEX CONCURRENTLY IF EXISTS ledger.usage_day_by_project;

-- step: what was done where
-- unless: to_regclass('ledger.usage_day_by_project') IS NOT NULL
CREATE INDEX CONCURRENTLY usage_day_by_project ON ledger.usage_day (org_id, project_ref, use_case);

-- step: where a month begins
-- The instant at which the UTC month of an instant begins, or one so many months later. Microseconds since 1970.
CREATE OR REPLACE FUNCTION ledger.month_start(instant bigint, later integer DEFAULT 0) RETURNS bigint
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT (extract(epoch FROM date_trunc('month', to_timestamp(instant / 1000000) AT TIME ZONE 'UTC')
                               + later * interval '1 month') * 1000000)::bigint
$$;

-- step: until when the rows that are there, and those that come meanwhile, belong to the first partition
-- unless: EXISTS (SELECT FROM pg_class WHERE oid = 'ledger.usage'::regclass AND relkind = 'p') OR EXISTS (SELECT FROM pg_constraint AS c WHERE c.conrelid = 'ledger.usage'::regclass AND c.conname = 'usage_until' AND substring(pg_get_constraintdef(c.oid) FROM '[0-9]{6,}')::bigint > extract(epoch FROM now() + interval '3 days') * 1000000)
-- A month at least is left for the rest of the steps. The journal may be ahead of this server's clock.
DO $$
DECLARE
    newest bigint := (SELECT max(a.last_at) FROM ledger.account AS a);
    here   bigint := (extract(epoch FROM clock_timestamp()) * 1000000)::bigint;
BEGIN
    EXECUTE format('ALTER TABLE ledger.usage DROP CONSTRAINT IF EXISTS usage_until,'
                   ' ADD CONSTRAINT usage_until CHECK (at < %s) NOT VALID',
                   ledger.month_start(greatest(newest, here), 2));
END
$$;

-- step: the rules of a row as one constraint, as the ledger's other tables have them: each statement reads them anew
-- unless: EXISTS (SELECT FROM pg_class WHERE oid = 'ledger.usage'::regclass AND relkind = 'p') OR EXISTS (SELECT FROM pg_constraint AS c WHERE c.conrelid = 'ledger.usage'::regclass AND c.conname = 'usage_is_sound')
ALTER TABLE ledger.usage
    DROP CONSTRAINT usage_input_check, DROP CONSTRAINT usage_cached_input_check, DROP CONSTRAINT usage_cache_write_check,
    DROP CONSTRAINT usage_output_check, DROP CONSTRAINT usage_reasoning_check, DROP CONSTRAINT usage_cost_check,
    DROP CONSTRAINT usage_check,
    ADD CONSTRAINT usage_is_sound CHECK (
        least(input, cached_input, cache_write, output, reasoning, charged) >= 0 AND charged <= cost) NOT VALID;

-- step: see that all rows keep both, while everybody goes on
-- unless: EXISTS (SELECT FROM pg_class WHERE oid = 'ledger.usage'::regclass AND relkind = 'p')
ALTER TABLE ledger.usage VALIDATE CONSTRAINT usage_until, VALIDATE CONSTRAINT usage_is_sound;

-- step: the table of partitions takes the place of the table, which becomes its first one
-- unless: EXISTS (SELECT FROM pg_class WHERE oid = 'ledger.usage'::regclass AND relkind = 'p')
-- The constraint spares the reading of all rows, the index the building of one: a few milliseconds under the lock.
DO $$
DECLARE
    bound bigint := (SELECT substring(pg_get_constraintdef(c.oid) FROM '[0-9]{6,}')::bigint FROM pg_constraint AS c
                     WHERE c.conrelid = 'ledger.usage'::regclass AND c.conname = 'usage_until');
    past  text := 'usage_until_' || to_char(to_timestamp(bound / 1000000) AT TIME ZONE 'UTC', 'YYYY_MM');
BEGIN
    ALTER TABLE ledger.usage DROP CONSTRAINT usage_pkey;
    ALTER TABLE ledger.usage ADD CONSTRAINT usage_until_pkey PRIMARY KEY USING INDEX usage_key;
    ALTER INDEX ledger.usage_by_user RENAME TO usage_until_by_user;
    ALTER INDEX ledger.usage_by_project RENAME TO usage_until_by_project;
    DROP POLICY tenant ON ledger.usage;
    DROP POLICY writer ON ledger.usage;
    REVOKE ALL ON ledger.usage FROM testkase_app, testkase_ledger;
    EXECUTE format('ALTER TABLE ledger.usage RENAME TO %I', past);

    EXECUTE format('CREATE TABLE ledger.usage (LIKE ledger.%I INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE'
                   ' INCLUDING COMMENTS) PARTITION BY RANGE (at)', past);
    ALTER TABLE ledger.usage DROP CONSTRAINT usage_until;
    ALTER TABLE ledger.usage ADD PRIMARY KEY (org_id, at, seq);
    CREATE INDEX usage_by_user    ON ledger.usage (org_id, user_ref, project_ref, use_case, at, seq);
    CREATE INDEX usage_by_project ON ledger.usage (org_id, project_ref, use_case, at, seq);
    EXECUTE format('ALTER TABLE ledger.usage ATTACH PARTITION ledger.%I FOR VALUES FROM (MINVALUE) TO (%s)', past, bound);
    EXECUTE format('ALTER TABLE ledger.%I DROP CONSTRAINT usage_until', past);

    -- As it was for the table. Partitions have neither policy nor privilege: they are reached through it alone.
    ALTER TABLE ledger.usage ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
    CREATE POLICY tenant ON ledger.usage TO testkase_app USING (org_id = nullif(current_setting('app.org_id', true), '')::bigint);
    CREATE POLICY writer ON ledger.usage TO testkase_ledger USING (true) WITH CHECK (true);
    GRANT SELECT ON ledger.usage TO testkase_app, testkase_ledger;
    GRANT INSERT ON ledger.usage TO testkase_ledger;
END
$$;

-- step: what makes months, and says how far they go
-- Where the months that have a partition end.
CREATE OR REPLACE FUNCTION ledger.usage_months_end() RETURNS bigint
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT max(substring(pg_get_expr(part.relpartbound, part.oid) FROM 'TO \(''([0-9]+)''\)')::bigint)
    FROM pg_inherits AS link JOIN pg_class AS part ON part.oid = link.inhrelid
    WHERE link.inhparent = 'ledger.usage'::regclass
$$;

-- A partition, closed as all of them are: whoever is not the owner reaches its rows through the table alone.
CREATE OR REPLACE FUNCTION ledger.add_usage_part(part text, bounds text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    EXECUTE format('CREATE TABLE ledger.%I (LIKE ledger.usage INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE)',
                   part);
    EXECUTE format('ALTER TABLE ledger.%I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', part);
    EXECUTE format('ALTER TABLE ledger.usage ATTACH PARTITION ledger.%I %s', part, bounds);
END
$$;

-- Rows that came when their month had no partition lie in the partition for the rest. It becomes theirs, as wide as need be,
-- and a new one takes its place: no row is moved.
CREATE OR REPLACE FUNCTION ledger.keep_usage_strays(since bigint, until bigint) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    part text := format('usage_%s_to_%s', to_char(to_timestamp(since / 1000000) AT TIME ZONE 'UTC', 'YYYY_MM'),
                        to_char(to_timestamp(until / 1000000) AT TIME ZONE 'UTC', 'YYYY_MM'));
BEGIN
    EXECUTE format('ALTER TABLE ledger.usage_rest ADD CONSTRAINT usage_strays CHECK (at >= %s AND at < %s)', since, until);
    ALTER TABLE ledger.usage DETACH PARTITION ledger.usage_rest;
    EXECUTE format('ALTER TABLE ledger.usage_rest RENAME TO %I', part);
    EXECUTE format('ALTER TABLE ledger.usage ATTACH PARTITION ledger.%I FOR VALUES FROM (%s) TO (%s)', part, since, until);
    EXECUTE format('ALTER TABLE ledger.%I DROP CONSTRAINT usage_strays', part);
    PERFORM ledger.add_usage_part('usage_rest', 'DEFAULT');
END
$$;

-- Makes what is missing of this month's partition and of those of so many months after it. Answers how many were made. As the
-- owner of the tables; whoever may call it can do nothing with it but this. It gives up soon rather than keep writers waiting.
CREATE OR REPLACE FUNCTION ledger.prepare_usage_months(ahead integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s'
AS $$
DECLARE
    here    bigint := (extract(epoch FROM clock_timestamp()) * 1000000)::bigint;
    target  bigint := ledger.month_start(here, least(greatest(ahead, 1), 120) + 1);
    reached bigint;
    made    integer := 0;
BEGIN
    IF ledger.usage_months_end() >= target THEN
        RETURN 0;
    END IF;
    LOCK TABLE ledger.usage IN SHARE UPDATE EXCLUSIVE MODE;  -- one at a time; nobody who reads or writes waits for it
    reached := ledger.usage_months_end();
    WHILE reached < target LOOP
        BEGIN
            PERFORM ledger.add_usage_part(
                'usage_' || to_char(to_timestamp(reached / 1000000) AT TIME ZONE 'UTC', 'YYYY_MM'),
                format('FOR VALUES FROM (%s) TO (%s)', reached, ledger.month_start(reached, 1)));
        EXCEPTION WHEN check_violation THEN
            PERFORM ledger.keep_usage_strays(reached, target);
        END;
        made := made + 1;
        reached := ledger.usage_months_end();
    END LOOP;
    RETURN made;
END
$$;

-- Where the months end, and whether rows lie behind them. Over all organizations, so as the ledger's own role.
CREATE OR REPLACE FUNCTION ledger.usage_months_standing() RETURNS TABLE (ends_at bigint, strays boolean)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    ends_at := ledger.usage_months_end();
    -- Spelled out, so that the plan is for the one partition behind them.
    EXECUTE format('SELECT EXISTS (SELECT FROM ledger.usage AS u WHERE u.at >= %s)', ends_at) INTO strays;
    RETURN NEXT;
END
$$;

-- Of the organizations named, those that have changed since the caller last looked (`seqs`, `notices`: what it saw then).
-- The newest interaction is looked for in the two months up to the newest entry. In PL/pgSQL because that keeps its plan:
-- planning for all months again each second would cost more than looking.
CREATE OR REPLACE FUNCTION ledger.pulses(orgs bigint[], seqs bigint[], notices bigint[])
RETURNS TABLE (org_id bigint, last_seq bigint, usage_seq bigint, off_seq bigint, notice bigint, available bigint,
               ai_enabled boolean)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT a.org_id, a.last_seq,
           coalesce((SELECT u.seq FROM ledger.usage AS u
                     WHERE u.org_id = a.org_id AND u.at <= a.last_at AND u.at >= ledger.month_start(a.last_at, -1)
                     ORDER BY u.at DESC, u.seq DESC LIMIT 1), 0),
           a.off_seq, told.notice, a.available, a.ai_enabled
    FROM unnest(orgs, seqs, notices) AS seen (org_id, seq, notice)
    JOIN ledger.account AS a ON a.org_id = seen.org_id
    CROSS JOIN LATERAL (
        SELECT coalesce((SELECT n.notification_id FROM public.notification AS n
                         WHERE n.org_id = a.org_id ORDER BY n.notification_id DESC LIMIT 1), 0) AS notice OFFSET 0
    ) AS told
    WHERE a.last_seq <> seen.seq OR told.notice <> seen.notice;
END
$$;

GRANT CREATE ON SCHEMA ledger TO testkase_ledger;
ALTER FUNCTION ledger.usage_months_standing() OWNER TO testkase_ledger;
REVOKE CREATE ON SCHEMA ledger FROM testkase_ledger;
REVOKE ALL ON FUNCTION ledger.add_usage_part(text, text), ledger.keep_usage_strays(bigint, bigint),
    ledger.prepare_usage_months(integer), ledger.usage_months_standing() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.prepare_usage_months(integer), ledger.usage_months_standing() TO testkase_app;

-- step: the partition for the rest, so that no month that was forgotten stops the books
-- unless: to_regclass('ledger.usage_rest') IS NOT NULL
SELECT ledger.add_usage_part('usage_rest', 'DEFAULT');

-- step: the months that come next
SELECT ledger.prepare_usage_months(3);
