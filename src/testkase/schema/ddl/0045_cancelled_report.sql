-- Reports under way can be cancelled, as a generation can: asked for here, seen by the worker.

ALTER TABLE report_run
    ADD COLUMN stop_asked boolean NOT NULL DEFAULT false;

-- `cancelled`: its text was not finished when somebody asked for that. What was found stays.
ALTER TABLE report
    ADD COLUMN ending text NOT NULL DEFAULT '' CHECK (ending IN ('', 'cancelled'));

COMMENT ON COLUMN report_run.stop_asked IS 'Whether somebody asked to cancel it';
COMMENT ON COLUMN report.ending         IS 'Why it ended before its end';
