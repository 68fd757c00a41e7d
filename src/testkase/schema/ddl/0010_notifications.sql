-- What people are told: notifications, the e-mails that carry them, and the watch over each organization's balance.
-- The tables hold facts of the organization's own money and settings, never a prompt or an answer.

-- A person's copy of something they were told. `event_key` names what happened: telling it again does nothing.
CREATE TABLE notification (
    org_id          bigint NOT NULL REFERENCES organization (id) ON DELETE CASCADE,
    notification_id bigint GENERATED ALWAYS AS IDENTITY,
    user_id         bigint NOT NULL REFERENCES app_user (id) ON DELETE CASCADE,
    kind            text NOT NULL CHECK (kind ~ '^[a-z][a-z0-9_.]{0,59}$'),
    event_key       text COLLATE "C" NOT NULL CHECK (length(event_key) BETWEEN 1 AND 200),
    title           text NOT NULL CHECK (length(title) BETWEEN 1 AND 200),
    body            text NOT NULL CHECK (length(body) <= 2000),
    link            text NOT NULL CHECK (link ~ '^(/[^/\\]|/$|$)' AND length(link) <= 500),
    link_label      text NOT NULL CHECK (length(link_label) <= 80),
    leads_to_buying boolean NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    read_at         timestamptz,
    PRIMARY KEY (org_id, notification_id),
    UNIQUE (org_id, user_id, event_key)
);

-- A person's notifications, newest first, page by page; and the count on their bell.
CREATE INDEX notification_user   ON notification (org_id, user_id, notification_id DESC);
CREATE INDEX notification_unread ON notification (org_id, user_id) WHERE read_at IS NULL;

-- E-mails still to be sent, and whether they were. A queue, looked up by what is due before the organization is known:
-- ids and times only, the words are made from the notification when it is sent.
CREATE TABLE mail_queue (
    org_id          bigint NOT NULL,
    notification_id bigint NOT NULL,
    due_at          timestamptz NOT NULL DEFAULT now(),
    attempts        integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    sent_at         timestamptz,
    given_up_at     timestamptz,
    fault           text NOT NULL DEFAULT '' CHECK (length(fault) <= 200),
    PRIMARY KEY (org_id, notification_id),
    FOREIGN KEY (org_id, notification_id) REFERENCES notification (org_id, notification_id) ON DELETE CASCADE
);

CREATE INDEX mail_queue_due ON mail_queue (due_at) WHERE sent_at IS NULL AND given_up_at IS NULL;

-- How far an organization's journal has been watched (`seq`), and what stood there: the balance, the switch, which
-- thresholds have been crossed and not been risen above since. Locked by whoever reads on, so that each crossing is
-- seen once. `crossed_seq`: the entry of the latest alert, which is what a person dismisses. `forecast_days`: people are
-- told when the credits are likely to last no longer (0: never); `forecast_period`: the period they were told so, until
-- the forecast recovers.
CREATE TABLE alert_watch (
    org_id          bigint PRIMARY KEY,
    seq             bigint NOT NULL DEFAULT 0 CHECK (seq >= 0),
    level           bigint NOT NULL DEFAULT 0 CHECK (level >= 0),
    ai_on           boolean NOT NULL,
    custom          boolean NOT NULL DEFAULT false,
    thresholds      bigint[] NOT NULL CHECK (cardinality(thresholds) <= 10),
    crossed         bigint[] NOT NULL DEFAULT '{}',
    crossed_seq     bigint NOT NULL DEFAULT 0,
    forecast_days   smallint NOT NULL DEFAULT 5 CHECK (forecast_days BETWEEN 0 AND 31),
    forecast_period integer NOT NULL DEFAULT -1,
    forecast_at     timestamptz
) WITH (fillfactor = 50);

-- Every crossing, for ever: one row per threshold and entry.
CREATE TABLE alert (
    org_id    bigint NOT NULL,
    seq       bigint NOT NULL,
    threshold bigint NOT NULL CHECK (threshold >= 0),
    level     bigint NOT NULL CHECK (level >= 0),
    at        bigint NOT NULL,
    PRIMARY KEY (org_id, seq, threshold)
);

-- The alert up to which a person does not want to see the banner.
CREATE TABLE alert_dismissal (
    org_id  bigint NOT NULL,
    user_id bigint NOT NULL REFERENCES app_user (id) ON DELETE CASCADE,
    seq     bigint NOT NULL,
    PRIMARY KEY (org_id, user_id)
);

-- Row-level security: the backstop behind the org_id in every query. Unset context shows nothing.
ALTER TABLE notification    ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE alert_watch     ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE alert           ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE alert_dismissal ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;

CREATE POLICY tenant ON notification    TO testkase_app USING (org_id = nullif(current_setting('app.org_id', true), '')::bigint);
CREATE POLICY tenant ON alert_watch     TO testkase_app USING (org_id = nullif(current_setting('app.org_id', true), '')::bigint);
CREATE POLICY tenant ON alert           TO testkase_app USING (org_id = nullif(current_setting('app.org_id', true), '')::bigint);
CREATE POLICY tenant ON alert_dismissal TO testkase_app USING (org_id = nullif(current_setting('app.org_id', true), '')::bigint);
CREATE POLICY watcher ON alert_watch    TO testkase_ledger USING (true) WITH CHECK (true);

GRANT SELECT, INSERT, UPDATE ON notification TO testkase_app;
GRANT SELECT, INSERT, UPDATE ON mail_queue, alert_watch, alert_dismissal TO testkase_app;
GRANT SELECT, INSERT ON alert TO testkase_app;
GRANT SELECT, UPDATE ON alert_watch TO testkase_ledger;

-- Which accounts have changed lately, without reading the others: some hundred ranges of pages whatever their number, at
-- next to no cost for whoever writes an account.
CREATE INDEX account_last_at ON ledger.account USING brin (last_at) WITH (pages_per_range = 8, autosummarize = on);

-- Organizations whose journal goes on behind where it was watched, among those with an entry since an instant
-- (microseconds UTC). Ids only, nothing an organization could hide.
CREATE FUNCTION ledger.unwatched(since bigint, up_to integer) RETURNS SETOF bigint
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
    SELECT a.org_id
    FROM ledger.account AS a LEFT JOIN public.alert_watch AS w ON w.org_id = a.org_id
    WHERE a.last_at >= since AND a.last_seq > coalesce(w.seq, 0)
    LIMIT up_to
$$;

-- Moves the watch on, for many organizations at once, where nothing can have happened: no threshold was crossed before,
-- the balance stayed above all of them, AI was not switched, no month began, and no forecast is due. The answer: how many.
-- Everything else is folded in organization by organization; the two agree wherever both could be used.
CREATE FUNCTION ledger.pass_quiet(since bigint, up_to integer, forecast_every interval) RETURNS bigint
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
    WITH behind AS MATERIALIZED (
        SELECT w.org_id, w.seq, greatest(w.thresholds[1], 9999) AS above
        FROM ledger.account AS a JOIN public.alert_watch AS w ON w.org_id = a.org_id
        WHERE a.last_at >= since AND a.last_seq > w.seq AND w.crossed = '{}'
          AND (NOT w.ai_on OR w.forecast_days = 0 OR w.forecast_at >= now() - forecast_every)
        LIMIT up_to FOR UPDATE OF w SKIP LOCKED
    ), quiet AS (
        SELECT b.org_id, max(e.seq) AS seq,
               (array_agg(e.available_after + e.held_after ORDER BY e.seq DESC))[1] AS level
        FROM behind AS b JOIN ledger.entry AS e ON e.org_id = b.org_id AND e.seq > b.seq AND e.seq <= b.seq + 2000
        GROUP BY b.org_id, b.above
        HAVING min(e.available_after + e.held_after) > b.above AND NOT bool_or(e.kind IN ('switch', 'allowance'))
    ), moved AS (
        UPDATE public.alert_watch AS w SET seq = q.seq, level = q.level
        FROM quiet AS q WHERE w.org_id = q.org_id
        RETURNING w.org_id
    )
    SELECT count(*) FROM moved
$$;

GRANT CREATE ON SCHEMA ledger TO testkase_ledger;
ALTER FUNCTION ledger.unwatched(bigint, integer) OWNER TO testkase_ledger;
ALTER FUNCTION ledger.pass_quiet(bigint, integer, interval) OWNER TO testkase_ledger;
REVOKE CREATE ON SCHEMA ledger FROM testkase_ledger;
REVOKE ALL ON FUNCTION ledger.unwatched(bigint, integer), ledger.pass_quiet(bigint, integer, interval) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.unwatched(bigint, integer), ledger.pass_quiet(bigint, integer, interval) TO testkase_app;
