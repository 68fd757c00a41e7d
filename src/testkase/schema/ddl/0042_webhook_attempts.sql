-- When an endpoint was last tried, found without reading all that was ever sent to it.
CREATE INDEX webhook_delivery_tried ON webhook_delivery (org_id, endpoint_id, tried_at DESC NULLS LAST);
