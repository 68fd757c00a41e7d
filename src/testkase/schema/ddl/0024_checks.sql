-- The self-audit (B4): which books were verified how far, what deviated, and which heads were published when.
-- Ids, counts and hashes only: what exactly deviates is told by `testkase verify` to whoever operates the installation.

-- One row an organization: when it is next looked at, and the checkpoint up to which its journal was verified. The sums are
-- those after entry `seq`. The queue is looked up by what is due, before the organization is known.
CREATE TABLE ledger_check (
    org_id          bigint PRIMARY KEY,
    due_at          timestamptz NOT NULL DEFAULT now(),
    active_at       timestamptz,
    checked_at      timestamptz,
    walked_at       timestamptz,
    seq             bigint NOT NULL DEFAULT 0 CHECK (seq >= 0),
    at              bigint NOT NULL DEFAULT 0,
    hash            bytea NOT NULL DEFAULT decode(repeat('00', 32), 'hex') CHECK (length(hash) = 32),
    available       bigint NOT NULL DEFAULT 0,
    held            bigint NOT NULL DEFAULT 0,
    debt            bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 70);

CREATE INDEX ledger_check_due ON ledger_check (due_at);

-- What deviated, each once for as long as it stands. Organization 0: what concerns all of them; seq 0: no single entry.
CREATE TABLE ledger_deviation (
    org_id    bigint NOT NULL,
    invariant text COLLATE "C" NOT NULL CHECK (length(invariant) <= 8),
    seq       bigint NOT NULL,
    found_at  timestamptz NOT NULL DEFAULT now(),
    told_at   timestamptz,
    gone_at   timestamptz,
    PRIMARY KEY (org_id, invariant, seq)
);

-- The heads that were written outside the database, by day, and the SHA-256 of the file of that day.
CREATE TABLE published_heads (
    day           date PRIMARY KEY,
    published_at  timestamptz NOT NULL DEFAULT now(),
    organizations bigint NOT NULL,
    digest        bytea NOT NULL CHECK (length(digest) = 32)
);

GRANT SELECT, INSERT, UPDATE ON ledger_check, ledger_deviation, published_heads TO testkase_app;

-- Series of receipts whose numbers have a gap, a double, or do not end where the series says. Over all organizations, so
-- that it runs as a role of its own, which sees of a receipt its number alone.
CREATE POLICY numbering ON receipt FOR SELECT TO testkase_ledger USING (true);
GRANT SELECT (number) ON receipt TO testkase_ledger;
GRANT SELECT ON receipt_series TO testkase_ledger;

CREATE FUNCTION ledger.broken_receipt_series() RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    WITH standing AS (
        SELECT regexp_replace(r.number, '-[0-9]+$', '') AS series, count(*) AS receipts,
               count(DISTINCT r.number) AS numbers, max(substring(r.number FROM '[0-9]+$')::bigint) AS newest
        FROM public.receipt AS r GROUP BY 1
    )
    SELECT count(*)
    FROM standing AS s FULL JOIN public.receipt_series AS said ON said.series = s.series COLLATE "C"
    WHERE (s.receipts, s.numbers, s.newest) IS DISTINCT FROM (said.last_number, said.last_number, said.last_number)
$$;

GRANT CREATE ON SCHEMA ledger TO testkase_ledger;
ALTER FUNCTION ledger.broken_receipt_series() OWNER TO testkase_ledger;
REVOKE CREATE ON SCHEMA ledger FROM testkase_ledger;
REVOKE ALL ON FUNCTION ledger.broken_receipt_series() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.broken_receipt_series() TO testkase_app;
