"""Every kind of content there is. A feature that keeps some adds it here; a test fails for a table nobody declared."""

from testkase.services.features.chat.stored import STORED as CHAT
from testkase.services.features.generation.stored import STORED as GENERATION
from testkase.services.features.reports.stored import STORED as REPORTS
from testkase.services.privacy.model import Content, ContentTable
from testkase.services.privacy.workspace import CASES, CYCLES, GUIDELINES, IMPORTS

_NOTICES = Content(
    slug="notices",
    kind="passing",
    name="Notifications, and the e-mails that carry them",
    why="They are made of figures and names, never of prompts or answers.",
    kept="A year.",
    erased_by="Nobody has to.",
    tables=(
        ContentTable(
            name="notification", key=("notification_id",), expired="c.created_at < %(before)s", default_days=365
        ),
    ),
)

_EVENTS = Content(
    slug="events",
    kind="passing",
    name="Events for your own programs, where you added a webhook endpoint",
    why="They are notifications, sent to the addresses you gave, and can be sent again.",
    kept="Thirty days.",
    erased_by="Nobody has to.",
    tables=(
        ContentTable(name="webhook_event", key=("event_id",), expired="c.created_at < %(before)s", default_days=30),
    ),
)

_REASONS = Content(
    slug="reasons",
    kind="passing",
    name="Why somebody asked for more credits, in their own words",
    why="Whoever decides reads it.",
    kept="With the request.",
    erased_by="The Owner, with that person's content.",
    tables=(
        ContentTable(
            name="budget_request",
            key=("request_id",),
            blank="reason = ''",
            person="c.reason <> '' AND c.user_id IN (SELECT u.id FROM app_user AS u WHERE u.ref = %(target)s)",
            all="c.reason <> ''",
        ),
    ),
)

_EXPORTS = Content(
    slug="exports",
    kind="passing",
    name="An export of your content that you asked for",
    why="You download it.",
    kept="A day; then the file is gone, and that there was one is kept.",
    erased_by="Nobody has to.",
    tables=(
        ContentTable(
            name="organization_export_part",
            key=("export_id", "attempt", "position"),
            expired="c.export_id IN (SELECT e.export_id FROM organization_export AS e WHERE e.org_id = c.org_id"
            " AND e.asked_at < %(before)s)",
            default_days=1,
            all="true",
        ),
    ),
)

CONTENT: tuple[Content, ...] = (
    GENERATION, CHAT, REPORTS, CASES, CYCLES, IMPORTS, GUIDELINES, _REASONS, _NOTICES, _EVENTS, _EXPORTS,
)  # fmt: skip
"""In the order in which the page shows them, and in which an erasure of everything goes."""

BY_SLUG = {content.slug: content for content in CONTENT}


def content_tables() -> dict[str, Content]:
    """Every declared table with the content it belongs to."""
    return {table.name: content for content in CONTENT for table in content.tables}
