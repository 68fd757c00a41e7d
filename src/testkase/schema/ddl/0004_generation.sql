-- Test case generation (R1): what was asked, how far it is, and the drafts that came of it. The only place that keeps a
-- requirement or a model's answer; the ledger, the job queue and the logs never see either (P16).

-- One request of one person: one hold, one row of the usage table. `attempt` counts the runs of its job, and names their
-- holds: a run that was killed leaves a hold that lapses, and only the run of the current attempt may write here.
CREATE TABLE generation (
    org_id        bigint NOT NULL,
    generation_id bigint GENERATED ALWAYS AS IDENTITY,
    project_id    bigint NOT NULL,
    requested_by  bigint REFERENCES app_user (id) ON DELETE SET NULL,
    user_ref      text NOT NULL,
    project_ref   text,
    requirement   text NOT NULL CHECK (length(requirement) BETWEEN 1 AND 20000),
    options       jsonb NOT NULL CHECK (jsonb_typeof(options) = 'object'),
    state         text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'running', 'succeeded', 'failed')),
    progress      jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(progress) = 'object'),
    attempt       integer NOT NULL DEFAULT 0 CHECK (attempt >= 0),
    hold_id       text COLLATE "C",
    receipt       bigint,
    charged       bigint CHECK (charged >= 0),
    error         text,
    created_at    timestamptz NOT NULL DEFAULT now(),
    finished_at   timestamptz,
    PRIMARY KEY (org_id, generation_id),
    FOREIGN KEY (org_id, project_id) REFERENCES project (org_id, project_id) ON DELETE CASCADE,
    CHECK ((state IN ('succeeded', 'failed')) = (finished_at IS NOT NULL))
);

-- The generations of a project, newest first, page by page.
CREATE INDEX generation_project ON generation (org_id, project_id, generation_id DESC);

-- What one person has under way, to bound it.
CREATE INDEX generation_under_way ON generation (org_id, requested_by) WHERE state IN ('queued', 'running');

-- A proposed test case, until someone decides. `content` has the shape of a test case's content.
CREATE TABLE draft_case (
    org_id        bigint NOT NULL,
    generation_id bigint NOT NULL,
    position      integer NOT NULL CHECK (position BETWEEN 1 AND 100),
    content       jsonb NOT NULL CHECK (jsonb_typeof(content) = 'object'),
    state         text NOT NULL DEFAULT 'proposed' CHECK (state IN ('proposed', 'accepted', 'rejected')),
    case_key      text COLLATE "C",
    decided_by    bigint REFERENCES app_user (id) ON DELETE SET NULL,
    decided_at    timestamptz,
    created_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, generation_id, position),
    FOREIGN KEY (org_id, generation_id) REFERENCES generation (org_id, generation_id) ON DELETE CASCADE,
    CHECK ((state = 'proposed') = (decided_at IS NULL))
);

-- Row-level security: the backstop behind the org_id in every query. Unset context shows nothing.
ALTER TABLE generation ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE draft_case ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;

CREATE POLICY tenant ON generation TO testkase_app USING (org_id = nullif(current_setting('app.org_id', true), '')::bigint);
CREATE POLICY tenant ON draft_case TO testkase_app USING (org_id = nullif(current_setting('app.org_id', true), '')::bigint);

GRANT SELECT, INSERT, UPDATE, DELETE ON generation, draft_case TO testkase_app;
