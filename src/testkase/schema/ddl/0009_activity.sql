-- The activity history (R74, R75): every change of money, people, settings and keys, one row each, hashed onto its
-- predecessor. AI actions are not written here a second time: the history reads them from ledger.usage.
-- Instants are microseconds since 1970 in UTC, as in the ledger, so that the two merge by time.

-- Metadata only: every text is one short line, so that no column can hold a prompt or an answer (P16). What is named here
-- keeps the name it had: nothing refers to the rows of people, projects or keys, which may go.
CREATE TABLE activity (
    org_id     bigint NOT NULL,
    seq        bigint NOT NULL CHECK (seq > 0),
    at         bigint NOT NULL,
    event_id   text COLLATE "C" NOT NULL CHECK (length(event_id) BETWEEN 1 AND 160),
    category   text COLLATE "C" NOT NULL CHECK (category IN ('money', 'people', 'settings', 'keys')),
    action     text COLLATE "C" NOT NULL CHECK (action ~ '^[a-z_]+\.[a-z_]+$' AND length(action) <= 64),
    actor_kind text NOT NULL CHECK (actor_kind IN ('person', 'api_key', 'system')),
    actor_ref  text COLLATE "C" NOT NULL CHECK (length(actor_ref) BETWEEN 1 AND 254),
    actor_name text NOT NULL CHECK (length(actor_name) BETWEEN 1 AND 120),
    target     text NOT NULL CHECK (length(target) <= 254),
    project    text COLLATE "C" NOT NULL CHECK (length(project) <= 200),
    use_case   text COLLATE "C" NOT NULL CHECK (length(use_case) <= 64),
    details    jsonb NOT NULL CHECK (
        jsonb_typeof(details) = 'object' AND length(details::text) <= 4000
        AND NOT jsonb_path_exists(details, '$.* ? (@.type() != "string" || @ like_regex "^.{201}" flag "s")')
    ),
    hash       bytea NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (org_id, seq),
    UNIQUE (org_id, event_id)
);

-- The end of each organization's chain: locked for every record, and what a cut-off tail is found by. Instants never
-- decrease along a chain, whatever the clock does, so that order by number is order by time.
CREATE TABLE activity_head (
    org_id bigint NOT NULL PRIMARY KEY,
    seq    bigint NOT NULL CHECK (seq >= 0),
    at     bigint NOT NULL,
    hash   bytea NOT NULL CHECK (length(hash) = 32)
) WITH (fillfactor = 50);

-- Three ways in, so that every filter of the page finds its rows without reading others': by time, by who did it, and by
-- what it concerned. What a filter leaves open is walked value by value. They end with the instant, which the key does
-- not offer, so that no plan walks the key backwards through everybody's rows in the hope of meeting the few it wants.
CREATE INDEX activity_by_time    ON activity (org_id, at, seq);
CREATE INDEX activity_by_actor   ON activity (org_id, actor_ref, project, use_case, category, at, seq);
CREATE INDEX activity_by_subject ON activity (org_id, project, use_case, category, at, seq);

-- Who acknowledged the privacy advice last (R76): one look-up for the switch card.
CREATE INDEX activity_switched_on ON activity (org_id, seq) WHERE action = 'ai.switched_on';

-- Row-level security: the backstop behind the org_id in every query. Unset context shows nothing.
ALTER TABLE activity      ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE activity_head ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;

CREATE POLICY tenant ON activity      TO testkase_app USING (org_id = nullif(current_setting('app.org_id', true), '')::bigint);
CREATE POLICY tenant ON activity_head TO testkase_app USING (org_id = nullif(current_setting('app.org_id', true), '')::bigint);

-- Append-only by privilege: the application adds to the history and can neither change nor remove what stands there.
GRANT SELECT, INSERT ON activity TO testkase_app;
GRANT SELECT, INSERT, UPDATE ON activity_head TO testkase_app;
