-- The workspace: projects, who works in them, and their test cases. Tenant tables: org_id first in every key.

-- A project of an organization. `last_case` numbers its test cases without gaps or duplicates.
CREATE TABLE project (
    org_id     bigint NOT NULL REFERENCES organization (id) ON DELETE CASCADE,
    project_id bigint GENERATED ALWAYS AS IDENTITY,
    key        text COLLATE "C" NOT NULL CHECK (key ~ '^[A-Z][A-Z0-9]{1,9}$'),
    name       text NOT NULL CHECK (length(name) BETWEEN 1 AND 120),
    last_case  integer NOT NULL DEFAULT 0 CHECK (last_case >= 0),
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, project_id),
    UNIQUE (org_id, key)
);

-- A person's role in a project. `may_generate` is the permission a project user needs for AI generation and reports (P15).
CREATE TABLE project_member (
    org_id       bigint NOT NULL,
    project_id   bigint NOT NULL,
    user_id      bigint NOT NULL REFERENCES app_user (id) ON DELETE CASCADE,
    role         text NOT NULL CHECK (role IN ('project_admin', 'user', 'guest')),
    may_generate boolean NOT NULL DEFAULT false,
    PRIMARY KEY (org_id, project_id, user_id),
    FOREIGN KEY (org_id, project_id) REFERENCES project (org_id, project_id) ON DELETE CASCADE
);

-- The projects of one person.
CREATE INDEX project_member_user ON project_member (org_id, user_id);

-- A test case. `steps` is a list of {"action", "expected"}. A generated case remembers its draft, so that accepting
-- the same draft twice makes one case; `generation_id` is no foreign key because drafts may be erased and cases stay.
CREATE TABLE test_case (
    org_id         bigint NOT NULL,
    case_id        bigint GENERATED ALWAYS AS IDENTITY,
    project_id     bigint NOT NULL,
    key            text COLLATE "C" NOT NULL,
    title          text NOT NULL CHECK (length(title) BETWEEN 1 AND 300),
    kind           text NOT NULL DEFAULT 'positive' CHECK (kind IN ('positive', 'negative', 'boundary', 'permission')),
    priority       text NOT NULL DEFAULT 'medium' CHECK (priority IN ('low', 'medium', 'high', 'critical')),
    preconditions  text NOT NULL DEFAULT '' CHECK (length(preconditions) <= 4000),
    steps          jsonb NOT NULL CHECK (jsonb_typeof(steps) = 'array'),
    generation_id  bigint,
    draft_position integer,
    created_by     bigint REFERENCES app_user (id) ON DELETE SET NULL,
    created_at     timestamptz NOT NULL DEFAULT now(),
    updated_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, case_id),
    UNIQUE (org_id, key),
    FOREIGN KEY (org_id, project_id) REFERENCES project (org_id, project_id) ON DELETE CASCADE,
    CHECK ((generation_id IS NULL) = (draft_position IS NULL))
);

-- The list of a project's cases, newest first, page by page.
CREATE INDEX test_case_project ON test_case (org_id, project_id, case_id DESC);

-- One case per accepted draft.
CREATE UNIQUE INDEX test_case_draft ON test_case (org_id, generation_id, draft_position) WHERE generation_id IS NOT NULL;

-- Row-level security: the backstop behind the org_id in every query. Unset context shows nothing.
ALTER TABLE project        ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE project_member ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE test_case      ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;

CREATE POLICY tenant ON project        TO testkase_app USING (org_id = nullif(current_setting('app.org_id', true), '')::bigint);
CREATE POLICY tenant ON project_member TO testkase_app USING (org_id = nullif(current_setting('app.org_id', true), '')::bigint);
CREATE POLICY tenant ON test_case      TO testkase_app USING (org_id = nullif(current_setting('app.org_id', true), '')::bigint);

GRANT SELECT, INSERT, UPDATE, DELETE ON project, project_member, test_case TO testkase_app;
