-- The ledger: one row per organization that is locked for every change, its lots, its open holds, and the journal.
-- Amounts are micro-credits, instants are microseconds since 1970 in UTC. org_id leads every key, so that an
-- organization's rows live together and can be moved to a shard of their own.

CREATE SCHEMA ledger;

-- An organization's balance and its place in time.
CREATE TABLE ledger.account (
    org_id            bigint PRIMARY KEY,
    available         bigint NOT NULL CHECK (available >= 0),
    held              bigint NOT NULL CHECK (held >= 0),
    debt              bigint NOT NULL CHECK (debt >= 0),
    period_number     integer NOT NULL CHECK (period_number >= 0),
    period_start      bigint NOT NULL,
    period_end        bigint NOT NULL CHECK (period_end > period_start),
    period_used       bigint NOT NULL CHECK (period_used >= 0),
    due_at            bigint NOT NULL,
    anchor_day        smallint NOT NULL CHECK (anchor_day BETWEEN 1 AND 31),
    time_zone         text NOT NULL,
    anchor_month      integer NOT NULL,
    monthly_allowance bigint NOT NULL CHECK (monthly_allowance >= 0),
    ai_enabled        boolean NOT NULL,
    off_seq           bigint NOT NULL DEFAULT 0 CHECK (off_seq >= 0),
    limited           boolean NOT NULL DEFAULT false,
    last_seq          bigint NOT NULL CHECK (last_seq > 0),
    last_at           bigint NOT NULL,
    last_hash         bytea NOT NULL CHECK (length(last_hash) = 32)
) WITH (fillfactor = 50);

-- The sweeper finds what time has made due without reading every organization.
CREATE INDEX account_due_at ON ledger.account (due_at, org_id);

-- Credits that came together and expire together.
CREATE TABLE ledger.lot (
    org_id     bigint NOT NULL,
    lot_id     bigint NOT NULL,
    source     text NOT NULL CHECK (source IN ('allowance', 'purchase', 'grant', 'adjustment')),
    paid       boolean NOT NULL,
    priority   smallint NOT NULL,
    granted    bigint NOT NULL CHECK (granted > 0),
    available  bigint NOT NULL CHECK (available >= 0),
    held       bigint NOT NULL CHECK (held >= 0),
    granted_at bigint NOT NULL,
    expires_at bigint CHECK (expires_at > granted_at),
    reference  text NOT NULL,
    live       boolean GENERATED ALWAYS AS (available > 0 OR held > 0) STORED,
    PRIMARY KEY (org_id, lot_id),
    CHECK (available + held <= granted)
) WITH (fillfactor = 70);

-- Years of spent lots must not slow the reading of the few that still hold credits.
CREATE INDEX lot_live ON ledger.lot (org_id) WHERE live;

-- Holds not yet resolved. The record of a hold for ever is its entry; this row goes when the hold is resolved.
CREATE TABLE ledger.open_hold (
    org_id      bigint NOT NULL,
    hold_id     text COLLATE "C" NOT NULL CHECK (length(hold_id) BETWEEN 1 AND 128),
    amount      bigint NOT NULL CHECK (amount >= 0),
    lots        bigint[] NOT NULL,
    opened_at   bigint NOT NULL,
    expires_at  bigint NOT NULL CHECK (expires_at > opened_at),
    use_case    text NOT NULL,
    user_ref    text NOT NULL,
    project_ref text,
    model       text,
    terms       text,
    PRIMARY KEY (org_id, hold_id)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);

-- The journal: one immutable row per operation, the answer to its id for ever, hashed onto its predecessor.
CREATE TABLE ledger.entry (
    org_id          bigint NOT NULL,
    seq             bigint NOT NULL CHECK (seq > 0),
    operation_id    text COLLATE "C" NOT NULL,
    kind            text NOT NULL,
    at              bigint NOT NULL,
    issued          bigint NOT NULL,
    available       bigint NOT NULL,
    held            bigint NOT NULL,
    used            bigint NOT NULL CHECK (used >= 0),
    expired         bigint NOT NULL CHECK (expired >= 0),
    reversed        bigint NOT NULL,
    overage         bigint NOT NULL,
    debt            bigint NOT NULL,
    lots            bigint[] NOT NULL,
    available_after bigint NOT NULL CHECK (available_after >= 0),
    held_after      bigint NOT NULL CHECK (held_after >= 0),
    hold_id         text COLLATE "C",
    expires_at      bigint,
    fingerprint     bytea NOT NULL,
    note            text NOT NULL,
    hash            bytea NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (org_id, seq),
    UNIQUE (org_id, operation_id),
    CONSTRAINT lines_sum_to_zero
        CHECK (issued + available + held + used + expired + reversed + overage + debt = 0)
);

-- One row per AI interaction, beside the entry that charged it. Metadata only: no column can hold a prompt or an answer.
CREATE TABLE ledger.usage (
    org_id       bigint NOT NULL,
    seq          bigint NOT NULL,
    usage_id     text COLLATE "C" NOT NULL,
    at           bigint NOT NULL,
    use_case     text NOT NULL,
    user_ref     text NOT NULL,
    project_ref  text,
    model        text,
    outcome      text NOT NULL,
    measurement  text NOT NULL,
    input        bigint NOT NULL CHECK (input >= 0),
    cached_input bigint NOT NULL CHECK (cached_input >= 0),
    cache_write  bigint NOT NULL CHECK (cache_write >= 0),
    output       bigint NOT NULL CHECK (output >= 0),
    reasoning    bigint NOT NULL CHECK (reasoning >= 0),
    cost         bigint NOT NULL CHECK (cost >= 0),
    charged      bigint NOT NULL CHECK (charged >= 0 AND charged <= cost),
    rate_card    text,
    terms        text,
    PRIMARY KEY (org_id, seq)
);

-- What was consumed, by day of the billing zone: pages and breakdowns read this, so that they cost the same whatever the
-- history behind them. A period begins at midnight there, so it is a whole number of these days.
CREATE TABLE ledger.usage_day (
    org_id        bigint NOT NULL,
    day           date NOT NULL,
    use_case      text NOT NULL,
    user_ref      text NOT NULL,
    project_ref   text NOT NULL,
    interactions  bigint NOT NULL CHECK (interactions > 0),
    charged       bigint NOT NULL CHECK (charged >= 0),
    input_tokens  bigint NOT NULL CHECK (input_tokens >= 0),
    output_tokens bigint NOT NULL CHECK (output_tokens >= 0),
    PRIMARY KEY (org_id, day, use_case, user_ref, project_ref)
) WITH (fillfactor = 70);

-- Limits on what a project, a user or a feature may use in a period, with what is gone of it. Empty scope: everything.
CREATE TABLE ledger.budget (
    org_id       bigint NOT NULL,
    budget_id    text COLLATE "C" NOT NULL CHECK (length(budget_id) BETWEEN 1 AND 64),
    name         text NOT NULL CHECK (length(name) BETWEEN 1 AND 80),
    project_ref  text,
    user_ref     text,
    use_case     text,
    period       text NOT NULL CHECK (period IN ('day', 'week', 'month')),
    limit_amount bigint NOT NULL CHECK (limit_amount >= 0),
    extra_amount bigint NOT NULL CHECK (extra_amount >= 0),
    period_start bigint NOT NULL,
    period_end   bigint NOT NULL CHECK (period_end > period_start),
    used         bigint NOT NULL CHECK (used >= 0),
    held         bigint NOT NULL CHECK (held >= 0),
    PRIMARY KEY (org_id, budget_id)
) WITH (fillfactor = 50);

-- Users and use cases whose new calls are refused until resumed. The row stays when they are: the guard learns from it.
CREATE TABLE ledger.pause (
    org_id     bigint NOT NULL,
    kind       text NOT NULL CHECK (kind IN ('user', 'use_case')),
    ref        text NOT NULL CHECK (length(ref) BETWEEN 1 AND 200),
    reason     text NOT NULL CHECK (length(reason) BETWEEN 1 AND 300),
    burned     bigint NOT NULL CHECK (burned >= 0),
    usual      bigint NOT NULL CHECK (usual >= 0),
    paused_at  bigint NOT NULL,
    resumed_at bigint CHECK (resumed_at >= paused_at),
    PRIMARY KEY (org_id, kind, ref)
);

-- Row-level security: the backstop behind the org_id in every query. Unset context shows nothing.
ALTER TABLE ledger.account   ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE ledger.lot       ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE ledger.open_hold ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE ledger.entry     ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE ledger.usage     ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE ledger.usage_day ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE ledger.budget    ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE ledger.pause     ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;

CREATE POLICY tenant ON ledger.account   TO testkase_app USING (org_id = nullif(current_setting('app.org_id', true), '')::bigint);
CREATE POLICY tenant ON ledger.lot       TO testkase_app USING (org_id = nullif(current_setting('app.org_id', true), '')::bigint);
CREATE POLICY tenant ON ledger.open_hold TO testkase_app USING (org_id = nullif(current_setting('app.org_id', true), '')::bigint);
CREATE POLICY tenant ON ledger.entry     TO testkase_app USING (org_id = nullif(current_setting('app.org_id', true), '')::bigint);
CREATE POLICY tenant ON ledger.usage     TO testkase_app USING (org_id = nullif(current_setting('app.org_id', true), '')::bigint);
CREATE POLICY tenant ON ledger.usage_day TO testkase_app USING (org_id = nullif(current_setting('app.org_id', true), '')::bigint);
CREATE POLICY tenant ON ledger.budget    TO testkase_app USING (org_id = nullif(current_setting('app.org_id', true), '')::bigint);
CREATE POLICY tenant ON ledger.pause     TO testkase_app USING (org_id = nullif(current_setting('app.org_id', true), '')::bigint);

-- A batch of the writer spans organizations, so its role sees them all, but only through the functions it owns.
CREATE POLICY writer ON ledger.account   TO testkase_ledger USING (true) WITH CHECK (true);
CREATE POLICY writer ON ledger.lot       TO testkase_ledger USING (true) WITH CHECK (true);
CREATE POLICY writer ON ledger.open_hold TO testkase_ledger USING (true) WITH CHECK (true);
CREATE POLICY writer ON ledger.entry     TO testkase_ledger USING (true) WITH CHECK (true);
CREATE POLICY writer ON ledger.usage     TO testkase_ledger USING (true) WITH CHECK (true);
CREATE POLICY writer ON ledger.usage_day TO testkase_ledger USING (true) WITH CHECK (true);
CREATE POLICY writer ON ledger.budget    TO testkase_ledger USING (true) WITH CHECK (true);
CREATE POLICY writer ON ledger.pause     TO testkase_ledger USING (true) WITH CHECK (true);

-- Append-only by privilege: nobody but the owner's migrations can change or remove an entry or a usage row.
GRANT USAGE ON SCHEMA ledger TO testkase_app, testkase_ledger;
GRANT SELECT ON ALL TABLES IN SCHEMA ledger TO testkase_app, testkase_ledger;
GRANT INSERT, UPDATE ON ledger.account, ledger.lot, ledger.usage_day, ledger.pause TO testkase_ledger;
GRANT INSERT, UPDATE, DELETE ON ledger.open_hold, ledger.budget TO testkase_ledger;
GRANT INSERT ON ledger.entry, ledger.usage TO testkase_ledger;
