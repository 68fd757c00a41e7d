-- The chat assistant (R1): threads of one person in one project, and their turns. The only place that keeps questions and
-- answers; the ledger, the job queue and the logs never see either (P16).

-- A conversation. Its person's alone: `user_id` NULL (the account is gone) means that nobody reads it any more.
CREATE TABLE chat_thread (
    org_id     bigint NOT NULL,
    thread_id  bigint GENERATED ALWAYS AS IDENTITY,
    project_id bigint NOT NULL,
    user_id    bigint REFERENCES app_user (id) ON DELETE SET NULL,
    user_ref   text NOT NULL,
    title      text NOT NULL CHECK (length(title) BETWEEN 1 AND 120),
    created_at timestamptz NOT NULL DEFAULT now(),
    asked_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, thread_id),
    FOREIGN KEY (org_id, project_id) REFERENCES project (org_id, project_id) ON DELETE CASCADE
);

-- A person's threads in a project, the one last asked in first, page by page.
CREATE INDEX chat_thread_latest ON chat_thread (org_id, project_id, user_id, asked_at DESC, thread_id DESC);

-- A question and its answer: one interaction, one hold, one row of the usage table. `facts` is what code found for it, in
-- words; `sources` are the things it was found in. `attempt` counts the runs of its job as for a generation.
CREATE TABLE chat_turn (
    org_id      bigint NOT NULL,
    thread_id   bigint NOT NULL,
    turn_id     bigint GENERATED ALWAYS AS IDENTITY,
    project_id  bigint NOT NULL,
    project_ref text NOT NULL,
    user_id     bigint REFERENCES app_user (id) ON DELETE SET NULL,
    user_ref    text NOT NULL,
    question    text NOT NULL CHECK (length(question) BETWEEN 1 AND 8000),
    model       text NOT NULL CHECK (length(model) <= 100),
    state       text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'running', 'answered', 'failed')),
    doing       text NOT NULL DEFAULT '' CHECK (length(doing) <= 120),
    answer      text NOT NULL DEFAULT '' CHECK (length(answer) <= 60000),
    facts       text NOT NULL DEFAULT '' CHECK (length(facts) <= 60000),
    sources     jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(sources) = 'array'),
    stop_asked  boolean NOT NULL DEFAULT false,
    attempt     integer NOT NULL DEFAULT 0 CHECK (attempt >= 0),
    hold_id     text COLLATE "C",
    receipt     bigint,
    charged     bigint CHECK (charged >= 0),
    ending      text NOT NULL DEFAULT '' CHECK (ending IN ('', 'stopped', 'switched_off')),
    error       text,
    created_at  timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    PRIMARY KEY (org_id, thread_id, turn_id),
    FOREIGN KEY (org_id, thread_id) REFERENCES chat_thread (org_id, thread_id) ON DELETE CASCADE,
    CHECK ((state IN ('answered', 'failed')) = (finished_at IS NOT NULL))
);

-- One answer at a time for one person, whichever page or process they ask from.
CREATE UNIQUE INDEX chat_turn_under_way ON chat_turn (org_id, user_id) WHERE state IN ('queued', 'running');

-- Row-level security: the backstop behind the org_id in every query. Unset context shows nothing.
ALTER TABLE chat_thread ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE chat_turn   ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;

CREATE POLICY tenant ON chat_thread TO testkase_app USING (org_id = nullif(current_setting('app.org_id', true), '')::bigint);
CREATE POLICY tenant ON chat_turn   TO testkase_app USING (org_id = nullif(current_setting('app.org_id', true), '')::bigint);

GRANT SELECT, INSERT, UPDATE, DELETE ON chat_thread, chat_turn TO testkase_app;
