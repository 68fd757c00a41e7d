\set org random(:first, :last)
\set id random(1, 9000000000000000000)
BEGIN;
SELECT seq FROM bench.entry WHERE org_id = :org AND operation_id = 'hold:' || :id;
UPDATE bench.account SET available = available - 10000, held = held + 10000, last_seq = last_seq + 1 WHERE org_id = :org AND available >= 10000 RETURNING last_seq, available, held \gset
INSERT INTO bench.hold VALUES (:org, :id::text, 10000, now() + interval '5 minutes');
INSERT INTO bench.entry (org_id, seq, operation_id, kind, available, held, used, available_after, held_after) VALUES (:org, :last_seq, 'hold:' || :id, 'hold', -10000, 10000, 0, :available, :held);
COMMIT;
