-- A generation under way can be cancelled, as an answer of the chat can be stopped: asked for here, seen by the worker.

-- `cancelled`: it ended because somebody asked for that. What was written until then stays, and what was used is charged.
ALTER TABLE generation
    ADD COLUMN stop_asked boolean NOT NULL DEFAULT false,
    ADD COLUMN ending     text NOT NULL DEFAULT '' CHECK (ending IN ('', 'cancelled'));

COMMENT ON COLUMN generation.stop_asked IS 'Whether somebody asked to cancel it';
COMMENT ON COLUMN generation.ending     IS 'Why it ended before its end';
