-- A bill that staff let go: nobody is to pay it. It stays waived where money that had paid it goes back afterwards.
ALTER TABLE overage_bill ADD COLUMN waived_at timestamptz;
ALTER TABLE overage_bill DROP CONSTRAINT overage_bill_state_check;
ALTER TABLE overage_bill ADD CONSTRAINT overage_bill_state_check
    CHECK (state IN ('due', 'open', 'paid', 'unpaid') OR (state = 'waived' AND waived_at IS NOT NULL));

COMMENT ON COLUMN overage_bill.waived_at IS 'When it was let go';
