"""What generation keeps of people's words and a model's answers, declared for retention and erasure (P16)."""

from testkase.services.privacy.model import Content, ContentTable

STORED = Content(
    slug="generation",
    kind="ai",
    name="Requirements that were written for AI, and the drafts it answered",
    why="So that the team can read, accept and reject drafts, and see later what a test case came from.",
    kept="As long as the Owner chooses below. Accepted drafts, and the requirement they came from, stay.",
    erased_by="The Owner: one generation, a project's, a person's, or all.",
    tables=(
        # Drafts first: a draft somebody is just accepting is locked, and a generation with drafts left stays.
        ContentTable(
            name="draft_case",
            key=("generation_id", "position"),
            expired="c.created_at < %(before)s AND c.state <> 'accepted' AND NOT EXISTS (SELECT FROM generation AS g"
            " WHERE g.org_id = c.org_id AND g.generation_id = c.generation_id AND g.finished_at IS NULL)",
        ),
        ContentTable(
            name="generation",
            key=("generation_id",),
            expired="c.finished_at < %(before)s AND NOT EXISTS (SELECT FROM draft_case AS d"
            " WHERE d.org_id = c.org_id AND d.generation_id = c.generation_id)",
            item="c.generation_id = %(target)s::bigint",
            project="c.project_id = %(target)s::bigint",
            person="c.user_ref = %(target)s",
            all="true",
        ),
    ),
)
