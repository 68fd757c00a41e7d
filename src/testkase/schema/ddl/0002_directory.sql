-- The directories: who belongs to which organization, and which key opens it. They are looked up before the
-- organization is known, so each is keyed by what is looked up and none is under row-level security. They hold no content.

-- A customer of the product. Its credits, projects and settings live in tenant tables under the same id.
CREATE TABLE organization (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name       text NOT NULL CHECK (length(name) BETWEEN 1 AND 120),
    slug       text COLLATE "C" NOT NULL UNIQUE CHECK (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$' AND length(slug) <= 60),
    created_at timestamptz NOT NULL DEFAULT now()
);

-- A person's role in an organization, read live at every request: a changed role acts at once.
CREATE TABLE membership (
    user_id   bigint NOT NULL REFERENCES app_user (id) ON DELETE CASCADE,
    org_id    bigint NOT NULL REFERENCES organization (id) ON DELETE CASCADE,
    role      text NOT NULL CHECK (role IN ('owner', 'admin', 'member')),
    joined_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, org_id)
);

-- The members of one organization, in a stable order.
CREATE INDEX membership_org ON membership (org_id, user_id);

-- Exactly one owner: a second cannot be written, by whatever path.
CREATE UNIQUE INDEX membership_one_owner ON membership (org_id) WHERE role = 'owner';

-- A program's way in. Only the SHA-256 of the key is kept; `prefix` is what people recognise it by.
CREATE TABLE api_key (
    hash         bytea PRIMARY KEY CHECK (length(hash) = 32),
    org_id       bigint NOT NULL REFERENCES organization (id) ON DELETE CASCADE,
    key_id       text COLLATE "C" NOT NULL UNIQUE,
    name         text NOT NULL CHECK (length(name) BETWEEN 1 AND 80),
    prefix       text NOT NULL,
    scopes       text[] NOT NULL,
    created_by   bigint REFERENCES app_user (id) ON DELETE SET NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    last_used_at timestamptz,
    revoked_at   timestamptz
);

-- The keys of one organization, newest first.
CREATE INDEX api_key_org ON api_key (org_id, created_at DESC);

GRANT SELECT, INSERT, UPDATE, DELETE ON organization, membership TO testkase_app;
GRANT SELECT, INSERT, UPDATE ON api_key TO testkase_app;
