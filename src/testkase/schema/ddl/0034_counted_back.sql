-- What of a payment staff have counted money as that went back in another currency. Null: nobody has, or it came back in
-- the payment's own.
ALTER TABLE payment_refund  ADD COLUMN counted_as bigint CHECK (counted_as >= 0);
ALTER TABLE payment_dispute ADD COLUMN counted_as bigint CHECK (counted_as >= 0);

COMMENT ON COLUMN payment_refund.counted_as IS 'What of the payment it was counted as, in minor units, where it went back in another currency';
COMMENT ON COLUMN payment_dispute.counted_as IS 'What of the payment it was counted as, in minor units, where it is in another currency';
