-- Webhooks that go out: what the Owner and the Admins are told, told to the organization's own programs as well (ADR 21).

-- Where events are sent. No `kinds`: all of them, later ones included. `failing_since`: nothing was taken since then.
CREATE TABLE webhook_endpoint (
    org_id            bigint NOT NULL REFERENCES organization (id) ON DELETE CASCADE,
    endpoint_id       text COLLATE "C" NOT NULL CHECK (length(endpoint_id) BETWEEN 1 AND 64),
    url               text NOT NULL CHECK (url ~ '^https?://' AND length(url) <= 1000),
    kinds             text[] NOT NULL CHECK (cardinality(kinds) <= 50),
    state             text NOT NULL DEFAULT 'on' CHECK (state IN ('on', 'off', 'failed')),
    failing_since     timestamptz,
    last_delivered_at timestamptz,
    created_at        timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, endpoint_id)
);

-- One endpoint an address.
CREATE UNIQUE INDEX webhook_endpoint_url ON webhook_endpoint (org_id, md5(url));

-- What an endpoint's messages are signed with, encrypted. Every one that has not ended signs.
CREATE TABLE webhook_secret (
    org_id      bigint NOT NULL,
    endpoint_id text COLLATE "C" NOT NULL,
    number      integer NOT NULL CHECK (number >= 1),
    sealed      text NOT NULL CHECK (length(sealed) <= 500),
    made_at     timestamptz NOT NULL DEFAULT now(),
    ends_at     timestamptz,
    PRIMARY KEY (org_id, endpoint_id, number),
    FOREIGN KEY (org_id, endpoint_id) REFERENCES webhook_endpoint (org_id, endpoint_id) ON DELETE CASCADE
);

-- What happened, in words for people and facts for programs. `event_key` names it: written down once.
CREATE TABLE webhook_event (
    org_id     bigint NOT NULL REFERENCES organization (id) ON DELETE CASCADE,
    event_id   bigint GENERATED ALWAYS AS IDENTITY,
    kind       text NOT NULL CHECK (kind ~ '^[a-z][a-z0-9_.]{0,59}$'),
    event_key  text COLLATE "C" NOT NULL CHECK (length(event_key) BETWEEN 1 AND 200),
    title      text NOT NULL CHECK (length(title) BETWEEN 1 AND 200),
    body       text NOT NULL CHECK (length(body) <= 2000),
    link       text NOT NULL CHECK (link ~ '^(/[^/\\]|/$|$)' AND length(link) <= 500),
    facts      jsonb NOT NULL CHECK (jsonb_typeof(facts) = 'object'),
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, event_id),
    UNIQUE (org_id, event_key)
);

-- What is too old is found without reading what is not.
CREATE INDEX webhook_event_age ON webhook_event (org_id, created_at);

-- An event on its way to an endpoint. A queue, looked up by what is due before the organization is known: ids, times and
-- how it ended, never what is sent. Nothing holds it to its endpoint: who tells people something while an endpoint is
-- changed must neither wait nor keep others waiting. What goes to one that is gone is dropped.
CREATE TABLE webhook_delivery (
    org_id       bigint NOT NULL,
    delivery_id  bigint GENERATED ALWAYS AS IDENTITY,
    endpoint_id  text COLLATE "C" NOT NULL,
    event_id     bigint NOT NULL,
    due_at       timestamptz NOT NULL DEFAULT now(),
    attempts     integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    tried_at     timestamptz,
    delivered_at timestamptz,
    given_up_at  timestamptz,
    fault        text NOT NULL DEFAULT '' CHECK (length(fault) <= 100),
    PRIMARY KEY (org_id, delivery_id),
    UNIQUE (org_id, endpoint_id, event_id),
    FOREIGN KEY (org_id, event_id) REFERENCES webhook_event (org_id, event_id) ON DELETE CASCADE
);

CREATE INDEX webhook_delivery_due ON webhook_delivery (due_at) WHERE delivered_at IS NULL AND given_up_at IS NULL;
-- The newest of an endpoint, and those of an event that is forgotten.
CREATE INDEX webhook_delivery_endpoint ON webhook_delivery (org_id, endpoint_id, delivery_id DESC);
CREATE INDEX webhook_delivery_event ON webhook_delivery (org_id, event_id);

ALTER TABLE webhook_endpoint ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE webhook_secret   ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE webhook_event    ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;

CREATE POLICY tenant ON webhook_endpoint TO testkase_app USING (org_id = nullif(current_setting('app.org_id', true), '')::bigint);
CREATE POLICY tenant ON webhook_secret   TO testkase_app USING (org_id = nullif(current_setting('app.org_id', true), '')::bigint);
CREATE POLICY tenant ON webhook_event    TO testkase_app USING (org_id = nullif(current_setting('app.org_id', true), '')::bigint);

GRANT SELECT, INSERT, UPDATE, DELETE ON webhook_endpoint, webhook_secret TO testkase_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON webhook_event TO testkase_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON webhook_delivery TO testkase_app;

COMMENT ON COLUMN webhook_endpoint.endpoint_id IS 'Id of the endpoint';
COMMENT ON COLUMN webhook_endpoint.url IS 'Where events are sent';
COMMENT ON COLUMN webhook_endpoint.kinds IS 'Which kinds of events; none: all';
COMMENT ON COLUMN webhook_endpoint.state IS 'Whether it is on, off, or switched off because it took nothing';
COMMENT ON COLUMN webhook_endpoint.failing_since IS 'Since when it has taken nothing';
COMMENT ON COLUMN webhook_endpoint.last_delivered_at IS 'When it took something last';
COMMENT ON COLUMN webhook_endpoint.created_at IS 'When it was added';
COMMENT ON COLUMN webhook_secret.endpoint_id IS 'Endpoint whose messages it signs';
COMMENT ON COLUMN webhook_secret.number IS 'Which of its secrets';
COMMENT ON COLUMN webhook_secret.sealed IS 'The secret, encrypted';
COMMENT ON COLUMN webhook_secret.made_at IS 'When it was made';
COMMENT ON COLUMN webhook_secret.ends_at IS 'Until when it signs; nothing: until there is another';
COMMENT ON COLUMN webhook_event.event_id IS 'Number of the event';
COMMENT ON COLUMN webhook_event.kind IS 'What it is about, as one of a fixed list of words';
COMMENT ON COLUMN webhook_event.event_key IS 'Id of what happened: written down once';
COMMENT ON COLUMN webhook_event.title IS 'Its headline, made from figures and names';
COMMENT ON COLUMN webhook_event.body IS 'Its text, made from figures and names';
COMMENT ON COLUMN webhook_event.link IS 'Page it leads to';
COMMENT ON COLUMN webhook_event.facts IS 'Ids and figures for programs';
COMMENT ON COLUMN webhook_event.created_at IS 'When';
COMMENT ON COLUMN webhook_delivery.delivery_id IS 'Number of the delivery';
COMMENT ON COLUMN webhook_delivery.endpoint_id IS 'Endpoint it goes to';
COMMENT ON COLUMN webhook_delivery.event_id IS 'Event it carries';
COMMENT ON COLUMN webhook_delivery.due_at IS 'When it is to be sent next';
COMMENT ON COLUMN webhook_delivery.attempts IS 'How often it was tried';
COMMENT ON COLUMN webhook_delivery.tried_at IS 'When it was tried last';
COMMENT ON COLUMN webhook_delivery.delivered_at IS 'When it was taken';
COMMENT ON COLUMN webhook_delivery.given_up_at IS 'When it was given up';
COMMENT ON COLUMN webhook_delivery.fault IS 'Why it was not taken';
