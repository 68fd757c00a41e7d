-- What an experienced hand would write without our engine: one row per organization that is locked and guarded by the
-- UPDATE itself, the hold and the journal beside it, and an id that has one effect. No lots, no hash chain, no rules: less
-- than the product does, so that the figure it is compared with errs on PostgreSQL's side.

CREATE SCHEMA bench;

CREATE TABLE bench.account (
    org_id    bigint PRIMARY KEY,
    available bigint NOT NULL CHECK (available >= 0),
    held      bigint NOT NULL CHECK (held >= 0),
    used      bigint NOT NULL DEFAULT 0,
    last_seq  bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);

CREATE TABLE bench.hold (
    org_id     bigint NOT NULL,
    hold_id    text COLLATE "C" NOT NULL,
    amount     bigint NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (org_id, hold_id)
);

CREATE TABLE bench.entry (
    org_id          bigint NOT NULL,
    seq             bigint NOT NULL,
    operation_id    text COLLATE "C" NOT NULL,
    kind            text NOT NULL,
    at              timestamptz NOT NULL DEFAULT now(),
    available       bigint NOT NULL,
    held            bigint NOT NULL,
    used            bigint NOT NULL,
    available_after bigint NOT NULL,
    held_after      bigint NOT NULL,
    PRIMARY KEY (org_id, seq),
    UNIQUE (org_id, operation_id)
);

-- available → held, once per id. A lost race for the same id fails on the unique key and is undone.
CREATE FUNCTION bench.authorize(org bigint, id text, credits bigint) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    account bench.account;
    stored bigint;
BEGIN
    SELECT seq INTO stored FROM bench.entry WHERE org_id = org AND operation_id = 'hold:' || id;
    IF FOUND THEN
        RETURN stored;
    END IF;
    UPDATE bench.account SET available = available - credits, held = held + credits, last_seq = last_seq + 1
    WHERE org_id = org AND available >= credits RETURNING * INTO account;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'insufficient credits';
    END IF;
    INSERT INTO bench.hold VALUES (org, id, credits, now() + interval '5 minutes');
    INSERT INTO bench.entry (org_id, seq, operation_id, kind, available, held, used, available_after, held_after)
    VALUES (org, account.last_seq, 'hold:' || id, 'hold', -credits, credits, 0, account.available, account.held);
    RETURN account.last_seq;
END $$;

-- held → used, the rest back, once per hold.
CREATE FUNCTION bench.settle(org bigint, id text, charge bigint) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    account bench.account;
    reserved bigint;
    stored bigint;
BEGIN
    SELECT seq INTO stored FROM bench.entry WHERE org_id = org AND operation_id = 'settle:' || id;
    IF FOUND THEN
        RETURN stored;
    END IF;
    DELETE FROM bench.hold WHERE org_id = org AND hold_id = id RETURNING amount INTO reserved;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no such hold';
    END IF;
    UPDATE bench.account
    SET available = available + reserved - charge, held = held - reserved, used = used + charge, last_seq = last_seq + 1
    WHERE org_id = org RETURNING * INTO account;
    INSERT INTO bench.entry (org_id, seq, operation_id, kind, available, held, used, available_after, held_after)
    VALUES (org, account.last_seq, 'settle:' || id, 'settle', reserved - charge, -reserved, charge,
            account.available, account.held);
    RETURN account.last_seq;
END $$;

-- Holds and settlements of many calls, set by set: as fast as the same work can be done at all, each call held durably before
-- it is settled. The calls follow from the number drawn. What came before has no effect again; accounts are locked in one
-- order.
CREATE FUNCTION bench.calls(drawn bigint, calls integer, first bigint, last bigint)
RETURNS TABLE (org_id bigint, id text)
LANGUAGE sql IMMUTABLE AS $$
    SELECT first + (hashint8(drawn + n)::bigint & 2147483647) % (last - first + 1), (drawn + n)::text
    FROM generate_series(1, calls) AS n
$$;

CREATE FUNCTION bench.holds(orgs bigint[], ids text[], credits bigint) RETURNS void
LANGUAGE plpgsql SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET plan_cache_mode = force_generic_plan
AS $$
BEGIN
    PERFORM 1 FROM bench.account AS a WHERE a.org_id = ANY (orgs) ORDER BY a.org_id FOR NO KEY UPDATE;
    INSERT INTO bench.entry (org_id, seq, operation_id, kind, available, held, used, available_after, held_after)
    SELECT w.org_id, a.last_seq + w.place, 'hold:' || w.id, 'hold', -credits, credits, 0,
           a.available - credits * w.place, a.held + credits * w.place
    FROM (
        SELECT u.org_id, u.id, row_number() OVER (PARTITION BY u.org_id) AS place FROM unnest(orgs, ids) AS u (org_id, id)
        WHERE NOT EXISTS (SELECT FROM bench.entry AS e WHERE e.org_id = u.org_id AND e.operation_id = 'hold:' || u.id)
    ) AS w JOIN bench.account AS a ON a.org_id = w.org_id;
    INSERT INTO bench.hold
    SELECT u.org_id, u.id, credits, now() + interval '5 minutes' FROM unnest(orgs, ids) AS u (org_id, id);
    UPDATE bench.account AS a
    SET available = a.available - credits * w.calls, held = a.held + credits * w.calls, last_seq = a.last_seq + w.calls
    FROM (SELECT u AS org_id, count(*) AS calls FROM unnest(orgs) AS u GROUP BY u) AS w WHERE a.org_id = w.org_id;
END $$;

CREATE FUNCTION bench.settlements(orgs bigint[], ids text[], credits bigint) RETURNS void
LANGUAGE plpgsql SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET plan_cache_mode = force_generic_plan
AS $$
BEGIN
    PERFORM 1 FROM bench.account AS a WHERE a.org_id = ANY (orgs) ORDER BY a.org_id FOR NO KEY UPDATE;
    INSERT INTO bench.entry (org_id, seq, operation_id, kind, available, held, used, available_after, held_after)
    SELECT w.org_id, a.last_seq + w.place, 'settle:' || w.id, 'settle', 0, -credits, credits, a.available,
           a.held - credits * w.place
    FROM (
        SELECT u.org_id, u.id, row_number() OVER (PARTITION BY u.org_id) AS place FROM unnest(orgs, ids) AS u (org_id, id)
        WHERE NOT EXISTS (SELECT FROM bench.entry AS e WHERE e.org_id = u.org_id AND e.operation_id = 'settle:' || u.id)
    ) AS w JOIN bench.account AS a ON a.org_id = w.org_id;
    DELETE FROM bench.hold AS h WHERE h.ctid = ANY (ARRAY(
        SELECT found.ctid FROM unnest(orgs, ids) AS u (org_id, id)
        CROSS JOIN LATERAL (SELECT o.ctid FROM bench.hold AS o WHERE o.org_id = u.org_id AND o.hold_id = u.id OFFSET 0) AS found
    ));
    UPDATE bench.account AS a
    SET held = a.held - credits * w.calls, used = a.used + credits * w.calls, last_seq = a.last_seq + w.calls
    FROM (SELECT u AS org_id, count(*) AS calls FROM unnest(orgs) AS u GROUP BY u) AS w WHERE a.org_id = w.org_id;
END $$;
