-- AI reports (R1, R67): runs that people or a schedule asked for, and the reports they made. Facts and texts are content
-- of the organization; the ledger, the job queue and the logs never see either (P16).

-- One request: one hold, one row of the usage table, one or more reports. `attempt` counts the runs of its job and names
-- their holds, as a generation's does.
CREATE TABLE report_run (
    org_id       bigint NOT NULL,
    run_id       bigint GENERATED ALWAYS AS IDENTITY,
    project_id   bigint NOT NULL,
    requested_by bigint REFERENCES app_user (id) ON DELETE SET NULL,
    user_ref     text NOT NULL,
    project_ref  text NOT NULL,
    options      jsonb NOT NULL CHECK (jsonb_typeof(options) = 'object'),
    origin       text NOT NULL DEFAULT 'person' CHECK (origin IN ('person', 'schedule')),
    state        text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'running', 'succeeded', 'failed')),
    progress     jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(progress) = 'object'),
    attempt      integer NOT NULL DEFAULT 0 CHECK (attempt >= 0),
    hold_id      text COLLATE "C",
    receipt      bigint,
    charged      bigint CHECK (charged >= 0),
    error        text,
    created_at   timestamptz NOT NULL DEFAULT now(),
    finished_at  timestamptz,
    PRIMARY KEY (org_id, run_id),
    FOREIGN KEY (org_id, project_id) REFERENCES project (org_id, project_id) ON DELETE CASCADE,
    CHECK ((state IN ('succeeded', 'failed')) = (finished_at IS NOT NULL))
);

-- What one person has under way, to bound it.
CREATE INDEX report_run_under_way ON report_run (org_id, requested_by) WHERE state IN ('queued', 'running');

-- One report. `facts` are there as soon as they are computed, `narrative` when the model's text was found fit to be
-- shown; the tokens it took serve the next estimate (B9).
CREATE TABLE report (
    org_id        bigint NOT NULL,
    report_id     bigint GENERATED ALWAYS AS IDENTITY,
    run_id        bigint NOT NULL,
    project_id    bigint NOT NULL,
    kind          text NOT NULL CHECK (kind IN ('flaky', 'predicted', 'optimisation', 'readiness', 'risk')),
    model         text NOT NULL,
    state         text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'running', 'succeeded', 'failed')),
    facts         jsonb CHECK (jsonb_typeof(facts) = 'object'),
    narrative     jsonb CHECK (jsonb_typeof(narrative) = 'object'),
    error         text,
    input_tokens  bigint NOT NULL DEFAULT 0 CHECK (input_tokens >= 0),
    cached_tokens bigint NOT NULL DEFAULT 0 CHECK (cached_tokens >= 0),
    output_tokens bigint NOT NULL DEFAULT 0 CHECK (output_tokens >= 0),
    created_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, report_id),
    UNIQUE (org_id, run_id, kind),
    FOREIGN KEY (org_id, run_id) REFERENCES report_run (org_id, run_id) ON DELETE CASCADE,
    CHECK (state <> 'succeeded' OR (facts IS NOT NULL AND narrative IS NOT NULL))
);

-- The reports of a project, newest first, page by page.
CREATE INDEX report_project ON report (org_id, project_id, report_id DESC);

-- What reports of a kind took with a model: the newest, for the next estimate.
CREATE INDEX report_cost ON report (org_id, kind, model, report_id DESC) WHERE state = 'succeeded';

-- Reports that are made by the clock: each week, or when a cycle is finished. They run as whoever set them up, and stop
-- when that person may no longer make reports; `stopped_because` then says so. `seen_cycle_at`: cycles finished until
-- then are done with.
CREATE TABLE report_schedule (
    org_id          bigint NOT NULL,
    project_id      bigint NOT NULL,
    every           text NOT NULL CHECK (every IN ('week', 'cycle')),
    kinds           text[] NOT NULL CHECK (cardinality(kinds) BETWEEN 1 AND 5),
    set_by          bigint REFERENCES app_user (id) ON DELETE SET NULL,
    set_by_ref      text NOT NULL,
    set_at          timestamptz NOT NULL DEFAULT now(),
    seen_cycle_at   timestamptz NOT NULL DEFAULT now(),
    stopped_because text,
    last_told       text NOT NULL DEFAULT '',
    last_ran_at     timestamptz,
    PRIMARY KEY (org_id, project_id),
    FOREIGN KEY (org_id, project_id) REFERENCES project (org_id, project_id) ON DELETE CASCADE
);

-- When a schedule must be looked at next. A queue, looked up by what is due before the organization is known; ids and
-- times only. It goes with its schedule.
CREATE TABLE report_watch (
    org_id     bigint NOT NULL,
    project_id bigint NOT NULL,
    due_at     timestamptz NOT NULL,
    PRIMARY KEY (org_id, project_id),
    FOREIGN KEY (org_id, project_id) REFERENCES report_schedule (org_id, project_id) ON DELETE CASCADE
);

CREATE INDEX report_watch_due ON report_watch (due_at);

-- Row-level security: the backstop behind the org_id in every query. Unset context shows nothing.
ALTER TABLE report_run      ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE report          ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE report_schedule ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;

CREATE POLICY tenant ON report_run      TO testkase_app USING (org_id = nullif(current_setting('app.org_id', true), '')::bigint);
CREATE POLICY tenant ON report          TO testkase_app USING (org_id = nullif(current_setting('app.org_id', true), '')::bigint);
CREATE POLICY tenant ON report_schedule TO testkase_app USING (org_id = nullif(current_setting('app.org_id', true), '')::bigint);

GRANT SELECT, INSERT, UPDATE, DELETE ON report_run, report, report_schedule, report_watch TO testkase_app;
