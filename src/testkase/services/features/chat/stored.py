"""What chat keeps of people's words and a model's answers, declared for retention and erasure (P16)."""

from testkase.services.privacy.model import Content, ContentTable

STORED = Content(
    slug="chat",
    kind="ai",
    private=True,
    name="Chats: questions to the assistant, and its answers",
    why="So that the person who asked can read them again and go on. Nobody else in the organization can.",
    kept="Until that person deletes the chat, and at most as long as the Owner chooses below.",
    erased_by="The person who asked, by chat; the Owner: one chat, a project's, a person's, or all.",
    tables=(
        ContentTable(
            name="chat_turn",
            key=("thread_id", "turn_id"),
            expired="c.finished_at < %(before)s",
        ),
        ContentTable(
            name="chat_thread",
            key=("thread_id",),
            expired="c.asked_at < %(before)s AND NOT EXISTS (SELECT FROM chat_turn AS t"
            " WHERE t.org_id = c.org_id AND t.thread_id = c.thread_id)",
            item="c.thread_id = %(target)s::bigint",
            project="c.project_id = %(target)s::bigint",
            person="c.user_ref = %(target)s",
            all="true",
        ),
    ),
)
