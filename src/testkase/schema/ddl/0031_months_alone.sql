-- Months of usage are made while a partition of an earlier one is being vacuumed, which may take hours.

-- As before, but for the lock, which named all partitions beside their table: one at a time, and nobody who reads, writes or
-- cleans up waits for it, or is waited for.
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
    LOCK TABLE ONLY ledger.usage IN SHARE UPDATE EXCLUSIVE MODE;
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
