-- A key may have an end, chosen when it is made; from that instant it answers like one that never was.
ALTER TABLE api_key ADD COLUMN expires_at timestamptz;

-- The keys somebody made that still work: looked up when their role changes or they go.
CREATE INDEX api_key_by_maker ON api_key (org_id, created_by) WHERE revoked_at IS NULL;

-- What an organization adds to the guidelines for its team (R66): one text, written by the Owner or an Admin.
CREATE TABLE team_guidelines (
    org_id     bigint NOT NULL PRIMARY KEY,
    text       text NOT NULL CHECK (length(text) <= 4000),
    written_by text NOT NULL CHECK (length(written_by) BETWEEN 1 AND 120),
    written_at timestamptz NOT NULL DEFAULT now()
);

ALTER TABLE team_guidelines ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON team_guidelines TO testkase_app
    USING (org_id = nullif(current_setting('app.org_id', true), '')::bigint);
GRANT SELECT, INSERT, UPDATE ON team_guidelines TO testkase_app;
