-- Quality levels: which of them each AI feature of an organization uses, and what became of models that failed.

-- The level of a feature (B16). No row: balanced, and nobody but the Owner chooses. `free_choice`: whoever uses the feature
-- may choose a level for one run.
CREATE TABLE quality_setting (
    org_id      bigint NOT NULL REFERENCES organization (id) ON DELETE CASCADE,
    feature     text NOT NULL CHECK (feature ~ '^[a-z][a-z0-9_]{0,31}$'),
    level       text NOT NULL CHECK (level IN ('fast', 'balanced', 'best')),
    free_choice boolean NOT NULL,
    changed_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, feature)
);

-- Models that were asked for an interaction and failed before they delivered anything. Metadata, never words of a provider.
-- `attempt` counts them within the interaction; one row only where something failed, so nearly none.
CREATE TABLE model_failure (
    org_id   bigint NOT NULL REFERENCES organization (id) ON DELETE CASCADE,
    hold_id  text COLLATE "C" NOT NULL,
    attempt  integer NOT NULL CHECK (attempt > 0),
    model    text NOT NULL CHECK (length(model) <= 100),
    provider text NOT NULL CHECK (length(provider) <= 100),
    code     text NOT NULL CHECK (code ~ '^[a-z_]{1,40}$'),
    status   integer,
    at       timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, hold_id, attempt)
);

ALTER TABLE quality_setting ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE model_failure   ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;

CREATE POLICY tenant ON quality_setting TO testkase_app USING (org_id = nullif(current_setting('app.org_id', true), '')::bigint);
CREATE POLICY tenant ON model_failure   TO testkase_app USING (org_id = nullif(current_setting('app.org_id', true), '')::bigint);

GRANT SELECT, INSERT, UPDATE ON quality_setting TO testkase_app;
GRANT SELECT, INSERT ON model_failure TO testkase_app;

COMMENT ON COLUMN quality_setting.org_id      IS 'The organization';
COMMENT ON COLUMN quality_setting.feature     IS 'AI feature';
COMMENT ON COLUMN quality_setting.level       IS 'Quality level it uses';
COMMENT ON COLUMN quality_setting.free_choice IS 'Whether its users may choose another for one run';
COMMENT ON COLUMN quality_setting.changed_at  IS 'When that was chosen';
COMMENT ON COLUMN model_failure.org_id        IS 'The organization';
COMMENT ON COLUMN model_failure.hold_id       IS 'Interaction a model was asked for';
COMMENT ON COLUMN model_failure.attempt       IS 'Which attempt of it';
COMMENT ON COLUMN model_failure.model         IS 'Model that failed';
COMMENT ON COLUMN model_failure.provider      IS 'Its provider''s name';
COMMENT ON COLUMN model_failure.code          IS 'Kind of failure';
COMMENT ON COLUMN model_failure.status        IS 'The provider''s HTTP status';
COMMENT ON COLUMN model_failure.at            IS 'When';
