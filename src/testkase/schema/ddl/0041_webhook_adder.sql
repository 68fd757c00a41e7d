-- Who added an endpoint: when they leave, events of the organization go on to an address that only they may know.
ALTER TABLE webhook_endpoint ADD COLUMN added_by text COLLATE "C" CHECK (length(added_by) <= 320);

COMMENT ON COLUMN webhook_endpoint.added_by IS 'Reference of whoever added it';
