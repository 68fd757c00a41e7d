"""What reports keep of an organization's work and a model's answers, declared for retention and erasure (P16)."""

from testkase.services.privacy.model import Content, ContentTable

STORED = Content(
    slug="report",
    kind="ai",
    name="AI reports: what was found in your cycles, and what the model wrote about it",
    why="So that the team can read a report again and compare it with the next.",
    kept="As long as the Owner chooses below, or until somebody who may make reports deletes it.",
    erased_by="The Owner: one report, a project's, a person's, or all.",
    tables=(
        ContentTable(
            name="report",
            key=("report_id",),
            expired="EXISTS (SELECT FROM report_run AS r WHERE r.org_id = c.org_id AND r.run_id = c.run_id"
            " AND r.finished_at < %(before)s)",
            item="c.report_id = %(target)s::bigint",
            project="c.project_id = %(target)s::bigint",
            person="c.run_id IN (SELECT r.run_id FROM report_run AS r WHERE r.org_id = c.org_id"
            " AND r.user_ref = %(target)s)",
            all="true",
        ),
        # A run has no words of anybody; it goes when its last report has.
        ContentTable(
            name="report_run",
            key=("run_id",),
            expired="c.finished_at < %(before)s AND NOT EXISTS (SELECT FROM report AS r"
            " WHERE r.org_id = c.org_id AND r.run_id = c.run_id)",
            project="c.project_id = %(target)s::bigint",
            person="c.user_ref = %(target)s",
            all="true",
        ),
        ContentTable(
            name="report_schedule",
            key=("project_id",),
            project="c.project_id = %(target)s::bigint",
            person="c.set_by_ref = %(target)s",
            all="true",
        ),
    ),
)
