-- AI features, finished: answers that are what was looked up and no model's, schedules in trouble, chats for their Owner.

-- `facts_only`: the model's sentence was refused, or there was nothing to ask it about. What was found is the answer, and
-- nothing is charged (B10).
ALTER TABLE chat_turn DROP CONSTRAINT chat_turn_ending_check;
ALTER TABLE chat_turn
    ADD CONSTRAINT chat_turn_ending_check CHECK (ending IN ('', 'stopped', 'switched_off', 'facts_only'));

-- How often in a row a look at a schedule went wrong through a fault of ours: each time it waits longer, and in the end
-- it stops.
ALTER TABLE report_watch ADD COLUMN faults integer NOT NULL DEFAULT 0 CHECK (faults >= 0);

-- An organization's chats, the one last asked in first: whose and when, so that its Owner can have one erased.
CREATE INDEX chat_thread_newest ON chat_thread (org_id, asked_at DESC);
