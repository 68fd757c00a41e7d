-- Around the ledger's budgets and pauses: requests for more, and whether the runaway guard watches.

-- "Ask for more": a person asks, an admin approves or declines, once. The reason is what the person wrote.
CREATE TABLE budget_request (
    org_id     bigint NOT NULL REFERENCES organization (id) ON DELETE CASCADE,
    request_id text COLLATE "C" NOT NULL CHECK (length(request_id) BETWEEN 1 AND 64),
    budget_id  text COLLATE "C" NOT NULL,
    user_id    bigint NOT NULL REFERENCES app_user (id) ON DELETE CASCADE,
    amount     bigint NOT NULL CHECK (amount > 0),
    reason     text NOT NULL CHECK (length(reason) <= 500),
    state      text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'approved', 'declined')),
    for_good   boolean,
    asked_at   timestamptz NOT NULL DEFAULT now(),
    decided_by bigint REFERENCES app_user (id) ON DELETE SET NULL,
    decided_at timestamptz,
    PRIMARY KEY (org_id, request_id),
    CHECK ((state = 'open') = (decided_at IS NULL))
);

-- One open request of a person for a budget: asking again changes it.
CREATE UNIQUE INDEX budget_request_open ON budget_request (org_id, budget_id, user_id) WHERE state = 'open';

-- Whether the runaway guard watches an organization. No row: it does.
CREATE TABLE guard_setting (
    org_id     bigint PRIMARY KEY REFERENCES organization (id) ON DELETE CASCADE,
    enabled    boolean NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT now()
);

ALTER TABLE budget_request ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE guard_setting  ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;

CREATE POLICY tenant ON budget_request TO testkase_app USING (org_id = nullif(current_setting('app.org_id', true), '')::bigint);
CREATE POLICY tenant ON guard_setting  TO testkase_app USING (org_id = nullif(current_setting('app.org_id', true), '')::bigint);

GRANT SELECT, INSERT, UPDATE ON budget_request, guard_setting TO testkase_app;

-- Organizations that posted something since an instant (microseconds UTC), by id: whom the guard looks at. Ids only.
CREATE FUNCTION ledger.active_accounts(since bigint, after bigint, up_to integer) RETURNS SETOF bigint
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT a.org_id FROM ledger.account AS a WHERE a.last_at >= since AND a.org_id > after ORDER BY a.org_id LIMIT up_to
$$;

GRANT CREATE ON SCHEMA ledger TO testkase_ledger;
ALTER FUNCTION ledger.active_accounts(bigint, bigint, integer) OWNER TO testkase_ledger;
REVOKE CREATE ON SCHEMA ledger FROM testkase_ledger;
REVOKE ALL ON FUNCTION ledger.active_accounts(bigint, bigint, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.active_accounts(bigint, bigint, integer) TO testkase_app;
