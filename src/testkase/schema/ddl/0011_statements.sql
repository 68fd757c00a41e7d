-- The few entries of a month that bring credits, let them expire, take them back or lend them. A statement is made of
-- these; what was used follows from them, so that no statement ever reads an entry for each call.
-- No hold, settlement or metered call is in it, so the hot path does not pay for it.
CREATE INDEX entry_supply ON ledger.entry (org_id, seq)
WHERE issued <> 0 OR expired <> 0 OR reversed <> 0 OR overage <> 0 OR debt <> 0;
