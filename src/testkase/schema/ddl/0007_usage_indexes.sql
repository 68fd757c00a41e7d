-- Two ways into the usage table besides its key, so that every filter of the page finds its rows without reading
-- others'. With a user named, the first serves; without one, the second. What a filter leaves open (a few projects, a
-- few use cases) is walked value by value, so two indexes do what one for each combination would.
-- They end with the instant, not the number alone: the key offers no such order, so that no plan walks the key backwards
-- through everybody's rows in the hope of meeting the few it wants.
CREATE INDEX usage_by_user    ON ledger.usage (org_id, user_ref, project_ref, use_case, at, seq);
CREATE INDEX usage_by_project ON ledger.usage (org_id, project_ref, use_case, at, seq);
