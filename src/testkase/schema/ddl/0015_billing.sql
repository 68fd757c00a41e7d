-- Buying credits: purchases and what became of their payments, the bill for overage, receipts, and the provider's reports.
-- Amounts of money are integers in minor units with their currency beside them, amounts of credits micro-credits.

-- What an organization chose about buying. No row: only the Owner buys, no overage, receipts under the organization's name.
-- `billed_period`: every period up to it has its bill, where it needed one.
CREATE TABLE billing_setting (
    org_id            bigint PRIMARY KEY REFERENCES organization (id),
    purchase_roles    text NOT NULL DEFAULT 'owner' CHECK (purchase_roles IN ('owner', 'owner_and_admins')),
    overage_cap_cents bigint NOT NULL DEFAULT 0 CHECK (overage_cap_cents >= 0),
    billed_period     integer NOT NULL DEFAULT -1,
    buyer_name        text NOT NULL DEFAULT '' CHECK (length(buyer_name) <= 120),
    buyer_address     text NOT NULL DEFAULT '' CHECK (length(buyer_address) <= 400),
    buyer_tax_id      text NOT NULL DEFAULT '' CHECK (length(buyer_tax_id) <= 40)
);

-- A bundle somebody set out to buy, at the terms of that moment. It only ever moves on: created (nothing asked of the
-- provider yet), open (its order waits for money), paid; closed is an open one nobody paid for days, and a late payment
-- still makes it paid. `clawed`, `frozen`: what refunds and disputes have taken of it so far; `reversals` numbers them.
CREATE TABLE purchase (
    org_id          bigint NOT NULL REFERENCES organization (id),
    purchase_id     text COLLATE "C" NOT NULL CHECK (length(purchase_id) BETWEEN 1 AND 40),
    request_id      text COLLATE "C" NOT NULL CHECK (length(request_id) BETWEEN 1 AND 128),
    bundle          text NOT NULL,
    bundle_name     text NOT NULL,
    credits         bigint NOT NULL CHECK (credits > 0),
    amount          bigint NOT NULL CHECK (amount > 0),
    currency        text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    validity        text NOT NULL CHECK (validity IN ('billing_month', 'never', 'months')),
    validity_months integer NOT NULL CHECK (validity_months >= 0),
    price_book      text NOT NULL,
    buyer_kind      text NOT NULL CHECK (buyer_kind IN ('person', 'api_key')),
    buyer_ref       text NOT NULL,
    buyer_name      text NOT NULL,
    buyer_id        bigint REFERENCES app_user (id) ON DELETE SET NULL,
    state           text NOT NULL DEFAULT 'created' CHECK (state IN ('created', 'open', 'paid', 'closed')),
    order_id        text COLLATE "C",
    payment_id      text COLLATE "C",
    lot_expires_at  bigint,
    failure         text NOT NULL DEFAULT '' CHECK (length(failure) <= 300),
    clawed          bigint NOT NULL DEFAULT 0 CHECK (clawed >= 0 AND clawed <= credits),
    frozen          boolean NOT NULL DEFAULT false,
    reversals       integer NOT NULL DEFAULT 0,
    created_at      timestamptz NOT NULL DEFAULT now(),
    paid_at         timestamptz,
    PRIMARY KEY (org_id, purchase_id),
    UNIQUE (org_id, request_id),
    UNIQUE (org_id, order_id),
    UNIQUE (org_id, payment_id),
    CHECK ((state = 'created') = (order_id IS NULL)),
    CHECK ((state = 'paid') = (payment_id IS NOT NULL)),
    CHECK ((state = 'paid') = (paid_at IS NOT NULL))
);

-- Purchases page by page, newest first.
CREATE INDEX purchase_newest ON purchase (org_id, created_at DESC, purchase_id DESC);

-- What is used beyond the balance is billed when its period has ended: one bill a period. due (no link yet), open (a link
-- waits for money), paid, unpaid (its time is over, overage is off; a late payment still makes it paid).
CREATE TABLE overage_bill (
    org_id        bigint NOT NULL REFERENCES organization (id),
    bill_id       text COLLATE "C" NOT NULL CHECK (length(bill_id) BETWEEN 1 AND 40),
    period_number integer NOT NULL CHECK (period_number >= 0),
    period_start  bigint NOT NULL,
    period_end    bigint NOT NULL CHECK (period_end > period_start),
    credits       bigint NOT NULL CHECK (credits > 0),
    amount        bigint NOT NULL CHECK (amount > 0),
    currency      text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    price_book    text NOT NULL,
    state         text NOT NULL DEFAULT 'due' CHECK (state IN ('due', 'open', 'paid', 'unpaid')),
    link_id       text COLLATE "C",
    link_url      text NOT NULL DEFAULT '',
    payment_id    text COLLATE "C",
    reminders     integer NOT NULL DEFAULT 0,
    made_at       timestamptz NOT NULL DEFAULT now(),
    due_at        timestamptz NOT NULL,
    paid_at       timestamptz,
    PRIMARY KEY (org_id, bill_id),
    UNIQUE (org_id, period_number),
    UNIQUE (org_id, link_id),
    CHECK ((state = 'paid') = (paid_at IS NOT NULL))
);

-- Attempts to pay a purchase or a bill, each as last heard of. `verdict`: what we made of it.
CREATE TABLE payment (
    org_id          bigint NOT NULL REFERENCES organization (id),
    payment_id      text COLLATE "C" NOT NULL CHECK (length(payment_id) BETWEEN 1 AND 64),
    target_id       text COLLATE "C" NOT NULL,
    order_id        text COLLATE "C",
    amount          bigint NOT NULL CHECK (amount >= 0),
    currency        text NOT NULL CHECK (length(currency) <= 8),
    status          text NOT NULL CHECK (status IN ('created', 'failed', 'authorized', 'captured', 'refunded')),
    captured        boolean NOT NULL,
    amount_refunded bigint NOT NULL CHECK (amount_refunded >= 0),
    method          text NOT NULL CHECK (length(method) <= 40),
    instrument      text NOT NULL CHECK (length(instrument) <= 80),
    international   boolean NOT NULL,
    fee             bigint,
    tax             bigint,
    failure         text NOT NULL CHECK (length(failure) <= 300),
    created_at      bigint NOT NULL,
    verdict         text NOT NULL CHECK (verdict IN ('waiting', 'granted', 'surplus', 'mismatch')),
    PRIMARY KEY (org_id, payment_id)
);

CREATE INDEX payment_target ON payment (org_id, target_id);

-- Money that went back, as last heard of.
CREATE TABLE payment_refund (
    org_id     bigint NOT NULL REFERENCES organization (id),
    refund_id  text COLLATE "C" NOT NULL CHECK (length(refund_id) BETWEEN 1 AND 64),
    payment_id text COLLATE "C" NOT NULL,
    amount     bigint NOT NULL CHECK (amount >= 0),
    currency   text NOT NULL,
    status     text NOT NULL CHECK (status IN ('pending', 'processed', 'failed')),
    created_at bigint NOT NULL,
    PRIMARY KEY (org_id, refund_id)
);

CREATE INDEX payment_refund_payment ON payment_refund (org_id, payment_id);

-- Payments the payer's bank contests, as last heard of.
CREATE TABLE payment_dispute (
    org_id          bigint NOT NULL REFERENCES organization (id),
    dispute_id      text COLLATE "C" NOT NULL CHECK (length(dispute_id) BETWEEN 1 AND 64),
    payment_id      text COLLATE "C" NOT NULL,
    amount          bigint NOT NULL CHECK (amount >= 0),
    currency        text NOT NULL,
    amount_deducted bigint NOT NULL CHECK (amount_deducted >= 0),
    status          text NOT NULL CHECK (status IN ('open', 'under_review', 'won', 'lost', 'closed')),
    phase           text NOT NULL,
    created_at      bigint NOT NULL,
    respond_by      bigint,
    PRIMARY KEY (org_id, dispute_id)
);

CREATE INDEX payment_dispute_payment ON payment_dispute (org_id, payment_id);

-- Receipts, numbered without gaps over all organizations: the number is taken in the transaction of the payment. What a
-- receipt says never changes, so seller, buyer and lines are kept as they were.
CREATE TABLE receipt (
    org_id    bigint NOT NULL REFERENCES organization (id),
    number    text COLLATE "C" NOT NULL,
    target_id text COLLATE "C" NOT NULL,
    issued_at timestamptz NOT NULL,
    document  text NOT NULL,
    PRIMARY KEY (org_id, number),
    UNIQUE (org_id, target_id)
);

-- The last number of each series of receipts.
CREATE TABLE receipt_series (
    series      text COLLATE "C" PRIMARY KEY,
    last_number bigint NOT NULL CHECK (last_number > 0)
);

-- Whose an order or a link of the provider is: reports name these before the organization is known. Ids only.
CREATE TABLE payment_route (
    ref       text COLLATE "C" PRIMARY KEY CHECK (length(ref) BETWEEN 1 AND 64),
    org_id    bigint NOT NULL REFERENCES organization (id),
    target_id text COLLATE "C" NOT NULL
);

-- What must be looked at again without being told to: purchases and bills nobody has reported on, disputes under way,
-- periods to be billed. A queue, looked up by what is due; ids and times only.
CREATE TABLE payment_watch (
    org_id    bigint NOT NULL REFERENCES organization (id),
    kind      text NOT NULL CHECK (kind IN ('purchase', 'bill', 'overage')),
    target_id text COLLATE "C" NOT NULL,
    since     timestamptz NOT NULL DEFAULT now(),
    due_at    timestamptz NOT NULL,
    PRIMARY KEY (org_id, kind, target_id)
);

CREATE INDEX payment_watch_due ON payment_watch (due_at);

-- The inbox of the provider's reports: kept before they are answered, worked on afterwards. A report is known by its own
-- signed bytes, which are the same at every delivery; of its content only the ids are kept.
CREATE TABLE payment_event (
    digest      bytea PRIMARY KEY CHECK (length(digest) = 32),
    name        text NOT NULL CHECK (length(name) <= 80),
    order_id    text COLLATE "C",
    payment_id  text COLLATE "C",
    refund_id   text COLLATE "C",
    dispute_id  text COLLATE "C",
    link_id     text COLLATE "C",
    received_at timestamptz NOT NULL DEFAULT now(),
    due_at      timestamptz NOT NULL DEFAULT now(),
    attempts    integer NOT NULL DEFAULT 0,
    handled_at  timestamptz,
    outcome     text NOT NULL DEFAULT '' CHECK (length(outcome) <= 200)
);

CREATE INDEX payment_event_due ON payment_event (due_at) WHERE handled_at IS NULL;
CREATE INDEX payment_event_received ON payment_event (received_at);

-- A day's payments at the provider beside ours, for staff. `faults`: JSON, one object each, ids and amounts only.
CREATE TABLE match_report (
    day      date PRIMARY KEY,
    made_at  timestamptz NOT NULL DEFAULT now(),
    captured bigint NOT NULL,
    matched  bigint NOT NULL,
    taken    text NOT NULL,
    faults   text NOT NULL
);

-- Row-level security: the backstop behind the org_id in every query. Unset context shows nothing.
ALTER TABLE billing_setting ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE purchase        ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE overage_bill    ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE payment         ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE payment_refund  ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE payment_dispute ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE receipt         ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;

CREATE POLICY tenant ON billing_setting TO testkase_app USING (org_id = nullif(current_setting('app.org_id', true), '')::bigint);
CREATE POLICY tenant ON purchase        TO testkase_app USING (org_id = nullif(current_setting('app.org_id', true), '')::bigint);
CREATE POLICY tenant ON overage_bill    TO testkase_app USING (org_id = nullif(current_setting('app.org_id', true), '')::bigint);
CREATE POLICY tenant ON payment         TO testkase_app USING (org_id = nullif(current_setting('app.org_id', true), '')::bigint);
CREATE POLICY tenant ON payment_refund  TO testkase_app USING (org_id = nullif(current_setting('app.org_id', true), '')::bigint);
CREATE POLICY tenant ON payment_dispute TO testkase_app USING (org_id = nullif(current_setting('app.org_id', true), '')::bigint);
CREATE POLICY tenant ON receipt         TO testkase_app USING (org_id = nullif(current_setting('app.org_id', true), '')::bigint);

-- No receipt changes or goes; no purchase, payment or bill goes.
GRANT SELECT, INSERT, UPDATE ON billing_setting, purchase, overage_bill, payment, payment_refund, payment_dispute TO testkase_app;
GRANT SELECT, INSERT ON receipt, payment_route TO testkase_app;
GRANT SELECT, INSERT, UPDATE ON receipt_series, match_report TO testkase_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON payment_event, payment_watch TO testkase_app;
