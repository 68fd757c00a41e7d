-- The workspace: folders, test cases in full with their history, cycles with the results of their cases, and imports.
-- Everything here is content of the organization: never in the ledger, the job queue or the logs (P16).

-- A folder of a project. `parent_id` NULL: at the top. `name_key` is the name without case, so that two folders side by
-- side differ in more than that; it is written by the program, because the database may know no letters beyond ASCII.
CREATE TABLE case_folder (
    org_id     bigint NOT NULL,
    project_id bigint NOT NULL,
    folder_id  bigint GENERATED ALWAYS AS IDENTITY,
    parent_id  bigint,
    name       text NOT NULL CHECK (length(name) BETWEEN 1 AND 120),
    name_key   text COLLATE "C" NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, project_id, folder_id),
    FOREIGN KEY (org_id, project_id) REFERENCES project (org_id, project_id) ON DELETE CASCADE,
    FOREIGN KEY (org_id, project_id, parent_id) REFERENCES case_folder (org_id, project_id, folder_id),
    CHECK (parent_id <> folder_id)
);

-- Names are unique among siblings; the top is a place like any other.
CREATE UNIQUE INDEX case_folder_sibling ON case_folder (org_id, project_id, coalesce(parent_id, 0), name_key);

-- A test case in full. `search` holds key, title, tags, words of the steps and the rest in lower case, written with the
-- case: a page looks for words in it among the rows of one project, to which indexes lead. `version` grows with every
-- edit, so that two people who edit at once notice each other.
ALTER TABLE test_case
    ADD COLUMN folder_id     bigint,
    ADD COLUMN description   text NOT NULL DEFAULT '' CHECK (length(description) <= 10000),
    ADD COLUMN type          text NOT NULL DEFAULT 'functional' CHECK (type IN (
        'functional', 'regression', 'smoke', 'integration', 'acceptance', 'exploratory', 'performance', 'usability')),
    ADD COLUMN status        text NOT NULL DEFAULT 'ready' CHECK (status IN ('draft', 'ready', 'deprecated')),
    ADD COLUMN tags          text[] NOT NULL DEFAULT '{}' CHECK (cardinality(tags) <= 20),
    ADD COLUMN automation_id text COLLATE "C" NOT NULL DEFAULT '' CHECK (length(automation_id) <= 500),
    ADD COLUMN updated_by    bigint REFERENCES app_user (id) ON DELETE SET NULL,
    ADD COLUMN search        text COLLATE "C" NOT NULL DEFAULT '',
    ADD COLUMN version       integer NOT NULL DEFAULT 1 CHECK (version >= 1),
    ADD FOREIGN KEY (org_id, project_id, folder_id)
        REFERENCES case_folder (org_id, project_id, folder_id) ON DELETE SET NULL (folder_id),
    DROP CONSTRAINT test_case_kind_check,
    ADD CONSTRAINT test_case_kind_check CHECK (kind IN (
        'positive', 'negative', 'boundary', 'permission', 'security', 'accessibility'));

-- The owner is under row-level security too, and a migration speaks for no organization.
ALTER TABLE test_case NO FORCE ROW LEVEL SECURITY;
UPDATE test_case SET search = lower(key || ' ' || title || ' ' || preconditions || ' ' || coalesce((
    SELECT string_agg(coalesce(step ->> 'action', '') || ' ' || coalesce(step ->> 'expected', ''), ' ')
    FROM jsonb_array_elements(steps) AS step), ''));
ALTER TABLE test_case FORCE ROW LEVEL SECURITY;

-- The cases of a folder, newest first, page by page.
CREATE INDEX test_case_folder ON test_case (org_id, project_id, folder_id, case_id DESC);

-- An automated test belongs to one case of a project; imported results find it here.
CREATE UNIQUE INDEX test_case_automation ON test_case (org_id, project_id, automation_id) WHERE automation_id <> '';

-- What became of a case: by whom, when, and each field's content before and after. Rows are only ever added.
CREATE TABLE case_change (
    org_id      bigint NOT NULL,
    case_id     bigint NOT NULL,
    change_id   bigint GENERATED ALWAYS AS IDENTITY,
    action      text NOT NULL CHECK (action IN ('created', 'edited')),
    origin      text NOT NULL DEFAULT 'person' CHECK (origin IN ('person', 'generation', 'import')),
    fields      jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(fields) = 'object'),
    changed_by  bigint REFERENCES app_user (id) ON DELETE SET NULL,
    changed_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, case_id, change_id),
    FOREIGN KEY (org_id, case_id) REFERENCES test_case (org_id, case_id) ON DELETE CASCADE
);

-- A test cycle: a set of cases that is executed together, on one environment.
CREATE TABLE test_cycle (
    org_id      bigint NOT NULL,
    cycle_id    bigint GENERATED ALWAYS AS IDENTITY,
    project_id  bigint NOT NULL,
    name        text NOT NULL CHECK (length(name) BETWEEN 1 AND 120),
    environment text NOT NULL DEFAULT '' CHECK (length(environment) <= 120),
    starts_on   date,
    ends_on     date,
    state       text NOT NULL DEFAULT 'planned' CHECK (state IN ('planned', 'running', 'finished')),
    created_by  bigint REFERENCES app_user (id) ON DELETE SET NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    started_at  timestamptz,
    finished_at timestamptz,
    PRIMARY KEY (org_id, cycle_id),
    FOREIGN KEY (org_id, project_id) REFERENCES project (org_id, project_id) ON DELETE CASCADE,
    CHECK (ends_on IS NULL OR starts_on IS NULL OR ends_on >= starts_on),
    CHECK ((state = 'finished') = (finished_at IS NOT NULL))
);

-- The cycles of a project, newest first, page by page.
CREATE INDEX test_cycle_project ON test_cycle (org_id, project_id, cycle_id DESC);

-- A case in a cycle, as it stands there: the newest execution's facts, so that progress is counted from these rows.
CREATE TABLE cycle_entry (
    org_id      bigint NOT NULL,
    cycle_id    bigint NOT NULL,
    case_id     bigint NOT NULL,
    result      text NOT NULL DEFAULT 'not_executed'
                CHECK (result IN ('not_executed', 'passed', 'failed', 'blocked', 'skipped')),
    comment     text NOT NULL DEFAULT '' CHECK (length(comment) <= 4000),
    defect      text NOT NULL DEFAULT '' CHECK (length(defect) <= 500),
    duration_ms bigint CHECK (duration_ms >= 0),
    executions  integer NOT NULL DEFAULT 0 CHECK (executions >= 0),
    executed_by bigint REFERENCES app_user (id) ON DELETE SET NULL,
    executed_at timestamptz,
    PRIMARY KEY (org_id, cycle_id, case_id),
    FOREIGN KEY (org_id, cycle_id) REFERENCES test_cycle (org_id, cycle_id) ON DELETE CASCADE,
    FOREIGN KEY (org_id, case_id) REFERENCES test_case (org_id, case_id) ON DELETE CASCADE,
    CHECK ((result = 'not_executed') = (executed_at IS NULL))
);

-- Progress of a cycle, and its cases of one result.
CREATE INDEX cycle_entry_result ON cycle_entry (org_id, cycle_id, result, case_id);

-- The cycles a case is in.
CREATE INDEX cycle_entry_case ON cycle_entry (org_id, case_id, cycle_id);

-- Every execution of a case in a cycle. A re-execution adds a row and changes none.
CREATE TABLE execution (
    org_id       bigint NOT NULL,
    execution_id bigint GENERATED ALWAYS AS IDENTITY,
    cycle_id     bigint NOT NULL,
    case_id      bigint NOT NULL,
    result       text NOT NULL CHECK (result IN ('passed', 'failed', 'blocked', 'skipped')),
    comment      text NOT NULL DEFAULT '' CHECK (length(comment) <= 4000),
    defect       text NOT NULL DEFAULT '' CHECK (length(defect) <= 500),
    duration_ms  bigint CHECK (duration_ms >= 0),
    import_id    bigint,
    executed_by  bigint REFERENCES app_user (id) ON DELETE SET NULL,
    executed_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, execution_id),
    FOREIGN KEY (org_id, cycle_id, case_id) REFERENCES cycle_entry (org_id, cycle_id, case_id) ON DELETE CASCADE
);

-- What happened to a case in a cycle, newest first.
CREATE INDEX execution_entry ON execution (org_id, cycle_id, case_id, execution_id DESC);

-- What happened to a case in all cycles, newest first: flaky cases are found here.
CREATE INDEX execution_case ON execution (org_id, case_id, execution_id DESC);

-- A file somebody brings in. `content` is there until it has been worked off and no longer; `digest` says what it was and
-- where it went, so that the same results are not taken into the same cycle twice. `done` grows with the effects of the
-- lines, in their transactions: a run that was killed goes on where it was.
CREATE TABLE import_run (
    org_id       bigint NOT NULL,
    import_id    bigint GENERATED ALWAYS AS IDENTITY,
    project_id   bigint NOT NULL,
    kind         text NOT NULL CHECK (kind IN ('csv', 'gherkin', 'junit', 'json')),
    file_name    text NOT NULL CHECK (length(file_name) <= 200),
    digest       text COLLATE "C" NOT NULL,
    content      bytea,
    options      jsonb NOT NULL CHECK (jsonb_typeof(options) = 'object'),
    state        text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'running', 'succeeded', 'failed')),
    done         integer NOT NULL DEFAULT 0 CHECK (done >= 0),
    total        integer NOT NULL DEFAULT 0 CHECK (total >= 0),
    counts       jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(counts) = 'object'),
    cycle_id     bigint,
    error        text,
    actor_kind   text NOT NULL CHECK (actor_kind IN ('person', 'api_key')),
    actor_ref    text NOT NULL,
    actor_name   text NOT NULL,
    requested_by bigint REFERENCES app_user (id) ON DELETE SET NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    finished_at  timestamptz,
    PRIMARY KEY (org_id, import_id),
    FOREIGN KEY (org_id, project_id) REFERENCES project (org_id, project_id) ON DELETE CASCADE,
    CHECK ((state IN ('succeeded', 'failed')) = (finished_at IS NOT NULL)),
    CHECK ((state IN ('queued', 'running')) = (content IS NOT NULL))
);

-- The imports of a project, newest first.
CREATE INDEX import_run_project ON import_run (org_id, project_id, import_id DESC);

-- The same file to the same place is one import, unless it failed.
CREATE UNIQUE INDEX import_run_digest ON import_run (org_id, project_id, digest) WHERE state <> 'failed';

-- What became of each line of a file, and why.
CREATE TABLE import_line (
    org_id    bigint NOT NULL,
    import_id bigint NOT NULL,
    position  integer NOT NULL CHECK (position >= 1),
    line      integer NOT NULL CHECK (line >= 0),
    outcome   text NOT NULL CHECK (outcome IN ('created', 'updated', 'matched', 'unchanged', 'skipped')),
    title     text NOT NULL CHECK (length(title) <= 300),
    case_key  text COLLATE "C",
    reason    text NOT NULL DEFAULT '' CHECK (length(reason) <= 300),
    PRIMARY KEY (org_id, import_id, position),
    FOREIGN KEY (org_id, import_id) REFERENCES import_run (org_id, import_id) ON DELETE CASCADE
);

-- Row-level security: the backstop behind the org_id in every query. Unset context shows nothing.
ALTER TABLE case_folder ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE case_change ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE test_cycle  ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE cycle_entry ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE execution   ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE import_run  ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE import_line ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;

CREATE POLICY tenant ON case_folder TO testkase_app USING (org_id = nullif(current_setting('app.org_id', true), '')::bigint);
CREATE POLICY tenant ON case_change TO testkase_app USING (org_id = nullif(current_setting('app.org_id', true), '')::bigint);
CREATE POLICY tenant ON test_cycle  TO testkase_app USING (org_id = nullif(current_setting('app.org_id', true), '')::bigint);
CREATE POLICY tenant ON cycle_entry TO testkase_app USING (org_id = nullif(current_setting('app.org_id', true), '')::bigint);
CREATE POLICY tenant ON execution   TO testkase_app USING (org_id = nullif(current_setting('app.org_id', true), '')::bigint);
CREATE POLICY tenant ON import_run  TO testkase_app USING (org_id = nullif(current_setting('app.org_id', true), '')::bigint);
CREATE POLICY tenant ON import_line TO testkase_app USING (org_id = nullif(current_setting('app.org_id', true), '')::bigint);

GRANT SELECT, INSERT, UPDATE, DELETE ON case_folder, test_cycle, cycle_entry, import_run, import_line TO testkase_app;
GRANT SELECT, INSERT, DELETE ON case_change, execution TO testkase_app;
