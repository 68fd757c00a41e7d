-- A receipt for each payment, not for each bill: one whose money went back is paid a second time, and that is paid as well.
ALTER TABLE receipt DROP CONSTRAINT receipt_org_id_target_id_key;
CREATE UNIQUE INDEX receipt_payment ON receipt (org_id, target_id, (document::jsonb ->> 'payment_id'));
