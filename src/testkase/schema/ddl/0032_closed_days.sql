-- Sums of days that are over, so that pages read as many rows as they show (docs/decisions/0018-closed-days.md). Nothing in
-- the hot path writes them: the worker sums a day up when nothing can be posted to it any more. A page reads these, and the
-- days themselves from `before` on, in one statement: so it is exact however far behind the worker is, and needs no filling.

-- Up to where an organization's days are summed up: all before this one.
CREATE TABLE ledger.usage_closed (
    org_id bigint PRIMARY KEY,
    before date NOT NULL
);

-- What one part consumed on a day that is over. `by`: 'use_case', 'user', 'project' ('' for none), or 'all' of them ('').
CREATE TABLE ledger.usage_part_day (
    org_id        bigint NOT NULL,
    by            text COLLATE "C" NOT NULL,
    part          text NOT NULL,
    day           date NOT NULL,
    interactions  bigint NOT NULL,
    charged       bigint NOT NULL,
    input_tokens  bigint NOT NULL,
    output_tokens bigint NOT NULL,
    PRIMARY KEY (org_id, by, part, day)
);

-- The same of the billing month that begins on a day, as far as its days are summed up.
CREATE TABLE ledger.usage_part_period (
    org_id        bigint NOT NULL,
    by            text COLLATE "C" NOT NULL,
    first_day     date NOT NULL,
    part          text NOT NULL,
    interactions  bigint NOT NULL,
    charged       bigint NOT NULL,
    input_tokens  bigint NOT NULL,
    output_tokens bigint NOT NULL,
    PRIMARY KEY (org_id, by, first_day, part)
) WITH (fillfactor = 70);

ALTER TABLE ledger.usage_closed      ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE ledger.usage_part_day    ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE ledger.usage_part_period ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;

CREATE POLICY tenant ON ledger.usage_closed      TO testkase_app USING (org_id = nullif(current_setting('app.org_id', true), '')::bigint);
CREATE POLICY tenant ON ledger.usage_part_day    TO testkase_app USING (org_id = nullif(current_setting('app.org_id', true), '')::bigint);
CREATE POLICY tenant ON ledger.usage_part_period TO testkase_app USING (org_id = nullif(current_setting('app.org_id', true), '')::bigint);

CREATE POLICY writer ON ledger.usage_closed TO testkase_ledger USING (true) WITH CHECK (isfinite(before));
CREATE POLICY writer ON ledger.usage_part_day TO testkase_ledger USING (true) WITH CHECK (
    least(charged, input_tokens, output_tokens) >= 0 AND interactions > 0);
CREATE POLICY writer ON ledger.usage_part_period TO testkase_ledger USING (true) WITH CHECK (
    least(charged, input_tokens, output_tokens) >= 0 AND interactions > 0);

GRANT SELECT ON ledger.usage_closed, ledger.usage_part_day, ledger.usage_part_period TO testkase_app, testkase_ledger;
GRANT INSERT, UPDATE ON ledger.usage_closed, ledger.usage_part_period TO testkase_ledger;
GRANT INSERT ON ledger.usage_part_day TO testkase_ledger;

-- The day on which the billing month of a day begins: the anchor day, clamped to the length of its month.
CREATE FUNCTION ledger.period_day(anchor_day integer, day date) RETURNS date
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE WHEN day >= this.begins THEN this.begins ELSE last.begins END
    FROM (SELECT date_trunc('month', day::timestamp)::date AS first) AS month
    CROSS JOIN LATERAL (
        SELECT least(month.first + anchor_day - 1, (month.first + interval '1 month')::date - 1) AS begins) AS this
    CROSS JOIN LATERAL (
        SELECT least((month.first - interval '1 month')::date + anchor_day - 1, month.first - 1) AS begins) AS last
$$;

-- Sums up the days of an organization that are over, so many at most, from the first one that is not; answers how many.
-- Along a journal instants never decrease and the zone never changes, so nothing is posted to a day before the newest one.
-- The day before that is left open as well: it is where a day would go if the rules of a zone were corrected.
-- The row in usage_closed is locked first and read in a statement of its own, so that no day is added twice.
CREATE FUNCTION ledger.close_days(org bigint, most integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    anchor  integer := (SELECT a.anchor_day FROM ledger.account AS a WHERE a.org_id = org);
    newest  date := (SELECT max(d.day) FROM ledger.usage_day AS d WHERE d.org_id = org);
    reached date;
    target  date;
BEGIN
    IF anchor IS NULL OR newest IS NULL THEN
        RETURN 0;
    END IF;
    INSERT INTO ledger.usage_closed (org_id, before)
    SELECT org, min(d.day) FROM ledger.usage_day AS d WHERE d.org_id = org
    ON CONFLICT DO NOTHING;
    SELECT c.before INTO reached FROM ledger.usage_closed AS c WHERE c.org_id = org FOR UPDATE;
    target := least(newest - 1, reached + most);
    IF target <= reached THEN
        RETURN 0;
    END IF;
    INSERT INTO ledger.usage_part_day (org_id, by, part, day, interactions, charged, input_tokens, output_tokens)
    SELECT org, CASE grouping(d.use_case, d.user_ref, d.project_ref)
                    WHEN 3 THEN 'use_case' WHEN 5 THEN 'user' WHEN 6 THEN 'project' ELSE 'all' END,
           coalesce(d.use_case, d.user_ref, d.project_ref, ''), d.day,
           sum(d.interactions), sum(d.charged), sum(d.input_tokens), sum(d.output_tokens)
    FROM ledger.usage_day AS d
    WHERE d.org_id = org AND d.day >= reached AND d.day < target
    GROUP BY d.day, GROUPING SETS ((d.use_case), (d.user_ref), (d.project_ref), ());
    INSERT INTO ledger.usage_part_period AS p (
        org_id, by, first_day, part, interactions, charged, input_tokens, output_tokens)
    SELECT org, CASE grouping(x.use_case, x.user_ref, x.project_ref)
                    WHEN 3 THEN 'use_case' WHEN 5 THEN 'user' ELSE 'project' END,
           x.first_day, coalesce(x.use_case, x.user_ref, x.project_ref),
           sum(x.interactions), sum(x.charged), sum(x.input_tokens), sum(x.output_tokens)
    FROM (SELECT ledger.period_day(anchor, d.day) AS first_day, d.* FROM ledger.usage_day AS d
          WHERE d.org_id = org AND d.day >= reached AND d.day < target) AS x
    GROUP BY x.first_day, GROUPING SETS ((x.use_case), (x.user_ref), (x.project_ref))
    ON CONFLICT (org_id, by, first_day, part) DO UPDATE
    SET interactions = p.interactions + excluded.interactions, charged = p.charged + excluded.charged,
        input_tokens = p.input_tokens + excluded.input_tokens, output_tokens = p.output_tokens + excluded.output_tokens;
    UPDATE ledger.usage_closed SET before = target WHERE org_id = org;
    RETURN target - reached;
END
$$;

-- Organizations with days that are over and not summed up, by id. Ids only.
CREATE FUNCTION ledger.open_days(after bigint, up_to integer) RETURNS SETOF bigint
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT a.org_id FROM ledger.account AS a
    LEFT JOIN ledger.usage_closed AS c ON c.org_id = a.org_id
    WHERE a.org_id > after
      AND (SELECT max(d.day) FROM ledger.usage_day AS d WHERE d.org_id = a.org_id) - 1 > coalesce(c.before, '-infinity')
    ORDER BY a.org_id LIMIT up_to
$$;

GRANT CREATE ON SCHEMA ledger TO testkase_ledger;
ALTER FUNCTION ledger.close_days(bigint, integer) OWNER TO testkase_ledger;
ALTER FUNCTION ledger.open_days(bigint, integer) OWNER TO testkase_ledger;
REVOKE CREATE ON SCHEMA ledger FROM testkase_ledger;
REVOKE ALL ON FUNCTION ledger.close_days(bigint, integer), ledger.open_days(bigint, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.close_days(bigint, integer), ledger.open_days(bigint, integer) TO testkase_app;

COMMENT ON COLUMN ledger.usage_closed.before IS 'Days before this one are summed up below';
COMMENT ON COLUMN ledger.usage_part_day.by IS 'What the figures are of: a feature, a user, a project, or all';
COMMENT ON COLUMN ledger.usage_part_day.part IS 'Which one';
COMMENT ON COLUMN ledger.usage_part_day.day IS 'Day in the billing zone';
COMMENT ON COLUMN ledger.usage_part_day.interactions IS 'How many interactions';
COMMENT ON COLUMN ledger.usage_part_day.charged IS 'What they were charged, in micro-credits';
COMMENT ON COLUMN ledger.usage_part_day.input_tokens IS 'How many tokens were sent';
COMMENT ON COLUMN ledger.usage_part_day.output_tokens IS 'How many tokens were answered';
COMMENT ON COLUMN ledger.usage_part_period.by IS 'What the figures are of: a feature, a user or a project';
COMMENT ON COLUMN ledger.usage_part_period.first_day IS 'Day on which the billing month begins';
COMMENT ON COLUMN ledger.usage_part_period.part IS 'Which one';
COMMENT ON COLUMN ledger.usage_part_period.interactions IS 'How many interactions';
COMMENT ON COLUMN ledger.usage_part_period.charged IS 'What they were charged, in micro-credits';
COMMENT ON COLUMN ledger.usage_part_period.input_tokens IS 'How many tokens were sent';
COMMENT ON COLUMN ledger.usage_part_period.output_tokens IS 'How many tokens were answered';
