-- The rules of the ledger's rows, where they cost a third of what they did (docs/performance.md). PostgreSQL reads the text
-- of a CHECK constraint anew for every statement that writes to its table, and plans it again: that was a third of a lone
-- command. The condition of a policy is part of the statement's plan, which is kept, and is as final: a row that breaks it
-- undoes the whole batch, whatever the application does.
-- Who writes here is testkase_ledger alone, through the functions it owns: it owns no table and may not bypass row-level
-- security (the application does not start where it could, schema/isolation.py), and where the owner of the tables is no
-- superuser, forced row-level security keeps it out as well. What a superuser writes by hand, `verify` finds.
-- A condition that is null refuses the row, where a constraint let it pass.
-- Each step takes one table for as long as changing the catalogue takes, and may be repeated: killed between any two, every
-- table still has its rules, as the one or as the other.

-- step: an organization's balance. That it is not below zero stays a constraint too, which holds for whoever writes
ALTER POLICY writer ON ledger.account WITH CHECK (
    least(available, held, debt, covered, overage_limit, overage, period_used, monthly_allowance, off_seq) >= 0
    AND least(period_number, anchor_day - 1, 31 - anchor_day) >= 0
    AND period_end > period_start AND last_seq > 0 AND length(last_hash) = 32);
ALTER TABLE ledger.account
    DROP CONSTRAINT IF EXISTS account_is_sound, DROP CONSTRAINT IF EXISTS account_not_below_zero,
    ADD CONSTRAINT account_not_below_zero CHECK (least(available, held) >= 0) NOT VALID;

-- step: credits that came together
ALTER POLICY writer ON ledger.lot WITH CHECK (
    least(available, held, reversed, expired, clawed) >= 0 AND granted >= clawed AND granted > 0
    AND available + held + reversed + expired <= granted AND (expires_at > granted_at) IS NOT FALSE
    AND source IN ('allowance', 'purchase', 'grant', 'adjustment', 'overage'));
ALTER TABLE ledger.lot DROP CONSTRAINT IF EXISTS lot_is_sound, DROP CONSTRAINT IF EXISTS lot_source_check;

-- step: holds not yet resolved
ALTER POLICY writer ON ledger.open_hold WITH CHECK (
    amount >= 0 AND expires_at > opened_at AND length(hold_id) BETWEEN 1 AND 128);
ALTER TABLE ledger.open_hold DROP CONSTRAINT IF EXISTS open_hold_is_sound;

-- step: the journal
ALTER POLICY writer ON ledger.entry WITH CHECK (
    issued + available + held + used + expired + reversed + overage + debt = 0
    AND least(used, expired, available_after, held_after) >= 0 AND seq > 0 AND length(hash) = 32);
ALTER TABLE ledger.entry DROP CONSTRAINT IF EXISTS entry_is_sound, DROP CONSTRAINT IF EXISTS lines_sum_to_zero;

-- step: usage, by the table of months, which alone is written to
ALTER POLICY writer ON ledger.usage WITH CHECK (
    least(input, cached_input, cache_write, output, reasoning, charged) >= 0 AND charged <= cost);
ALTER TABLE ledger.usage DROP CONSTRAINT IF EXISTS usage_is_sound;

-- step: usage by day. Holds for what is added as well as for what comes of it
ALTER POLICY writer ON ledger.usage_day WITH CHECK (
    least(charged, input_tokens, output_tokens) >= 0 AND interactions > 0);
ALTER TABLE ledger.usage_day DROP CONSTRAINT IF EXISTS usage_day_is_sound;

-- step: budgets, which are written with every call of those who have some
ALTER POLICY writer ON ledger.budget WITH CHECK (
    least(limit_amount, extra_amount, used, held) >= 0 AND period_end > period_start
    AND length(budget_id) BETWEEN 1 AND 64 AND length(name) BETWEEN 1 AND 80 AND period IN ('day', 'week', 'month'));
ALTER TABLE ledger.budget
    DROP CONSTRAINT IF EXISTS budget_budget_id_check, DROP CONSTRAINT IF EXISTS budget_name_check,
    DROP CONSTRAINT IF EXISTS budget_period_check, DROP CONSTRAINT IF EXISTS budget_limit_amount_check,
    DROP CONSTRAINT IF EXISTS budget_extra_amount_check, DROP CONSTRAINT IF EXISTS budget_check,
    DROP CONSTRAINT IF EXISTS budget_used_check, DROP CONSTRAINT IF EXISTS budget_held_check;
