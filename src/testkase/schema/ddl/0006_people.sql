-- Invitations. Looked up by the hash of their token before the organization is known: a directory, like api_key.

-- One letter to one address. The token is in the letter alone: only its SHA-256 is kept. Sending once more ends an
-- invitation and makes another, so that rows count letters. Open: neither accepted nor revoked.
CREATE TABLE invitation (
    hash          bytea PRIMARY KEY CHECK (length(hash) = 32),
    org_id        bigint NOT NULL REFERENCES organization (id) ON DELETE CASCADE,
    invitation_id text COLLATE "C" NOT NULL UNIQUE,
    email         text NOT NULL CHECK (email = lower(email) AND length(email) BETWEEN 3 AND 254),
    role          text NOT NULL CHECK (role IN ('admin', 'member')),
    invited_by    bigint REFERENCES app_user (id) ON DELETE SET NULL,
    created_at    timestamptz NOT NULL DEFAULT now(),
    expires_at    timestamptz NOT NULL,
    accepted_at   timestamptz,
    accepted_by   bigint REFERENCES app_user (id) ON DELETE SET NULL,
    revoked_at    timestamptz,
    CHECK (expires_at > created_at),
    CHECK (accepted_at IS NULL OR revoked_at IS NULL)
);

-- An address has at most one open invitation to an organization: an older letter stops working with the newer one.
CREATE UNIQUE INDEX invitation_open ON invitation (org_id, email) WHERE accepted_at IS NULL AND revoked_at IS NULL;

-- The letters an organization sent lately, to keep it from flooding mailboxes.
CREATE INDEX invitation_org ON invitation (org_id, created_at DESC);

GRANT SELECT, INSERT, UPDATE ON invitation TO testkase_app;
