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
